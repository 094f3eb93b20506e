"""Outages by hour of day: what an update meets that begins at night."""

from __future__ import annotations

import json
from dataclasses import replace
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.bench.ends import ENDS
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.numbers.days import WHOLE, Begun, Day, by_hour, chosen_day, days, parse_hours
from otalab.numbers.study import study

LAMP = study("single-record", 600.0, board="tiny", faults="atomic", app_size=500)
COUNTS = st.lists(st.integers(1, 99), min_size=24, max_size=24).map(
    lambda counts: Day("some", tuple(map(float, counts)))
)
BY_DAY = Day("by day", (0.0,) * 8 + (1.0,) * 14 + (0.0,) * 2)


def at(rate):
    """
    The lamp at another rate.
    """
    return replace(LAMP, rates=replace(LAMP.rates, default=rate))


@pytest.mark.parametrize("day", days().values(), ids=list(days()))
def test_a_day_of_the_table_says_who_has_counted_what(day):
    """A source, what was counted and what is left out, and as many outages as that says."""
    assert day.source and day.note
    assert f"{fsum(day.counts):.0f} " in day.what


@given(COUNTS)
def test_factors_are_one_on_the_average(day):
    """So that a rate stays what it was for updates that begin at any hour."""
    assert 24 == pytest.approx(fsum(day.factors))
    assert 1 == pytest.approx(Begun(day).factor)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("2-5", (2, 3, 4)), ("22-6", (22, 23, 0, 1, 2, 3, 4, 5)), (" 0 - 24 ", WHOLE), ("23-24", (23,)),
     ("9-0", (*range(9, 24),))],
)  # fmt: skip
def test_hours_are_from_and_to(text, hours):
    """The hour that is told last is no longer in it; over midnight it goes on."""
    assert hours == parse_hours(text)


@pytest.mark.parametrize("text", ["", "3", "3-3", "24-3", "3-25", "-1-4", "2-5-7", "two-five"])
def test_what_are_no_hours_is_refused(text):
    """One line says what is needed."""
    with pytest.raises(BadInput, match="from and to are needed"):
        parse_hours(text)


def test_what_begins_in_some_hours_is_the_mean_over_them():
    """The mixture of the hours' rates, which at a high rate is not what their mean does; other hours, other rates."""
    day = days()["us-major"]
    hours = (3, 16)
    begun = Begun(day, hours)
    mean = at(600 * begun.factor)
    rows = {row.end: row for row in by_hour(mean, begun)}
    for end in ENDS:
        each = [
            replace(LAMP, rates=replace(LAMP.rates, default=600 * day.factors[hour])).weighed.ends[end]
            for hour in WHOLE
        ]
        assert rows[end].begun == pytest.approx((each[3] + each[16]) / 2)
        assert rows[end].any_hour == pytest.approx(fsum(each) / 24)
    assert rows["updated"].begun > mean.weighed.ends["updated"] * 1.05


def test_a_day_without_hours_is_the_plain_rate():
    """As often in each hour changes nothing."""
    rows = by_hour(LAMP, Begun(Day("flat", (2.0,) * 24), (5,)))

    assert LAMP.weighed.ends == pytest.approx({row.end: row.begun for row in rows})
    assert LAMP.weighed.ends == pytest.approx({row.end: row.any_hour for row in rows})


def test_where_a_graph_does_not_close_few_rates_stand_for_all():
    """Three searches in place of 24, whose rates have the mean of all."""
    loose = study("cc3200", 600.0, board="tiny", faults="torn-program", app_size=500, budget=10)
    fleet = Begun(days()["us-major"]).fleet(loose)

    assert 3 == len(fleet.studies)
    assert 600 == pytest.approx(fsum(s * one.rates.default for s, one in zip(fleet.shares, fleet.studies, strict=True)))


def test_hours_in_which_nothing_was_counted_are_no_rate_of_none():
    """Whoever has counted nothing does not know that nothing comes."""
    with pytest.raises(BadInput, match="does not say that none comes"):
        Begun(BY_DAY, (2, 3))


@pytest.mark.parametrize(
    "text",
    ["", "hour,outages\n1,2\n", "hour\n" + "".join(f"{h}\n" for h in WHOLE), "hour,outages\n" + "1,1\n" * 24,
     "hour,outages\n" + "".join(f"{h},-1\n" for h in WHOLE), "hour,outages\n" + "".join(f"{h},nan\n" for h in WHOLE),
     "hour,outages\n" + "".join(f"{h},x\n" for h in WHOLE)],
)  # fmt: skip
def test_a_file_that_is_no_day_is_refused(text, tmp_path):
    """With what is needed: each hour once, and a count that is none is no count."""
    path = tmp_path / "day.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="each hour from 0 to 23"):
        chosen_day(str(path))


def test_risk_tells_the_hours_and_a_file_may_have_them(capsys, tmp_path):
    """The source, how often the power fails then, and each end beside that at any hour."""
    path = tmp_path / "mine.csv"
    path.write_text("outages,hour\n" + "".join(f"{1 + 3 * (8 <= h < 22)},{h}\n" for h in WHOLE), encoding="utf-8")
    asked = ["risk", "single-record", "--board", "tiny", "--faults", "atomic", "--rate", "60", "--by-hour", str(path)]

    assert 0 == main([*asked, "--hours", "22-6", "--json"])
    told = json.loads(capsys.readouterr().out)
    hours = told["by_hour"]
    assert [22, 23, 0, 1, 2, 3, 4, 5] == hours["hours"] and 24 / 66 == pytest.approx(hours["factor"])
    assert 60 * 24 / 66 == pytest.approx(told["rate_per_hour"])
    assert hours["ends"]["bricked"]["begun"] == pytest.approx(told["ends"]["bricked"])
    assert hours["ends"]["bricked"]["any_hour"] > 2 * told["ends"]["bricked"]
    assert 0 == main([*asked[:-1], "us-major"])
    assert "begin at any hour, local time, when the power fails 1 times" in " ".join(capsys.readouterr().out.split())


def test_a_campaign_has_a_kind_for_each_hour(capsys, tmp_path):
    """Its rows say which; two laws at once are refused."""
    asked = ["campaign", "single-record", "--board", "tiny", "--faults", "atomic", "--rate", "60", "--devices", "9"]
    asked += ["--out", str(tmp_path / "x"), "--by-hour", "us-major"]

    assert 0 == main([*asked, "--hours", "2-5"])
    stored = json.loads((tmp_path / "x" / "campaign.json").read_text(encoding="utf-8"))
    assert [60 * days()["us-major"].factors[h] for h in (4, 2, 3)] == pytest.approx(
        [kind["rate_per_hour"] for kind in stored["campaign"]["kinds"]]
    )
    capsys.readouterr()
    assert 2 == main([*asked[:7], "gamma(2, 1)", *asked[8:]])
    assert "leave out one" in capsys.readouterr().err


LAWS = (
    ("--faults", "atomic", "--rate", "gamma(2, 600)"),
    ("--faults", "atomic", "--rate", "1 outages in 2 homes in a day"),
    ("--faults", "atomic", "--rate", "60", "--by-hour", "us-major"),
)


@pytest.mark.parametrize("law", LAWS, ids=" ".join)
def test_where_a_law_has_no_place_its_mean_is_named_or_refused(law, capsys):
    """Designs side by side say that it is the mean; CSV cannot say so, and refuses."""
    designs = ["risk", "single-record", "hardened", "--board", "tiny"]

    assert 0 == main([*designs, *law])
    assert f"at the mean of the law ({law[-2]})" in capsys.readouterr().out
    assert 2 == main([*designs, *law, "--format", "csv"])
    assert f"{law[-2]}: a law, and CSV tells the ends at its mean alone" in capsys.readouterr().err


def test_who_breaks_off_one_of_several_searches_means_them_all():
    """Nothing is made of what half a search has found, and no other hour is searched."""

    def pressed(_explorer):
        raise KeyboardInterrupt

    loose = study("cc3200", 600.0, board="tiny", faults="torn-program", app_size=500, budget=11)
    assert not loose.explore(pressed).closed
    with pytest.raises(KeyboardInterrupt, match="cc3200 was broken off"):
        by_hour(loose, Begun(Day("flat", (2.0,) * 24), (5,)))

"""Weights of tears that nobody knows: what is drawn from their law holds what each of its means comes to."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from otalab.bench.ends import ENDS
from otalab.cli.laws import lines
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.numbers.study import study
from otalab.numbers.unsure_weights import lost_in_a_life, parse_prior, silicon, unsure_weights

ONE = study("single-record", "0.9/day", board="tiny", faults="all", app_size=500)


def drawn(prior=None, seed=1, draws=40):
    return unsure_weights(ONE, prior, seed=seed, draws=draws)


def test_the_interval_lies_within_the_band_and_holds_the_equal_weights():
    """No weights are worse than the worst member alone, nor better than the best."""
    band = [weighed.ends for weighed in ONE.band().values()]

    rows = drawn(draws=200)
    assert [*ENDS] == [row.end for row in rows]
    for row in rows:
        among = [ends[row.end] for ends in band]
        assert min(among) * (1 - 1e-3) <= row.low <= row.mean <= row.high <= max(among) * (1 + 1e-3)
        assert row.low <= ONE.weighed.ends[row.end] <= row.high
        assert row.mean == pytest.approx(row.kept, rel=0.05, abs=1e-12)


def test_what_was_counted_narrows_it_and_moves_it_to_the_member():
    """A thousand tears of one kind leave hardly a doubt."""
    wide = {row.end: row for row in drawn()}["bricked"]
    close = {row.end: row for row in drawn({"torn-erase": 1000.0})}["bricked"]

    assert close.high - close.low < (wide.high - wide.low) / 10
    assert close.mean == pytest.approx(ONE.band()["torn-erase"].ends["bricked"], rel=0.01)


def test_silicon_that_keeps_its_law_survives_at_least_as_often():
    """The two come to the same while they are small, and in the long run those are left that tear harmlessly."""
    few, many = lost_in_a_life(ONE, 1), lost_in_a_life(ONE, 1e6)

    assert few[0] == pytest.approx(few[1], rel=0.01)
    assert many[1] < many[0] * 0.999
    assert (0.0, 0.0) == lost_in_a_life(ONE, 0)


def test_the_seed_says_what_is_drawn():
    """Same seed, same bits."""
    assert drawn(seed=3) == drawn(seed=3) != drawn(seed=4)


@pytest.mark.parametrize(
    ("faults", "prior", "complaint"),
    [
        ("atomic", None, "members of the fault model all"),
        ("all", {"torn": 1.0}, "torn=1: a shape above 0"),
        ("all", {"atomic": 0.0}, "atomic=0: a shape above 0"),
    ],
)
def test_what_is_no_law_of_weights_is_refused(faults, prior, complaint):
    """Members that there are, each with a shape."""
    with pytest.raises(BadInput, match=complaint):
        unsure_weights(study("single-record", board="tiny", faults=faults, app_size=500), prior)


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("atomic=1", None),
        ("dirichlet", {}),
        (" dirichlet( torn-bits = 20, atomic=3 ) ", {"torn-bits": 20.0, "atomic": 3.0}),
    ],
)
def test_a_law_of_weights_is_written_like_one_of_a_rate(text, prior):
    """Plain weights are none."""
    assert prior == parse_prior(text)


@pytest.mark.parametrize("text", ["dirichlet(", "dirichlet(torn-bits)", "dirichlet(atomic=x)", "2 dirichlet"])
def test_what_only_begins_like_a_law_of_weights_is_refused(text):
    """With how one is written."""
    with pytest.raises(BadInput, match="dirichlet\\(torn-bits=20"):
        parse_prior(text)


def test_a_supply_that_holds_up_finishes_as_much_under_any_weights():
    """What ends within the hold-up time is torn by no member, so that weights and hold-up go together."""
    held = replace(ONE, rates=replace(ONE.rates, hold_up=0.002))
    rows = {row.end: row for row in unsure_weights(held, dict.fromkeys(ONE.members, 1e7), draws=5)}

    assert held.weighed.ends == pytest.approx({end: row.mean for end, row in rows.items()}, rel=1e-3)


def test_a_fleet_of_silicon_that_keeps_its_law_has_a_kind_for_each_member():
    """On the average it ends as often as is told of silicon that keeps its law."""
    fleet = silicon(ONE, {"torn-erase": 3.0})

    assert len(ONE.members) == len(fleet.studies) and 3 / 8 == max(fleet.shares)
    assert fleet.estimates == pytest.approx({row.end: row.kept for row in drawn({"torn-erase": 3.0}, draws=2)})


def test_risk_and_campaign_take_a_law_of_weights(capsys, tmp_path):
    """Risk tells both readings, and a life of updates; a campaign has silicon that keeps its law."""
    asked = ["single-record", "--board", "tiny", "--rate", "60/hour", "--weights", "dirichlet(torn-bits=4)"]

    assert 0 == main(["risk", *asked, "--updates-per-year", "12", "--json"])
    told = json.loads(capsys.readouterr().out)
    law, weights = told["weights_law"], told["weights"]
    assert (4.0, 1.0) == (law["shapes"]["torn-bits"], law["shapes"]["atomic"]) and law["closed"]
    assert (4 / 9, 1 / 9) == pytest.approx((weights["torn-bits"], weights["atomic"]))
    assert law["ends"]["bricked"]["low"] < told["ends"]["bricked"] < law["ends"]["bricked"]["high"]
    assert law["lost_in_years"]["kept"] < law["lost_in_years"]["afresh"]
    assert "drawn afresh at each cut" in "\n".join(lines(told))
    assert 0 == main(["campaign", *asked, "--devices", "9", "--out", str(tmp_path / "x")])
    kinds = json.loads((tmp_path / "x" / "campaign.json").read_text(encoding="utf-8"))["campaign"]["kinds"]
    assert [{name: 1.0} for name in weights] == [kind["weights"] for kind in kinds]
    assert 2 == main(["risk", *asked, "--format", "csv"])
    assert "--weights: a law, and CSV tells the ends at its mean alone" in capsys.readouterr().err

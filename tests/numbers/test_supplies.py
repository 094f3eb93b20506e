"""Laws of a supply that holds up, or fails again soon: what it leaves, and that all ways to sample agree."""

import json
from dataclasses import replace
from math import exp

import numpy as np
import pytest
from graphs import retry
from scipy.stats import chisquare

from otalab.bench.ends import BAD, ENDS
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.numbers.depends import longest_effect
from otalab.numbers.engines.engines import crowds, sample
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Bounce, Rates
from otalab.numbers.risk import Weighed
from otalab.numbers.study import Study, study
from otalab.numbers.supplies import finished, parse_bounce, parse_seconds

LEAST = 1e-4


def held(hold_up: float, design: str = "single-record", rate: float = 600.0, **options: object) -> Study:
    return study(design, Rates(rate, hold_up=hold_up), board="tiny", app_size=500, **options)


def p_of(counts: dict[str, int], chances: dict[str, float]) -> float:
    """Return how likely counts as far from these probabilities are; ends that are rare are taken together."""
    total = sum(counts.values())
    many = [end for end in ENDS if total * chances[end] >= 5]
    assert not sum(counts.get(end, 0) for end in ENDS if not chances[end])
    seen = [*(counts.get(end, 0) for end in many), sum(counts.get(end, 0) for end in ENDS if end not in many)]
    expected = [*(total * chances[end] for end in many), total * sum(chances[end] for end in ENDS if end not in many)]
    some = [number for number, one in enumerate(expected) if one > 0]
    expected_some = np.array([expected[number] for number in some])
    return float(chisquare([seen[n] for n in some], expected_some * total / expected_some.sum()).pvalue)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5ms", 0.005), ("0.2 s", 0.2), ("1min", 60.0), ("20us", 2e-5), ("0s", 0.0)]
)
def test_a_time_has_a_unit(text: str, seconds: float):
    assert seconds == pytest.approx(parse_seconds(text))


@pytest.mark.parametrize("text", ["5", "", "-1ms", "5 m", "nan s", "1e999s", "ms", "5ms5"])
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(BadInput, match="no time"):
        parse_seconds(text)


def test_how_often_an_effect_is_finished_is_the_share_of_moments_that_are_late_enough():
    """Of an effect of two seconds, cut at a rate so rare that all moments are alike, a quarter falls in its last half
    second; at one failure a second, by the exponential law; of one that is as short as the hold-up, all.
    """
    at_once = (exp(-1.5) - exp(-2.0)) / (1 - exp(-2.0))
    found = finished(np.array([2.0, 2.0, 2.0, 0.5, 0.0]), np.array([0.0, 1e-12, 1.0, 1.0, 1.0]), 0.5)
    assert [0.25, 0.25, at_once, 1.0, 1.0] == pytest.approx(found.tolist())


def test_no_hold_up_is_the_plain_supply():
    """A supply that holds up for a time of nearly nothing does what one without does."""
    plain, little = held(0.0, faults="torn-program"), held(1e-12, faults="torn-program")
    assert plain.weighed.ends == pytest.approx(little.weighed.ends, rel=1e-8)


def test_hold_up_that_no_effect_outlasts_leaves_no_tear():
    """Every member of the fault model then says the same: nothing is torn, and more hold-up changes nothing."""
    enough = longest_effect(held(0.0))
    one = held(enough)
    first, *others = [member.ends for member in one.band().values()]
    assert [pytest.approx(first, rel=1e-12)] * len(others) == others
    assert one.weighed.ends == pytest.approx(held(2 * enough).weighed.ends, rel=1e-12)


def test_the_more_hold_up_the_fewer_are_lost_to_torn_bits():
    """A record that is written over in place is torn by a program alone, and that is short."""
    lost = [held(time, faults="torn-program").weighed.bad for time in (0.0, 1e-4, 1e-3, 1e-2, 0.1)]
    assert sorted(lost, reverse=True) == lost
    assert lost[0] > lost[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "hold_up", "options"),
    [("single-record", 0.02, {"faults": "all"}), ("cc3200", 1e-4, {"faults": "torn-program", "budget": 100})],
)
def test_lives_agree_with_what_risk_says_of_a_supply_that_holds_up(design: str, hold_up: float, options: dict):
    """The firmware itself, whose supply fails at a moment, the walkers and the crowd: chi-square.

    `cc3200` does not close within so few nodes: what lies ahead is sampled under the same law.
    """
    one = held(hold_up, design, 1800.0, **options)
    assert one.weighed.closed == (design == "single-record")
    fleet = Fleet((one,))
    counts = {
        "firmware": sample(fleet, "firmware", 5, 0, 200).end.value_counts().to_dict(),
        "chain": sample(fleet, "chain", 5, 0, 20_000).end.value_counts().to_dict(),
        "crowd": crowds(fleet, 20_000, 5).groupby("end", observed=True).devices.sum().to_dict(),
    }
    assert not {name: p for name, seen in counts.items() if (p := p_of(seen, one.weighed.ends)) < LEAST}


@pytest.mark.slow
def test_the_command_line_knows_the_hold_up_time(capsys: pytest.CaptureFixture[str]):
    """It stands in JSON, and the text says how much would be enough."""
    wanted = ["risk", "single-record", "--board", "tiny", "--rate", "600/hour", "--hold-up"]
    assert main([*wanted, "5ms", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hold_up_seconds"] == 0.005
    assert "finished" not in told["band"]
    assert main([*wanted, "5ms"]) == 0
    assert "45.000" in " ".join(capsys.readouterr().out.split())
    assert main([*wanted, "5"]) == 2
    assert "no time" in capsys.readouterr().err


def test_hold_up_is_kept_by_a_mixture_and_by_what_is_moved():
    """Rates are halved and doubled for the sensitivity, and drawn for homes that differ: the supply stays the same."""
    one = held(0.02)
    assert 0.02 == replace(one, rates=replace(one.rates, default=1.0)).rates.hold_up
    assert one.as_object()["hold_up_seconds"] == 0.02
    assert "hold_up_seconds" not in held(0.0).as_object()
    assert {"finished"}.isdisjoint(one.members)
    assert set(one.weighed.ends) >= set(BAD)


def test_a_bounce_is_a_probability_and_a_time():
    assert Bounce(0.3, 60.0) == parse_bounce("0.3 in 1min")


@pytest.mark.parametrize(
    "text", ["0.3", "1.5 in 1min", "x in 1min", "0.3 in 1", "0.3 in 0s", "-0.1 in 1s", "nan in 1s"]
)
def test_what_is_no_bounce_is_refused(text: str):
    with pytest.raises(BadInput):
        parse_bounce(text)


def test_a_bounce_by_hand():
    """An effect of an hour, a failure an hour; half of the cuts kill, and after the others the power is unsteady half
    the time, when it fails three times an hour: two equations for the probability to come through.
    """
    calm, angry = 1 - exp(-1), 1 - exp(-3)
    rates = Rates(1.0, bounce=Bounce(0.5, 1800.0))
    # x = calm/2 (1 + (x + y)/2 ...): x dies from a steady state, y from an unsteady one.
    ways = np.array([[1 - calm / 4, -calm / 4], [-angry / 4, 1 - angry / 4]])
    dies, _ = np.linalg.solve(ways, [calm / 2, angry / 2])
    found = Weighed(retry(), rates)
    assert dies == pytest.approx(found.ends["bricked"], rel=1e-12)
    visits, again = np.linalg.solve(ways.T, [1.0, 0.0])
    assert calm * visits + angry * again == pytest.approx(found.expected()["cuts"], rel=1e-12)
    assert found.expected()["cuts"] / 2 == pytest.approx(found.passages.max(), rel=1e-12)


@pytest.mark.parametrize("bounce", [Bounce(0.0, 60.0), Bounce(1.0, 1e12)])
@pytest.mark.parametrize("given_cut", [False, True])
def test_a_bounce_that_never_comes_is_the_plain_supply(bounce: Bounce, given_cut: bool):
    """Whether it is never drawn, or comes when all is long over; also among those who meet a cut."""
    plain, never = (Weighed(retry(), Rates(0.5, bounce=one), given_cut=given_cut) for one in (None, bounce))
    assert plain.ends == pytest.approx(never.ends, rel=1e-8)
    assert plain.expected() == pytest.approx(never.expected(), rel=1e-8)
    for one, other in zip(plain.by_phase(), never.by_phase(), strict=True):
        assert one.pop("phase") == other.pop("phase")
        assert one.pop("p_bad_bounds") == pytest.approx(other.pop("p_bad_bounds"), rel=1e-8)
        assert one == pytest.approx(other, rel=1e-8)


@pytest.mark.parametrize("given_cut", [False, True])
def test_lives_agree_with_what_risk_says_of_a_supply_that_bounces(given_cut: bool):
    """The firmware itself, the walkers and the crowd: ends by chi-square, cuts by their mean."""
    rates = Rates(300.0, hold_up=1e-3, bounce=Bounce(0.5, 3.0))
    one = study("single-record", rates, board="tiny", app_size=500, faults="torn-program", given_cut=given_cut)
    fleet = Fleet((one,))
    lived, walked = sample(fleet, "firmware", 5, 0, 300), sample(fleet, "chain", 5, 0, 20_000)
    moved = crowds(fleet, 20_000, 5)
    counts = {
        "firmware": lived.end.value_counts().to_dict(),
        "chain": walked.end.value_counts().to_dict(),
        "crowd": moved.groupby("end", observed=True).devices.sum().to_dict(),
    }
    assert not {name: p for name, seen in counts.items() if (p := p_of(seen, one.weighed.ends)) < LEAST}
    for table in (lived, walked):
        error = table.cuts.std() / len(table) ** 0.5
        assert abs(table.cuts.mean() - one.weighed.expected()["cuts"]) < 4 * error


def test_where_a_graph_does_not_close_a_bounce_has_bounds_of_logic():
    """Nothing is sampled, the bounds hold what lives of the firmware come to, and the search knows of the bounce."""
    one = study("cc3200", Rates(60.0, bounce=Bounce(0.5, 30.0)), board="tiny", app_size=500, faults="torn-program",
                budget=100)  # fmt: skip
    low, high = one.weighed.interval("updated")
    seen = sample(Fleet((one,)), "firmware", 5, 0, 200).end.value_counts()["updated"] / 200
    assert one.weighed.sampled is None
    assert high - low == pytest.approx(one.weighed.unknown)
    assert low - 0.15 < seen < high + 0.15


def test_the_command_line_knows_the_bounce(capsys: pytest.CaptureFixture[str]):
    wanted = ["risk", "single-record", "--board", "tiny", "--faults", "torn-program", "--rate", "600/hour", "--bounce"]
    wanted += ["0.3 in 1min"]
    assert main([*wanted, "--json"]) == 0
    assert {"chance": 0.3, "seconds": 60.0} == json.loads(capsys.readouterr().out)["bounce"]
    assert main(wanted) == 0
    assert "bounce: with probability 0.3" in capsys.readouterr().out
    assert main([*wanted[:-1], "0.3"]) == 2
    assert "no bounce" in capsys.readouterr().err

"""Laws of a supply that holds up: what it finishes, how much is enough, and that all ways to sample agree."""

import json
from dataclasses import replace
from math import exp

import numpy as np
import pytest
from scipy.stats import chisquare

from otalab.bench.ends import BAD, ENDS
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.numbers.depends import longest_effect
from otalab.numbers.engines.engines import crowds, sample
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Rates
from otalab.numbers.study import Study, study
from otalab.numbers.supplies import finished, parse_seconds

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
        "firmware": sample(fleet, "firmware", 5, 0, 400).end.value_counts().to_dict(),
        "chain": sample(fleet, "chain", 5, 0, 20_000).end.value_counts().to_dict(),
        "crowd": crowds(fleet, 20_000, 5).groupby("end", observed=True).devices.sum().to_dict(),
    }
    assert not {name: p for name, seen in counts.items() if (p := p_of(seen, one.weighed.ends)) < LEAST}


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

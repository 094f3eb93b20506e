"""A fleet over time: what can be computed by hand, and rules that stop in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from otalab.errors import BadInput
from otalab.rates import Rates
from otalab.rollout import (
    Losses,
    Stage,
    StopRule,
    bad_image_loop,
    expected_losses,
    roll_out,
    rollouts,
    survival,
    wear,
)
from otalab.study import Fleet, study
from otalab.trace import life

STAGES = [Stage(1), Stage(10), Stage(50), Stage(100)]


def lamps(design="single-record", rate=150.0, **options):
    return study(design, Rates(rate), board="tiny", faults="atomic", **options)


def fleet(rate=150.0):
    return Fleet((lamps(rate=rate),))


def test_a_rollout_without_a_rule_reaches_everybody():
    """Offered are the percentages; days are the waits; the dead are as many as expected."""
    table = roll_out(fleet(), 1_000_000, STAGES)
    expected = expected_losses(fleet(), 1_000_000, 0.999)

    assert [10_000, 100_000, 500_000, 1_000_000] == table.offered.tolist()
    assert [1.0, 2.0, 3.0, 4.0] == table.day.tolist()
    assert expected.low <= table.dead.iloc[-1] <= expected.high
    assert table.dead.equals(table.missed)
    assert not table.stopped.any()


def test_a_rule_stops_what_kills_too_many():
    """At about six in a thousand a bound of one in a thousand is broken by the first stage or the second."""
    with_rule = rollouts(fleet(), 100_000, STAGES, StopRule(0.001), repeats=20)
    without = rollouts(fleet(), 100_000, STAGES, repeats=20)

    assert with_rule.stopped.all() and not without.stopped.any()
    assert with_rule.stage.max() <= 1
    assert with_rule.dead.mean() < without.dead.mean() / 5


def test_a_rule_lets_pass_what_keeps_within_its_bound():
    """Nobody dies, nothing is stopped; unless the rule wants to see more than the first stage can show."""
    calm = Fleet((lamps("hardened"),))

    assert not rollouts(calm, 1000, STAGES, StopRule(0.001), repeats=5).stopped.any()
    assert 0 == roll_out(calm, 1000, STAGES, StopRule(0.001, by="high")).stage.iloc[-1]


def test_who_dies_late_is_missed_late():
    """A device that is lost after the wait is over is missed in the next stage, and in none if there is none."""
    hurried = [Stage(50, wait=0.0), Stage(100, wait=1e9)]
    table = roll_out(fleet(), 10_000, hurried)

    assert 0 == table.missed.iloc[0] < table.dead.iloc[0]
    assert table.missed.iloc[1] == table.dead.iloc[1]


def test_the_same_seed_loses_the_same_devices():
    """And another one others."""
    tables = [roll_out(fleet(), 100_000, STAGES, seed=seed) for seed in (1, 1, 2)]

    assert tables[0].equals(tables[1])
    assert not tables[0].dead.equals(tables[2].dead)


def test_expected_losses_are_devices_times_risk():
    """The mean, and a binomial number's bounds; where a graph is open, two means."""
    one = lamps()
    losses = expected_losses(Fleet((one,)), 10_000)
    mean = 10_000 * one.weighed.bad
    open_ = study("mongoose", 10.0, board="tiny", faults="torn-program", budget=150)

    assert (mean, mean) == losses.expected
    assert losses.low < mean < losses.high
    assert 4 * mean**0.5 == pytest.approx(losses.high - losses.low, rel=0.1)
    low, high = expected_losses(Fleet((open_,)), 1000).expected
    assert 0 < low < high <= 1000
    assert Losses((0.0, 0.0), 0, 0, 0.95) == expected_losses(Fleet((lamps("hardened"),)), 10)


def test_wear_counts_every_erase_once():
    """Without cuts: the erases of the trace, times updates and years; slots share theirs."""
    one = lamps("hardened", 0.0)
    table = wear(one, updates_per_year=12, years=10, endurance=100_000).set_index("owner")
    erases = sum(type(step.effect).__name__ == "Erase" for run in life(one.scenario).runs for step in run.steps)

    assert erases * 120 == pytest.approx(table.erases.sum())
    assert table.erases.loc["slot 0 app"].tolist() == table.erases.loc["slot 1 app"].tolist()
    assert 60 == table.erases.loc["slot 0 app"].iloc[0]
    assert 60 / 100_000 == table.used.loc["slot 0 app"].iloc[0]


def test_what_has_no_pair_bears_all():
    """One record, and a running slot that is written over, are erased by every update."""
    single = wear(lamps(rate=0.0), 1, 1, endurance=10).set_index("owner").erases
    in_place = wear(lamps("in-place", 0.0), 1, 1, endurance=10)

    assert 3 == single["record 0"]
    assert "record 1" not in single
    assert not in_place.owner.str.startswith("slot 1").any()


def test_survival_is_a_power():
    """A risk of a tenth, once a year, for two years: 0.81 are left; tiny risks keep their digits."""
    assert 0.81 == pytest.approx(survival(0.1, 1, 2).alive.iloc[-1])
    assert 1.2e-18 == pytest.approx(survival(1e-20, 12, 10).lost.iloc[-1])
    assert [0.0, 1.0] == survival(1.0, 1, 1).lost.tolist()
    assert [1.0, 1.0] == survival(0.0, 1, 1).alive.tolist()


@pytest.mark.parametrize("image", ["hangs", "crashes"])
def test_a_bad_image_offered_for_ever_wears_a_device_out(image):
    """A round costs what the firmware's own life says: seconds, erases, and days until the end of a sector's life."""
    loop = bad_image_loop(lamps("hardened", 1.0, image=image, offer="again"))
    most = loop.erases.max()

    assert loop.resets > 1
    assert most * 86_400 / loop.seconds * loop.days_until_worn(1000) == pytest.approx(1000)
    assert loop.erases_per_day == pytest.approx(loop.erases.sum() * 86_400 / loop.seconds)
    lived = life(lamps("hardened", 1.0, image=image, offer="again").scenario)
    step = next(step for run in lived.runs for step in run.steps if type(step.effect).__name__ == "Erase")
    assert loop.erases[step.effect.sector] > 0
    if image == "hangs":
        assert loop.seconds > 60


def test_an_update_that_ends_has_no_loop():
    """Then there is nothing to count."""
    with pytest.raises(BadInput, match="does not reset for ever"):
        bad_image_loop(lamps("hardened", 1.0, image="hangs"))


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: roll_out(fleet(), 0, STAGES), "devices: at least one"),
        (lambda: roll_out(fleet(), 10, []), "percentages must rise"),
        (lambda: roll_out(fleet(), 10, [Stage(50), Stage(10)]), "percentages must rise"),
        (lambda: roll_out(fleet(), 10, [Stage(101)]), "percentages must rise"),
        (lambda: roll_out(fleet(), 10, [Stage(1, wait=-1)]), "waits must not be negative"),
        (lambda: StopRule(1.5), "a bound from 0 up to 1"),
        (lambda: StopRule(float("nan")), "a bound from 0 up to 1"),
        (lambda: StopRule(0.1, by="feeling"), "low, estimate or high"),
        (lambda: rollouts(fleet(), 10, STAGES, repeats=0), "repeats"),
        (lambda: wear(lamps(), -1, 1, 10), "updates_per_year"),
        (lambda: wear(lamps(), 1, float("nan"), 10), "years"),
        (lambda: wear(lamps(), 1, 1, 0), "endurance"),
        (lambda: wear(lamps(), 1, 1), "no endurance in data/flash_parts.csv"),
        (lambda: survival(1.5, 1, 1), "a probability is needed"),
    ],
)
def test_nonsense_is_refused_in_one_line(call, complaint):
    """What and the way out."""
    with pytest.raises(BadInput, match=complaint):
        call()


def test_the_endurance_of_a_part_is_taken_from_the_table():
    """Where it has one."""
    one = replace(lamps("hardened", 0.0), part="GD25Q16")

    assert np.allclose(wear(one, 1, 1).used, wear(one, 1, 1, 100_000).used)

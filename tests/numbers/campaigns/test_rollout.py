"""A fleet over time: what can be computed by hand, and rules that stop in time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from otalab.bench.contents import default_bundle, unpack
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.hardware.effects import Erase
from otalab.hardware.part import part
from otalab.numbers.campaigns.rollout import (
    Losses,
    Stage,
    expected_losses,
    roll_out,
    rollouts,
)
from otalab.numbers.campaigns.stop_rule import StopRule
from otalab.numbers.campaigns.wear import bad_image_loop, survival, wear
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Rates
from otalab.numbers.stats import interval
from otalab.numbers.study import study

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


def test_nothing_is_claimed_before_an_end_is_known():
    """Without a wait nobody is known: the bounds are 0 and 1, and a rule that wants proof stops."""
    row = roll_out(fleet(), 10_000, [Stage(50, wait=0.0), Stage(100)], StopRule(0.5, by="high")).iloc[-1]

    assert (0, 0, 0, 0.0, 1.0, True) == (row.stage, row.known, row.missed, row.low, row.high, row.stopped)


def test_two_waits_that_are_too_short_know_nothing():
    """A death is not missed because a stage is over, but because its time has come."""
    table = roll_out(fleet(), 10_000, [Stage(30, wait=0.0), Stage(60, wait=0.0), Stage(100)])

    assert [0, 0] == table.missed.tolist()[:2]
    assert table.dead.iloc[-1] == table.missed.iloc[-1] > 0


def test_the_interval_shown_is_the_one_that_the_rule_reads():
    """At the rule's confidence, of the missed among the offered."""
    row = roll_out(fleet(), 10_000, [Stage(100)], StopRule(0.5, confidence=0.5)).iloc[0]
    seen = interval(row.missed, row.offered, 0.5)

    assert (seen.estimate, seen.low, seen.high) == (row.estimate, row.low, row.high)


def test_a_rule_saves_those_who_would_have_died_besides():
    """The same seed without the rule: its dead are those of the rollout that was stopped, and the saved."""
    ruled = rollouts(fleet(), 100_000, STAGES, StopRule(0.001), repeats=5)
    free = rollouts(fleet(), 100_000, STAGES, repeats=5)
    again = roll_out(fleet(), 100_000, STAGES, StopRule(0.001), int(ruled.seed[3])).iloc[-1]

    assert (free.dead - ruled.dead).tolist() == ruled.saved.tolist()
    assert ruled.saved.gt(0).all() and free.saved.eq(0).all()
    assert (ruled.dead[3], ruled.stage[3]) == (again.dead, again.stage)


def test_the_same_seed_loses_the_same_devices():
    """And another one others."""
    tables = [roll_out(fleet(), 100_000, STAGES, seed=seed) for seed in (1, 1, 2)]

    assert tables[0].equals(tables[1])
    assert not tables[0].dead.equals(tables[2].dead)


@pytest.mark.slow
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


def test_wear_goes_by_the_part_that_a_study_takes():
    """The board's own has no endurance in the table, the other one has."""
    other = replace(lamps("hardened", 0.0), part="W25Q128JV")

    assert {part("W25Q128JV").endurance} == set(wear(other, updates_per_year=12, years=10).endurance)


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


@pytest.mark.parametrize(
    ("design", "image"),
    [
        ("hardened", "healthy"),
        ("hardened-plus", "healthy"),
        ("mongoose", "healthy"),
        ("single-record", "healthy"),
        ("in-place", "healthy"),
        ("hardened", "hangs"),
        ("mongoose", "hangs"),
    ],
)
def test_wear_is_that_of_two_updates_in_a_row(design, image):
    """The firmware takes two updates, one after the other; each sector is erased as often as the table says."""
    one = lamps(design, 0.0, image=image)
    counts = np.zeros(one.board.geometry.sectors)
    first = one.scenario
    lived = life(first)
    bundle = default_bundle(one.board, "3", first.new.size)
    new = replace(unpack(bundle)[0], temper=first.new.temper)
    images = (first.old, first.new, new, first.probe)
    following = replace(first, new=new, bundle=bundle, device=replace(first.device, images=images))
    for run in (*lived.runs, *life(following, lived.last.flash).runs):
        for step in run.steps:
            if isinstance(step.effect, Erase):
                counts[step.effect.sector] += 1
    table = wear(one, 2, 1, endurance=10)

    assert {sector: count for sector, count in enumerate(counts.tolist()) if count} == pytest.approx(
        dict(zip(table.sector.tolist(), table.erases.tolist(), strict=True))
    )
    assert table.erases.tolist() == pytest.approx((2 * table.per_update).tolist())


def test_wear_is_that_of_an_average_device():
    """What a study takes as given does not make its years harder."""
    plain, given = (wear(lamps("hardened", 10.0, given_cut=one), 1, 1, 10) for one in (False, True))

    assert plain.equals(given)


def test_an_image_that_is_stuck_wears_nothing_over_the_years():
    """There is no second update, and the complaint says so."""
    with pytest.raises(BadInput, match="there is no next one"):
        wear(lamps("mongoose", 0.0, image="crashes"), 1, 1, 10)


def test_survival_of_a_fleet_is_that_of_its_kinds():
    """Half of the fleet at risk and half not: the loss never passes the half, and is less than at the mean risk."""
    deadly, calm = lamps(), lamps("hardened")
    mixed = Fleet((deadly, calm), (0.5, 0.5))
    table, mean = (survival(one, 12, 10) for one in (mixed, deadly.weighed.bad / 2))

    assert survival(deadly.weighed.bad, 12, 10).lost.iloc[-1] / 2 == pytest.approx(table.lost.iloc[-1])
    assert table.lost.iloc[-1] < mean.lost.iloc[-1]
    assert survival(Fleet((replace(deadly, given_cut=True),)), 1, 1).equals(survival(deadly.weighed.bad, 1, 1))


def test_survival_is_a_power():
    """A risk of a tenth, once a year, for two years: 0.81 are left; tiny risks keep their digits."""
    assert 0.81 == pytest.approx(survival(0.1, 1, 2).alive.iloc[-1])
    assert 1.2e-18 == pytest.approx(survival(1e-20, 12, 10).lost.iloc[-1])
    assert [0.0, 1.0] == survival(1.0, 1, 1).lost.tolist()
    assert [1.0, 1.0] == survival(0.0, 1, 1).alive.tolist()
    assert [1.0, 1.0] == survival(1.0, 0, 3).alive.tolist()


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


def test_the_published_design_goes_round_though_its_graph_does_not_close():
    """A round is eleven erases: the slot, the switch and the rollback; its last sector is erased twice."""
    loop = bad_image_loop(lamps("mongoose", 1.0, image="hangs", offer="again"))

    assert (2, 11, 2) == (loop.resets, loop.erases.sum(), loop.erases.max())
    assert 1000 / 2 * loop.seconds / 86_400 == pytest.approx(loop.days_until_worn(1000))


def test_where_records_take_turns_a_round_is_two_updates():
    """`hardened` writes three records an update, so only the second one leaves the same place in charge."""
    loop = bad_image_loop(lamps("hardened", 1.0, image="hangs", offer="again"))

    assert (4, 24) == (loop.resets, loop.erases.sum())
    assert loop.erases[1] == loop.erases[2] == 3


def test_resets_without_erases_wear_nothing_out():
    """A device that is stuck in a crash erases nothing, for ever."""
    loop = bad_image_loop(lamps("mongoose", 1.0, image="crashes", offer="again"))

    assert (0.0, math.inf) == (loop.erases_per_day, loop.days_until_worn(1000))


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
        (lambda: roll_out(fleet(), 10, [Stage(50), Stage(50)]), "percentages must rise"),
        (lambda: roll_out(fleet(), 10, [Stage(1), Stage(float("nan")), Stage(100)]), "percentages must rise"),
        (lambda: roll_out(fleet(), 10, STAGES, seed=-1), "seed"),
        (lambda: rollouts(fleet(), 10, STAGES, seed=-1), "seed"),
        (lambda: StopRule(0.1, confidence=2), "confidence"),
        (lambda: expected_losses(fleet(), 10, 1.5), "confidence"),
        (lambda: expected_losses(fleet(), 10**16), "devices"),
        (lambda: wear(lamps("mongoose", 1.0, budget=2), 1, 1, 10), "is not closed"),
        (lambda: survival(Fleet((lamps("mongoose", 1.0, budget=2),)), 1, 1), "is not closed"),
        (lambda: StopRule(1.5), "a bound from 0 up to 1"),
        (lambda: StopRule(float("nan")), "a bound from 0 up to 1"),
        (lambda: StopRule(0.1, by="feeling"), "low, estimate, high or every-look"),
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
    with pytest.raises(BadInput, match=complaint) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_the_endurance_of_a_part_is_taken_from_the_table():
    """Where it has one."""
    one = replace(lamps("hardened", 0.0), part="GD25Q16")

    assert np.allclose(wear(one, 1, 1).used, wear(one, 1, 1, 100_000).used)

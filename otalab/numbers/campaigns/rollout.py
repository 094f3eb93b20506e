"""Staged rollouts, when to stop them, and what one update costs a fleet; `wear` looks at many years.

A rollout offers an update to more and more of a fleet, waits, and looks at how many devices it has lost.
A lost device does not say so: it is missed at the end of a wait, if its end had come by then.
Whose end had not come by then says nothing yet, good or bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np
import pandas as pd

from otalab.bench.ends import BAD
from otalab.errors import BadInput
from otalab.numbers.campaigns.stop_rule import StopRule, confident
from otalab.numbers.campaigns.wear import DAY
from otalab.numbers.engines.engines import crowds
from otalab.numbers.fleet import Fleet
from otalab.numbers.stats import MOST
from otalab.numbers.streets import ALONE, Street, on_a_bad_day


@dataclass(frozen=True, slots=True)
class Stage:
    """Offer the update to so many per cent of the fleet in all, then wait so many seconds."""

    percent: float
    wait: float = DAY


def roll_out(
    fleet: Fleet, devices: int, stages: Sequence[Stage], rule: StopRule | None = None, seed: int = 1
) -> pd.DataFrame:
    """Return one row per stage that was carried out.

    `offered` and `dead` are totals so far; `known` are those of the offered whose end had come when the stage was over,
    `missed` the dead among them, and `failed` those with an end that the rule counts (the dead, if there is no rule);
    `estimate`, `low` and `high` are what that shows (`StopRule.seen`), and `stopped` says whether the rule ended the
    rollout here.
    `day` is when the stage was over.
    All devices of a stage take the update when it begins; when they end is the crowd's mean for each way to end, and
    the time without power does not count.
    The same seed draws the same devices, whatever the rule.
    """
    every = _every_stage(fleet, devices, stages, rule, seed)
    return every[~every.stopped.cummax().shift(fill_value=False)]


def _every_stage(fleet: Fleet, devices: int, stages: Sequence[Stage], rule: StopRule | None, seed: int) -> pd.DataFrame:
    """Go on to the last stage, whatever the rule says."""
    refuse(devices, stages, seed)
    rows = []
    watched = rule or StopRule(0.0)
    ends: list[tuple[float, bool, bool, int]] = []  # when, badly, counted by the rule, how many
    offered, now = 0, 0.0
    for number, stage in enumerate(stages):
        count = round(devices * stage.percent / 100) - offered
        offered += count
        if count:
            ended = crowds(fleet, count, (seed, number))
            ended = ended[ended.end != "open"]
            counts = ended.end.isin(watched.ends)
            ends += zip(now + ended.seconds, ended.end.isin(BAD), counts, ended.devices.tolist(), strict=True)
        now += stage.wait
        dead = sum(many for _, bad, _, many in ends if bad)
        over = [stage for stage in ends if stage[0] <= now]
        known = sum(many for *_, many in over)
        missed = sum(many for _, bad, _, many in over if bad)
        failed = sum(many for *_, counted, many in over if counted)
        share = watched.seen(failed, known, offered)
        stopped = bool(rule and offered and rule.broken(share))
        shown = (share.estimate, share.low, share.high)
        rows.append((number, stage.percent, now / DAY, offered, dead, known, missed, failed, *shown, stopped))
    counted = ["offered", "dead", "known", "missed", "failed"]
    return pd.DataFrame(rows, columns=["stage", "percent", "day", *counted, "estimate", "low", "high", "stopped"])


def rollouts(
    fleet: Fleet,
    devices: int,
    stages: Sequence[Stage],
    rule: StopRule | None = None,
    *,
    repeats: int = 100,
    seed: int = 1,
) -> pd.DataFrame:
    """Return how many rollouts like this end: one row for each, with its last stage, offered, dead and stopped.

    `saved` is how many of the same devices would have died besides, had there been no rule; its mean is what the rule
    saves on the average.
    `seed` is the one with which `roll_out` shows this very rollout.
    """
    if repeats < 1:
        raise BadInput(f"repeats: at least one is needed, got {repeats}")
    refuse(devices, stages, seed)
    # Seeds are apart from each other, not in steps of one: stages count in the second place.
    seeds = np.random.SeedSequence(seed).generate_state(repeats, np.uint64).tolist()
    kept = ["stage", "offered", "dead", "missed", "stopped"]
    rows = []
    for drawn in seeds:
        every = _every_stage(fleet, devices, stages, rule, drawn)
        last = int(every.stopped.idxmax()) if every.stopped.any() else len(every) - 1
        rows.append((*every.loc[last, kept], int(every.dead.iloc[-1] - every.dead[last]), drawn))
    return pd.DataFrame(rows, columns=[*kept, "saved", "seed"])


def refuse(devices: int, stages: Sequence[Stage], seed: int = 0) -> None:
    """Refuse a rollout that cannot be."""
    if seed < 0:
        raise BadInput(f"seed: a number of 0 or more is needed, got {seed}")
    if not 1 <= devices <= MOST:
        raise BadInput(f"devices: at least one and at most {MOST:.0e} are needed, got {devices}")
    percents = [stage.percent for stage in stages]
    if not percents or not all(0 <= low < high <= 100 for low, high in pairwise([0.0, *percents])):
        raise BadInput(f"stages: percentages must rise from 0 to 100 at most, got {percents}")
    if not all(0 <= stage.wait < inf for stage in stages):
        raise BadInput(f"stages: waits must not be negative or endless, got {[stage.wait for stage in stages]}")


@dataclass(frozen=True, slots=True)
class Losses:
    """How many devices of a fleet are lost: the expected number, and bounds for the number itself.

    Where a graph is not closed, `expected` are two numbers that differ; `low` is for the first, `high` for the second.
    """

    expected: tuple[float, float]
    low: int
    high: int
    confidence: float


def expected_losses(fleet: Fleet, devices: int, confidence: float = 0.95, street: Street = ALONE) -> Losses:
    """Return how many devices one update of the whole fleet costs; bounds are those of a binomial number.

    Where outages are those of a `street`, they are those of beta-binomial ones (see `streets`); how much the devices of
    one go together is an input, as a rate is, and somebody has to have measured it.
    """
    refuse(devices, [Stage(100)])
    confident(confidence)
    _, low, high = fleet.interval(*BAD)
    tails = (1 - confidence) / 2
    return Losses(
        (devices * low, devices * high),
        on_a_bad_day(devices, low, street, tails),
        on_a_bad_day(devices, high, street, 1 - tails),
        confidence,
    )

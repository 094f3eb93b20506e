"""A fleet over time: staged rollouts and when to stop them, wear and survival over years, a bad image without end.

A rollout offers an update to more and more of a fleet, waits, and looks at how many devices it has lost.
A lost device does not say so: it is missed at the end of a wait, if its end had come by then.
Whose end had not come by then says nothing yet, good or bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import fsum, inf, isfinite, nan
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import binom

from otalab.bench.ends import BAD
from otalab.bench.rounds import endless_round, turns
from otalab.errors import BadInput
from otalab.graph.arrays import Floats
from otalab.hardware.effects import Erase
from otalab.numbers.engines.engines import crowds
from otalab.numbers.fleet import Fleet
from otalab.numbers.stats import MOST, Interval, interval
from otalab.numbers.study import Study

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Offer the update to so many per cent of the fleet in all, then wait so many seconds."""

    percent: float
    wait: float = DAY


@dataclass(frozen=True, slots=True)
class StopRule:
    """Go no further once the failure rate seen so far is more than `bound`.

    What is held against it is the `estimate`, or an end of the Clopper-Pearson interval: with `low` the rollout stops
    when so many failures are shown, with `high` as long as they cannot be ruled out.
    With `low`, each stage stops a harmless update with a probability of (1 - `confidence`) / 2 at most.
    """

    bound: float
    by: Literal["low", "estimate", "high"] = "low"
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0 <= self.bound < 1:
            raise BadInput(f"stop rule: a bound from 0 up to 1 is needed, got {self.bound:g}")
        if self.by not in ("low", "estimate", "high"):
            raise BadInput(f"stop rule: by must be low, estimate or high, got {self.by!r}")
        _confident(self.confidence)

    def broken(self, missed: int, known: int) -> bool:
        """Say whether the rollout has to stop, after so many missed devices of those whose end is known."""
        return bool(getattr(_seen(missed, known, self.confidence), self.by) > self.bound)


def roll_out(
    fleet: Fleet, devices: int, stages: Sequence[Stage], rule: StopRule | None = None, seed: int = 1
) -> pd.DataFrame:
    """Return one row per stage that was carried out.

    `offered` and `dead` are totals so far; `known` are those of the offered whose end had come when the stage was over,
    and `missed` the dead among them; `estimate`, `low` and `high` speak of the missed among the known, with the
    confidence of the rule, and `stopped` says whether it ended the rollout here.
    `day` is when the stage was over.
    All devices of a stage take the update when it begins; when they end is the crowd's mean for each way to end, and
    the time without power does not count.
    The same seed draws the same devices, whatever the rule.
    """
    every = _every_stage(fleet, devices, stages, rule, seed)
    return every[~every.stopped.cummax().shift(fill_value=False)]


def _every_stage(fleet: Fleet, devices: int, stages: Sequence[Stage], rule: StopRule | None, seed: int) -> pd.DataFrame:
    """Go on to the last stage, whatever the rule says."""
    _refuse(devices, stages, seed)
    rows = []
    ends: list[tuple[float, bool, int]] = []  # when, badly, how many
    offered, now = 0, 0.0
    for number, stage in enumerate(stages):
        count = round(devices * stage.percent / 100) - offered
        offered += count
        if count:
            ended = crowds(fleet, count, (seed, number))
            ended = ended[ended.end != "open"]
            ends += zip(now + ended.seconds, ended.end.isin(BAD), ended.devices.tolist(), strict=True)
        now += stage.wait
        dead = sum(many for _, bad, many in ends if bad)
        known = sum(many for when, _, many in ends if when <= now)
        missed = sum(many for when, bad, many in ends if bad and when <= now)
        found = _seen(missed, known, rule.confidence if rule else 0.95)
        stopped = bool(rule and offered and rule.broken(missed, known))
        shown = (found.estimate, found.low, found.high)
        rows.append((number, stage.percent, now / DAY, offered, dead, known, missed, *shown, stopped))
    columns = ["stage", "percent", "day", "offered", "dead", "known", "missed", "estimate", "low", "high", "stopped"]
    return pd.DataFrame(rows, columns=columns)


def _seen(missed: int, known: int, confidence: float) -> Interval:
    """Return what so many missed devices show; where no end is known yet, nothing can be ruled out."""
    return interval(missed, known, confidence) if known else Interval(nan, 0.0, 1.0)


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
    _refuse(devices, stages, seed)
    # Seeds are apart from each other, not in steps of one: stages count in the second place.
    seeds = np.random.SeedSequence(seed).generate_state(repeats, np.uint64).tolist()
    kept = ["stage", "offered", "dead", "missed", "stopped"]
    rows = []
    for one in seeds:
        every = _every_stage(fleet, devices, stages, rule, one)
        last = int(every.stopped.idxmax()) if every.stopped.any() else len(every) - 1
        rows.append((*every.loc[last, kept], int(every.dead.iloc[-1] - every.dead[last]), one))
    return pd.DataFrame(rows, columns=[*kept, "saved", "seed"])


def _refuse(devices: int, stages: Sequence[Stage], seed: int = 0) -> None:
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


def expected_losses(fleet: Fleet, devices: int, confidence: float = 0.95) -> Losses:
    """Return how many devices one update of the whole fleet costs; bounds are those of a binomial number.

    The supplies of two devices have nothing to do with each other: a black-out of a whole town is not in this.
    """
    _refuse(devices, [Stage(100)])
    _confident(confidence)
    _, low, high = fleet.interval(*BAD)
    tails = (1 - confidence) / 2
    return Losses(
        (devices * low, devices * high),
        int(binom.ppf(tails, devices, low)),
        int(binom.isf(tails, devices, high)),
        confidence,
    )


def wear(study: Study, updates_per_year: float, years: float, endurance: float | None = None) -> pd.DataFrame:
    """Return one row per sector that is erased: its owner, the erases by then, and the share of its life used up.

    The graph tells of one update, written beside slot 0.  Where it leaves slot 1 running, the next one goes back with
    the two slots in turned roles, so over many updates each of a pair of sectors gets half of what both get; so do the
    two records, where the other one counts in the end.  What an update leaves is seen from the firmware's own life.
    Taken for granted: every update is like this one and ends as if undisturbed, and the device lives.
    `per_update` is the mean for an update; `endurance` is how many erases a sector is good for: the part's, if not
    given.
    An average device is looked at, whatever the study takes as given.
    """
    for name, value in (("updates_per_year", updates_per_year), ("years", years)):
        if not (isfinite(value) and value >= 0):
            raise BadInput(f"{name}: a number of 0 or more is needed, got {value}")
    limit = study.scenario.part.endurance if endurance is None else endurance
    if not 0 < limit < inf:
        raise BadInput(f"endurance: more than 0 erases are needed, got {limit:g}")
    weighed = replace(study, given_cut=False).weighed
    if not weighed.closed:
        raise BadInput(
            f"wear: the crash graph of {study.design.name} is not closed with a budget of {study.budget} nodes, "
            "and erases beyond it are not known; take a larger one, or another fault model"
        )
    worn = _evened(study, weighed.wear)
    sectors = np.flatnonzero(worn)
    erases = worn[sectors] * updates_per_year * years
    return pd.DataFrame(
        {
            "sector": sectors,
            "owner": [study.board.owner_of(int(sector)) for sector in sectors],
            "per_update": worn[sectors],
            "erases": erases,
            "endurance": limit,
            "used": erases / limit,
        }
    )


def _evened(study: Study, worn: Floats) -> Floats:
    """Return the wear of an update on the average of two in a row."""
    board = study.board
    even = np.zeros(board.geometry.sectors)
    even[: len(worn)] = worn
    slots, records = turns(study.scenario)
    one, other = board.slots
    pairs = [(one.app, other.app), (one.fs, other.fs)] if slots else []
    pairs += [board.records] if records else []
    for first, second in pairs:
        if first.size != second.size:
            raise BadInput(f"board {board.name}: slots or records of different sizes have no pairs of sectors")
        here, there = (np.array(board.sectors_of(region)) for region in (first, second))
        even[here] = even[there] = (even[here] + even[there]) / 2
    return even


def survival(bad: float | Fleet, updates_per_year: float, years: float) -> pd.DataFrame:
    """Return for each year the share of devices that are still alive, if each update kills one with probability `bad`.

    Updates are taken as independent of each other.
    Of a fleet, each device stays of its kind, so that kinds at risk die out and the loss is less than at the mean risk;
    an average device is looked at, whatever is taken as given.
    """
    if not (0 <= updates_per_year < inf and 0 <= years < inf):
        raise BadInput(f"updates_per_year, years: numbers of 0 or more are needed, got {updates_per_year}, {years}")
    kinds = _kinds(bad) if isinstance(bad, Fleet) else [(1.0, bad)]
    if not all(0 <= risk <= 1 for _, risk in kinds):
        raise BadInput(f"bad: a probability is needed, got {bad}")
    year = np.linspace(0, years, int(min(200, max(2, updates_per_year * years + 1))))
    updates = updates_per_year * year
    lost = sum((share * _lost(risk, updates) for share, risk in kinds), np.zeros(len(year)))
    return pd.DataFrame({"year": year, "updates": updates, "alive": 1 - lost, "lost": lost})


def _kinds(fleet: Fleet) -> list[tuple[float, float]]:
    """Return the share and the risk of each kind of device."""
    plain = [replace(one, given_cut=False) for one in fleet.studies]
    if open_ := [one.design.name for one in plain if not one.weighed.closed]:
        raise BadInput(f"survival: the crash graph of {open_[0]} is not closed; give each bound of its risk by itself")
    return [(share, min(1.0, one.weighed.bad)) for share, one in zip(fleet.shares, plain, strict=True)]


def _lost(risk: float, updates: Floats) -> Floats:
    """Return the probability not to survive so many updates."""
    if risk == 1:
        return np.asarray(updates > 0, np.float64)
    return np.asarray(-np.expm1(updates * np.log1p(-risk)))


@dataclass(frozen=True, slots=True)
class BadLoop:
    """One round of an update that is no good and is offered again and again: seconds, and the erases of each sector."""

    resets: int
    seconds: float
    erases: Floats

    @property
    def erases_per_day(self) -> float:
        """Erases of all sectors together."""
        return float(self.erases.sum()) * DAY / self.seconds

    def days_until_worn(self, endurance: float) -> float:
        """Return after how many days the most worn sector has come to the end of its specified life."""
        most = float(np.max(self.erases))
        return endurance * self.seconds / DAY / most if most else inf


def bad_image_loop(study: Study) -> BadLoop:
    """Return a round of the loop, as the firmware goes through it on steady power.

    It goes round as fast as it can; a server that lets a device wait between two offers makes it so much slower.
    A study without such a loop, because the image works or is offered once, is `BadInput`.
    """
    rounds = endless_round(study.scenario)
    erases = np.zeros(study.board.geometry.sectors)
    for one in rounds:
        for step in one.steps:
            if isinstance(step.effect, Erase):
                erases[step.effect.sector] += 1
    return BadLoop(len(rounds), fsum(one.seconds for one in rounds), erases)


def _confident(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise BadInput(f"confidence: a number above 0 and below 1 is needed, got {confidence}")

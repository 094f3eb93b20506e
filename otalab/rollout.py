"""A fleet over time: staged rollouts and when to stop them, wear and survival over years, a bad image without end.

A rollout offers an update to more and more of a fleet, waits, and looks at how many devices it has lost.
A lost device does not say so: it is missed when it has not reported by the end of the wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import binom

from otalab.engines import crowds
from otalab.errors import BadInput
from otalab.observer import BAD
from otalab.stats import interval
from otalab.study import Fleet, Study
from otalab.walk import Floats, Runs

DAY, YEAR = 86_400.0, 365.25 * 86_400.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Offer the update to so many per cent of the fleet in all, then wait so many seconds."""

    percent: float
    wait: float = DAY


@dataclass(frozen=True, slots=True)
class StopRule:
    """Go no further once the failure rate seen so far is more than `bound`.

    What is held against it is the `estimate`, or an end of the Clopper-Pearson interval: with `low` the rollout stops
    when so many failures are shown, with `high` as soon as they can no longer be ruled out.
    """

    bound: float
    by: Literal["low", "estimate", "high"] = "low"
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0 <= self.bound < 1:
            raise BadInput(f"stop rule: a bound from 0 up to 1 is needed, got {self.bound:g}")
        if self.by not in ("low", "estimate", "high"):
            raise BadInput(f"stop rule: by must be low, estimate or high, got {self.by!r}")

    def broken(self, lost: int, offered: int) -> bool:
        """Say whether the rollout has to stop."""
        return bool(getattr(interval(lost, offered, self.confidence), self.by) > self.bound)


def roll_out(
    fleet: Fleet, devices: int, stages: Sequence[Stage], rule: StopRule | None = None, seed: int = 1
) -> pd.DataFrame:
    """Return one row per stage that was carried out.

    `offered` and `dead` are totals so far, `missed` those of the dead that were noticed when the stage was over;
    `estimate`, `low` and `high` speak of the missed, and `stopped` says whether the rule ended the rollout here.
    `day` is when the stage was over.
    """
    _refuse(devices, stages)
    rows = []
    offered = dead = missed = late = 0
    day = 0.0
    for number, stage in enumerate(stages):
        count = round(devices * stage.percent / 100) - offered
        offered += count
        # Devices lost late in the stage before are missed in this one at the latest.
        missed, late = missed + late, 0
        if count:
            ended = crowds(fleet, count, (seed, number))
            bad = ended[ended.end.isin(BAD)]
            dead += int(bad.devices.sum())
            late = int(bad.devices[bad.seconds > stage.wait].sum())
            missed += int(bad.devices.sum()) - late
        day += stage.wait / DAY
        found = interval(missed, offered) if offered else None
        stopped = bool(rule and offered and rule.broken(missed, offered))
        seen = (found.estimate, found.low, found.high) if found else (0.0, 0.0, 1.0)
        rows.append((number, stage.percent, day, offered, dead, missed, *seen, stopped))
        if stopped:
            break
    columns = ["stage", "percent", "day", "offered", "dead", "missed", "estimate", "low", "high", "stopped"]
    return pd.DataFrame(rows, columns=columns)


def rollouts(
    fleet: Fleet,
    devices: int,
    stages: Sequence[Stage],
    rule: StopRule | None = None,
    *,
    repeats: int = 100,
    seed: int = 1,
) -> pd.DataFrame:
    """Return how many rollouts like this end: one row for each, with its last stage, offered, dead and stopped."""
    if repeats < 1:
        raise BadInput(f"repeats: at least one is needed, got {repeats}")
    # Seeds are apart from each other, not in steps of one: stages count in the second place.
    seeds = np.random.SeedSequence(seed).generate_state(repeats, np.uint64).tolist()
    last = [roll_out(fleet, devices, stages, rule, one).iloc[-1] for one in seeds]
    kept = ["stage", "offered", "dead", "missed", "stopped"]
    return pd.DataFrame([row[kept] for row in last], columns=kept).reset_index(drop=True).infer_objects()


def _refuse(devices: int, stages: Sequence[Stage]) -> None:
    if devices < 1:
        raise BadInput(f"devices: at least one is needed, got {devices}")
    percents = [stage.percent for stage in stages]
    if not percents or percents != sorted(percents) or not 0 <= percents[0] <= percents[-1] <= 100:
        raise BadInput(f"stages: percentages must rise from 0 to 100 at most, got {percents}")
    if not all(stage.wait >= 0 for stage in stages):
        raise BadInput(f"stages: waits must not be negative, got {[stage.wait for stage in stages]}")


@dataclass(frozen=True, slots=True)
class Losses:
    """How many devices of a fleet are lost: the expected number, and bounds for the number itself.

    Where a graph is not closed, `expected` are two numbers that differ.
    """

    expected: tuple[float, float]
    low: int
    high: int
    confidence: float


def expected_losses(fleet: Fleet, devices: int, confidence: float = 0.95) -> Losses:
    """Return how many devices one update of the whole fleet costs; bounds are those of a binomial number."""
    _refuse(devices, [Stage(100)])
    pairs = list(zip(fleet.given_shares, fleet.studies, strict=True))
    low = min(1.0, sum(share * one.weighed.bad for share, one in pairs))
    high = min(1.0, low + sum(share * one.weighed.unknown for share, one in pairs))
    tails = (1 - confidence) / 2
    return Losses(
        (devices * low, devices * high),
        int(binom.ppf(tails, devices, low)),
        int(binom.ppf(1 - tails, devices, high)),
        confidence,
    )


def wear(study: Study, updates_per_year: float, years: float, endurance: float | None = None) -> pd.DataFrame:
    """Return one row per sector that is erased: its owner, the erases by then, and the share of its life used up.

    The graph tells of one update, from slot 0 to slot 1; the next one goes back, so over many updates each of a pair
    of sectors gets half of what both get, and so do the two records.  A design that writes over the running slot, or
    has one record, has no such pair.
    `endurance` is how many erases a sector is good for; the part's, if not given.
    """
    for name, value in (("updates_per_year", updates_per_year), ("years", years)):
        if not (isfinite(value) and value >= 0):
            raise BadInput(f"{name}: a number of 0 or more is needed, got {value}")
    worn = _evened(study, study.weighed.wear)
    return _wear_table(study, worn * updates_per_year * years, endurance)


def _evened(study: Study, worn: Floats) -> Floats:
    """Return the wear of an update on the average of two in a row."""
    board, design = study.board, study.design
    even = np.zeros(board.geometry.sectors)
    even[: len(worn)] = worn
    pairs = [tuple(board.records)] if design.records == 2 else []  # a pair is two
    one, other = board.slots
    pairs += [(one.app, other.app), (one.fs, other.fs)] if design.target == "inactive" else []
    for first, second in pairs:
        if first.size != second.size:
            raise BadInput(f"board {board.name}: slots of different sizes have no pairs of sectors")
        here, there = (np.array(board.sectors_of(region)) for region in (first, second))
        even[here] = even[there] = (even[here] + even[there]) / 2
    return even


def _wear_table(study: Study, erases: Floats, endurance: float | None) -> pd.DataFrame:
    limit = study.scenario.part.endurance if endurance is None else endurance
    if not limit > 0:
        raise BadInput(f"endurance: more than 0 erases are needed, got {limit:g}")
    sectors = np.flatnonzero(erases)
    owners = [study.board.owner_of(int(sector)) for sector in sectors]
    columns = {"sector": sectors, "owner": owners, "erases": erases[sectors], "used": erases[sectors] / limit}
    return pd.DataFrame(columns)


def survival(bad: float, updates_per_year: float, years: float) -> pd.DataFrame:
    """Return for each year the share of devices that are still alive, if each update kills one with probability `bad`.

    Updates are taken as independent of each other.
    """
    if not 0 <= bad <= 1:
        raise BadInput(f"bad: a probability is needed, got {bad}")
    if not (0 <= updates_per_year < inf and 0 <= years < inf):
        raise BadInput(f"updates_per_year, years: numbers of 0 or more are needed, got {updates_per_year}, {years}")
    year = np.linspace(0, years, int(min(200, max(2, updates_per_year * years + 1))))
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(year > 0, -np.expm1(updates_per_year * year * np.log1p(-bad)), 0.0)
    return pd.DataFrame({"year": year, "updates": updates_per_year * year, "alive": 1 - lost, "lost": lost})


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
        return endurance * self.seconds / DAY / float(self.erases.max())


def bad_image_loop(study: Study) -> BadLoop:
    """Return a round of the loop, as the firmware goes through it on steady power.

    A study without such a loop, because the image works or is offered once, is `BadInput`.
    """
    graph = study.graph
    rounds = graph.loop()
    runs = Runs.of(graph, study.rates)
    seconds, erases = 0.0, np.zeros(study.board.geometry.sectors)
    for run in rounds:
        effects = slice(runs.run_effect[run], runs.run_effect[run + 1])
        seconds += float(runs.seconds[effects].sum())
        np.add.at(erases, runs.erased[effects][runs.erased[effects] >= 0], 1)
    return BadLoop(len(rounds), seconds, erases)

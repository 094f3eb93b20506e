"""Outages by hour of day: what an update meets that begins at night, where the power fails more often by day.

An update takes minutes, so the rate of the hour in which it begins is taken to hold until it has ended.
Counts come from `data/outages_by_hour.csv`, each row with its source and with what it leaves out, or from a file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from math import fsum, isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.files import read_text
from otalab.numbers.fleet import Fleet
from otalab.numbers.study import Study
from otalab.settings import DATA

HOURS = 24
WHOLE = tuple(range(HOURS))
ALIKE = 3  # rates that hours are put together to where the graph does not close, and each is a search of its own
BETWEEN = re.compile(r"\s*(\d{1,2})\s*-\s*(\d{1,2})\s*")
NEEDED = f"a table with the columns hour and outages, and a row for each hour from 0 to {HOURS - 1}, is needed"


@dataclass(frozen=True, slots=True)
class Day:
    """How many outages began in each hour of a day, local time: 24 counts, what they are of, and who has counted."""

    name: str
    counts: tuple[float, ...]
    what: str = ""
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.counts) != HOURS or not all(isfinite(count) and count >= 0 for count in self.counts):
            raise BadInput(f"{self.name}: {NEEDED}; no count is negative")
        if not any(self.counts):
            raise BadInput(f"{self.name}: no outage was counted in any hour")

    @property
    def factors(self) -> tuple[float, ...]:
        """How many times as often as on the average the power fails, in each hour."""
        return tuple(count * HOURS / fsum(self.counts) for count in self.counts)


@dataclass(frozen=True, slots=True)
class Begun:
    """Updates that begin in some hours of a day, in each of them as often."""

    day: Day
    hours: tuple[int, ...] = WHOLE

    def __post_init__(self) -> None:
        if not self.factor:
            raise BadInput(
                f"{self.day.name}: no outage was counted in the hours of the updates, which does not say that none "
                "comes: take more hours"
            )

    @property
    def factor(self) -> float:
        """How many times as often as on the average of the day the power fails in these hours."""
        return fsum(self.day.factors[hour] for hour in self.hours) / len(self.hours)

    def fleet(self, study: Study, hours: Sequence[int] | None = None) -> Fleet:
        """Return the fleet of devices whose updates begin in these hours, or in others: a kind for each rate.

        `study` has the mean rate of the update's hours; a phase that has its own rate keeps it.
        Where the graph does not close, hours with rates near each other are put together, at their mean.
        """
        mean = study.rates.default / self.factor
        rates = sorted(self.day.factors[hour] * mean for hour in (self.hours if hours is None else hours))
        groups = np.array_split(rates, len(rates) if study.weighed.closed else min(ALIKE, len(rates)))
        kinds = tuple(
            replace(study, rates=replace(study.rates, default=fsum(group.tolist()) / len(group))) for group in groups
        )
        return Fleet(kinds, tuple(len(group) / len(rates) for group in groups))


class DayEnd(NamedTuple):
    """An end of updates that begin in some hours, and in any: its probability, and between which bounds it is."""

    end: str
    begun: float
    low: float
    high: float
    any_hour: float
    any_low: float
    any_high: float


def by_hour(study: Study, begun: Begun) -> list[DayEnd]:
    """Return a row for each end; `study` has the mean rate of the update's hours."""
    here, ever = begun.fleet(study), begun.fleet(study, WHOLE)
    for kind in (*here.studies, *ever.studies):
        kind.settle()
    return [DayEnd(end, *here.interval(end), *ever.interval(end)) for end in ENDS]


def as_object(study: Study, begun: Begun) -> dict[str, Any]:
    """Return all of it as JSON knows it."""
    day = begun.day
    return {
        "day": day.name,
        "counts": list(day.counts),
        "what": day.what,
        "source": day.source,
        "note": day.note,
        "hours": list(begun.hours),
        "factor": begun.factor,
        "ends": {row.end: row._asdict() for row in by_hour(study, begun)},
    }


@cache
def days() -> dict[str, Day]:
    """Return every day of the table by its name."""
    with (DATA / "outages_by_hour.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["name"]: Day(counts=tuple(map(float, row.pop("counts").split())), **row) for row in rows}


def chosen_day(text: str) -> Day:
    """Return the day of this name, or that of a file: a table with the columns `hour` and `outages`."""
    if text in days():
        return days()[text]
    if not text.endswith(".csv"):
        raise BadInput(f"outages by hour {text!r}: a name is needed ({', '.join(days())}), or a file that ends in .csv")
    rows = csv.DictReader(StringIO(read_text(text)))
    try:
        counts = sorted((int(row["hour"]), float(row["outages"])) for row in rows)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise BadInput(f"{text}: {NEEDED}") from error
    if tuple(hour for hour, _ in counts) != WHOLE:
        raise BadInput(f"{text}: {NEEDED}")
    return Day(Path(text).name, tuple(count for _, count in counts), source=text)


def parse_hours(text: str) -> tuple[int, ...]:
    """Return the hours that `2-5` tells, 2, 3 and 4, or `22-6`, over midnight."""
    match = BETWEEN.fullmatch(text)
    first, over = (int(match[1]), int(match[2])) if match else (0, 0)
    if not match or first == over or first >= HOURS or over > HOURS:
        raise BadInput(f"hours {text!r}: from and to are needed, as in 2-5, or 22-6 over midnight (0 to {HOURS})")
    return tuple(hour % HOURS for hour in range(first, over if over > first else over + HOURS))

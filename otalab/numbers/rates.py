"""Rates of power failures, per hour: a plain number, one with its unit, or the name of a base rate.

Base rates are measured ones from `data/base_rates.csv`, each with its source and with what it leaves out.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import isfinite

from otalab.errors import BadInput
from otalab.hardware.effects import PHASES
from otalab.settings import DATA

HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.5, "year": 8766.0}
SHORT = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "d": "day"}  # no "m": a minute, or a month?


@dataclass(frozen=True, slots=True)
class BaseRate:
    """A published rate of power failures: its text with the unit, what was counted, by whom, and what it leaves out."""

    name: str
    rate: str
    what: str
    source: str
    note: str

    @property
    def per_hour(self) -> float:
        """Return the rate in power failures per hour."""
        return _number(self.rate)


@cache
def base_rates() -> dict[str, BaseRate]:
    """Return every base rate of the table by its name."""
    with (DATA / "base_rates.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: BaseRate(**row) for row in csv.DictReader(file)}


def parse_rate(text: str) -> float:
    """Return power failures per hour from `0.01`, `0.06/day`, `1.4/year` or `us-2022`; a year has 365.25 days.

    Units may be in the plural, or short: `2/s`, `30/min`, `1/h`, `0.9/d`.
    Raises `BadInput` for what is neither a number of 0 or more nor the name of a base rate.
    """
    known = base_rates().get(text.strip())
    return known.per_hour if known else _number(text)


@dataclass(frozen=True, slots=True)
class Bounce:
    """An outage that comes again: with probability `chance`, power that has come back is *unsteady*.

    Then it fails after `seconds` on the average besides failing as ever, at any moment alike; at every return of the
    power it is drawn anew.
    So a breaker behaves that closes again on a fault which has not cleared (IEEE C37.104, Guide for Automatic
    Reclosing of Circuit Breakers: seconds to a minute between its attempts).
    The times between failures are hyperexponential then, and the failures a Poisson process that is modulated by a
    chain of two states (Fischer and Meier-Hellstern 1993, Performance Evaluation 18:149).
    """

    chance: float
    seconds: float

    def __post_init__(self) -> None:
        if not 0 <= self.chance <= 1 or not 0 < self.seconds < float("inf"):
            raise BadInput(
                f"bounce of {self.chance:g} in {self.seconds:g} s: a probability from 0 to 1, and a time above 0, are "
                "needed"
            )


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of power failures by phase, per hour; a phase that is not named has the default.

    `hold_up`: so many seconds the supply carries the chip on after it has failed, see `supplies`.
    `bounce`: how power that comes back may be unsteady.
    """

    default: float
    phases: tuple[tuple[str, float], ...] = ()
    hold_up: float = 0.0
    bounce: Bounce | None = None

    def __post_init__(self) -> None:
        for name, _ in self.phases:
            _phase(name)
        if len(dict(self.phases)) < len(self.phases):
            raise BadInput(f"phases {', '.join(name for name, _ in self.phases)}: each may have one rate only")
        if not isfinite(self.hold_up) or self.hold_up < 0:
            raise BadInput(f"hold-up {self.hold_up!r}: a number of 0 or more seconds is needed")
        for rate in (self.default, *dict(self.phases).values()):
            if not isfinite(rate) or rate < 0:
                raise BadInput(f"rate {rate!r}: a number of 0 or more per hour is needed")

    def per_second(self, phase: str) -> float:
        """Return the rate in one phase, per second; a phase that does not exist is `BadInput`."""
        return dict(self.phases).get(_phase(phase), self.default) / 3600

    @property
    def unsteady(self) -> Rates:
        """The rates while the power is unsteady; the same without a bounce."""
        more = 3600 / self.bounce.seconds if self.bounce else 0.0
        phases = tuple((name, rate + more) for name, rate in self.phases)
        return replace(self, default=self.default + more, phases=phases)

    @classmethod
    def parse(cls, text: str, phase_texts: Sequence[str] = ()) -> Rates:
        """Return the rates from a default such as `us-2022` and phases such as `switch=2/day`.

        Raises `BadInput` for a phase that does not exist or comes twice, and for a rate that is none.
        """
        pairs = [phase_text.partition("=") for phase_text in phase_texts]
        return cls(parse_rate(text), tuple((_phase(name.strip()), _of_phase(name, rate)) for name, _, rate in pairs))


def _number(text: str) -> float:
    number, slash, unit = text.partition("/")
    try:
        rate = float(number) / (_hours(unit.strip()) if slash else 1.0)
    except (ValueError, KeyError):
        rate = -1.0
    if not isfinite(rate) or rate < 0:
        units = f"/{', /'.join([*SHORT, *HOURS])}"
        raise BadInput(
            f"rate {text!r}: a number of 0 or more per hour is needed, or one with {units}, "
            f"or a name from data/base_rates.csv: {', '.join(base_rates())}"
        )
    return rate


def _hours(unit: str) -> float:
    """Return how long a unit is, in hours; `KeyError` for what is none."""
    return HOURS[SHORT[unit] if unit in SHORT else unit if unit in HOURS else unit.removesuffix("s")]


def _phase(name: str) -> str:
    if name not in PHASES:
        raise BadInput(f"phase {name!r} does not exist; one of: {', '.join(PHASES)}; a rate for one is `switch=2/day`")
    return name


def _of_phase(name: str, rate: str) -> float:
    if not rate.strip():
        raise BadInput(f"phase {name.strip()}: its rate is missing; write `{name.strip()}=2/day`")
    return parse_rate(rate)

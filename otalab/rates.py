"""Rates of power failures, per hour: a plain number, or one with its unit."""

from __future__ import annotations

from math import isfinite

from otalab.errors import BadInput

HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.5, "year": 8766.0}


def parse_rate(text: str) -> float:
    """Return power failures per hour from `0.01`, `0.06/day` or `1.4/year`; a year has 365.25 days."""
    number, _, unit = text.partition("/")
    try:
        rate = float(number) / HOURS[unit.strip().removesuffix("s") or "hour"]
    except (ValueError, KeyError):
        rate = -1.0
    if not isfinite(rate) or rate < 0:
        raise BadInput(f"rate {text!r}: a number of 0 or more per hour is needed, or one with /{', /'.join(HOURS)}")
    return rate

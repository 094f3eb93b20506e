"""From a risk per update to one per device-year: so many updates a year, each of them a fresh risk."""

from __future__ import annotations

from math import expm1, inf, log1p

from otalab.bench.ends import BAD
from otalab.errors import BadInput
from otalab.numbers.risk import Weighed


def lost(risk: float, updates: float) -> float:
    """Return the probability not to survive so many updates, independent and alike: 1 - (1 - risk)^updates."""
    return float(updates > 0) if risk >= 1 else -expm1(updates * log1p(-risk))


def yearly(weighed: Weighed, updates_per_year: float, years: float) -> dict[str, object]:
    """Return the probability of a bad end per device, in a year and in so many years, each the least and the most.

    Updates are taken as independent of each other and alike, and a device as dead after its first bad end.
    The bounds are those of `Weighed.interval`: equal where the graph closes.
    Raises `BadInput` for numbers that are not above 0.
    """
    if not (0 < updates_per_year < inf and 0 < years < inf):
        raise BadInput(f"updates per year, years: numbers above 0 are needed, got {updates_per_year:g}, {years:g}")
    bounds = weighed.interval(*BAD)
    return {
        "updates_per_year": updates_per_year,
        "years": years,
        "in_a_year": [lost(bound, updates_per_year) for bound in bounds],
        "in_years": [lost(bound, updates_per_year * years) for bound in bounds],
    }

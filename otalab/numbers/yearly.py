"""From a risk per update to one per device-year: so many updates a year, each of them a fresh risk."""

from __future__ import annotations

from math import expm1, inf, log1p

from otalab.bench.ends import BAD
from otalab.errors import BadInput
from otalab.numbers.risk import Weighed

A_MILLION = 10**6


def lost(risk: float, updates: float) -> float:
    """Return the probability not to survive so many updates, independent and alike: 1 - (1 - risk)^updates."""
    return float(updates > 0) if risk >= 1 else -expm1(updates * log1p(-risk))


def yearly(
    weighed: Weighed, updates_per_year: float, years: float, brick_cost: float | None = None
) -> dict[str, object]:
    """Return the probability of a bad end per device, in a year and in so many years, each the least and the most.

    Updates are taken as independent of each other and alike, and a device as dead after its first bad end.
    The bounds are those of `Weighed.interval`: equal where the graph closes.
    `brick_cost` is what a device costs that comes to a bad end, in any money: with it, also the visits and the cost of
    a year, per million devices.
    Raises `BadInput` for numbers that are not above 0.
    """
    if not (0 < updates_per_year < inf and 0 < years < inf):
        raise BadInput(f"updates per year, years: numbers above 0 are needed, got {updates_per_year:g}, {years:g}")
    bounds = weighed.interval(*BAD)
    a_cost(brick_cost)
    return {
        "updates_per_year": updates_per_year,
        "years": years,
        "in_a_year": [lost(bound, updates_per_year) for bound in bounds],
        "in_years": [lost(bound, updates_per_year * years) for bound in bounds],
        **_costs([lost(bound, updates_per_year) for bound in bounds], brick_cost),
    }


def a_cost(brick_cost: float | None) -> None:
    """Refuse what is no cost, where one is given."""
    if brick_cost is not None and not 0 <= brick_cost < inf:
        raise BadInput(f"brick cost {brick_cost:g}: a number of 0 or more is needed")


def _costs(in_a_year: list[float], brick_cost: float | None) -> dict[str, object]:
    """Return the visits to a million devices in a year, one for each bad end, and what they cost."""
    if brick_cost is None:
        return {}
    visits = [A_MILLION * bound for bound in in_a_year]
    costs = [brick_cost * number for number in visits]
    return {"brick_cost": brick_cost, "visits_per_million": visits, "cost_per_million": costs}

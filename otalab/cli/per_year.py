"""The risk per device-year, in devices lost, in visits and in money: options, answer and words of it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otalab.numbers.study import Study

COST = "what a device costs that comes to a bad end: the visit and the device, in your money"


def per_year(study: Study, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the risk per device-year, of an average device whatever is given, where that was asked for."""
    from otalab.numbers.yearly import yearly  # noqa: PLC0415  # slow to load

    updates, years, cost = arguments.updates_per_year, arguments.years, arguments.brick_cost
    if updates is None:
        return {}
    return {"per_year": yearly(replace(study, given_cut=False).weighed, updates, years, cost)}


def in_years(result: dict[str, Any]) -> str:
    """Say how many of a million devices are lost in a year, and in all years; and what that costs."""
    spans = (("in a year", "in_a_year"), (f"in {result['years']:g} years", "in_years"))
    texts = [f"{_span([1e6 * bound for bound in result[key]])} {when}" for when, key in spans]
    text = f"of a million devices, at {result['updates_per_year']:g} updates a year, lost: {', '.join(texts)}"
    if "brick_cost" in result:
        visits, money = _span(result["visits_per_million"]), _span(result["cost_per_million"])
        text += f"\nat {result['brick_cost']:g} each, a year of a million devices costs {money}, in {visits} visits"
    return text


def _span(bounds: list[float]) -> str:
    low, high = (f"{bound:.4g}" for bound in bounds)
    return low if low == high else f"{low} to {high}"

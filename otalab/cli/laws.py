"""What `otalab risk` and `campaign` say where something is not one number: the law itself, then what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from textwrap import fill
from typing import TYPE_CHECKING, Any

from otalab.text import table

if TYPE_CHECKING:
    from otalab.cli.options.laws import Laws
    from otalab.numbers.fleet import Fleet
    from otalab.numbers.streets import Street
    from otalab.numbers.study import Study

LAWS = ("rate_law", "by_hour", "weights_law")


def by_laws(study: Study, laws: Laws, lifetime: float | None = None) -> dict[str, Any]:
    """Return what becomes of an update under the law, where there is one; `lifetime` are the updates of a life."""
    from otalab.numbers import days, unsure, unsure_weights  # noqa: PLC0415  # slow to load

    if laws.rate is not None:
        return {"rate_law": unsure.as_object(laws.rate, unsure.unsure(study, laws.rate))}
    if laws.begun is not None:
        return {"by_hour": days.as_object(study, laws.begun)}
    if laws.prior is None:
        return {}
    result = unsure_weights.as_object(study, laws.prior)
    if lifetime is not None:
        average = replace(study, given_cut=False)
        afresh, kept = unsure_weights.lost_in_a_life(average, lifetime, laws.prior)
        result["lost_in_years"] = {"afresh": afresh, "kept": kept}
    return {"weights_law": result}


def by_street(fleet: Fleet, devices: int, street: Street | None) -> dict[str, Any]:
    """Return what an update of so many devices costs on a bad day; of average devices, whatever is given."""
    from otalab.numbers.campaigns.rollout import expected_losses  # noqa: PLC0415  # slow to load

    if street is None:
        return {}
    average = replace(fleet, studies=tuple(replace(study, given_cut=False) for study in fleet.studies))
    alone, together = expected_losses(average, devices), expected_losses(average, devices, street=street)
    return {
        "street": asdict(street) | {"devices": devices} | asdict(together) | {"alone": [alone.low, alone.high]},
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield what was found under each law, for people."""
    for name, tell in zip((*LAWS, "street"), (_rate, _hours, _weights, _street), strict=True):
        if name in result:
            yield ""
            yield from tell(result[name])


def _rate(result: dict[str, Any]) -> Iterator[str]:
    low, high = result["interval_per_hour"]
    yield (
        f"the rate is a gamma law, told by {result['told_by']}: shape {result['shape']:.4g}, mean "
        f"{result['mean_per_hour']:.4g} per hour, {result['confidence']:.0%} between {low:.4g} and {high:.4g}"
    )
    rows = [
        (
            end,
            _between(f"{row['mixture']:.4e}", row["mixture_low"], row["mixture_high"]),
            f"{row['at_mean']:.4e}",
            f"{row['low']:.4e} to {row['high']:.4e}",
        )
        for end, row in result["ends"].items()
        if row["high"] or row["mixture"]
    ]
    yield from table(("end", "homes that differ", "at the mean rate", "one rate, not known"), rows)


def _hours(result: dict[str, Any]) -> Iterator[str]:
    hours = result["hours"]
    when = f"between {hours[0]} and {hours[-1] + 1} o'clock" if len(hours) < 24 else "at any hour"
    yield fill(
        f"outages by hour of day: {', '.join(filter(None, (result['day'], result['what'])))}; source: "
        f"{result['source']}; updates begin {when}, local time, when the power fails {result['factor']:.3g} times as "
        "often as on the average of the day; the rate of that hour is taken to hold until an update has ended",
        100,
    )
    rows = [
        (
            end,
            _between(f"{row['begun']:.4e}", row["low"], row["high"]),
            _between(f"{row['any_hour']:.4e}", row["any_low"], row["any_high"]),
        )
        for end, row in result["ends"].items()
        if row["high"] or row["any_high"]
    ]
    yield from table(("end", "begun in these hours", "begun at any hour"), rows)


def _weights(result: dict[str, Any]) -> Iterator[str]:
    shapes = ", ".join(f"{name} {shape:g}" for name, shape in result["shapes"].items())
    yield fill(
        f"the weights are a Dirichlet law, of the shapes {shapes}: mean and {result['confidence']:.0%} of "
        f"{result['draws']} draws, seed {result['seed']}, if each cut tears by a law drawn afresh; and the mean if "
        "silicon keeps one law for its life",
        100,
    )
    rows = [
        (end, f"{row['mean']:.4e} ({row['low']:.4e} to {row['high']:.4e})", f"{row['kept']:.4e}")
        for end, row in result["ends"].items()
        if row["high"]
    ]
    yield from table(("end", "drawn afresh at each cut", "kept for its life"), rows)
    if not result["closed"]:
        yield "The graph is not closed: means are the least that they can be, and bounds hold whatever lies ahead."
    if "lost_in_years" in result:
        afresh, kept = (f"{1e6 * result['lost_in_years'][name]:.4g}" for name in ("afresh", "kept"))
        yield f"of a million devices, in all years, lost: {afresh} if drawn afresh, {kept} if kept"


def _street(result: dict[str, Any]) -> Iterator[str]:
    low, high = (f"{devices:.4g}" for devices in result["expected"])
    alone = " to ".join(f"{devices:,}" for devices in result["alone"])
    yield fill(
        f"an update of {result['devices']:,} devices costs {low if low == high else f'{low} to {high}'} on the "
        f"average, and {result['low']:,} to {result['high']:,} on {result['confidence']:.0%} of days where outages cut "
        f"{result['size']} at once (a street) whose ends have the correlation {result['correlation']:g} "
        f"(beta-binomial); {alone} where each is cut by itself",
        100,
    )


def _between(estimate: str, low: float, high: float) -> str:
    return estimate if low == high else f"{estimate} ({low:.4e} to {high:.4e})"

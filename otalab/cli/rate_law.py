"""What `otalab risk` says where the rate is a law: the law itself, then each end in its two readings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from otalab.text import table

if TYPE_CHECKING:
    from otalab.numbers.rate_laws import RateLaw
    from otalab.numbers.study import Study


def by_law(study: Study, law: RateLaw | None) -> dict[str, Any]:
    """Return what becomes of an update under the law, where there is one."""
    from otalab.numbers.unsure import as_object, unsure  # noqa: PLC0415  # slow to load

    return {} if law is None else {"rate_law": as_object(law, unsure(study, law))}


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield the law and the ends, for people."""
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


def _between(estimate: str, low: float, high: float) -> str:
    return estimate if low == high else f"{estimate} ({low:.4e} to {high:.4e})"

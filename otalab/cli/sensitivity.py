"""What `otalab risk --sensitivity` says: how the ends move with each input alone."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from otalab.text import table

if TYPE_CHECKING:
    from otalab.numbers.study import Study


def by_input(study: Study) -> dict[str, Any]:
    """Return the rows of what matters most; an elasticity that is none is null."""
    from otalab.numbers.sensitivity import sensitivity  # noqa: PLC0415  # slow to load

    rows = sensitivity(study).to_dict("records")
    return {"sensitivity": [row | {"elasticity": _number(row["elasticity"])} for row in rows]}


def _number(value: float) -> float | None:
    return value if isfinite(value) else None


def moved(rows: list[dict[str, Any]]) -> list[str]:
    """Say how the bad ends move with each input, and the elasticity of every end."""
    lines = [
        (
            row["input"], row["low"], row["high"], f"{row['p_low']:.4e}", f"{row['p_high']:.4e}",
            ", ".join(
                f"{other['end']} {other['elasticity']:+.3f}"
                for other in rows
                if other["input"] == row["input"] and abs(other["elasticity"] or 0.0) >= 5e-4
            ),
        )
        for row in rows
        if row["end"] == "bad"
    ]  # fmt: skip
    return list(table(("input", "low", "high", "bad at low", "bad at high", "elasticity"), lines))

"""What stands under a figure about risk: what its numbers depend on."""

from __future__ import annotations

from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes

from otalab.numbers.depends import depends
from otalab.numbers.study import Study


def telling(table: pd.DataFrame, *studies: Study) -> pd.DataFrame:
    """Let a table know what its numbers depend on, where that is the same for all of it."""
    lines = {fill("; ".join(depends(study)), 100) for study in studies}
    table.attrs["depends"] = lines.pop() if len(lines) == 1 else ""
    return table


def under(ax: Axes, table: pd.DataFrame, *, points: float, also: str = "") -> None:
    """Write below the axes what a table's numbers depend on."""
    note = "\n".join(text for text in (table.attrs.get("depends", ""), also) if text)
    ax.annotate(note, (0, 0), (0, -points), xycoords="axes fraction", textcoords="offset points", fontsize=7, va="top")

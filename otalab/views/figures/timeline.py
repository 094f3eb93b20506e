"""A life as a time line: a table first, a drawing second."""

from __future__ import annotations

from math import inf, log10

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from otalab.bench.trace import Life, effects
from otalab.views import style
from otalab.views.figures.shown import literal, paper, themed

KINDS = ("ask", "wait", "program", "erase")
# An effect of a tenth of a millisecond is one unit wide, and each tenfold time one more.
UNIT, LONG = 1e-4, 1e3
TICKS = 12


def timeline_table(lived: Life) -> pd.DataFrame:
    """Return one row per effect, as `effects` does, with `begin` and `end` in seconds since the first power-on.

    A wait without end has the end `inf`; what lasts no time is left out.
    """
    rows, offset, run = [], 0.0, 0
    for row in effects(lived):
        if row["run"] != run:
            offset, run = offset + lived.runs[run].seconds, row["run"]
        begin = offset + row["at"]
        if row["seconds"] > 0:
            rows.append(row | {"begin": begin, "end": begin + row["seconds"]})
    columns = ["run", "effect", "phase", "kind", "what", "sector", "owner", "seconds", "begin", "end"]
    return pd.DataFrame(rows, columns=columns)


def plot_timeline(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `timeline_table`: a lane per kind of effect, a colour per phase, a dashed line where a run begins.

    The order is that of time, but widths are compressed: that of an effect grows with the logarithm of how long it
    takes, that of a stretch of one phase with the square root of all its effects. So a switch is seen beside a
    download, and a page program beside a wait of a minute. The times below are the true ones.
    """
    ax = ax if ax is not None else plt.subplots(figsize=(10, 2.6))[1]
    stretches = (table.phase.ne(table.phase.shift()) | table.run.ne(table.run.shift())).cumsum()
    widths = [1 + log10(max(min(seconds, LONG), UNIT) / UNIT) for seconds in table.seconds]
    whole = pd.Series(widths, index=table.index).groupby(stretches).transform("sum")
    drawn = table.assign(stretch=stretches, width=widths / whole**0.5)
    drawn["start"] = drawn.width.cumsum() - drawn.width
    for row in drawn.itertuples():
        colour = themed(style.PHASE_COLOURS[row.phase])
        ax.broken_barh(
            [(row.start, row.width)], (KINDS.index(row.kind) - 0.4, 0.8), facecolor=colour,
            edgecolor=paper(), linewidth=min(0.6, 30 / len(drawn)), hatch="///" if row.seconds == inf else None,
        )  # fmt: skip
    _phases(drawn, ax)
    _times(drawn, ax)
    ax.set_yticks(range(len(KINDS)), KINDS)
    ax.set(ylim=(-0.6, len(KINDS) - 0.1), xlim=(0, drawn.width.sum()), xlabel="seconds since power-on, compressed")
    ax.set_title(title, pad=30)
    handles = [Patch(color=themed(style.PHASE_COLOURS[phase]), label=phase) for phase in drawn.phase.unique()]
    ax.legend(handles=handles, ncols=7, fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.3))
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    return literal(ax)


def _phases(drawn: pd.DataFrame, ax: Axes) -> None:
    """Name each stretch of one phase above the lanes, and mark where a run begins."""
    total, run = drawn.width.sum(), drawn.run.iloc[0]
    for _, part in drawn.groupby("stretch"):
        first, wide = part.iloc[0], part.width.sum()
        middle = first.start + wide / 2
        narrow = {"rotation": 50, "rotation_mode": "anchor", "ha": "left"} if wide < 0.08 * total else {"ha": "center"}
        ax.text(middle, len(KINDS) - 0.3, first.phase, fontsize=8, **narrow)
        ax.plot(
            [first.start, first.start + wide],
            [len(KINDS) - 0.4] * 2,
            color=themed(style.PHASE_COLOURS[first.phase]),
            linewidth=3,
        )
        if first.run != run:
            ax.axvline(first.start, color="0.4", linewidth=1, linestyle="--", ymax=0.88)
            run = first.run


def _times(drawn: pd.DataFrame, ax: Axes) -> None:
    """Label some moments, spread over the paper, with their true time."""
    apart, labelled = drawn.width.sum() / TICKS, [drawn.iloc[0]]
    for _, row in drawn.iterrows():
        if row.start - labelled[-1].start >= apart:
            labelled.append(row)
    ax.set_xticks([row.start for row in labelled], [f"{row.begin:.4g}" for row in labelled], fontsize=8)

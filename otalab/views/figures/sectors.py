"""Figures: a table first, a drawing second.

Every table function returns a `DataFrame`, every drawing function takes one and returns the axes.
"""

from __future__ import annotations

from math import ceil

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from otalab.bench.trace import Life, by_phase, effects
from otalab.hardware.board import Board
from otalab.hardware.flash import ERASED, Flash
from otalab.views import style
from otalab.views.figures.shown import ink, literal, paper, themed

HATCHES = {"app": "", "files": "////"}


def sector_table(board: Board, flash: Flash, before: Flash | None = None) -> pd.DataFrame:
    """Return one row per sector: its address, owner, state, and the share of its bytes that are written.

    `state` is `erased` (all ones), `full` or `part-written`; `changed` compares with an earlier `before`.
    """
    rows = []
    for sector, contents in enumerate(flash.sectors):
        written = 1 - contents.count(ERASED) / len(contents)
        # Noise holds its share of 0xFF bytes too, so a sector is full when its last page was begun.
        tail = contents[-flash.geometry.at(flash.geometry.start_of(sector)).page_size :]
        state = "erased" if not written else "full" if tail.count(ERASED) < len(tail) else "part-written"
        changed = before is not None and contents != before.sectors[sector]
        address = flash.geometry.start_of(sector)
        rows.append((sector, address, board.owner_of(sector), state, written, changed))
    return pd.DataFrame(rows, columns=["sector", "address", "owner", "state", "written", "changed"])


def plot_sectors(table: pd.DataFrame, *, columns: int = 32, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `sector_table`: a square per sector, a colour per owner, filled as far as it is written."""
    rows = ceil(len(table) / columns)
    ax = ax if ax is not None else plt.subplots(figsize=(columns * 0.3, rows * 0.34 + 0.9))[1]
    for row in table.itertuples():
        x, y = row.sector % columns, row.sector // columns
        colour, hatch = _looks(row.owner)
        ax.add_patch(Rectangle((x + 0.05, y + 0.05), 0.9, 0.9, facecolor=paper(), edgecolor=colour, linewidth=0.8))
        # A record is some eighty bytes of a sector: what is written at all must be seen.
        height = 0.9 * max(row.written, 0.15 if row.written else 0)
        ax.add_patch(
            Rectangle((x + 0.05, y + 0.95 - height), 0.9, height, facecolor=colour, edgecolor=paper(),
                      hatch=hatch, linewidth=0, alpha=0.85)
        )  # fmt: skip
        if row.changed:
            ax.plot(x + 0.5, y + 0.5, marker="o", markersize=3.5, color=paper(), markeredgecolor=ink())
    ax.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal", title=title, xticks=[])
    firsts = [f"0x{int(table.address.iloc[n * columns]):06x}" for n in range(rows)]
    ax.set_yticks([n + 0.5 for n in range(rows)], firsts, fontsize=7)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.legend(handles=_legend(table), ncols=3, fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0))
    return literal(ax)


def _looks(owner: str) -> tuple[str, str]:
    return themed(style.colour_of_owner(owner)), HATCHES.get(owner.rsplit(maxsplit=1)[-1], "")


def _legend(table: pd.DataFrame) -> list[Patch]:
    handles = []
    for owner in sorted(table.owner.unique(), key=lambda name: (name == "free", name)):
        colour, hatch = _looks(owner)
        handles.append(Patch(facecolor=colour, hatch=hatch, edgecolor=paper(), label=owner))
    return handles


def trace_table(lived: Life) -> pd.DataFrame:
    """Return one row per effect of a life: run, effect, phase, kind, what, sector, owner, at and seconds."""
    table = pd.DataFrame(list(effects(lived)))
    return table.assign(sector=pd.to_numeric(table.sector, errors="coerce").astype("Int64"))


def phase_table(lived: Life) -> pd.DataFrame:
    """Return one row per phase of a life: how many effects of each kind, and how many seconds."""
    return pd.DataFrame.from_dict(by_phase(lived), orient="index").rename_axis("phase")


def plot_phases(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `phase_table`: how long each phase takes; the scale is logarithmic, so that short ones are seen."""
    ax = ax if ax is not None else plt.subplots(figsize=(7, 0.35 * len(table) + 0.8))[1]
    bars = ax.barh(table.index, table.seconds, color=[themed(style.PHASE_COLOURS[phase]) for phase in table.index])
    ax.bar_label(bars, labels=[f" {seconds:.3g} s" for seconds in table.seconds], fontsize=8)
    ax.set(xscale="log", xlabel="seconds", title=title)
    ax.invert_yaxis()
    ax.margins(x=0.15)
    return literal(ax)

"""Figures about risk: a table first, a drawing second.

What is told apart by colour is told apart by a shape, a hatch or a text too; text and lines take the theme's colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil, floor, log10
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.ticker import NullFormatter, NullLocator, PercentFormatter

from otalab.bench.ends import BAD
from otalab.errors import BadInput
from otalab.hardware.board import Board
from otalab.hardware.part import parts
from otalab.numbers.campaigns.campaign import Tally
from otalab.numbers.stats import interval
from otalab.numbers.study import Study
from otalab.views.figures.shown import literal
from otalab.views.figures.under import telling, under
from otalab.views.style import ESTIMATE, EXACT, SERIES, SHARES, VERMILION

MARKERS = "osD^vPX*"


class Convergence:
    """Watches a campaign, chunk by chunk: to be given as `on_chunk`."""

    def __init__(self, *ends: str) -> None:
        self.ends = ends or BAD
        self.seen: list[tuple[int, int]] = []

    def __call__(self, tally: Tally) -> None:
        """Take note of how many devices are done, and how many of them came to these ends."""
        if tally.done:
            self.seen.append((tally.done, sum(tally.counts[end] for end in self.ends)))

    @property
    def table(self) -> pd.DataFrame:
        """The `convergence_table` of what was seen."""
        return convergence_table(self.seen)


def convergence_table(seen: Iterable[tuple[int, int]], confidence: float = 0.95) -> pd.DataFrame:
    """Return one row per look at a campaign: devices, how many failed, the estimate and its interval."""
    rows = []
    for devices, failed in seen:
        share = interval(failed, devices, confidence)
        rows.append((devices, failed, share.estimate, share.low, share.high))
    return pd.DataFrame(rows, columns=["devices", "failed", "estimate", "low", "high"])


def plot_convergence(
    table: pd.DataFrame, *, exact: float | None = None, label: str = "", title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a `convergence_table`: the estimate in its band, and the exact value as a line."""
    ax = ax if ax is not None else plt.subplots(figsize=(7, 3.6))[1]
    ax.fill_between(
        table.devices,
        table.low,
        table.high,
        color=ESTIMATE,
        alpha=0.25,
        linewidth=0,
        label="95 %, Clopper-Pearson, two-sided",
    )
    for edge in (table.low, table.high):
        ax.plot(table.devices, edge, color=ESTIMATE, linewidth=0.8)  # the band alone is faint on a dark ground
    ax.plot(table.devices, table.estimate, color=ESTIMATE, marker="o", markersize=3, label=label or "estimate")
    if exact is not None:
        ax.axhline(exact, color=EXACT, linestyle="--", label=f"exact: {exact:.4g}")
    ax.set(xscale="log", xlabel="devices", ylabel="probability", title=title)
    ax.legend(fontsize=8, frameon=False)
    return literal(ax)


def part_table(studies: Mapping[str, Study], names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return one row per study and flash part: the probability of a bad end, between `low` and `high`.

    A part that does not fit the board, or lacks a time, has no numbers, and `why` says which.
    The parts are those of the table, if not named.
    """
    rows = []
    for label, weighed in studies.items():
        for name in parts() if names is None else names:
            try:
                own = weighed.board.parts and name == weighed.scenario.part_names
                other = weighed if own else replace(weighed, part=name)
                other.refuse_nonsense()
            except BadInput as error:
                rows.append((label, name, np.nan, np.nan, str(error)))
                continue
            rows.append((label, name, *other.weighed.interval(*BAD), ""))
    return telling(pd.DataFrame(rows, columns=["design", "part", "low", "high", "why"]), *studies.values())


def plot_parts(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `part_table`: a row per part, a mark per study; parts without numbers are left out, and named.

    A risk of 0 has no place on the scale; its mark is hollow and stands on the left edge.
    """
    fits = table.dropna(subset=["low"])
    order = fits.groupby("part").high.max().sort_values().index
    left = [name for name in dict.fromkeys(table.part) if name not in order]
    note = fill(f"left out, for they do not fit or lack a time: {', '.join(left)}", 80) if left else ""
    ax = ax if ax is not None else plt.subplots(figsize=(7, 0.32 * len(order) + 1.5))[1]
    place = {name: number for number, name in enumerate(order)}
    some = fits[["low", "high"]].to_numpy()
    some = some[some > 0]
    # Whole decades: on a logarithmic scale that has none, no number would be written.
    edge, end = (10.0 ** floor(log10(min(some, default=0.5))), 10.0 ** ceil(log10(max(some, default=1.0))))
    edge /= 10 if (fits.low == 0).any() or edge == end else 1
    for number, (label, rows) in enumerate(fits.groupby("design", sort=False)):
        colour, y = SERIES[number % len(SERIES)], rows.part.map(place)
        looks: dict[str, Any] = {"marker": MARKERS[number % len(MARKERS)], "color": colour, "linestyle": ""}
        ax.hlines(y, rows.low.clip(edge), rows.high, color=colour, linewidth=3, alpha=0.6)
        ax.plot(rows.high.where(rows.high > 0), y, **looks, label=label)
        ax.plot(np.full(len(y), edge), y.where(rows.high == 0), **looks, fillstyle="none", clip_on=False)
    ax.set(xscale="log", xlim=(edge, end), xlabel="probability of a bad end, per update", title=title)
    if (fits.high == 0).any():
        ax.annotate("0", (0, 0), (0, -4), xycoords="axes fraction", textcoords="offset points", ha="center", va="top")
        ax.set_xticks([tick for tick in ax.get_xticks() if edge < tick <= end])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(range(len(order)), order, fontsize=8)
    under(ax, table, points=38, also=note)
    ax.grid(axis="x", alpha=0.3)
    ax.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4)
    ax.set_title(title, pad=24 if title else None)
    return literal(ax)


def risk_phase_table(study: Study) -> pd.DataFrame:
    """Return one row per phase: expected seconds and cuts, the probability of a fatal cut, and the share of each."""
    table = pd.DataFrame(study.weighed.by_phase())
    for name in ("seconds", "cuts", "p_bad"):
        total = table[name].sum()
        table[f"{name}_share"] = table[name] / total if total else 0.0
    return telling(table, study)


def plot_risk_phases(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `risk_phase_table`: of the time, of all cuts and of the fatal ones, the share of each phase."""
    ax = ax if ax is not None else plt.subplots(figsize=(7, 0.5 * len(table) + 1.2))[1]
    bars = (("seconds", "time", ""), ("cuts", "cuts", "////"), ("p_bad", "fatal cuts", "xxxx"))
    for number, (name, label, hatch) in enumerate(bars):
        drawn = ax.barh(
            np.arange(len(table)) + 0.27 * (number - 1),
            table[f"{name}_share"],
            height=0.25,
            color=SHARES[number],
            hatch=hatch,
            edgecolor=ax.get_facecolor(),
            label=label,
        )
        texts = [f" {share:.2g}" if share else "" for share in table[f"{name}_share"]]
        ax.bar_label(drawn, labels=texts, fontsize=7)
    ax.set_yticks(range(len(table)), table.phase)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set(xlabel="share", title=title)
    under(ax, table, points=38)
    ax.invert_yaxis()
    ax.margins(x=0.08)
    ax.legend(fontsize=8, frameon=False)
    return literal(ax)


def plot_sensitivity(table: pd.DataFrame, *, end: str = "bad", title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `sensitivity` table as a tornado: for each input a bar from the end's probability at its low to its high.

    The line is the probability as the study has it; a value of 0 has no place on the scale, and its bar begins at the
    left edge.
    """
    rows = table[table.end == end].reset_index(drop=True)
    ax = ax if ax is not None else plt.subplots(figsize=(7, 0.5 * len(rows) + 1.2))[1]
    sides = rows[["p_low", "p_high"]].to_numpy()
    some = [value for value in (*sides.ravel(), *rows.p) if value > 0] or [0.5]
    edge, far = min(some) / 3, max(some) * 3
    for name, colour, hatch in (("p_low", SHARES[0], ""), ("p_high", SHARES[1], "////")):
        ends = rows[name].clip(edge)
        base = rows.p.clip(edge)
        ax.barh(range(len(rows)), ends - base, left=base, height=0.6, color=colour, hatch=hatch,
                edgecolor=ax.get_facecolor(), label={"p_low": "low", "p_high": "high"}[name])  # fmt: skip
    for number, row in rows.iterrows():
        ax.annotate(f"{row.low} to {row.high}", (1, number), (4, 0), xycoords=("axes fraction", "data"),
                    textcoords="offset points", va="center", fontsize=7)  # fmt: skip
    if len(rows) and rows.p[0] > 0:
        ax.axvline(rows.p[0], color=EXACT, linestyle="--", linewidth=0.8)
    ax.set(xscale="log", xlim=(edge, far), xlabel=f"probability per update: {end}", title=title)
    ax.set_yticks(range(len(rows)), rows.input.astype(str))
    ax.invert_yaxis()
    ax.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    ax.set_title(title, pad=24 if title else None)
    return literal(ax)


def plot_survival(tables: Mapping[str, pd.DataFrame], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw `survival` tables: the share of devices lost by each year, a line each, on a logarithmic scale."""
    ax = ax if ax is not None else plt.subplots(figsize=(7, 3.6))[1]
    for number, (label, table) in enumerate(tables.items()):
        some = table[table.lost > 0]
        every = max(1, len(some) // 8)
        ax.plot(
            some.year,
            some.lost,
            color=SERIES[number % len(SERIES)],
            marker=MARKERS[number % len(MARKERS)],
            markevery=every,
            label=label if len(some) else f"{label}: none",
        )
    ax.set(yscale="log", xlabel="years", ylabel="share of devices lost", title=title)
    ax.grid(axis="y", alpha=0.3)
    ax.legend(fontsize=8, frameon=False)
    return literal(ax)


def plot_wear(table: pd.DataFrame, board: Board, *, columns: int = 32, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `wear` table as a map of sectors: the stronger, the more erases; the most worn one is named."""
    if not table.erases.any():
        raise BadInput("wear: nothing was erased, so there is nothing to draw")
    rows = ceil(board.geometry.count / columns)
    ax = ax if ax is not None else plt.subplots(figsize=(columns * 0.27, rows * 0.32 + 1.1))[1]
    grid = np.full(rows * columns, np.nan)
    grid[table.sector] = table.erases
    top = table.loc[table.erases.idxmax()]
    least = max(float(table.erases.min()), top.erases / 1e6)
    most = max(float(top.erases), least * 1.01)
    norm = LogNorm(least, most)
    dark = sum(to_rgb(ax.get_facecolor())) < 1.5  # half of white
    colours = "cividis" if dark else "cividis_r"
    image = ax.imshow(grid.reshape(rows, columns), cmap=colours, norm=norm, aspect="equal")
    bar = ax.figure.colorbar(image, ax=ax, label="erases", shrink=0.8, pad=0.02)
    # Wear seldom spans a decade, so the scale is told by its ends.
    bar.set_ticks([least, most], labels=[f"{least:.3g}", f"{most:.3g}"])
    bar.ax.yaxis.set_minor_locator(NullLocator())
    ax.plot(top.sector % columns, top.sector // columns, "x", color=VERMILION, markersize=9, markeredgewidth=2)
    ax.set_xlabel(
        f"x: sector {top.sector} ({top.owner}), {top.erases:.3g} erases, {top.used:.2%} of its life",
        fontsize=8,
        loc="left",
    )
    firsts = [f"0x{board.geometry.start_of(n * columns):06x}" for n in range(rows)]
    ax.set_yticks(range(rows), firsts, fontsize=7)
    ax.set(xticks=[], title=title)
    ax.tick_params(length=0)
    return literal(ax)

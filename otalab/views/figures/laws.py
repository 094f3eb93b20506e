"""Figures about what is not one number: each end under a law, as an interval with two marks in it."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, log10
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from otalab.numbers.study import Study
from otalab.views.figures.shown import literal
from otalab.views.figures.under import telling, under
from otalab.views.style import ESTIMATE, EXACT

# What a law's rows call their interval, and the two readings that are marked.
READINGS = {
    "mixture": ("one rate, not known", {"mixture": "homes that differ", "at_mean": "at the mean rate"}),
    "kept": ("laws drawn afresh", {"mean": "their mean", "kept": "silicon that keeps one law"}),
    "begun": ("begun in these hours, as far as known", {"begun": "begun in these hours", "any_hour": "at any hour"}),
}


def law_table(study: Study, rows: Iterable[Any]) -> pd.DataFrame:
    """Return one row per end that can be, of what `unsure`, `unsure_weights` or `by_hour` came to."""
    table = pd.DataFrame(rows)
    return telling(table[table.high > 0].reset_index(drop=True), study)


def plot_law(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `law_table`: a line for each end's interval, and a mark for each of its readings.

    A probability of 0 has no place on the scale: its mark stands on the left edge, where a line begins whose lower end
    is 0.
    """
    label, marks = next(reading for column, reading in READINGS.items() if column in table.columns)
    ax = ax if ax is not None else plt.subplots(figsize=(7, 0.45 * len(table) + 1.4))[1]
    some = table[["low", "high", *marks]].to_numpy()
    some = some[some > 0]
    # Whole decades: on a logarithmic scale that has none, no number would be written.
    edge, end = 10.0 ** floor(log10(min(some, default=0.5))), 10.0 ** ceil(log10(max(some, default=1.0)))
    none = bool((table[["low", *marks]] == 0).any(axis=None))
    edge /= 10 if none or edge == end else 1
    places = pd.Series(range(len(table)))
    ax.hlines(places, table.low.clip(edge), table.high, color=ESTIMATE, linewidth=4, alpha=0.4, label=label)
    looks: tuple[dict[str, Any], ...] = (
        {"marker": "o", "color": ESTIMATE, "markersize": 5},
        {"marker": "D", "color": EXACT, "markersize": 9, "fillstyle": "none"},
    )
    for (column, name), look in zip(marks.items(), looks, strict=True):
        ax.plot(table[column].clip(edge), places, linestyle="", clip_on=False, label=name, **look)
    ax.set(xscale="log", xlim=(edge, end), xlabel="probability per update")
    if none:
        ax.annotate("0", (0, 0), (0, -4), xycoords="axes fraction", textcoords="offset points", ha="center", va="top")
        ax.set_xticks([tick for tick in ax.get_xticks() if edge < tick <= end])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(places, table.end)
    ax.invert_yaxis()
    ax.margins(y=0.15)
    under(ax, table, points=38)
    ax.grid(axis="x", alpha=0.3)
    ax.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    ax.set_title(title, pad=24 if title else None)
    return literal(ax)

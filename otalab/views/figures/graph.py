"""Figures about crash graphs: a table first, a drawing second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from math import log10
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from otalab.graph.check import Cell, matrix
from otalab.graph.crash_graph import CrashGraph
from otalab.text import number_of
from otalab.views import style
from otalab.views.figures.shown import ink, literal, paper
from otalab.views.graph_rows import LOOKS, SINGLY, GraphEdge, GraphNode, layered, nodes, places, ways, worst


def verdict_table(cells: Sequence[Cell]) -> pd.DataFrame:
    """Return one row per design, one column per fault model and image; the texts say how many cuts it takes.

    Where the search ended before the graph was closed, the cuts are those of *a* counterexample: `at most`.
    """
    rows = [
        (row["design"], row["faults"], row["image"], _verdict(row, cell.graph.closed))
        for row, cell in zip(matrix(cells), cells, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["design", "faults", "image", "verdict"])
    wide = table.pivot_table(index="design", columns=["faults", "image"], values="verdict", aggfunc="first")
    columns = pd.MultiIndex.from_tuples(dict.fromkeys((row[1], row[2]) for row in rows), names=["faults", "image"])
    return wide.reindex(index=list(dict.fromkeys(table.design)), columns=columns).fillna("")


def _verdict(row: dict[str, Any], closed: bool) -> str:
    if row["verdict"] != "unsafe":
        return str(row["verdict"])
    cuts = number_of(row["cuts"], "cut") if row["cuts"] else "no cut"
    return f"unsafe: {cuts}" if closed or row["cuts"] == 0 else f"unsafe: at most {cuts}"


def style_verdicts(table: pd.DataFrame) -> Any:
    """Return a `verdict_table` with a colour per verdict, for a notebook to show; names are text and no page."""
    styled = table.style.map(_coloured).format(escape="html")
    return styled.format_index(escape="html", axis=0).format_index(escape="html", axis=1)


def _coloured(text: str) -> str:
    colour = style.VERDICT_COLOURS.get(text.partition(":")[0])
    weight = "bold" if text.startswith("unsafe") else "normal"
    return f"background-color: {colour}; color: black; font-weight: {weight}" if colour else ""


def edge_table(graph: CrashGraph, passages: Sequence[float] | None = None) -> pd.DataFrame:
    """Return one row per pair of nodes and kind of edge, `cut` or `reset`: how many tears lead there, and of what.

    `effects`, `erases` and `programs` count effects, `phases` are those in which they fall, `first` is the first tear.
    With the `passages` of the graph's edges, as `Weighed` has them, `expected` is how often the way is taken.
    """
    columns = {
        "source": int, "target": int, "kind": object, "tears": int, "effects": int, "erases": int, "programs": int,
        "phases": object, "first": object, "expected": float,
    }  # fmt: skip
    rows = [
        (way.source, way.target, way.kind, way.tears, len(way.effects), len(way.erases), len(way.programs),
         ", ".join(way.phases), way.first, way.expected)
        for way in ways(graph, passages)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[*columns]).astype(columns)


def graph_table(graph: CrashGraph) -> pd.DataFrame:
    """Return one row per node: its layer (the fewest cuts that lead there), the ends of its runs, and two counts.

    `tears_in` and `tears_out` are the torn contents that lead to the node and those that its own cuts leave;
    a run that ends in a reset `resets`, and its end is that of the node where it leads.
    """
    return pd.DataFrame([asdict(node) for node in nodes(graph, ways(graph))])


def plot_graph(graph: CrashGraph, *, ax: Axes | None = None) -> Axes:
    """Draw a graph, a column per number of cuts; one of more than 60 nodes as counts per column and end."""
    between = ways(graph)
    drawn = nodes(graph, between)
    layers = layered(drawn)
    tallest = max(map(len, layers)) if graph.nodes <= SINGLY else 0
    ax = ax if ax is not None else plt.subplots(figsize=(9, max(5.0, 0.42 * tallest)))[1]
    if graph.nodes > SINGLY:
        _plot_counts(layers, ax)
    else:
        _plot_nodes(drawn, between, ax)
    ax.set_xticks(range(len(layers)), [number_of(layer, "cut") for layer in range(len(layers))])
    ax.set(xlim=(-0.6, len(layers) - 0.4), title="" if graph.closed else "not closed: there may be more")
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return literal(ax)


def _plot_nodes(drawn: Sequence[GraphNode], between: Sequence[GraphEdge], ax: Axes) -> None:
    placed = places(drawn)
    for way in between:
        _arrow(ax, placed[way.source], placed[way.target], way)
    for node in drawn:
        ax.plot(*placed[node.node], **_look(worst(node.ends)), markersize=20, zorder=3)
        box = {"boxstyle": "round,pad=0.1", "facecolor": paper(), "edgecolor": "none", "alpha": 0.8}
        ax.text(*placed[node.node], str(node.node), ha="center", va="center", fontsize=8, zorder=4, bbox=box)
    tallest = max(y for _, y in placed.values())
    ax.set(ylim=(-tallest - 1.0, tallest + 1.0), yticks=[])
    ends = sorted({worst(node.ends) for node in drawn}, key=list(LOOKS).index)
    handles = [_marker(end) for end in ends]
    handles.append(Line2D([], [], color=ink(), alpha=0.4, linewidth=_width(100), label="cut, 100 tears"))
    handles.append(Line2D([], [], color=ink(), alpha=0.4, linewidth=_width(100_000), label="cut, 100,000 tears"))
    handles.append(Line2D([], [], color=ink(), linestyle="--", label="reset, no cut"))
    ax.legend(handles=handles, ncols=4, fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.06))


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], way: GraphEdge) -> None:
    looks: dict[str, Any] = {"color": ink(), "linewidth": _width(way.tears), "alpha": 0.4}
    if way.kind == "reset":
        looks = {"color": ink(), "linewidth": 1.3, "linestyle": "--"}
    if start == end:
        # Points, not data: a loop above the node, whatever the axes' scale.
        (x, y), bend = start, "arc3,rad=-1.6"
        ax.annotate("", (x + 0.03, y + 0.28), (x - 0.03, y + 0.28), zorder=2,
                    arrowprops={"arrowstyle": "-", "connectionstyle": bend, **looks})  # fmt: skip
        return
    bend = "arc3,rad=-0.18" if start[0] <= end[0] else "arc3,rad=-0.28"
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=10, connectionstyle=bend,
                        shrinkA=11, shrinkB=11, zorder=2 if way.kind == "reset" else 1, **looks)
    )  # fmt: skip


def _plot_counts(layers: Sequence[Sequence[GraphNode]], ax: Axes) -> None:
    counts = [Counter(worst(node.ends) for node in layer) for layer in layers]
    ends = [end for end in LOOKS if any(end in count for count in counts)]
    for layer, count in enumerate(counts):
        for end, many in count.items():
            size, row = 12 + 10 * log10(many), ends.index(end)
            ax.plot(layer, row, **_look(end), markersize=size)
            ax.annotate(
                f"{many:,}", (layer, row), (0, -size / 2 - 4), textcoords="offset points", ha="center", va="top"
            )
    ax.set_yticks(range(len(ends)), ends)
    ax.set(ylim=(len(ends) - 0.4, -0.6))


def _width(tears: int) -> float:
    return 0.5 + 0.7 * log10(max(tears, 1))


def _marker(end: str) -> Line2D:
    return Line2D([], [], linestyle="", markersize=10, label=end, **_look(end))


def _look(end: str) -> dict[str, Any]:
    """Return colour and shape of an end; the outline keeps the light ones apart from the paper, whatever its colour."""
    colour, marker = LOOKS[end]
    return {"color": colour or paper(), "marker": marker, "markeredgecolor": ink()}

"""Figures about crash graphs: a table first, a drawing second."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import log10
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from otalab.bench.ends import ENDS
from otalab.graph.check import Cell, matrix
from otalab.graph.crash_graph import NO_END, NOTHING, RESET, CrashGraph
from otalab.text import number_of
from otalab.views import style
from otalab.views.figures.shown import ink, literal, paper

# Colour and shape of each end; a run that resets is as the paper.
LOOKS = {end: (style.END_COLOURS[end], sign) for end, sign in style.END_SIGNS.items()} | {"resets": ("", "o")}
SINGLY = 60


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
    labels = np.array(graph.labels)[graph.edge_label]
    effect = pd.Series(list(zip(graph.edge_run.tolist(), graph.edge_step.tolist(), strict=True)), dtype=object)
    erases = graph.edge_erased != NOTHING
    table = pd.DataFrame(
        {
            "source": graph.edge_source,
            "target": graph.edge_target,
            "kind": np.where(graph.edge_step == RESET, "reset", "cut"),
            "tears": graph.edge_count,
            "effects": effect,
            "erases": effect.where(erases),
            "programs": effect.where(~erases & ~np.isin(labels, ("cut", "reset"))),
            "phases": np.array(graph.phases)[graph.edge_phase],
            "first": [f"effect {step}, {label}" for step, label in zip(graph.edge_step, labels, strict=True)],
            "expected": np.nan if passages is None else np.asarray(passages),
        }
    )
    return table.groupby(["source", "target", "kind"], as_index=False).agg(
        tears=("tears", "sum"),
        effects=("effects", "nunique"),
        erases=("erases", "nunique"),
        programs=("programs", "nunique"),
        phases=("phases", lambda names: ", ".join(dict.fromkeys(names))),
        first=("first", "first"),
        expected=("expected", lambda numbers: numbers.sum(skipna=False)),
    )


def graph_table(graph: CrashGraph) -> pd.DataFrame:
    """Return one row per node: its layer (the fewest cuts that lead there), the ends of its runs, and two counts.

    `tears_in` and `tears_out` are the torn contents that lead to the node and those that its own cuts leave;
    a run that ends in a reset `resets`, and its end is that of the node where it leads.
    """
    edges = edge_table(graph)
    ends: list[set[str]] = [set() for _ in range(graph.nodes)]
    for node, end in zip(graph.run_node.tolist(), graph.run_end.tolist(), strict=True):
        ends[node].add("stuck" if node in graph.stuck else "resets" if end == NO_END else ENDS[end])
    nodes = range(graph.nodes)
    return pd.DataFrame(
        {
            "node": nodes,
            "layer": _layers(edges, graph.nodes),
            "ends": [" ".join(sorted(names, key=list(LOOKS).index)) for names in ends],
            "tears_in": edges.groupby("target").tears.sum().reindex(nodes, fill_value=0).to_numpy(),
            "tears_out": edges.groupby("source").tears.sum().reindex(nodes, fill_value=0).to_numpy(),
        }
    )


def _layers(edges: pd.DataFrame, nodes: int) -> list[int]:
    """Return the fewest cuts to each node; a reset costs none."""
    ways: dict[int, list[tuple[int, int]]] = {}
    for edge in edges.itertuples():
        ways.setdefault(edge.source, []).append((edge.target, int(edge.kind == "cut")))
    layers, waiting = {0: 0}, deque([0])
    while waiting:
        node = waiting.popleft()
        for target, cost in ways.get(node, ()):
            if layers[node] + cost < layers.get(target, nodes + 1):
                layers[target] = layers[node] + cost
                (waiting.append if cost else waiting.appendleft)(target)
    return [layers[node] for node in range(nodes)]


def plot_graph(graph: CrashGraph, *, ax: Axes | None = None) -> Axes:
    """Draw a graph, a column per number of cuts; one of more than 60 nodes as counts per column and end."""
    nodes = graph_table(graph)
    tallest = nodes.groupby("layer").size().max() if graph.nodes <= SINGLY else 0
    ax = ax if ax is not None else plt.subplots(figsize=(9, max(5.0, 0.42 * tallest)))[1]
    if graph.nodes > SINGLY:
        _plot_counts(nodes, ax)
    else:
        _plot_nodes(nodes, edge_table(graph), ax)
    layers = range(nodes.layer.max() + 1)
    ax.set_xticks(layers, [f"{layer} cut{'s' * (layer != 1)}" for layer in layers])
    ax.set(xlim=(-0.6, layers[-1] + 0.6), title="" if graph.closed else "not closed: there may be more")
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return literal(ax)


def _plot_nodes(nodes: pd.DataFrame, edges: pd.DataFrame, ax: Axes) -> None:
    placed = places(nodes)
    for edge in edges.itertuples():
        _arrow(ax, placed[edge.source], placed[edge.target], edge)
    for node in nodes.itertuples():
        ax.plot(*placed[node.node], **_look(worst(node.ends)), markersize=20, zorder=3)
        box = {"boxstyle": "round,pad=0.1", "facecolor": paper(), "edgecolor": "none", "alpha": 0.8}
        ax.text(*placed[node.node], str(node.node), ha="center", va="center", fontsize=8, zorder=4, bbox=box)
    tallest = max(y for _, y in placed.values())
    ax.set(ylim=(-tallest - 1.0, tallest + 1.0), yticks=[])
    ends = sorted({worst(ends) for ends in nodes.ends}, key=list(LOOKS).index)
    handles = [_marker(end) for end in ends]
    handles.append(Line2D([], [], color=ink(), alpha=0.4, linewidth=_width(100), label="cut, 100 tears"))
    handles.append(Line2D([], [], color=ink(), alpha=0.4, linewidth=_width(100_000), label="cut, 100,000 tears"))
    handles.append(Line2D([], [], color=ink(), linestyle="--", label="reset, no cut"))
    ax.legend(handles=handles, ncols=4, fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.06))


def places(nodes: pd.DataFrame) -> dict[int, tuple[float, float]]:
    """Return where each node is drawn: its layer's column, node 0 at the top, zigzag so that arrows miss others."""
    rows = {}
    for layer, column in nodes.groupby("layer"):
        for row, node in enumerate(column.node):
            aside = 0.14 * (-1) ** row if len(column) > 2 else 0.0
            rows[int(node)] = layer + aside, 1.3 * ((len(column) - 1) / 2 - row)
    return rows


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], edge: Any) -> None:
    looks: dict[str, Any] = {"color": ink(), "linewidth": _width(edge.tears), "alpha": 0.4}
    if edge.kind == "reset":
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
                        shrinkA=11, shrinkB=11, zorder=2 if edge.kind == "reset" else 1, **looks)
    )  # fmt: skip


def _plot_counts(nodes: pd.DataFrame, ax: Axes) -> None:
    counts = nodes.assign(end=nodes.ends.map(worst)).groupby(["layer", "end"]).size()
    ends = [end for end in LOOKS if end in counts.index.get_level_values("end")]
    for (layer, end), count in counts.items():
        size, row = 12 + 10 * log10(count), ends.index(end)
        ax.plot(layer, row, **_look(end), markersize=size)
        ax.annotate(f"{count:,}", (layer, row), (0, -size / 2 - 4), textcoords="offset points", ha="center", va="top")
    ax.set_yticks(range(len(ends)), ends)
    ax.set(ylim=(len(ends) - 0.4, -0.6))


def worst(ends: str) -> str:
    """Return the end that a node with several is drawn as."""
    known = [*ENDS]
    return max(ends.split(), key=lambda end: known.index(end) if end in known else -1)


def _width(tears: int) -> float:
    return 0.5 + 0.7 * log10(max(tears, 1))


def _marker(end: str) -> Line2D:
    return Line2D([], [], linestyle="", markersize=10, label=end, **_look(end))


def _look(end: str) -> dict[str, Any]:
    """Return colour and shape of an end; the outline keeps the light ones apart from the paper, whatever its colour."""
    colour, marker = LOOKS[end]
    return {"color": colour or paper(), "marker": marker, "markeredgecolor": ink()}

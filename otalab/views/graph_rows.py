"""What is drawn of a crash graph: its nodes in layers of cuts, and the ways between them, as plain rows."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from otalab.bench.ends import ENDS
from otalab.graph.crash_graph import NO_END, NOTHING, RESET, CrashGraph
from otalab.views import style

# Colour and shape of each end; a run that resets is as the paper.
LOOKS = {end: (style.END_COLOURS[end], sign) for end, sign in style.END_SIGNS.items()} | {"resets": ("", "o")}
SINGLY = 60


@dataclass(slots=True)
class GraphEdge:
    """All cuts, or all resets, that lead from one node to another."""

    source: int
    target: int
    kind: str
    tears: int
    effects: set[tuple[int, int]] = field(default_factory=set)
    erases: set[tuple[int, int]] = field(default_factory=set)
    programs: set[tuple[int, int]] = field(default_factory=set)
    phases: dict[str, None] = field(default_factory=dict)
    first: str = ""
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node: the fewest cuts that lead there, the ends of its runs, and how many tears lead there and away."""

    node: int
    layer: int
    ends: str
    tears_in: int
    tears_out: int


def ways(graph: CrashGraph, passages: Sequence[float] | None = None) -> list[GraphEdge]:
    """Return the ways between nodes, by source, target and kind.

    With the `passages` of the graph's edges, as `Weighed` has them, `expected` is how often a way is taken.
    """
    # Columns and not arrays: a browser's tab has no numpy.
    column = graph.columns
    names = ("edge_run", "edge_step", "edge_target", "edge_count", "edge_label", "edge_phase", "edge_erased")
    rows: dict[tuple[int, int, str], GraphEdge] = {}
    for number, edge in enumerate(zip(*(column[name] for name in names), strict=True)):
        run, step, target, count, label, phase, erased = edge
        source, kind = column["run_node"][run], "reset" if step == RESET else "cut"
        if (source, target, kind) not in rows:
            rows[source, target, kind] = GraphEdge(source, target, kind, 0)
        way = rows[source, target, kind]
        way.tears += count
        way.first = way.first or f"effect {step}, {graph.labels[label]}"
        way.phases[graph.phases[phase]] = None
        way.effects.add((run, step))
        if erased != NOTHING:
            way.erases.add((run, step))
        elif graph.labels[label] not in ("cut", "reset"):
            way.programs.add((run, step))
        if passages is not None:
            way.expected = (way.expected or 0.0) + passages[number]
    return [rows[key] for key in sorted(rows)]


def nodes(graph: CrashGraph, between: Sequence[GraphEdge]) -> list[GraphNode]:
    """Return the nodes in order; `between` are the graph's ways.

    A run that ends in a reset `resets`, and its end is that of the node where it leads.
    """
    ends: list[set[str]] = [set() for _ in range(graph.nodes)]
    for node, end in zip(graph.columns["run_node"], graph.columns["run_end"], strict=True):
        ends[node].add("stuck" if node in graph.stuck else "resets" if end == NO_END else ENDS[end])
    coming, going = Counter[int](), Counter[int]()
    for way in between:
        coming[way.target] += way.tears
        going[way.source] += way.tears
    return [
        GraphNode(node, layer, " ".join(sorted(ends[node], key=list(LOOKS).index)), coming[node], going[node])
        for node, layer in enumerate(_layers(between, graph.nodes))
    ]


def _layers(between: Sequence[GraphEdge], count: int) -> list[int]:
    """Return the fewest cuts to each node; a reset costs none."""
    leaving: dict[int, list[tuple[int, int]]] = {}
    for way in between:
        leaving.setdefault(way.source, []).append((way.target, int(way.kind == "cut")))
    layers, waiting = {0: 0}, deque([0])
    while waiting:
        node = waiting.popleft()
        for target, cost in leaving.get(node, ()):
            if layers[node] + cost < layers.get(target, count + 1):
                layers[target] = layers[node] + cost
                (waiting.append if cost else waiting.appendleft)(target)
    return [layers[node] for node in range(count)]


def layered(rows: Sequence[GraphNode]) -> list[list[GraphNode]]:
    """Return the nodes by layer."""
    layers: list[list[GraphNode]] = [[] for _ in range(1 + max(row.layer for row in rows))]
    for row in rows:
        layers[row.layer].append(row)
    return layers


def places(rows: Sequence[GraphNode]) -> dict[int, tuple[float, float]]:
    """Return where each node is drawn: its layer's column, node 0 at the top, zigzag so that arrows miss others."""
    placed = {}
    for layer, column in enumerate(layered(rows)):
        for row, node in enumerate(column):
            aside = 0.14 * (-1) ** row if len(column) > 2 else 0.0
            placed[node.node] = layer + aside, 1.3 * ((len(column) - 1) / 2 - row)
    return placed


def worst(ends: str) -> str:
    """Return the end that a node with several is drawn as."""
    known = [*ENDS]
    return max(ends.split(), key=lambda end: known.index(end) if end in known else -1)

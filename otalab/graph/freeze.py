"""From a search to the frozen graph of what it has found."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from otalab.bench.ends import ENDS
from otalab.graph.columns import KINDS
from otalab.graph.crash_graph import NO_END, NOTHING, RESET, CrashGraph
from otalab.graph.explorer import Explorer
from otalab.graph.nodes import Edge, Node
from otalab.hardware.effects import Effect, Erase

OF_AN_EDGE = tuple(f"edge_{name}" for name in ("run", "step", "target", "count", "label", "phase", "seconds", "erased"))


def graph_of(explorer: Explorer) -> CrashGraph:
    """Return what a search has found as a frozen graph; nodes that undone merges left behind are dropped."""
    order = reached(explorer)
    runs = [(number, run) for number, node in enumerate(order) for run in node.runs]
    labels: dict[str, int] = {}
    phases: dict[str, int] = {}
    columns: dict[str, array[Any]] = {name: array(kind) for name, kind in KINDS.items()}
    columns["node_followed"].extend(node.followed for node in order)
    for number, run in runs:
        columns["run_node"].append(number)
        columns["run_probability"].append(run.probability)
        columns["run_end"].append(ENDS.index(run.end.name) if run.end else NO_END)
        columns["run_erases"].append(sum(isinstance(effect, Erase) for effect in run.effects))
        columns["run_unerased"].append(run.unerased)
    for weights, *row in _rows(explorer, order, labels, phases):
        columns["edge_weights"].extend(weights)
        for name, number in zip(OF_AN_EDGE, row, strict=True):
            columns[name].append(number)
    return CrashGraph(
        closed=explorer.closed,
        ended_by=explorer.ended_by,
        nodes=len(order),
        expanded=explorer.expanded,
        lookups=explorer.lookups,
        columns=columns,
        run_choices=tuple(run.choices for _, run in runs),
        run_reason=tuple(run.end.reason if run.end else f"it reboots for ever: {run.reset}" for _, run in runs),
        labels=tuple(labels),
        phases=tuple(phases),
        members=explorer.faults.members,
        shares=explorer.faults.shares,
    )


def _rows(
    explorer: Explorer, order: list[Node], labels: dict[str, int], phases: dict[str, int]
) -> Iterator[tuple[Any, ...]]:
    """Yield the weights and one row per edge, and give every label and phase that is met a number."""
    number, first_run = {node: n for n, node in enumerate(order)}, 0
    for node in order:
        for edge in _edges(explorer, node):
            run, cut = node.runs[edge.run], edge.step is not None
            step = RESET if edge.step is None else edge.step
            phase = run.phases[step] if cut else "boot"
            yield (
                edge.weights,
                *(first_run + edge.run, step, number[edge.target], edge.count),
                labels.setdefault(edge.label, len(labels)),
                phases.setdefault(phase, len(phases)),
                run.seconds[step] if cut else 0.0,
                _erased(run.effects[step]) if cut else NOTHING,
            )
        first_run += len(node.runs)


def _erased(effect: Effect) -> int:
    return effect.sector if isinstance(effect, Erase) else NOTHING


def reached(explorer: Explorer) -> list[Node]:
    """Return the nodes that the start leads to, in the order of their numbers in the frozen graph."""
    nodes: dict[Node, None] = {explorer.start: None}
    for node in (waiting := [explorer.start]):
        for edge in _edges(explorer, node):
            if edge.target not in nodes:
                nodes[edge.target] = None
                waiting.append(edge.target)
    return list(nodes)


def _edges(explorer: Explorer, node: Node) -> list[Edge]:
    """Return what is known of the ways out of a node; its resets are followed before its cuts."""
    if node.edges:
        return node.edges
    runs = enumerate(node.runs)
    return [Edge(number, None, run.follows, 0, explorer.never, "reset") for number, run in runs if run.follows]

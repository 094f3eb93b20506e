"""How much an open search has covered, by kind of tear, and what stands in its way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import fsum
from typing import Any, NamedTuple

from otalab.faults.tear import kind_of
from otalab.graph.crash_graph import RESET, CrashGraph
from otalab.graph.explorer import Explorer
from otalab.graph.nodes import Node
from otalab.hardware.chip import Look

UNNAMED = (
    "; its page does not say how its records are, and a table [records] would let the lab take for one what no code "
    "can tell apart"
)
ENDED_BY = {
    "nodes": "the search has as many nodes as its budget allows",
    "seconds": "the seconds of the search are over",
    "memory": "the memory of the search is used up",
    "interrupt": "somebody interrupted the search",
}
MOST_KINDS = 6  # are told, the ones that are covered least first


class Covered(NamedTuple):
    """Of one kind of tear: how many were met, how many lead to what was followed, and their share of its probability.

    Tears that nobody can tell apart stand under the kind of the first of them.
    A kind that has no probability, for it stands for coverage alone, has the share of its tears.
    """

    kind: str
    tears: int
    followed: int
    share: float


def covered(graph: CrashGraph) -> list[Covered]:
    """Return what was met in the runs whose cuts were followed, the kinds first that are covered least."""
    columns, members = graph.columns, len(graph.members)
    kinds = [kind_of(label) for label in graph.labels]
    met: dict[str, list[tuple[int, float, bool]]] = defaultdict(list)
    steps, counts, targets = columns["edge_step"], columns["edge_count"], columns["edge_target"]
    for edge, label in enumerate(columns["edge_label"]):
        if steps[edge] != RESET and counts[edge] > 0:
            weights = columns["edge_weights"][edge * members : (edge + 1) * members]
            chance = sum(weight * share for weight, share in zip(weights, graph.shares, strict=True))
            met[kinds[label]].append((counts[edge], chance, bool(columns["node_followed"][targets[edge]])))
    return sorted((_covered(kind, met[kind]) for kind in sorted(met) if kind != "cut"), key=lambda row: row.share)


def _covered(kind: str, met: list[tuple[int, float, bool]]) -> Covered:
    """Return what was met of a kind: of each edge how many tears, their probability, and whether it was followed."""
    tears, further = sum(count for count, *_ in met), sum(count for count, _, followed in met if followed)
    chance = fsum(chance for _, chance, _ in met)
    likely = fsum(chance for _, chance, followed in met if followed)
    return Covered(kind, tears, further, round(likely / chance if chance > 0 else further / tears, 6))


def obstacle(explorer: Explorer, nodes: list[Node]) -> str:
    """Say in which sector nodes differ most: of contents that are told apart there, there are too many."""
    board, identity = explorer.scenario.device.board, explorer.identity
    contents = {
        sector: len({identity.key(node.flash, Look(sector, raw=True)) for node in nodes})
        for sector in range(board.geometry.count)
        if len({node.flash.sectors[sector] for node in nodes}) > 1
    }
    sector = max(contents, key=lambda each: contents[each], default=None)
    if sector is None:
        return ""
    where = f"sector {sector} ({board.owner_of(sector)})"
    unnamed = explorer.scenario.device.records is None
    return f"{contents[sector]:,} different contents of {where} in {len(nodes):,} nodes" + (UNNAMED if unnamed else "")


def as_object(graph: CrashGraph) -> dict[str, Any]:
    """Return the coverage of an open graph, as a cell has it."""
    return {
        "ended_by": graph.ended_by,
        "followed": sum(graph.columns["node_followed"]),
        "kinds": [row._asdict() for row in covered(graph)],
        "in_the_way": graph.obstacle,
    }


def sentences(graph: CrashGraph) -> Iterator[str]:
    """Yield what an open graph has covered and what it has not, in words."""
    if graph.ended_by in ENDED_BY:
        yield ENDED_BY[graph.ended_by]
    followed = sum(graph.columns["node_followed"])
    yield f"all nodes were run on steady power; of {graph.nodes:,} nodes {followed:,} had every cut followed too"
    rows = covered(graph)
    parts = [f"{row.kind} {row.tears:,} ({row.share:.1%})" for row in rows[:MOST_KINDS]]
    more = f", and {len(rows) - MOST_KINDS} more kinds" if len(rows) > MOST_KINDS else ""
    if parts:
        yield f"tears by kind, and the share of them that was followed further: {', '.join(parts)}{more}"
    if graph.obstacle:
        yield f"what stands in the way: {graph.obstacle}"

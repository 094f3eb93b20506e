"""How much an open search has covered, by kind of tear, and what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

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
    cuts = (graph.edge_step != RESET) & (graph.edge_count > 0)
    followed = graph.node_followed[graph.edge_target]
    chance = graph.edge_weights @ np.array(graph.shares)
    kinds = np.array([kind_of(label) for label in graph.labels] or [""])[graph.edge_label]
    rows = []
    for kind in sorted(set(kinds[cuts].tolist()) - {"cut"}):
        of_kind = cuts & (kinds == kind)
        weights = chance if chance[of_kind].sum() > 0 else graph.edge_count
        share = weights[of_kind & followed].sum() / weights[of_kind].sum()
        met, further = (int(graph.edge_count[which].sum()) for which in (of_kind, of_kind & followed))
        rows.append(Covered(kind, met, further, round(float(share), 6)))
    return sorted(rows, key=lambda row: row.share)


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
        "followed": int(graph.node_followed.sum()),
        "kinds": [row._asdict() for row in covered(graph)],
        "in_the_way": graph.obstacle,
    }


def sentences(graph: CrashGraph) -> Iterator[str]:
    """Yield what an open graph has covered and what it has not, in words."""
    if graph.ended_by in ENDED_BY:
        yield ENDED_BY[graph.ended_by]
    followed = int(graph.node_followed.sum())
    yield f"all nodes were run on steady power; of {graph.nodes:,} nodes {followed:,} had every cut followed too"
    rows = covered(graph)
    parts = [f"{row.kind} {row.tears:,} ({row.share:.1%})" for row in rows[:MOST_KINDS]]
    more = f", and {len(rows) - MOST_KINDS} more kinds" if len(rows) > MOST_KINDS else ""
    if parts:
        yield f"tears by kind, and the share of them that was followed further: {', '.join(parts)}{more}"
    if graph.obstacle:
        yield f"what stands in the way: {graph.obstacle}"

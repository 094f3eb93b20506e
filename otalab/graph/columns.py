"""What a crash graph holds by the thousand: plain columns, and each as an array under its own name."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from otalab.graph.arrays import Bools, Floats, Ints, as_array

WHOLE, REAL, YES = "q", "d", "b"  # 64 bits, whole or real; 0 or 1
KINDS = (
    {"node_followed": YES}
    | dict.fromkeys(("run_node", "run_end", "run_erases", "run_unerased"), WHOLE)
    | dict.fromkeys(("edge_run", "edge_step", "edge_target", "edge_count"), WHOLE)
    | dict.fromkeys(("edge_label", "edge_phase", "edge_erased"), WHOLE)
    | dict.fromkeys(("run_probability", "edge_weights", "edge_seconds"), REAL)
)


def _ints(name: str) -> cached_property[Ints]:
    def made(graph: GraphTable) -> Ints:
        numbers: Ints = as_array(graph.columns[name])
        return numbers

    return cached_property(made)


def _floats(name: str) -> cached_property[Floats]:
    def made(graph: GraphTable) -> Floats:
        numbers: Floats = as_array(graph.columns[name])
        return numbers

    return cached_property(made)


class GraphTable:
    """The columns of a crash graph as arrays, each made when somebody asks for it."""

    columns: Mapping[str, array[Any]]
    members: tuple[str, ...]

    run_node, run_end, run_erases, run_unerased = map(_ints, ("run_node", "run_end", "run_erases", "run_unerased"))
    run_probability = _floats("run_probability")
    edge_run, edge_step, edge_target = map(_ints, ("edge_run", "edge_step", "edge_target"))
    edge_count, edge_label, edge_phase = map(_ints, ("edge_count", "edge_label", "edge_phase"))
    edge_seconds, edge_erased = _floats("edge_seconds"), _ints("edge_erased")

    @cached_property
    def node_followed(self) -> Bools:
        """Of each node, whether every cut was followed."""
        followed: Bools = as_array(self.columns["node_followed"]).view(bool)
        return followed

    @cached_property
    def edge_weights(self) -> Floats:
        """Of each edge, its probability under each member of the fault model."""
        weights: Floats = as_array(self.columns["edge_weights"]).reshape(-1, len(self.members))
        return weights

    @cached_property
    def edge_source(self) -> Ints:
        """The node that each edge leaves."""
        sources: Ints = self.run_node[self.edge_run]
        return sources

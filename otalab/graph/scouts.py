"""One cell's search and its scouts: searches that leave less, and so find sooner what breaks a design."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from otalab.bench.scenario import Scenario
from otalab.faults.models import FAULTS, fault_model
from otalab.faults.tear import FaultModel
from otalab.graph.budget import BegunBudget
from otalab.graph.coverage import obstacle
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.journal import COMPLETED

# Members of `all` that leave little: what a search of one of them costs is mostly nothing beside that of all.
CHEAP = ("atomic", "torn-program", "weak-erase")
# Of each kind of tear, the first two alone, then every power of two: a thousand tears of one kind hide the second kind.
FEW, POWERS = 2, 2**30
FIRST = 20  # at first a search gets one node where the whole one has so many
SOON = 0.2  # of the time that is left, if there is a limit, for what is asked before the long search, or after it
KINDS = 5  # and so a search of kinds always, which shows early what it can show at all


def searched(
    scenario: Scenario, faults: FaultModel, budget: BegunBudget, progress: Callable[[Explorer], None]
) -> CrashGraph:
    """Return what a search found; its `ended_by` says whether somebody broke it off.

    What closes with few nodes needs no more. Else scouts that leave less are asked before the long search, so that
    however it ends, a design that one of them breaks is unsafe; where it stays open, they are asked again, with more
    nodes.
    A device that is lost by itself in the course of several updates is told of at once: no cut makes that way shorter,
    and cuts on it are those of a device that is lost anyway.
    """
    return CellSearch(scenario, faults, budget, progress).searched()


@dataclass(frozen=True, slots=True)
class CellSearch:
    """The searches for one cell, which share a budget."""

    scenario: Scenario
    faults: FaultModel
    budget: BegunBudget
    progress: Callable[[Explorer], None]

    def searched(self) -> CrashGraph:
        """Return what is known at the end."""
        first, broken, stop = self._soon()
        if stop or (first and enough(self.scenario, first)):
            return _ended(broken or first, stop)
        whole = self._explored(self.faults, self.budget.part(1 - SOON))
        stop = self._over(whole)
        if whole.verdict == "open" and not (broken or stop):
            broken, stop = self._scouted(self.budget)
        if whole.verdict != "open":
            return _ended(whole, stop)
        # Of a search whose time was over too soon to come as far as the first one, that one knows more.
        return _ended(broken or (first if first and first.nodes > whole.nodes else whole), stop)

    def _soon(self) -> tuple[CrashGraph | None, CrashGraph | None, str]:
        """Return what few nodes tell, what scouts with few nodes have broken, and what ends all of it."""
        nodes = self.budget.counted // FIRST
        if not nodes:
            return None, None, ""
        few = self.budget.of_nodes(nodes)
        first = self._explored(self.faults, few.part(SOON))
        stop = self._over(first)
        if stop or enough(self.scenario, first):
            return first, None, stop
        return first, *self._scouted(few.part(SOON))

    def _scouted(self, allowed: BegunBudget) -> tuple[CrashGraph | None, str]:
        """Ask until one breaks the design; its graph is not closed, for it says nothing of the other tears."""
        for scout, most in scouts(self.faults, self.budget.counted):
            graph = self._explored(scout, allowed.of_nodes(most))
            stop = self._over(graph)
            if graph.verdict == "unsafe":
                return replace(graph, closed=False), stop
            if stop:
                return None, stop
        return None, ""

    def _over(self, graph: CrashGraph) -> str:
        """Return what ends all of it, if something does."""
        return graph.ended_by if graph.ended_by in ("interrupt", "memory") else self.budget.late()

    def _explored(self, model: FaultModel, allowed: BegunBudget) -> CrashGraph:
        return explored(self.scenario, model, allowed, self.progress)


def _ended(graph: CrashGraph | None, stop: str) -> CrashGraph:
    assert graph is not None
    return replace(graph, ended_by=stop) if stop and not graph.closed else graph


def explored(
    scenario: Scenario, model: FaultModel, budget: BegunBudget, progress: Callable[[Explorer], None]
) -> CrashGraph:
    """Return what one search found; journals by their entries, where that holds."""
    for verdict_only in (True, False) if of_the_lab(model) else (False,):
        explorer = Explorer(scenario, model, budget=budget, progress=progress, verdict_only=verdict_only)
        explorer.explore()
        graph = graph_of(explorer)
        if graph.verdict == "open":
            graph = replace(graph, obstacle=obstacle(explorer, explorer.nodes))
        if explorer.interrupted or not leans_on_completed(graph):
            break
    return graph


def of_the_lab(model: FaultModel) -> bool:
    """Say whether all that a model leaves comes from the lab's own: the classes of a journal go by what these do."""
    own = {leave for known in FAULTS.values() for _, leave, _ in known.parts}
    parts = getattr(model, "parts", ())
    return bool(parts) and all(leave in own for _, leave, _ in parts)


def leans_on_completed(graph: CrashGraph) -> bool:
    """Say whether an end was found only by way of a record that was taken to be completed: no history plays that."""
    legs = (leg for history in graph.histories.values() for leg in history.legs)
    return any(leg.tear.startswith(COMPLETED) for leg in legs)


def enough(scenario: Scenario, graph: CrashGraph) -> bool:
    """Say whether a search with few nodes has answered: it is closed, or several updates lose the device uncut."""
    bad = graph.counterexample
    return graph.closed or (bool(scenario.earlier or scenario.generations) and bad is not None and not bad.cuts)


def scouts(faults: FaultModel, budget: int) -> Iterator[tuple[FaultModel, int]]:
    """Yield models that leave nothing that this one does not leave, and much less, with the most nodes for each.

    They are its cheap members, and its kinds of tears.
    """
    if len(faults.members) > 1:
        yield from ((fault_model(name), budget) for name in CHEAP if name in faults.members)
    yield from ((faults.by_kinds(most), -(-budget // KINDS)) for most in (FEW, POWERS))

"""Where a search met a program over flash that is not erased: the shortest history to it, in words and as an id."""

from __future__ import annotations

from typing import Any, NamedTuple

from otalab.bench.scenario import Scenario
from otalab.bench.unerased import sentence
from otalab.faults.tear import FaultModel
from otalab.graph.case import Case
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.history import History, play
from otalab.text import number_of


class ProgramFinding(NamedTuple):
    """A history, the effect of its last run that programs over flash that is not erased, and what that leaves."""

    id: str
    run: int
    effect: int
    cuts: int
    reason: str

    @property
    def text(self) -> str:
        """The same in a sentence."""
        when = f"after {number_of(self.cuts, 'cut')}" if self.cuts else "without a cut"
        return f"{self.reason}; first in run {self.run}, effect {self.effect}, {when}"

    def as_object(self) -> dict[str, Any]:
        """The same in the shape that JSON has."""
        return self._asdict()


def found_over_unerased(case: Case, graph: CrashGraph, scenario: Scenario, faults: FaultModel) -> ProgramFinding | None:
    """Return what a graph has of it, played on plain contents; it is allowed, and no end of a history."""
    if (shortest := graph.over_unerased) is None:
        return None
    legs, effect = shortest
    history = History(legs, "", "")
    *_, last = play(scenario, faults, legs)
    reason = sentence(scenario.device.board, last.run.steps[effect])
    return ProgramFinding(case.identity(history), len(legs) - 1, effect, len(history.cuts), reason)

"""Designs under the same cuts: what kills one is done to the others, and said what becomes of them.

The same cut is one in the same effect of the same phase of the same run, leaving the same; where a design has no such
effect, or its effect no such tear, there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otalab.bench.trace import words
from otalab.errors import BadInput
from otalab.graph.check import Cell
from otalab.views.player.life import Cut, Memory, PlayedLife, live
from otalab.views.report.facts import Reviewed


@dataclass(frozen=True, slots=True)
class SameCut:
    """What one design's worst cuts do to every design: its name, the id that plays them, and an answer for each."""

    design: str
    identity: str
    answers: tuple[str, ...]


class SameCuts:
    """Worst cuts and what they do to each design, kept: a report that grows asks for most of them again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def rows(self, every: Sequence[Reviewed]) -> list[SameCut]:
        """Return a row for each design that dies of cuts, with what the same ones do to each, in the order given."""
        return [row for reviewed in every if (row := self._row(reviewed, every))]

    def _row(self, reviewed: Reviewed, every: Sequence[Reviewed]) -> SameCut | None:
        cell, history = reviewed.standing.shown_by, reviewed.standing.history
        if cell is None or history is None or not history.cuts or reviewed.standing.verdict != "unsafe":
            return None
        cuts = [(number, leg.step, leg.tear) for number, leg in history.cuts if leg.step is not None]
        choices = [leg.choices for leg in history.legs]
        identity = cell.case.identity(history)
        new = [other for other in every if (identity, other.given) not in self._known]
        if new:
            own = live(cell.scenario, cell.faults, cuts, choices, {})
        for other in new:
            self._known[identity, other.given] = _answer(own, cuts, choices, _alike(other, cell))
        answers = tuple(self._known[identity, other.given] for other in every)
        return SameCut(reviewed.design.name, identity, answers)


def _alike(reviewed: Reviewed, cell: Cell) -> Cell | None:
    """Return the cell of a design for the same fault model and image."""
    same = (cell.case.faults, cell.case.image)
    return next((other for other in reviewed.cells if (other.case.faults, other.case.image) == same), None)


def _answer(own: PlayedLife, cuts: list[Cut], choices: list[str], cell: Cell | None) -> str:
    if cell is None:
        return "not asked"
    done: list[Cut] = []
    torn: list[str] = []
    memory: Memory = {}
    for number, step, tear in cuts:
        try:
            # Cut by cut: which effects a run has is known once those before it were cut.
            lived = live(cell.scenario, cell.faults, done, choices, memory)
            place = _same_place(own, lived, number, step)
            done.append((number, place, tear))
            lived = live(cell.scenario, cell.faults, done, choices, memory)
        except BadInput:
            return f"no such cut in run {number}"
        torn.append(words(lived.played[number].steps[place].effect))
    return f"{lived.end.name}, cut in: {', then '.join(torn)}"


def _same_place(own: PlayedLife, other: PlayedLife, number: int, step: int) -> int:
    """Return the effect of another life that is the same number of its phase in the same run."""
    if number >= len(other.played):
        raise BadInput(f"run {number} does not happen")
    phase = own.played[number].steps[step].phase
    before = sum(earlier.phase == phase for earlier in own.played[number].steps[:step])
    there = [place.number for place in other.played[number].steps if place.phase == phase]
    if before >= len(there):
        raise BadInput(f"run {number} has no such effect in the phase {phase}")
    return there[before]

"""Designs under the same cuts: what kills one is done to the others, and said what becomes of them.

The same cut is one in the same effect of the same phase of the same run, leaving the same; where a design has no such
effect, or its effect no such tear, there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otalab.bench.trace import words
from otalab.errors import BadInput
from otalab.graph.case import digest
from otalab.graph.check import Cell
from otalab.views.player.life import PlayedLife, live
from otalab.views.player.same_place import cuts_under
from otalab.views.report.facts import Reviewed
from otalab.views.report.scenes import Scene


@dataclass(frozen=True, slots=True)
class SameAnswer:
    """What cuts do to one design: its name, in words, and the scene that plays it, if there is one.

    `address` is that of the two designs side by side, the same wherever the same cuts are done to the same design.
    """

    design: str
    text: str
    address: str = ""
    scene: Scene | None = None


@dataclass(frozen=True, slots=True)
class SameCut:
    """What one design's worst cuts do to every design: its name, the id that plays them, and an answer for each.

    `own` is the answer of the design itself.
    """

    design: str
    identity: str
    own: SameAnswer
    answers: tuple[SameAnswer, ...]


class SameCuts:
    """Worst cuts and what they do to each design, kept: a report that grows asks for most of them again.

    `to_scene` makes a scene of a life that is shown beside another one; without it there are words alone.
    """

    def __init__(self, to_scene: Callable[[Reviewed, Cell, PlayedLife], Scene] | None = None) -> None:
        self._to_scene = to_scene
        self._known: dict[tuple[str, str], SameAnswer] = {}

    def rows(self, every: Sequence[Reviewed]) -> list[SameCut]:
        """Return a row for each design that dies of cuts, with what the same ones do to each, in the order given."""
        return [row for reviewed in every if (row := self._row(reviewed, every))]

    def _row(self, reviewed: Reviewed, every: Sequence[Reviewed]) -> SameCut | None:
        cell, history = reviewed.standing.shown_by, reviewed.standing.history
        if cell is None or history is None or not history.cuts or reviewed.standing.verdict != "unsafe":
            return None
        identity = cell.case.identity(history)
        new = [other for other in every if (identity, other.given) not in self._known]
        if new:
            cuts = [(number, leg.step, leg.tear) for number, leg in history.cuts if leg.step is not None]
            own = live(cell.scenario, cell.faults, cuts, [leg.choices for leg in history.legs], {})
        for other in new:
            self._known[identity, other.given] = self._answer(identity, own, other, cell)
        answers = tuple(self._known[identity, other.given] for other in every)
        return SameCut(reviewed.design.name, identity, self._known[identity, reviewed.given], answers)

    def _answer(self, identity: str, own: PlayedLife, other: Reviewed, cell: Cell) -> SameAnswer:
        there = _alike(other, cell)
        if there is None:
            return SameAnswer(other.design.name, "not asked")
        try:
            lived = _under(own, there)
        except BadInput as error:
            return SameAnswer(other.design.name, str(error).partition(":")[0])
        torn = [words(played.steps[-1].effect) for played in lived.played if played.leg.step is not None]
        text = f"{lived.end.name}, cut in: {', then '.join(torn)}"
        if self._to_scene is None:
            return SameAnswer(other.design.name, text)
        address = f"same-{digest(f'{identity} {other.given}'.encode(errors='backslashreplace'))[:8]}"
        return SameAnswer(other.design.name, text, address, self._to_scene(other, there, lived))


def _alike(reviewed: Reviewed, cell: Cell) -> Cell | None:
    """Return the cell of a design for the same fault model and image."""
    same = (cell.case.faults, cell.case.image)
    return next((other for other in reviewed.cells if (other.case.faults, other.case.image) == same), None)


def _under(own: PlayedLife, cell: Cell) -> PlayedLife:
    """Return the life of another design under the cuts of this one, or raise that it has no such cut."""
    choices = [played.leg.choices for played in own.played]
    return live(cell.scenario, cell.faults, cuts_under(own, cell.scenario, cell.faults), choices, {})

"""What a player says of cuts that were not made: how each would end, as the crash graph of what is played has it."""

from __future__ import annotations

from typing import Any

import traitlets

from otalab.errors import BadInput
from otalab.graph.budget import Budget
from otalab.graph.case import Case
from otalab.graph.check import Cell, check
from otalab.views.player.cut_ends import CutEnds
from otalab.views.player.played_view import PlayedView

PATIENCE = 20.0  # seconds for a search that a hand asks for


class CutView(PlayedView):
    """`cut_ends` is what stands below the time line: empty until somebody asks for it."""

    cut_ends = traitlets.Dict().tag(sync=True)

    _searched: tuple[Cell, CutEnds | None] | None = None

    @property
    def _case(self) -> Case:
        raise NotImplementedError

    def foresee(self, cell: Cell | None = None, *, seconds: float = PATIENCE) -> dict[str, Any]:
        """Show below the time line how a cut in each effect ends, as the closed crash graph of a cell has it.

        Without a cell the graph is searched now, for so many seconds; where it does not close, that is what is said.
        """
        if cell is None:
            cell = check(self._case, self.scenario, self._model, budget=Budget(seconds=seconds))
        if not self._fits(cell):
            raise BadInput(f"the crash graph is of {cell.case.text}, and not of what is played: {self._case.text}")
        self._searched = cell, CutEnds(cell.graph) if cell.graph.closed else None
        self._foresee()
        return self.cut_ends

    def _fits(self, cell: Cell) -> bool:
        return cell.scenario == self.scenario and cell.faults.name == self._model.name

    def _foresee(self) -> None:
        """Look the ends of cuts up again for the life that is shown; those of something else are forgotten."""
        if self._searched is None or not self._fits(self._searched[0]):
            self._searched, self.cut_ends = None, {}
            return
        cell, ends = self._searched
        if ends is None:
            ended = cell.graph.ended_by
            why = "was interrupted" if ended == "interrupt" else f"has run out of {ended or 'nodes'}"
            self.cut_ends = {"problem": f"not known: the crash graph is not closed, its search {why}"}
        else:
            self.cut_ends = ends.along(self.life)

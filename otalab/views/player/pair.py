"""Two players side by side under the same cut: what a hand does to either one is done to the other."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets
import traitlets

from otalab.errors import BadInput
from otalab.views.player.played_view import PlayedView
from otalab.views.player.same_place import cuts_under, same_position
from otalab.views.still import framed

WHAT_MOVES = ["faults", "choices", "cuts", "step"]


class PlayerPair(ipywidgets.VBox):  # type: ignore[misc]  # it comes without types
    """Two players whose cuts and position are the same, as far as both have such an effect; `said` tells where not.

    `left` and `right` are what cells hold: what is done to them is done to both as well.
    """

    said = traitlets.Unicode()

    def __init__(self, left: PlayedView, right: PlayedView) -> None:
        self.left, self.right = left, right
        self._moving = False
        self._line = ipywidgets.HTML()
        self._line.add_class("otalab-said")
        both = ipywidgets.GridBox(
            [left.display(follows=True), right.display(follows=True)],
            layout=ipywidgets.Layout(grid_template_columns="repeat(auto-fit, minmax(min(100%, 420px), 1fr))"),
        )
        super().__init__([self._line, both])
        left.observe(lambda change: self._moved(left, right, change["name"]), WHAT_MOVES)
        right.observe(lambda change: self._moved(right, left, change["name"]), WHAT_MOVES)
        self._moved(left, right, "cuts")

    def _moved(self, moved: PlayedView, other: PlayedView, name: str) -> None:
        """Do to one what was done to the other one; what it cannot do is said."""
        if self._moving:
            return
        self._moving = True
        try:
            if name != "step":
                self._cut_alike(moved, other)
            other.step = same_position(moved.life, other.life, moved.step)
        finally:
            self._moving = False

    def _cut_alike(self, moved: PlayedView, other: PlayedView) -> None:
        problem = ""
        with other.hold_sync():
            try:
                other.faults, other.choices = moved.faults, moved.choices
                other.cuts = [list(cut) for cut in cuts_under(moved.life, other.scenario, other.model)]
            except BadInput as error:
                other.cuts, problem = [], f"{other.caption.partition(' on ')[0]} has {error}"
        self.said = problem

    @traitlets.observe("said")
    def _tell(self, _change: object) -> None:
        self._line.value = f'<p role="status">{escape(self.said)}</p>' if self.said else ""

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the two side by side, and for whoever has no kernel their pictures, one below the other."""
        bundle = super()._repr_mimebundle_(**options)
        stills = [self.left.still(), self.right.still()]
        kept = {
            "text/html": "".join(framed(still, "") for still in stills),
            "text/plain": "\n".join(line for still in stills for line in still.lines if line),
        }
        return bundle | kept if isinstance(bundle, dict) else (bundle[0] | kept, bundle[1])

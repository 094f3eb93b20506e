"""The traits of the player: what can be set, what the browser is handed, and what follows for whoever asks."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.views.view import View


class PlayedView(View):
    """What can be set stands first: it is the place of a display."""

    PLACE: ClassVar = ("design", "board", "image", "faults", "choices", "cuts", "step")

    design = traitlets.Unicode("hardened").tag(sync=True)
    board = traitlets.Unicode("lab-1M").tag(sync=True)
    image = traitlets.Unicode("healthy").tag(sync=True)
    faults = traitlets.Unicode("all").tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    cuts: traitlets.List[Any] = traitlets.List().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)

    trace = traitlets.Bytes().tag(sync=True)
    recovery = traitlets.Bytes().tag(sync=True)
    tears = traitlets.Dict().tag(sync=True)
    saved = traitlets.Dict().tag(sync=True)
    opening = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)

    sentence = traitlets.Unicode()
    phase = traitlets.Unicode()
    log = traitlets.List(traitlets.Unicode())
    end = traitlets.Unicode()
    reason = traitlets.Unicode()
    why = traitlets.Unicode()
    timer = traitlets.Float(allow_none=True, default_value=None)

    @traitlets.validate("faults")
    def _known_model(self, proposal: Any) -> str:
        return fault_model(proposal["value"]).name

    def _try(self, cuts: list[Any]) -> None:
        """Make these cuts, or none if they are not possible."""
        try:
            self.cuts = cuts
        except BadInput:
            self.cuts = []

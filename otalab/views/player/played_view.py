"""The traits of the player: what can be set, what the browser is handed, and what follows for whoever asks."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from otalab.bench.scenario import Scenario
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.faults.tear import FaultModel
from otalab.hardware.effects import Effect
from otalab.hardware.flash import Flash
from otalab.views.player.life import PlayedLife
from otalab.views.player.link import link_of
from otalab.views.player.records import records
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

    _scenario: Scenario
    _lived: PlayedLife
    _model: FaultModel

    @property
    def scenario(self) -> Scenario:
        """What is played, for functions of the lab."""
        return self._scenario

    @property
    def model(self) -> FaultModel:
        """What a cut can leave."""
        return self._model

    @property
    def life(self) -> PlayedLife:
        """The runs that are shown, with their cuts."""
        return self._lived

    @property
    def effect(self) -> Effect | None:
        """The effect at the position; none at the end of a run."""
        step = self._lived.step(self.step)
        return step.effect if step else None

    @property
    def flash(self) -> Flash:
        """The contents once the effect at the position is done, or interrupted."""
        return self._lived.flash(self.step)

    @property
    def records(self) -> dict[str, Any]:
        """What the record places hold, decoded, which of them counts, and why."""
        return records(self._scenario.device, self.flash)

    def goto(self, place: str | tuple[int, int], then: int = 0) -> None:
        """Go to a phase (its first effect in the life), to `cut`, to `end`, or to (run, effect); then so many on."""
        self.step = self._lived.find(place) + then

    _options: dict[str, Any]

    def link(self, site: str = "") -> str:
        """Return a link to this place, for the page of a site; `site` is its address. `otalab replay` takes it too."""
        return link_of({name: getattr(self, name) for name in self.PLACE}, self._options, site)

    @traitlets.validate("faults")
    def _known_model(self, proposal: Any) -> str:
        return fault_model(proposal["value"]).name

    def _try(self, cuts: list[Any]) -> None:
        """Make these cuts, or none if they are not possible."""
        try:
            self.cuts = cuts
        except BadInput:
            self.cuts = []

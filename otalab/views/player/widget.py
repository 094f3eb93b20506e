"""The update player: an update stepped through in the browser, and its power cut by hand.

The widget stores a position and a list of cuts; everything else follows from them.
The browser gets the whole life once and steps by itself; it asks for what a cut can leave, and for what follows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import traitlets

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.errors import BadInput, OtalabError
from otalab.faults.models import FAULTS, fault_model
from otalab.files import write_whole
from otalab.graph.case import OWN_BOARD, Case
from otalab.graph.check import saved, with_files
from otalab.own.page import page_in
from otalab.views.player import wishes
from otalab.views.player.cut_view import CutView
from otalab.views.player.page import CSS, ESM, page
from otalab.views.player.records import why
from otalab.views.player.shared import lives_of
from otalab.views.player.still import time_line
from otalab.views.player.tape import Tape
from otalab.views.player.tears import tears
from otalab.views.player.words import CodeLine, opening, placed
from otalab.views.still import Picture

if TYPE_CHECKING:
    from otalab.views.player.pair import PlayerPair


class UpdatePlayer(CutView):
    """A life of a device on a time line: step through it, cut the power anywhere, go on from what is left.

    `design`, `board`, `image` and `faults` say what is played, `step` where it stands, `cuts` which cuts were made:
    `[run, effect, tear]` each; `choices` holds, per run, what chance decided, in digits.
    All of these can be set; `firmware` is a folder of code in place of a design.
    `sentence`, `log`, `phase`, `timer`, `why`, `records`, `end` and `reason` say what is seen there.
    """

    _esm = ESM
    _css = CSS

    def __init__(
        self,
        design: str = "hardened",
        board: str | None = None,
        *,
        step: int | None = None,
        cuts: Any = (),
        firmware: str | Path | None = None,
        **more: Any,
    ) -> None:
        own = {name: more.pop(name) for name in [*more] if name in self.class_trait_names()}
        design = design if firmware is None else page_in(firmware)
        self._bundle = more.get("bundle")
        self._options = more | {"bundle": wishes.contents_of(self._bundle)}
        super().__init__(design=design, board=board or wishes.default_board(design), **own)
        self._begin()
        self.cuts = list(cuts)
        self.step = self.step if step is None else step
        self.observe(lambda _change: self._begin(), ["design", "board", "image"])
        self.observe(self._refit, ["faults"])
        self.observe(self._rechoose, ["choices"])

    @classmethod
    def of(cls, identity: str, **options: Any) -> UpdatePlayer:
        """Return the player of a short id, as `check` prints it, at its last cut; `firmware` is the folder of code."""
        bundle = wishes.contents_of(options.get("bundle"))
        case, legs = wishes.history_of(identity, bundle, options.pop("firmware", None))
        player = cls(case.design, case.board_name, **options | wishes.options_of(case, legs))
        player.cuts = [[number, leg.step, leg.tear] for number, leg in enumerate(legs) if leg.step is not None]
        return player

    # What a hand does to it.

    def cut_here(self, wanted: str = "") -> dict[str, Any]:
        """Return, and show, what a cut in the present effect can leave; `wanted`: labels that hold this text only."""
        listed = tears(self._model, self._lived.to_cut(self.step), self._scenario.device, wanted)
        self.tears = {"step": self.step, "wanted": wanted, "faults": self.faults, "models": list(FAULTS), **listed}
        return self.tears

    def cut(self, tear: str) -> None:
        """Cut the power in the present effect, leaving this tear; cuts in later runs, or later in this one, go."""
        (number, _), step = self._lived.at(self.step), self._lived.to_cut(self.step)
        self.cuts = [cut for cut in self.cuts if cut[0] < number] + [[number, step.number, tear]]

    def undo(self) -> None:
        """Take the last cut back, and stand where it was made."""
        if self.cuts:
            number, effect, _ = self.cuts[-1]
            self.cuts = self.cuts[:-1]
            self.goto((number, effect))

    @property
    def code(self) -> str:
        """Python that sets a player to the same place."""
        return placed(self.opening, self.cuts, self.step)

    @property
    def identity(self) -> str:
        """The short id of the history that is shown, for `otalab replay`."""
        wishes.check_identity(self._options)
        return self._case.identity(self._lived.history)

    def beside(self, other: UpdatePlayer | str) -> PlayerPair:
        """Return both players side by side, under the same cuts and at the same place, wherever both have such a place.

        `other` may be the name of a design, on the same board, with the same image.
        """
        try:
            from otalab.views.player.pair import PlayerPair  # noqa: PLC0415  # a browser's tab has no boxes of widgets
        except ModuleNotFoundError as error:
            raise BadInput("two players stand side by side in a notebook only") from error

        if isinstance(other, str):
            other = UpdatePlayer(other, self.board, image=self.image, faults=self.faults, **self._options)
        return PlayerPair(self, other)

    def save(self, path: str | Path) -> None:
        """Write the history that is shown to a file that `otalab replay` plays."""
        write_whole(path, saved([with_files(self._case, self._lived.history) | {"id": self.identity}]))

    def html(self, path: str | Path, title: str = "") -> None:
        """Write the player, its life and its cuts as one page that needs no kernel, no server and no network."""
        names = ("step", "cuts", "opening", "saved", "faults", "caption", "cut_ends")
        traits = {name: getattr(self, name) for name in names} | {"tears": {}, "trouble": ""}
        write_whole(
            path,
            page(title or f"{self.design} on {self.board}: an update step by step", self.trace, self.recovery, traits),
        )

    def still(self) -> Picture:
        """Return the time line, and what is said at the position."""
        place = f"Step {self.step} of {len(self._lived) - 1}. {self.sentence}"
        lines = [self.caption, place, self.why, f"It ends {self.end}: {self.reason}."]
        return Picture(lines, time_line(self._lived, lambda at: self._tape(at).phase(at), self.step, self.cuts, place))

    # How one thing follows from another.

    def _take(self, other: Self) -> None:
        """Share all that the other has played: nothing is played again."""
        fresh = self._lived is not other._lived or self.caption != other.caption
        for name in ("_scenario", "_lives", "_model", "_whole", "_lived", "_searched"):
            setattr(self, name, getattr(other, name))
        self._tapes: list[Tape] = [*other._tapes]
        with self.hold_sync():
            for name in (*self.PLACE, "trace", "recovery", "cut_ends"):
                setattr(self, name, getattr(other, name))
            if fresh:
                self._tell()

    def _set_up(self, **changed: str) -> Scenario:
        names = {name: getattr(self, name) for name in ("design", "board", "image")} | changed
        board = None if names["board"] == OWN_BOARD else names["board"]
        return set_up(names["design"], board, image=names["image"], **self._options)

    def _tape(self, position: int) -> Tape:
        return self._tapes[-1] if position >= self._tapes[-1].first else self._tapes[0]

    def _begin(self, _change: object = None) -> None:
        """Play another device, or another update, from its beginning."""
        if self._taking:
            return
        self._lives, self._model = lives_of(self._set_up()), fault_model(self.faults)
        self._scenario = self._lives.scenario
        self._whole = self._lived = self._lives.life(self._model, [], self.choices)
        self._tapes = [self._lives.tape(self._lived)]
        with self.hold_sync():
            self.trace, self.recovery = self._tapes[0].packed(), b""
            self.cuts, self.step = [], 0
            self._tell()

    def _tell(self) -> None:
        """Say what follows from what is played, and not from the position in it."""
        self.tears, self.trouble = {}, ""
        self.caption = f"{wishes.called(self.design)} on {self.board}, image {self.image}, fault model {self.faults}"
        more = self._options | {"choices": self.choices if any(self.choices) else None}
        more["bundle"] = CodeLine("bundle") if isinstance(self._bundle, bytes) else self._bundle and str(self._bundle)
        self.opening = opening(self.design, self.board, faults=self.faults, image=self.image, **more)
        try:
            self.saved = with_files(self._case, self._lived.history) | {"id": self.identity}
        except BadInput as error:
            self.saved = {"problem": str(error)}
        self._foresee()
        self._show()

    @property
    def _case(self) -> Case:
        names = self.design, self.board, self.faults, self.image
        return wishes.case_of(self._scenario, names, self._options, self._bundle)

    @traitlets.validate("design", "board", "image")
    def _known(self, proposal: Any) -> str:
        old = getattr(self, proposal["trait"].name)
        if hasattr(self, "_scenario") and proposal["value"] != old and not self._taking:
            self._set_up(**{proposal["trait"].name: proposal["value"]})
        return str(proposal["value"])

    @traitlets.validate("choices")
    def _digits(self, proposal: Any) -> list[str]:
        choices = wishes.choices_of(proposal["value"])
        if hasattr(self, "_scenario") and not self._taking:
            self._lives.life(self._model, [], choices)
        return choices

    @traitlets.validate("step")
    def _within(self, proposal: Any) -> int:
        return min(max(proposal["value"], 0), len(self._lived) - 1) if hasattr(self, "_lived") else 0

    @traitlets.validate("cuts")
    def _possible(self, proposal: Any) -> list[list[Any]]:
        cuts = wishes.cuts_of(proposal["value"])
        if not hasattr(self, "_whole") or self._taking:
            return [list(cut) for cut in cuts]
        self._next = self._lives.life(self._model, cuts, self.choices) if cuts else self._whole
        return [list(cut) for cut in cuts]

    @traitlets.observe("cuts")
    def _follow(self, _change: object) -> None:
        """Show the life with its cuts, and stand at the last one."""
        if not hasattr(self, "_next") or self._taking:
            return
        self._lived = self._next
        with self.hold_sync():
            del self._tapes[1:]
            if self.cuts:
                first = self._lived.position(*self.cuts[0][:2])
                self._tapes.append(self._lives.tape(self._lived, first, self._tapes[0]))
            self.recovery = self._tapes[1].packed() if self.cuts else b""
            self.step = self._lived.position(*self.cuts[-1][:2]) if self.cuts else min(self.step, len(self._lived) - 1)
            self._tell()

    def _rechoose(self, _change: object) -> None:
        """Let chance decide otherwise, from the beginning; the cuts stay if they are still possible."""
        if not self._taking:
            cuts = self.cuts
            self._begin()
            self._try(cuts)

    def _refit(self, _change: object) -> None:
        """Keep the cuts under another fault model if it knows their tears."""
        if self._taking:
            return
        self._model, cuts = fault_model(self.faults), self.cuts
        with self.hold_sync():
            self.cuts = []
            self._try(cuts)
            self._tell()

    @traitlets.observe("step")
    def _show(self, _change: object = None) -> None:
        """Say what is seen at the position."""
        if not hasattr(self, "_tapes"):
            return
        tape = self._tape(self.step)
        rows = [line for own in self._tapes for line in own.log if own is tape or line[0] < self._tapes[-1].first]
        self.sentence = tape.lines[self.step - tape.first]
        self.log = [line for position, _, line in rows if position <= self.step]
        self.phase, self.timer = tape.phase(self.step), tape.timer(self.step)
        self.why = why(self._scenario.device, self.flash)
        self.end, self.reason = self._lived.end.name, self._lived.end.reason
        self._moved_on()

    def _asked(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Answer the browser; what is wrong with a wish is told there, in one line."""
        try:
            self.trouble = ""
            self.step = content.get("step", self.step)
            match content.get("ask"):
                case "tears":
                    self.cut_here(content.get("wanted", ""))
                case "cut":
                    self.cut(content.get("tear", ""))
                case "undo":
                    self.undo()
                case "ends":
                    self.foresee()
        except OtalabError as error:
            self.trouble = str(error)

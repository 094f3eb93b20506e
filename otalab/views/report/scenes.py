"""The scenes of a report: what its players are given, a tape for each design and what each life adds to it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from otalab.graph.case import Case
from otalab.graph.check import with_files
from otalab.json_text import script_text
from otalab.views.player.life import PlayedLife
from otalab.views.player.words import opening
from otalab.views.report.facts import Reviewed
from otalab.views.report.story import Base, Story


@dataclass(frozen=True, slots=True)
class Scene:
    """A life with cuts, as a player shows it: the number of the tape that it begins with, and what it adds to that."""

    tape: int
    recovery: bytes
    given: dict[str, Any]

    @classmethod
    def of(cls, case: Case, design: str, lived: PlayedLife, tape: int, base: Base) -> Scene:
        """Return the scene of a life that begins as a base does, standing at its last cut."""
        history = lived.history
        places = [lived.position(number, leg.step) for number, leg in history.cuts if leg.step is not None]
        cuts = [[number, leg.step, leg.tear] for number, leg in history.cuts]
        given = {
            "step": places[-1], "cuts": cuts, "faults": case.faults, "saved": with_files(case, history),
            "opening": opening(design, case.board, faults=case.faults, image=case.image),
        }  # fmt: skip
        return cls(tape, base.recovery(lived, places[0]), given)


class Scenes:
    """What the players of a page are given: tapes, and for each player which ones and where it stands."""

    def __init__(self) -> None:
        self.tapes: list[str] = []
        self.scenes: list[dict[str, Any]] = []

    def copy(self) -> Scenes:
        """Return the same, to which others may be added."""
        other = Scenes()
        other.tapes, other.scenes = [*self.tapes], [*self.scenes]
        return other

    def tape(self, packed: bytes) -> int:
        """Keep a tape and return its number."""
        self.tapes.append(b64encode(packed).decode())
        return len(self.tapes) - 1

    def add(self, scene: Scene) -> int:
        """Add the player of a scene; return its number."""
        return self._numbered(trace=scene.tape, recovery=self.tape(scene.recovery), **scene.given)

    def story(self, tape: int, base: Base, story: Story, reviewed: Reviewed) -> int:
        """Add the player of a story that begins as a base does; return its number."""
        case, recovery = story.cells[0].case, base.recovery(story.lived, story.first)
        return self._numbered(
            trace=tape, recovery=self.tape(recovery), step=story.position, faults=case.faults, saved=story.saved,
            cuts=[[number, leg.step, leg.tear] for number, leg in story.history.cuts],
            opening=opening(reviewed.given, case.board, faults=case.faults, image=case.image),
        )  # fmt: skip

    def undisturbed(self, tape: int, reviewed: Reviewed) -> int:
        """Add the player of an update without a cut; return its number."""
        case = reviewed.cells[0].case
        problem = {"problem": "nothing was cut here"}
        return self._numbered(
            trace=tape, recovery=None, step=0, cuts=[], faults=case.faults, saved=problem,
            opening=opening(reviewed.given, case.board, faults=case.faults, image=case.image),
        )  # fmt: skip

    def _numbered(self, **scene: Any) -> int:
        self.scenes.append({**scene, "tears": {}, "trouble": ""})
        return len(self.scenes) - 1

    def text(self) -> str:
        """Return all of it as JSON that may stand in a script element."""
        return script_text({"tapes": self.tapes, "scenes": self.scenes})

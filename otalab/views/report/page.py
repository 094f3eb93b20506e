"""The page of a review report: one file that opens anywhere, with players that need no kernel and no network.

The player's module is in it once, and the bytes of image and update once for each design; a story adds what differs.
"""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from otalab.graph.case import digest
from otalab.graph.check import Cell
from otalab.json_text import script_text
from otalab.versions import installed
from otalab.views.modules import DOM
from otalab.views.player.life import PlayedLife, live
from otalab.views.player.page import CSS, ESM
from otalab.views.report.answer import compared_part, summary_part
from otalab.views.report.asked import Asked
from otalab.views.report.facts import Reviewed, Unreviewed
from otalab.views.report.parts import (
    checklist_part,
    design_part,
    ends_part,
    limits_part,
    matrix_part,
    pairs_part,
    repair_part,
    risk_part,
    stories_part,
    unerased_part,
    ways_of,
    wear_part,
)
from otalab.views.report.revision import Revision
from otalab.views.report.same_cut import SameCuts
from otalab.views.report.scenes import Scene, Scenes
from otalab.views.report.story import Base
from otalab.views.report.twin import timeless, twin
from otalab.views.report.words import sentence

HERE = Path(__file__).parent
PACKAGES = ("otalab", "numpy", "scipy", "pandas", "littlefs-python")


class ReportPage:
    """A report in the making: what was told of a design is kept, and after each of them the page is whole.

    `command` makes it again.
    """

    def __init__(self, request: Asked, command: Sequence[str], made: date) -> None:
        self.request, self.command, self.made = request, command, made
        self.every: list[Reviewed] = []
        self._designs: list[dict[str, Any]] = []
        self._bases: dict[str, tuple[int, Base]] = {}
        self._scenes = Scenes()
        self._same = SameCuts(self._beside)

    def add(self, reviewed: Reviewed) -> None:
        """Tell of one more design, after those before."""
        base = Base.of(live(reviewed.scenario, reviewed.cells[0].faults, [], [], {}))
        self._bases[reviewed.given] = self._scenes.tape(base.tape.packed()), base
        self.every.append(reviewed)
        self._designs.append(_of_design(reviewed, self.request, self._scenes, *self._bases[reviewed.given]))

    def _beside(self, reviewed: Reviewed, cell: Cell, lived: PlayedLife) -> Scene:
        """Return the scene of a life under the cuts of another design."""
        tape, base = self._bases[reviewed.given]
        return Scene.of(cell.case, reviewed.given, lived, tape, base)

    def text(
        self,
        lost: Sequence[Unreviewed] = (),
        waiting: Sequence[str] = (),
        *,
        facts: dict[str, Any] | None = None,
        changes: Sequence[Revision] | None = None,
    ) -> str:
        """Return the page as it is now.

        `lost` are designs that it can say nothing of, `waiting` those that were not yet examined, `facts` its twin if
        that is known already, `changes` what turned since an earlier one.
        """
        every, request, scenes = self.every, self.request, self._scenes.copy()
        compared = compared_part(every, request, self._same)
        environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined,
                                  trim_blocks=True, lstrip_blocks=True)  # fmt: skip
        environment.filters["sentence"] = sentence
        names = ", ".join(reviewed.design.name for reviewed in every)
        own_facts = script_text(timeless(facts or twin(every, request, waiting)))
        text = environment.get_template("report.html").render(
            title=f"Review of {names}", asked=request, designs=self._designs, lost=lost, waiting=waiting,
            compared=compared, pairs=pairs_part(compared["same_cuts"], scenes), checklist=checklist_part(every),
            limits=limits_part(), ends=ends_part(), made=self.made.isoformat(), command=shlex.join(self.command),
            versions=versions(), digests=_digests(every, request),
            css=CSS + _read("report.css"), esm=ESM.replace("</script", "<\\/script"), script=_read("report.js"),
            scenes=scenes.text(), facts=own_facts, revisions=changes, review=digest(own_facts.encode()),
            answers=DOM.read_text(encoding="utf-8") + _read("answers.js"),
        )  # fmt: skip
        # A version that a torn record names need not be text: what is none is escaped.
        return text.encode(errors="backslashreplace").decode()


def page(
    every: Sequence[Reviewed],
    request: Asked,
    command: Sequence[str],
    made: date,
    *,
    lost: Sequence[Unreviewed] = (),
    waiting: Sequence[str] = (),
) -> str:
    """Return the report of some designs as one HTML page; `command` makes it again."""
    whole = ReportPage(request, command, made)
    for reviewed in every:
        whole.add(reviewed)
    return whole.text(lost, waiting)


def _of_design(reviewed: Reviewed, request: Asked, scenes: Scenes, tape: int, base: Base) -> dict[str, Any]:
    stories = stories_part(reviewed)
    for each in stories:
        each["scene"] = scenes.story(tape, base, each["story"], reviewed)
    ways = ways_of(stories)
    undisturbed = None if stories else scenes.undisturbed(tape, reviewed)
    return {
        "name": reviewed.design.name, "summary": reviewed.design.summary,
        "answer": summary_part(reviewed, request, ways), "is": design_part(reviewed),
        "matrix": matrix_part(reviewed, request, ways), "stories": stories, "undisturbed": undisturbed,
        "unerased": unerased_part(reviewed),
        "risk": risk_part(reviewed, request), "wear": wear_part(reviewed, request),
        "repair": repair_part(reviewed),
    }  # fmt: skip


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def versions() -> list[tuple[str, str]]:
    """Return what the report was made with."""
    return [("Python", platform.python_version()), *((name, installed(name)) for name in PACKAGES)]


def _digests(every: Sequence[Reviewed], request: Asked) -> list[tuple[str, str]]:
    """Return by which bytes the report was made: those of the designs, and those of the update on offer."""
    digests = [(f"design {reviewed.design.name}", digest(reviewed.design.toml().encode())) for reviewed in every]
    return [*digests, ("the update on offer", digest(every[0].scenario.bundle))]

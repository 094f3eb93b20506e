"""Counterexamples as stories: what happens in which order, in plain words, and the tape to step through it.

Cells that break in the same way share one story.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import fsum
from typing import Any

from otalab.bench.ends import END_WORDS
from otalab.bench.trace import Run, Step, sector_of
from otalab.graph.case import digest
from otalab.graph.check import Cell, with_files
from otalab.graph.history import History, Played
from otalab.hardware.flash import Flash
from otalab.text import seconds
from otalab.views.player.life import PlayedLife, live
from otalab.views.player.records import records
from otalab.views.player.tape import Tape
from otalab.views.player.tears import tear_words
from otalab.views.player.words import effect_words, end_words
from otalab.views.report.judged import Judged
from otalab.views.report.words import cuts_words, listed, sentence

MOST_RUNS = 4


@dataclass(frozen=True)
class Chapter:
    """One run of a story: its title, its sentences, and the sentence of the cut that ends it, if one does."""

    title: str
    lines: tuple[str, ...]
    cut: str
    left: str


@dataclass(frozen=True)
class Story:
    """One way in which a design breaks, the cells in which it does, and the life that shows it.

    `position` is where the player stands: the last cut, or the end of the first run where none is needed; `first` is
    the first cut, or the same.
    `records` are what the record places hold after it.
    """

    cells: tuple[Cell, ...]
    history: History
    lived: PlayedLife
    chapters: tuple[Chapter, ...]
    first: int
    position: int
    records: dict[str, Any]

    @property
    def title(self) -> str:
        """The story in one line."""
        cuts = self.history.cuts
        phases = list(dict.fromkeys(leg.phase for _, leg in cuts))
        where = f", in the phase{'s' if len(phases) > 1 else ''} {listed(phases)}" if cuts else ""
        return f"{sentence(cuts_words(len(cuts)))}{where}: {self.history.end}"

    @property
    def moral(self) -> str:
        """What the end means for whoever owns the device."""
        return f"{sentence(END_WORDS[self.history.end])}; here: {self.history.reason}"

    @property
    def shortest(self) -> bool:
        """Whether the search was over, so that none can be shorter."""
        return all(cell.graph.closed for cell in self.cells)

    @property
    def happens(self) -> list[tuple[str, str]]:
        """The fault models under which this is the counterexample, and for which images."""
        return under(self.cells)

    @property
    def identity(self) -> str:
        """The id that `otalab replay` plays."""
        return self.cells[0].case.identity(self.history)

    @property
    def address(self) -> str:
        """The short address of the story in the page: the same wherever the same counterexample is told."""
        return f"cut-{digest(self.identity.encode(errors='backslashreplace'))[:8]}"

    @property
    def replay(self) -> str:
        """The command that plays it, with the files that it was made with."""
        return self.cells[0].case.replay(self.identity)

    @property
    def saved(self) -> dict[str, Any]:
        """The history as `check --save` writes it."""
        return with_files(self.cells[0].case, self.history)


def under(cells: Iterable[Cell]) -> list[tuple[str, str]]:
    """Return the fault models of some cells, and for which images each; models of the same images are one entry."""
    images: dict[str, list[str]] = {}
    for cell in cells:
        images.setdefault(cell.case.faults, []).append(cell.case.image)
    faults: dict[str, list[str]] = {}
    for name, some in images.items():
        faults.setdefault(", ".join(some), []).append(name)
    return [(", ".join(names), some) for some, names in faults.items()]


def stories(cells: tuple[Cell, ...]) -> list[Story]:
    """Return a story for each way in which cells break, those of fewest cuts first."""
    alike: dict[tuple[object, ...], list[tuple[Cell, History]]] = {}
    for cell in cells:
        for bad in ways_to_bad_ends(cell):
            cuts = tuple((number, leg.step, leg.tear) for number, leg in bad.cuts)
            alike.setdefault((bad.end, bad.reason, cuts), []).append((cell, bad))
    every = [_story(tuple(cell for cell, _ in members), members[0][1]) for members in alike.values()]
    return sorted(every, key=lambda story: story.history.order)


def ways_to_bad_ends(cell: Cell) -> list[History]:
    """Return the ways to bad ends that a report tells of a cell: the shortest one, and the one to the worst end."""
    shortest, worst = cell.graph.counterexample, Judged((cell,)).history
    if shortest is None or worst is None or worst.end == shortest.end:
        return [] if shortest is None else [shortest]
    return [shortest, worst]


def _story(cells: tuple[Cell, ...], bad: History) -> Story:
    first = cells[0]
    cuts = [(number, leg.step, leg.tear) for number, leg in bad.cuts if leg.step is not None]
    lived = live(first.scenario, first.faults, cuts, [leg.choices for leg in bad.legs], {})
    places = [lived.position(number, step) for number, step, _ in cuts] or [lived.starts[1] - 1]
    chapters = tuple(_chapter(lived, number) for number in range(min(len(lived.played), MOST_RUNS)))
    shown = records(first.scenario.device, as_read(lived, places[-1]))
    return Story(cells, bad, lived, chapters, places[0], places[-1], shown)


def as_read(lived: PlayedLife, position: int) -> Flash:
    """Return what the flash holds after a cut, as the next run reads it: a cell that was left unstable has turned."""
    flash, following = lived.flash(position), lived.played[lived.at(position)[0] + 1 :]
    for sector in dict.fromkeys(sector for played in following[:1] for _, sector in played.run.swaps):
        if flash.mark_of(sector):
            flash = flash.swapped(sector)
    return flash


def _chapter(lived: PlayedLife, number: int) -> Chapter:
    played = lived.played[number]
    lines = tuple(_told(played))
    last = number == len(lived.played) - 1
    if played.leg.step is None:
        ending = end_words(number, played.run.outcome, lived.end if last else None)
        return Chapter(f"Run {number}: power on", (*lines, ending), "", "")
    step = played.steps[-1]
    sector = sector_of(step.effect, step.before)
    owner = "" if sector is None else lived.scenario.device.board.owner_of(sector)
    words = effect_words(number, step, played.flash, owner, played.leg.tear)
    return Chapter(f"Run {number}: power on", lines, words, tear_words(played.leg.tear))


def _told(played: Played) -> Iterator[str]:
    """Yield a sentence per phase, with what the device said in it."""
    torn = played.leg.step is not None
    stretches = [list(members) for _, members in groupby(played.steps, lambda step: step.phase)]
    if not stretches and played.run.log:
        yield f"The device says: {' · '.join(line for _, line in played.run.log)}."
    for number, members in enumerate(stretches):
        # What the power failed in has a sentence of its own; what was said before it has not.
        steps = members[:-1] if torn and members is stretches[-1] else members
        said = " · ".join(line for place, line in _said(played.run, stretches) if place == number)
        time = fsum(step.seconds for step in steps)
        count = f"{len(steps)} effect{'s' if len(steps) > 1 else ''}" + (f", {seconds(time)}" if time else "")
        parts = [count] * bool(steps) + [f"the device says: {said}"] * bool(said)
        if parts:
            yield f"{members[0].phase.capitalize()}: {'; '.join(parts)}."


def _said(run: Run, stretches: list[list[Step]]) -> Iterator[tuple[int, str]]:
    """Yield what was said, each line with the number of the stretch of effects that it belongs to.

    A line is known by the effect that follows it; after the last effect of a phase it still belongs to that phase.
    """
    for (effect, line), phase in zip(run.log, run.said_in, strict=True):
        near = [n for n, steps in enumerate(stretches) if steps[0].number <= effect <= steps[-1].number + 1]
        alike = [n for n in near if stretches[n][0].phase == phase]
        if near:
            yield (alike or near)[-1 if alike else 0], line


@dataclass(frozen=True)
class Base:
    """The undisturbed life that the stories of a design begin with, on tape."""

    lived: PlayedLife
    tape: Tape

    @classmethod
    def of(cls, lived: PlayedLife) -> Base:
        """Return a life with its tape."""
        return cls(lived, Tape(lived))

    def recovery(self, lived: PlayedLife, cut: int) -> bytes:
        """Return the tape of another life, from where it goes another way, or from its cut; the rest it has from here.

        So the bytes of image and update, which are most of a tape, are in a report once.
        """
        return Tape(lived, min(cut, self._alike(lived)), self.tape.pool).packed()

    def _alike(self, lived: PlayedLife) -> int:
        """Return a position up to which both lives are the same; a tape begins with an effect, so never a run's end."""
        pairs = zip(self.lived.played[0].steps, lived.played[0].steps, strict=False)
        for number, (own, other) in enumerate(pairs):
            if (own.effect, own.phase, own.at, own.seconds) != (other.effect, other.phase, other.at, other.seconds):
                return number
        return min(len(self.lived.played[0].steps), len(lived.played[0].steps)) - 1

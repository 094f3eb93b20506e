"""What a review report is about, and everything that is found out for it before a word is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from typing import Any

from otalab.bench.ends import BAD
from otalab.bench.options import ScenarioOptions
from otalab.bench.scenario import Scenario
from otalab.bench.setup import design_or_code
from otalab.errors import InternalFault, OtalabError
from otalab.firmware.design import Design
from otalab.firmware.device import Firmware
from otalab.graph.answers import LostProcess, answer_received, answer_sent, answers, awaited
from otalab.graph.asked import AskedCell, files_of
from otalab.graph.check import Cell, LostCell
from otalab.graph.explorer import Explorer
from otalab.graph.history import ending, play
from otalab.graph.repair import Repair, repair
from otalab.hardware.board import Board
from otalab.processes import processes
from otalab.views.report.asked import Asked
from otalab.views.report.judged import Judged, Severity
from otalab.views.report.weight import Weight, weigh
from otalab.views.report.worn import Worn, wear_of

Teller = Callable[[str], None]


@dataclass(frozen=True)
class Reviewed:
    """A design or code, and all that was found out about it."""

    given: str
    design: Design | Firmware
    scenario: Scenario
    cells: tuple[Cell, ...]
    weight: Weight
    worn: Worn
    repair: Repair | None
    scope: tuple[str, ...]

    @property
    def standing(self) -> Judged:
        """What was found in the cells that a design is judged by."""
        return Judged(tuple(cell for cell in self.cells if cell.case.faults in self.scope))

    @property
    def beyond(self) -> Judged:
        """What was found in the cells of fault models that were asked for beside these."""
        return Judged(tuple(cell for cell in self.cells if cell.case.faults not in self.scope))

    @property
    def rank(self) -> tuple[Severity, Severity]:
        """What orders designs, the worst first: what they are judged by, then what was asked for beside it."""
        return self.standing.rank, self.beyond.rank

    @property
    def board(self) -> Board:
        """The board that it was looked at on."""
        return self.scenario.device.board


@dataclass(frozen=True)
class Unreviewed:
    """A design that the lab itself went wrong with: what is known of the others is told all the same."""

    given: str
    fault: InternalFault


def reviews(request: Asked, progress: Teller = lambda _text: None) -> Iterator[Reviewed | Unreviewed]:
    """Yield every design in turn, as soon as everything about it is found out; say on the way what is looked at.

    With several `jobs` so many processes find out, ahead of this one, which orders and tells.
    """
    request.refuse_nonsense()
    if request.jobs == 1:
        yield from _in_turn(request, progress, [None] * len(request.designs))
        return
    try:
        with processes(request.jobs) as submit:
            yield from _in_turn(request, progress, [_ahead(request, name, submit) for name in request.designs])
    except BrokenProcessPool as error:
        raise LostProcess from error


def _in_turn(request: Asked, progress: Teller, ahead: Sequence[Searches | None]) -> Iterator[Reviewed | Unreviewed]:
    for number, name in enumerate(request.designs, 1):
        of = f"design {number} of {len(request.designs)}, " if len(request.designs) > 1 else ""

        def progress_here(text: str, of: str = of) -> None:
            progress(of + text)

        yield _review_or_fault(request, name, progress_here, ahead[number - 1])


@dataclass(frozen=True)
class Searches:
    """What other processes search and weigh of a design."""

    cells: tuple[tuple[AskedCell, Future[Any]], ...]
    weight: Future[Weight]
    repair: Future[Repair] | None


def _ahead(request: Asked, name: str, submit: Callable[..., Future[Any]]) -> Searches:
    # What takes longest comes first, so that no process is left alone with it.
    weight = submit(weigh, request, name)
    mends = request.most and isinstance(design_or_code(name), Design)
    mended = submit(_mended, request, name) if mends else None
    return Searches(tuple((cell, submit(answer_sent, cell)) for cell in _asked(request, name)), weight, mended)


def _mended(request: Asked, name: str) -> Repair:
    design = design_or_code(name)
    assert isinstance(design, Design)
    return _repair(request, design, lambda _text: None)


def gather(request: Asked, progress: Teller = lambda _text: None) -> tuple[list[Reviewed], list[Unreviewed]]:
    """Find out everything about every design, and say on the way what is being looked at."""
    every, lost = list[Reviewed](), list[Unreviewed]()
    for review in reviews(request, progress):
        if isinstance(review, Reviewed):
            every.append(review)
        else:
            lost.append(review)
    return every, lost


def _review_or_fault(request: Asked, name: str, progress: Teller, ahead: Searches | None) -> Reviewed | Unreviewed:
    try:
        return _review(request, name, progress, ahead)
    except (OtalabError, BrokenProcessPool):
        raise  # misuse, a key that was pressed meanwhile, or nobody left to ask
    except Exception as error:  # noqa: BLE001  # hours may be behind it, and other designs wait
        fault = InternalFault.of(error)
        if fault is not error:
            fault.__cause__ = error
        return Unreviewed(name, fault)


def _review(request: Asked, name: str, progress: Teller, ahead: Searches | None) -> Reviewed:
    design, mended = design_or_code(name), None
    if ahead:
        cells = tuple(_cells_ahead(ahead, progress))
        weight = awaited(ahead.weight, lambda: progress(f"{design.name}: risk"))
        if ahead.repair:
            mended = awaited(ahead.repair, lambda: progress(f"{design.name}: repair"))
    else:
        cells = tuple(_cells(_asked(request, name), progress))
        weight = weigh(request, name, progress)
        if request.most and isinstance(design, Design):
            mended = _repair(request, design, progress)
    progress(f"{design.name}: wear")
    worn = wear_of(request.study(name, request.rates[0]), request.updates_per_year, request.years, request.endurance)
    scenario = request.scenario(name, request.weighed_image)
    return Reviewed(name, design, scenario, cells, weight, worn, mended, request.scope)


def _asked(request: Asked, name: str) -> list[AskedCell]:
    files, options = files_of(design=name, board=request.board), ScenarioOptions(**request.options())
    return [
        AskedCell(name, faults, image, options, files, request.budget)
        for faults in request.faults
        for image in request.images
    ]


def _cells_ahead(ahead: Searches, progress: Teller) -> Iterator[Cell]:
    for question, future in ahead.cells:
        progress(question.text)
        awaited(future, partial(progress, f"{question.text}, and others"))
        yield _played_or_lost(answer_received(question, future))


def _cells(every: list[AskedCell], progress: Teller) -> Iterator[Cell]:
    """Yield the cells of a design, each searched and played; one that the lab went wrong in ends it."""

    def counted(number: int, explorer: Explorer) -> None:
        progress(f"{every[number].text}, {explorer.expanded} runs")

    progress(every[0].text)
    yield from map(_played_or_lost, answers(every, 1, counted))


def _played_or_lost(cell: Cell | LostCell) -> Cell:
    if isinstance(cell, LostCell):
        raise cell.fault
    return played(cell)


def played(cell: Cell) -> Cell:
    """Return a cell once the way to its worst end was played: `check` has done so with the shortest way alone."""
    worst, shortest = Judged((cell,)).history, cell.graph.counterexample
    if worst and shortest and worst.end in BAD and worst.end != shortest.end:
        end = ending(cell.scenario, list(play(cell.scenario, cell.faults, worst.legs)))
        if end.name != worst.end:
            wrong = f"the search is wrong: what was to end {worst.end} ends {end.name}"
            raise InternalFault(wrong, cell.case.identity(worst))
    return cell


def _repair(request: Asked, design: Design, progress: Teller) -> Repair:
    return repair(
        design, request.mended_faults, request.images, most=request.most, budget=request.budget, limit=request.limit,
        progress=lambda tried, text: progress(f"{design.name}: repair, {tried} sets tried, {text}"),
        **request.options(),
    )  # fmt: skip

"""The answers to many questions: one after the other, or by several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from otalab.bench.setup import scenario_of
from otalab.errors import BadInput, OtalabError
from otalab.faults.models import fault_model
from otalab.graph.asked import AskedCell
from otalab.graph.case import Case
from otalab.graph.check import Cell, LostCell
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer

if TYPE_CHECKING:
    from concurrent.futures import Future

_Sent = LostCell | tuple[Case, CrashGraph, float]
MOST_JOBS = 256
BEAT = 0.2  # seconds between two looks at whether somebody wants it to end


def answers(
    every: Sequence[AskedCell],
    jobs: int = 1,
    watch: Callable[[int, Explorer], None] = lambda _number, _explorer: None,
    submit: Callable[..., Any] | None = None,
) -> Iterator[Cell | LostCell]:
    """Yield the cells in their order, each as soon as it is known; `watch` sees the searches of this process.

    With `jobs`, so many processes search at once; an interrupt ends them all.
    With `submit`, a cluster that takes work as `concurrent.futures` does, and reads the same files by the same names.
    """
    some_jobs(jobs)
    if submit is not None:
        yield from _by_a_cluster(every, submit)
        return
    if jobs == 1 or len(every) == 1:
        for number, cell in enumerate(every):

            def explored(explorer: Explorer, number: int = number) -> None:
                watch(number, explorer)

            yield cell.answer(explored)
        return
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415  # one process needs no others

    from otalab.processes import processes  # noqa: PLC0415  # nor does a browser's tab have any

    try:
        with processes(min(jobs, len(every))) as submit_here:
            waiting = [submit_here(answer_sent, cell) for cell in every]
            for cell, future in zip(every, waiting, strict=True):
                yield answer_received(cell, future)
    except BrokenProcessPool as error:
        raise LostProcess from error


class LostProcess(OtalabError):
    """A process that searched for this one is gone, and what it was at."""

    def __init__(self) -> None:
        super().__init__("a process that searched was killed, perhaps for want of memory: fewer --jobs need less")


def awaited(future: Future[Any], beat: Callable[[], None]) -> Any:
    """Return what another process comes to; `beat` is called while one waits, and what it raises goes on."""
    from concurrent.futures import wait  # noqa: PLC0415  # as above

    while not wait([future], BEAT).done:
        beat()
    return future.result()


def some_jobs(jobs: int) -> None:
    """Refuse a number of processes that is none."""
    if type(jobs) is not int or not 1 <= jobs <= MOST_JOBS:
        raise BadInput(f"jobs {jobs!r}: from 1 to {MOST_JOBS} processes are possible")


def _by_a_cluster(every: Sequence[AskedCell], submit: Callable[..., Any]) -> Iterator[Cell | LostCell]:
    waiting = [submit(answer_sent, cell) for cell in every]
    try:
        for cell, future in zip(every, waiting, strict=True):
            yield answer_received(cell, future)
    finally:
        for future in waiting:
            future.cancel()


def answer_sent(asked_cell: AskedCell) -> _Sent:
    """Return the answer to a question in a form that another process can be sent."""
    cell = asked_cell.answer()
    # What a fault model leaves are functions, and these cannot be sent.
    return cell if isinstance(cell, LostCell) else (cell.case, cell.graph, cell.seconds)


def answer_received(asked_cell: AskedCell, future: Future[_Sent]) -> Cell | LostCell:
    """Return the answer that another process has sent, once it is there."""
    sent = future.result()
    if isinstance(sent, LostCell):
        return sent
    return Cell(
        *sent, scenario_of(asked_cell.options, asked_cell.design, asked_cell.image), fault_model(asked_cell.faults)
    )

"""A cell in words: what was found, how to come there, and the line that plays it; for terminals, tests and files."""

from __future__ import annotations

from collections.abc import Iterator

from otalab.bench.options import FOREVER
from otalab.graph.check import Cell, LostCell
from otalab.graph.coverage import sentences
from otalab.graph.history import Leg
from otalab.text import number_of


def cut_words(number: int, leg: Leg) -> str:
    """Return where a cut falls, by its run, and what it leaves."""
    return f"cut in run {number}, effect {leg.step}, phase {leg.phase}, leaving {leg.tear}"


def promise(cell: Cell) -> str:
    """Return the verdict, and of a safe one for life how far it reaches."""
    whole = cell.verdict == "safe" and cell.case.updates == FOREVER
    return "safe for life: any number of updates, any number of cuts" if whole else cell.verdict


def headline(cell: Cell | LostCell) -> str:
    """Return what was found in a cell, in one line."""
    if isinstance(cell, LostCell):
        return f"no answer, the lab itself went wrong: {cell.fault.what}"
    bad = cell.graph.counterexample
    if bad is None:
        return promise(cell) + ("" if cell.graph.closed else "; the graph is not closed")
    shortest = "the shortest counterexample" if cell.graph.closed else "a counterexample"
    return f"{bad.end}: {bad.reason}; {shortest} has {number_of(len(bad.cuts), 'cut')}"


def lines(cell: Cell | LostCell) -> Iterator[str]:
    """Yield all that is to be said of a cell that is not safe, the line that plays it last."""
    if isinstance(cell, LostCell):
        yield cell.case.replay(cell.fault.history)
        return
    if cell.verdict == "open":
        yield from sentences(cell.graph)
    bad = cell.graph.counterexample
    if bad:
        yield headline(cell)
        for number, leg in bad.cuts:
            yield cut_words(number, leg)
        yield cell.case.replay(cell.case.identity(bad))

"""Proofs as tests: `assert_safe` for whoever writes tests in Python, and a plugin of pytest's that keeps what it found.

    from otalab.testing import assert_safe

    def test_no_power_cut_bricks_it():
        assert_safe("mine.toml", board="board.toml")

The plugin is off unless it is asked for: `pytest -p otalab.testing --otalab-save found.json` writes the counterexamples
of all tests that failed to a file that `otalab replay` plays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from otalab.faults.tear import FaultModel
from otalab.files import Output
from otalab.firmware.design import Design
from otalab.firmware.device import Firmware
from otalab.graph.asked import files_of
from otalab.graph.budget import BUDGET, Budget
from otalab.graph.case import named
from otalab.graph.cell_words import headline, lines
from otalab.graph.check import Cell, check_design, saved, with_files
from otalab.hardware.board import Board
from otalab.own.page import page_in

__all__ = ["assert_safe"]

_saved: list[dict[str, Any]] = []


def assert_safe(
    design: str | Path | Design | Firmware,
    *,
    faults: str | FaultModel | Iterable[str] = "all",
    images: str | Iterable[str] = ("healthy",),
    updates: int | str = 1,
    board: str | Path | Board | None = None,
    budget: int | Budget = BUDGET,
    **options: Any,
) -> list[Cell]:
    """Prove that no number of power cuts leads to a bad end, or fail with the shortest history that does.

    `design` is a name of the catalogue, the path of its page, the folder of code of one's own, a `Design` or a
    `Firmware`; `faults` and `images` are one name or several, `options` those of `ScenarioOptions`.
    Returns the cells, each with its closed graph.
    Raises `AssertionError` with the history in words and the line that plays it; also where the graph does not close
    within `budget`, a number of nodes or a `Budget`, for then nothing is proved.
    """
    __tracebackhide__ = True
    models = [faults] if isinstance(faults, str | FaultModel) else list(faults)
    tempers = [images] if isinstance(images, str) else list(images)
    subject, place = _subject(design), str(board) if isinstance(board, Path) else board
    cells = []
    for model in models:
        for image in tempers:
            cell = check_design(subject, model, image, place, budget=budget, updates=updates, **options)
            cells.append(_with_files(cell, subject, place))
            if cells[-1].verdict != "safe":
                raise AssertionError(_message(cells[-1]))
    return cells


def _subject(design: str | Path | Design | Firmware) -> str | Design | Firmware:
    """Return what is checked: a path as its text, a folder of code as its page."""
    if isinstance(design, Design | Firmware):
        return design
    return page_in(design) if Path(design).is_dir() else str(design)


def _with_files(cell: Cell, design: str | Design | Firmware, board: str | Board | None) -> Cell:
    """Return a cell whose id names pages by their files, so that the line that plays it finds them."""
    case = cell.case
    if isinstance(design, str):
        case = replace(case, design=named(design), files=files_of(design=design, board=None))
    if isinstance(board, str):
        case = replace(case, board=named(board), files=(*case.files, *files_of(design="", board=board)))
    return replace(cell, case=case)


def _message(cell: Cell) -> str:
    """Return what a test fails with, and keep the history for whoever asked to."""
    bad = cell.graph.counterexample
    if bad:
        _saved.append(with_files(cell.case, bad))
    open_end = [] if bad else [f"not proved: {headline(cell)}"]
    return "\n  ".join((f"{cell.case.text} is {cell.verdict}", *open_end, *lines(cell)))


# The plugin, in pytest's own names: it needs nothing of pytest's.


def pytest_addoption(parser: Any) -> None:
    """Add the option that names where counterexamples go."""
    parser.getgroup("otalab").addoption(
        "--otalab-save", metavar="FILE", help="write the counterexamples of assert_safe to a file that replay plays"
    )


def pytest_sessionfinish(session: Any) -> None:
    """Write what was found."""
    if (name := session.config.getoption("--otalab-save")) and _saved:
        Output(Path(name)).write(saved(_saved))

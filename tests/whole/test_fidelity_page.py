"""The page of what the real code does: every row has a source and something that shows it, and that is looked up."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

from otalab.bench.setup import set_up
from otalab.bench.trace import life, sector_of
from otalab.hardware.effects import Erase, Program
from tests.whole import test_acceptance, test_acceptance_boot, test_acceptance_wire

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
ACCEPTED = {*test_acceptance.rows, *test_acceptance_boot.rows, *test_acceptance_wire.rows}
DESIGNS = ("esp32", "esp8266", "cc3200", "mgos-boot", "esp-idf", "esp-idf-fork", "mongoose", "the wire")


class Row(NamedTuple):
    """One row: the design it is about, what is done, where that is written, what the lab does, and what shows it."""

    design: str
    step: str
    source: str
    lab: str
    shown: str


def every_row() -> Iterator[Row]:
    """Yield the rows of the tables, each with the design in whose section it stands."""
    design = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            design = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| step", "| ---")):
            yield Row(design, *(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]))


ROWS = list(every_row())
SOURCES = set(re.findall(r"^- \*\*([\w-]+)\*\*: ", PAGE, re.MULTILINE))


def writes(design: str, image: str) -> list[str]:
    """Return what an undisturbed update erases and programs in records and update state, one text for each phase."""
    what = set_up(design, "tiny", app_size=500, image=image)
    board = what.device.board
    named = {board.sectors_of(place).start: f"record {number}" for number, place in enumerate(board.records)}
    named |= {board.sectors_of(place).start: f"state {number}" for number, place in enumerate(board.state)}
    steps = [
        (step.phase, named[sector], type(step.effect).__name__[0])
        for one in life(what).runs
        for step in one.steps
        if isinstance(step.effect, Erase | Program) and (sector := sector_of(step.effect, step.before)) in named
    ]
    return [
        f"{phase}: " + ", ".join(f"{place} {''.join(kind for *_, kind in ones)}" for place, ones in by_place(group))
        for phase, group in groupby(steps, key=lambda step: step[0])
    ]


def by_place(steps: Iterator[tuple[str, str, str]]) -> Iterator[tuple[str, Iterator[tuple[str, str, str]]]]:
    """Group steps that come one after the other in the same place."""
    return groupby(steps, key=lambda step: step[1])


def shows(row: Row) -> bool:
    """Say whether what a row names is there, and, where it is a trace, whether it is that."""
    if trace := re.fullmatch(r"trace (?:of `(\w+)` )?`([^`]+)`", row.shown):
        image, wanted = trace.groups()
        return wanted in "; ".join(writes(row.design, image or "healthy"))
    if re.fullmatch(r"A\d+", row.shown):
        return row.shown in ACCEPTED
    named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", row.shown)
    if not named or not (ROOT / named[1]).is_file():
        return False
    tree = ast.parse((ROOT / named[1]).read_text(encoding="utf-8"))
    return named[2] in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.design}: {row.step[:50]}" for row in ROWS])
def test_a_row_has_a_source_and_is_shown(row: Row) -> None:
    """Its source is one of the list, the lab does the same or has a reason, and a trace, a row or a test shows it."""
    assert row.source.partition(" ")[0] in SOURCES
    assert row.lab == "same" or row.lab.startswith("differs, because ")
    assert shows(row)


def test_every_real_design_has_its_rows() -> None:
    """None is left out, and no source is listed that no row names."""
    assert set(DESIGNS) == {row.design for row in ROWS}
    assert SOURCES == {row.source.partition(" ")[0] for row in ROWS}
    assert len({(row.design, row.step) for row in ROWS}) == len(ROWS)


def test_no_row_has_another_shape() -> None:
    """Four full cells: a line with fewer would be read as another row."""
    assert [] == [row for row in ROWS if not all(row)]
    lines = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith(("| step", "| ---"))]
    assert [4] * len(ROWS) == [len(re.split(r"(?<!\\)\|", line)) - 2 for line in lines]


def test_what_is_not_so_is_seen() -> None:
    """A trace that is another, a test that is not there, and a row without a number are no proof."""
    right = Row("esp32", "", "core", "same", "trace `commit: state 0 EP, record 1 EP, record 0 EP`")
    assert shows(right)
    for shown in ("trace `commit: record 1 EP`", "A54", "`tests/whole/test_docs.py::test_nothing`", "looked at"):
        assert not shows(right._replace(shown=shown))

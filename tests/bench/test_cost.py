"""What an update costs: counted by hand on the smallest board, and the laws between its numbers."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from otalab.bench.cost import before_up, cost
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.firmware.catalogue import designs, load_design
from otalab.hardware.effects import Erase
from otalab.hardware.part import part
from otalab.views.figures.costs import HEADS, cost_table


def test_a_restart_alone_by_hand() -> None:
    """0.1 s until the reset and 1 s until an image is up; two sectors for records, one of them erased twice."""
    found = cost("mongoose", "tiny", app_size=500)
    assert (1.1, 1.0) == (pytest.approx(found.down), pytest.approx(found.boot))
    assert (2, 2 * 4096) == (found.busiest, found.records)


def test_who_notes_a_try_is_down_for_one_record_more() -> None:
    """An erase of a sector and a program of a page, by the data sheet."""
    plain, noted = (cost(name, "tiny", app_size=500) for name in ("mongoose", "hardened"))
    sheet = part("W25Q16JV")
    record = sheet.erase_seconds() + sheet.program_seconds(84)
    assert record == pytest.approx(noted.down - plain.down, rel=0.01)


def test_who_copies_erases_the_sectors_of_a_slot_once_more_while_it_is_down() -> None:
    """All of slot 0, and the trailer."""
    board = "tiny"
    copied, plain = (cost(name, board, app_size=500) for name in ("mcuboot-overwrite", "mongoose"))
    what = set_up("mcuboot-overwrite", board, app_size=500)
    again = [step for step in life(what).runs[1].steps if isinstance(step.effect, Erase)]
    slot = what.device.board.slots[0]

    assert (slot.app.size + slot.fs.size) // 4096 + 1 == len(again)
    assert copied.down > plain.down + len(again) * part("W25Q16JV").erase_seconds()


@pytest.mark.parametrize("design", designs())
def test_its_parts_are_those_of_the_whole_update(design: str) -> None:
    """All erases are counted; no part is longer than the life, and no boot longer than the downtime."""
    found, lived = cost(design, "tiny", app_size=500), life(set_up(design, "tiny", app_size=500))
    erases = sum(isinstance(step.effect, Erase) for run in lived.runs for step in run.steps)

    assert erases == found.erases >= found.busiest > 0
    assert 0 < found.boot <= found.down
    assert found.writing + found.down < sum(run.seconds for run in lived.runs)
    assert found.boot == pytest.approx(before_up(lived.runs[0]), abs=0.2)


def test_the_table_has_a_row_for_each() -> None:
    """Designs by name or as they are; what is asked of one is asked of the table."""
    mine = replace(load_design("hardened"), name="mine")
    table = cost_table(["mongoose", mine], "tiny", app_size=500)
    assert (["mongoose", "mine"], [*HEADS]) == ([*table.index], [*table.columns])
    writing, down, *_ = astuple(cost(mine, "tiny", app_size=500))
    assert [round(writing, 2), round(down, 2)] == [*table.loc["mine"][:2]]

"""Scenarios as they are set up: what an option says is what the firmware then finds."""

from __future__ import annotations

import pytest

from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.firmware.catalogue import designs
from otalab.hardware.effects import Program
from otalab.hardware.part import parts


def timed_typically(name: str) -> bool:
    """Say whether the table has a part's typical times; some have only the maximal ones."""
    row = dict(parts()[name].row)
    return bool(row["erase_typ_ms"] and row["pp_typ_us"])


FIT = [name for name, chip in parts().items() if chip.sector_size == 4096]


@pytest.mark.parametrize("name", FIT)
def test_another_part_has_its_own_pages_and_units(name: str) -> None:
    """The board keeps its regions; what the firmware writes at a time is up to the part."""
    scenario = set_up(part=name, timing="typ" if timed_typically(name) else "max")
    geometry, chip = scenario.device.board.geometry, parts()[name]

    assert chip is scenario.part is scenario.device.board.part
    assert (chip.page_size, chip.program_unit) == (geometry.page_size, geometry.program_unit)
    assert set_up().device.board.slots == scenario.device.board.slots


@pytest.mark.parametrize("design", designs())
def test_every_design_updates_on_words_of_four_bytes(design: str) -> None:
    """On the flash of an nRF52840 all is written in whole units, and the update arrives."""
    lived = life(set_up(design, part="nRF52840"))
    programs = [step.effect for run in lived.runs for step in run.steps if isinstance(step.effect, Program)]

    assert "2" == lived.last.outcome.version
    assert all(one.address % 4 == len(one.data) % 4 == 0 for one in programs)


@pytest.mark.parametrize("name", sorted(set(parts()) - set(FIT)))
def test_a_part_of_other_sectors_is_refused(name: str) -> None:
    """It would not fit the board's regions; the line says what does."""
    with pytest.raises(BadInput, match="board lab-1M needs sectors of 4096: take another part or board"):
        set_up(part=name)

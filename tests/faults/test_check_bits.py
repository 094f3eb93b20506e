"""Parts that keep check bits with each word: one that a cut leaves half cannot be read; who reads it takes a fault."""

from dataclasses import replace
from itertools import product

import pytest
from layouts import in_large_units, with_data

from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.errors import ReadFault
from otalab.faults.models import FAULTS, fault_model
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.controller import Controller
from otalab.firmware.outcome import Bricked
from otalab.graph.check import check_design
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash, Mark
from otalab.hardware.part import part, parts

WORD = 32
RUNS = [one for one in designs() if load_design(one).interval_in != "updater.dat"]


def words(*, ecc: bool = True) -> Board:
    """Return a board without files whose part has words of 32 bytes, with or without check bits."""
    one = with_data("none")
    chip = replace(one.part, name="W", program_unit=WORD, ecc=ecc)
    return replace(one, part=chip, geometry=replace(one.geometry, program_unit=WORD, ecc=ecc))


def test_the_table_says_which_parts_keep_check_bits() -> None:
    """ST's: 10 bits for 32 bytes of the H7, 8 bits for 8 bytes of the L4."""
    kept = {name: (one.program_unit, dict(one.row)["ecc_bits"]) for name, one in parts().items() if one.ecc}
    assert {"STM32H743-x64": (32, "10"), "STM32H743-x8": (32, "10"), "STM32L4": (8, "8")} == kept


@pytest.mark.parametrize(
    ("design", "faults"),
    [*product(RUNS, ["torn-program", "torn-erase"]), ("mongoose", "zeroed-erase"), ("mongoose", "all")],
)
def test_a_loader_that_reads_all_records_does_not_come_back(design: str, faults: str) -> None:
    """One cut while a record is programmed, or erased, and every boot takes the fault: no design has a way around."""
    what = in_large_units(design)
    found = check_design(what, board=words(), faults=faults, app_size=500, budget=20).graph.counterexample
    assert found is not None
    assert ("bricked", 1) == (found.end, len(found.cuts))


@pytest.mark.parametrize("design", ["mongoose", "hardened", "esp-idf"])
def test_what_is_whole_or_not_begun_is_read_as_ever(design: str) -> None:
    """Effects that happen or do not leave no half word: what is safe without check bits is safe with them."""
    assert "safe" == check_design(design, board=words(), faults="atomic", app_size=500).verdict
    assert "safe" == check_design("hardened", board=words(ecc=False), faults="torn-program", app_size=500).verdict


def test_a_word_of_a_slot_that_nobody_reads_harms_nobody() -> None:
    """A download that is cut leaves half a word, and the next one erases it before anything is read there."""
    what = set_up("hardened", words(), app_size=500)
    step = next(
        step for step in life(what).runs[0].steps if step.phase == "download" and isinstance(step.effect, Program)
    )
    tears = list(fault_model("torn-program").tears(step.effect, step.before, what.device))
    torn = [tear for tear in tears if tear.mark]
    assert len(step.effect.data) // WORD == len(torn)
    for tear in torn[:3]:
        again = life(replace(what, flash=tear.onto(step.before, step.effect.address // 4096)))
        assert "Running(slot=1, version='2', committed=True)" == str(again.last.outcome)


def test_the_fault_is_the_first_word_of_a_read_and_gone_with_an_erase() -> None:
    """Whoever looks at contents from outside reads them all the same; a program does not mend the word."""
    what = set_up("hardened", words(), app_size=500)
    board, record = what.device.board, what.device.board.records[1]
    mark = Mark(record.address // 4096, "unreadable", units=(WORD, 3 * WORD))
    flash = replace(what.flash, marks=frozenset((mark,)))
    chip = Controller(board, flash)
    assert WORD == len(chip.read(record.address + WORD, WORD))
    chip.faults = True
    with pytest.raises(ReadFault, match=f"the word at 0x{record.address + 3 * WORD:x} cannot be read"):
        chip.read(record.address + 2 * WORD, 2 * WORD)
    assert WORD == len(chip.read(record.address + 2 * WORD, WORD))
    assert WORD == len(chip.read_up_to_fault(record))
    programmed = flash.after(Program(record.address + WORD, bytes(WORD)))
    assert {mark} == programmed.marks
    assert not programmed.after(Erase(mark.sector)).marks
    assert isinstance(life(replace(what, flash=flash)).last.outcome, Bricked)


def test_a_second_cut_leaves_two_words_that_cannot_be_read() -> None:
    """An append to a sector with a half word adds one; counts agree with what there is."""
    what = set_up("hardened", words(), app_size=500)
    sector = what.device.board.slots[1].app.address // 4096
    flash = replace(what.flash, marks=frozenset((Mark(sector, "unreadable", units=(0,)),)))
    effect = Program(sector * 4096 + 64, bytes(64))
    marks = {tear.mark for tear in fault_model("torn-program").tears(effect, flash, what.device)}
    assert {(0,), (0, 64), (0, 96)} == {mark.units for mark in marks if mark}


@pytest.mark.parametrize("board", ["words", "tiny"])
@pytest.mark.parametrize("faults", [name for name, model in FAULTS.items() if model.quick])
def test_the_quick_count_is_the_number_of_tears(faults: str, board: str) -> None:
    """Of a program of no record, on a sector that is weak or not; half words are tears of their own."""
    what = set_up("hardened", words() if board == "words" else board, app_size=500)
    flash, model = Flash.blank(what.flash.geometry), fault_model(faults)
    address = what.device.board.slots[1].app.address
    sector = what.device.board.sectors_of(what.device.board.slots[1].app).start
    weak = flash.with_sector(sector, flash.sectors[sector], Mark(sector, "weak"))
    for data in (bytes(64), bytes([0xF0]) * 32, b"\xff" * 64, bytes(range(256))):
        effect = Program(address, data)
        for before in (flash, weak, flash.after(Program(address, b"\x0f" * 48))):
            assert len(list(model.tears(effect, before, what.device))) == model.count(effect, before, what.device)


def test_a_part_whose_erase_leaves_zeros_is_refused_by_name() -> None:
    """ST's L0 and L1, in any spelling of the part."""
    for name in ("STM32L053C8", "stm32l152re", "STM32L0"):
        with pytest.raises(
            Exception, match=r"an erase of the STM32L[01] leaves zeros .*: take a part whose erase leaves"
        ):
            part(name)

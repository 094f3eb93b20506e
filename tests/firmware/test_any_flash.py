"""Whatever flash holds, a power-on ends in an outcome: numbers out of a record are numbers from outside."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from any_flash import ground, odd_fields, outcomes, spoilt
from deep import latin
from hypothesis import given, settings
from hypothesis import strategies as st
from near_designs import near

from otalab.bench.setup import set_up
from otalab.bench.trace import run
from otalab.errors import OutOfTable
from otalab.firmware import store
from otalab.firmware.boot_state import snapshot
from otalab.firmware.catalogue import designs
from otalab.firmware.controller import Controller
from otalab.firmware.image import TEMPERS
from otalab.firmware.intervals import interval_of_the_file
from otalab.firmware.outcome import Reset
from otalab.firmware.requests import Snapshot
from otalab.firmware.user_file import put_file
from otalab.formats.records.nvs import UPDATE_STATE
from otalab.formats.records.record import BootConfig, Record
from otalab.hardware.board import load_board


@pytest.mark.parametrize("design", designs())
@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_a_power_on_ends_whatever_the_records_hold(design: str, chance: Random) -> None:
    """Noise, torn and odd records, odd commit intervals, weak and unstable sectors; and whatever is asked for after."""
    one = ground(design, "tiny", chance.choice(TEMPERS))
    assert 4 == len(list(outcomes(chance, one, spoilt(chance, one))))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "board"), latin(designs(), ["lab-1M", "esp8266-4M", "esp32-4M"], always=[("mongoose", "lab-1M")])
)
@settings(max_examples=6)
@given(st.randoms(use_true_random=False))
def test_a_power_on_ends_on_real_boards_too(design: str, board: str, chance: Random) -> None:
    """The same on boards that people have."""
    one = ground(design, board, "healthy")
    assert 4 == len(list(outcomes(chance, one, spoilt(chance, one))))


@pytest.mark.slow
@pytest.mark.parametrize(("design", "first"), latin(designs(), range(3), always=[("mongoose", 1), ("mongoose", 2)]))
def test_a_power_on_ends_in_designs_that_differ_by_one_choice(design: str, first: int) -> None:
    """What stands in a table of choices may stand beside everything that does not contradict it."""
    for other in near(design)[first::3]:
        chance, one = Random(other.name), ground(other, "tiny", "healthy")
        assert 4 == len(list(outcomes(chance, one, spoilt(chance, one))))


@pytest.mark.parametrize("design", designs())
def test_a_record_is_written_as_it_is_read_whatever_it_says(design: str) -> None:
    """What a format can read it can write, and where it names a slot of the board, reading it again gives the same."""
    one, chance = ground(design, "tiny", "healthy"), Random(design)
    for family in one.kept:
        form, count = family.codec, 0
        for _ in range(500):
            found = form.decode(odd_fields(chance, form, form.encode(Record(form.counting.first, BootConfig(0, True)))))
            if isinstance(found, Record):
                again = form.decode(form.encode(found))
                assert isinstance(again, Record)
                assert found.config.active > 1 or found.config == again.config
                count += 1
        assert count > 50


def test_a_number_that_names_no_slot_gives_none() -> None:
    """The board says so; Python would count from the other end, or end in a traceback."""
    board = load_board("tiny")
    for number in (-1, 2, 255):
        with pytest.raises(OutOfTable, match=f"slot {number} is named, which this board does not have"):
            board.slot(number)


def test_files_of_a_slot_that_is_not_there_cannot_be_carried_over() -> None:
    """Behind the table lies no file system, so the mount fails, and the trial is over."""
    what = set_up("esp8266", "tiny", app_size=500)
    chip, form = Controller(what.device.board, run(what).flash), store.codec(what.device.design)
    selected = store.select(chip, what.device.design)
    assert selected
    torn = form.encode(replace(selected.record, config=replace(selected.config, previous=77)))
    ended = run(what, chip.flash.patched(what.device.board.records[0].address, torn))

    assert Reset("its files could not be carried over") == ended.outcome
    assert any("slot 77 is named, which this board does not have" in line for _, line in ended.log)


def test_a_snapshot_of_a_slot_that_is_not_there_is_refused() -> None:
    """The update state of the ESP32 may name any of sixteen."""
    what = ground("esp32", "tiny", "healthy").scenario
    state = UPDATE_STATE.encode(Record(5, BootConfig(9, True, previous=0)))
    chip = Controller(what.device.board, what.flash.patched(what.device.board.state[0].address, state))

    refused = chip.carry_out(snapshot(chip, what.device.design, 0, Snapshot()))
    assert (False, "Failed to create snapshot") == (refused.fine, refused.message.partition(":")[0])


@pytest.mark.parametrize(
    ("seconds", "data"),
    [(0, b""), (5, b"\x05"), (60, b"\x3c\0\0\0"), (60, b"\x3c\0\0\0" + b"x" * 300), (0, b"\xff" * 4)],
)
def test_a_commit_interval_in_a_file_is_its_first_four_bytes(seconds: int, data: bytes) -> None:
    """As in the C structure that real code takes it for: more are not looked at, and a negative one is none."""
    what = set_up("esp8266", "tiny", app_size=500)
    chip = Controller(what.device.board, what.flash)
    chip.carry_out(put_file(chip, chip.board.slots[0].fs, "updater.dat", data))
    config = store.select(chip, what.device.design).config  # type: ignore[union-attr]

    assert seconds == chip.carry_out(interval_of_the_file(chip, config, 0))

"""A user file that the running firmware writes, and what a power cut makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otalab import set_up
from otalab.firmware.controller import Controller
from otalab.firmware.requests import Keep, Report
from otalab.firmware.user_file import write_file
from otalab.formats.filesystems.kinds import mount
from otalab.formats.filesystems.scratch import FileSystemFault, Scratch
from otalab.hardware.board import load_board
from otalab.hardware.effects import Erase, Program

DEVICE = set_up("hardened", "tiny", app_size=500)
SPIFFS = set_up("hardened", replace(load_board("tiny"), file_system="spiffs"), app_size=500)


def run(flash, wanted, most=None, device=DEVICE):
    """Carry out the first effects of a write, all of them unless told otherwise; return the contents and the report."""
    chip = Controller(device.device.board, flash)
    routine, done = write_file(chip, 0, wanted), 0
    while done != most:
        try:
            effect = next(routine)
        except StopIteration as end:
            return chip.flash, end.value, done
        assert isinstance(effect, Erase | Program)
        chip.apply(effect)
        done += 1
    return chip.flash, None, done


def files(flash, device=DEVICE):
    """What a restart reads; a file that cannot be read is `None`."""
    region = device.device.board.slots[0].fs
    fs = mount(device.device.board.file_system, Scratch(flash.read(region.address, region.size)))
    found = {}
    for name in fs.names():
        try:
            found[name] = fs.read(name)
        except FileSystemFault:
            found[name] = None
    return found


@pytest.mark.parametrize("device", [DEVICE, SPIFFS], ids=["littlefs", "spiffs"])
def test_a_file_is_written_beside_the_others(device):
    """
    It is there, and every other file as it was.
    """
    flash, report, _ = run(device.flash, Keep("ota_state.json", b"{}"), device=device)

    assert Report(True, "Ok") == report
    assert files(device.flash, device) | {"ota_state.json": b"{}"} == files(flash, device)


def test_a_cut_leaves_the_old_file_or_the_new_one():
    """
    At every effect; littlefs switches from one to the other with one program.
    """
    before, _, _ = run(DEVICE.flash, Keep("ota_state.json", b"old"))
    after, _, effects = run(before, Keep("ota_state.json", b"new"))
    left = [files(run(before, Keep("ota_state.json", b"new"), most)[0]) for most in range(effects + 1)]

    assert effects > 0
    assert all(found in (files(before), files(after)) for found in left)
    assert (files(before), files(after)) == (left[0], left[-1])


def test_on_spiffs_a_cut_can_leave_neither():
    """
    The old file is emptied before the new one is written: unreadable, then empty, then a beginning of the new one.

    No other file is touched, whatever is cut.
    """
    old, new = b"o" * 300, b"n" * 300
    before, _, _ = run(SPIFFS.flash, Keep("state", old), device=SPIFFS)
    _, _, effects = run(before, Keep("state", new), device=SPIFFS)
    left = [files(run(before, Keep("state", new), most, SPIFFS)[0], SPIFFS) for most in range(effects + 1)]
    states = [found.pop("state") for found in left]
    order = list(dict.fromkeys(states))

    assert all(found == dict(SPIFFS.files) for found in left)
    assert [old, None, b"", b"n" * 128, b"n" * 256, new] == order
    assert states == sorted(states, key=order.index)


def test_where_there_is_no_file_system_nothing_is_kept():
    """
    And it is said.
    """
    raw = set_up("hardened", replace(load_board("tiny"), file_system="raw"), app_size=500)

    assert Report(False, "state cannot be kept: there is no raw") == run(raw.flash, Keep("state", b""), device=raw)[1]


@pytest.mark.parametrize("device", [DEVICE, SPIFFS], ids=["littlefs", "spiffs"])
def test_a_file_that_does_not_fit_is_refused(device):
    """
    With the file system's reason; the others are there.
    """
    flash, report, _ = run(device.flash, Keep("big", b"x" * 30_000), device=device)

    assert not report.fine
    assert files(device.flash, device).items() <= files(flash, device).items()

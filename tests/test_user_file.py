"""A user file that the running firmware writes, and what a power cut makes of it."""

from __future__ import annotations

from otalab import set_up
from otalab.chip import Chip
from otalab.effects import Erase, Keep, Program, Report
from otalab.filesystem import read_files
from otalab.user_file import write_file

DEVICE = set_up("hardened", "tiny", app_size=500)


def run(flash, wanted, most=None):
    """Carry out the first effects of a write, all of them unless told otherwise; return the contents and the report."""
    chip = Chip(DEVICE.device.board, flash)
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


def files(flash):
    region = DEVICE.device.board.slots[0].fs
    return read_files(flash.read(region.address, region.size))


def test_a_file_is_written_beside_the_others():
    """
    It is there, and every other file as it was.
    """
    flash, report, _ = run(DEVICE.flash, Keep("ota_state.json", b"{}"))

    assert Report(True, "Ok") == report
    assert files(DEVICE.flash) | {"ota_state.json": b"{}"} == files(flash)


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


def test_a_file_that_does_not_fit_is_refused():
    """
    With the file system's reason; the others are there.
    """
    flash, report, _ = run(DEVICE.flash, Keep("big", b"x" * 30_000))

    assert not report.fine
    assert files(DEVICE.flash).items() <= files(flash).items()

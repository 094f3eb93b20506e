"""Where the commit interval is kept between the update and the start of the new image, and until when."""

from __future__ import annotations

from collections.abc import Callable

from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.user_file import INTERVAL_FILE, put_file, read_file, remove_file
from otalab.formats.records.record import BootConfig
from otalab.hardware.effects import Routine
from otalab.hardware.places import Region


def in_the_record(_chip: Controller, _old: Region, seconds: int) -> Routine[int]:
    """Leave the commit interval to the boot record, if that has room for it."""
    return seconds
    yield


def in_a_file(chip: Controller, old: Region, seconds: int) -> Routine[int]:
    """Write the commit interval into a file of the old file system, which the merge at first boot will carry over."""
    data = seconds.to_bytes(4, "little")
    # Only if there is one: a file that an earlier update left stays, as on the real device before 2021.
    # Not again if it is there: the real one writes all the same, and each retry would leave another file system.
    if seconds and (yield from read_file(chip, old, INTERVAL_FILE)) != data:
        yield from put_file(chip, old, INTERVAL_FILE, data)
    return seconds


def set_in_the_file(chip: Controller, fs: Region, seconds: int) -> Routine[None]:
    """Write the commit interval into the file, 0 as well: who sets it from outside means what he says."""
    yield from put_file(chip, fs, INTERVAL_FILE, seconds.to_bytes(4, "little"))


def set_elsewhere(_chip: Controller, _fs: Region, _seconds: int) -> Routine[None]:
    """Write nothing more: the record has the interval, or nobody keeps it."""
    return
    yield


def nowhere(_chip: Controller, _old: Region, _seconds: int) -> Routine[int]:
    """Keep the commit interval nowhere: a trial has no timer."""
    return 0
    yield


def commit_interval(chip: Controller, design: Design, config: BootConfig, slot: int) -> Routine[int]:
    """Return the commit interval of what a slot runs, from where the design keeps it; in seconds, 0: none."""
    return (yield from KEPT[design.interval_in](chip, config, slot))


def interval_of_the_record(chip: Controller, config: BootConfig, slot: int) -> Routine[int]:
    """Return the commit interval that the record has; 0 where it has none."""
    return config.interval
    yield


def interval_of_the_file(chip: Controller, config: BootConfig, slot: int) -> Routine[int]:
    """Return the commit interval that the file in the slot's file system has; 0 without one.

    Real code takes the file for a C structure that begins with a signed number of four bytes, and arms no timer unless
    that is positive; where a cut left fewer bytes it reads what lies behind them in RAM, which the lab takes for zeros.
    """
    data = yield from read_file(chip, chip.board.slots[slot].fs, INTERVAL_FILE)
    return max(0, int.from_bytes((data or b"")[:4].ljust(4, b"\0"), "little", signed=True))


def nothing_to_remove(chip: Controller, slot: int) -> Routine[None]:
    """Leave the commit interval where it is: nobody asks a committed record for it."""
    return
    yield


def file_removed(chip: Controller, slot: int) -> Routine[None]:
    """Remove the file with the commit interval."""
    yield from remove_file(chip, chip.board.slots[slot].fs, INTERVAL_FILE)


# What is kept apart, and which interval is left to the record.
KEEPS: dict[str, Callable[[Controller, Region, int], Routine[int]]] = {
    "record": in_the_record,
    "updater.dat": in_a_file,
    "nowhere": nowhere,
}
KEPT: dict[str, Callable[[Controller, BootConfig, int], Routine[int]]] = {
    "record": interval_of_the_record,
    "updater.dat": interval_of_the_file,
    "nowhere": interval_of_the_record,
}
DONE_WITH: dict[str, Callable[[Controller, int], Routine[None]]] = {
    "record": nothing_to_remove,
    "updater.dat": file_removed,
    "nowhere": nothing_to_remove,
}
# What is written when the interval is set from outside, and no update is on its way.
SETS: dict[str, Callable[[Controller, Region, int], Routine[None]]] = {
    "record": set_elsewhere,
    "updater.dat": set_in_the_file,
    "nowhere": set_elsewhere,
}

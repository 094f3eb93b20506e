"""User files that the running firmware writes, into the file system of its own slot: updates carry them over."""

from __future__ import annotations

from otalab.firmware.merge import mounted, replayed
from otalab.firmware.requests import Keep, Report
from otalab.formats.filesystems.scratch import FileSystemFault
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Routine
from otalab.hardware.places import Region

# Where the real updater keeps the commit interval: four bytes, little-endian, in seconds.
INTERVAL_FILE = "updater.dat"


def write_file(chip: Chip, slot: int, wanted: Keep) -> Routine[Report]:
    """Write one file, and say whether it went in."""
    try:
        yield from put_file(chip, chip.board.slots[slot].fs, wanted.name, wanted.data)
    except FileSystemFault as fault:
        return Report(False, str(fault))
    return Report(True, "Ok")


def put_file(chip: Chip, region: Region, name: str, data: bytes) -> Routine[None]:
    """Write one file into a file system.

    littlefs sees to it that a cut leaves the old one or the new one; SPIFFS empties the old one first, and a cut may
    leave it empty, shorter or unreadable.
    """
    fs = yield from mounted(chip, region)
    if fs is None:
        raise FileSystemFault(f"{name} cannot be kept: there is no {chip.board.file_system}")
    try:
        fs.write(name, data)
    finally:
        # Also when it does not fit: what the file system did until then is done.
        yield from replayed(chip, region, fs.scratch)


def read_file(chip: Chip, region: Region, name: str) -> Routine[bytes | None]:
    """Return what a file holds, or `None` where there is none, or none that can be read."""
    fs = yield from mounted(chip, region)
    try:
        return fs.read(name) if fs is not None and name in fs.names() else None
    except FileSystemFault:
        return None
    finally:
        if fs is not None:
            yield from replayed(chip, region, fs.scratch)


def remove_file(chip: Chip, region: Region, name: str) -> Routine[None]:
    """Remove a file, if it is there and the file system can."""
    fs = yield from mounted(chip, region)
    if fs is None:
        return
    try:
        if name in fs.names():
            fs.remove(name)
    except FileSystemFault as fault:
        chip.say(str(fault))
    finally:
        yield from replayed(chip, region, fs.scratch)

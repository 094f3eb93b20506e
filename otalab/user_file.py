"""User files that the running firmware writes, into the file system of its own slot: updates carry them over."""

from __future__ import annotations

from otalab.board import Region
from otalab.chip import Chip
from otalab.effects import Keep, Report, Routine
from otalab.errors import BundleFault
from otalab.filesystem import FileSystemFault
from otalab.merge import mounted, replayed

# Where the real updater keeps the commit interval: four bytes, little-endian, in seconds.
INTERVAL_FILE = "updater.dat"


def write_file(chip: Chip, slot: int, wanted: Keep) -> Routine[Report]:
    """Write one file; littlefs sees to it that a cut leaves the old one or the new one."""
    try:
        yield from put_file(chip, chip.board.slots[slot].fs, wanted.name, wanted.data)
    except (BundleFault, FileSystemFault) as fault:
        return Report(False, str(fault))
    return Report(True, "Ok")


def put_file(chip: Chip, region: Region, name: str, data: bytes) -> Routine[None]:
    """Write one file into a file system."""
    fs = mounted(chip, region)
    if fs is None:
        raise BundleFault(f"{name} cannot be kept: the file system is not littlefs")
    try:
        fs.write(name, data)
    finally:
        # Also when it does not fit: what littlefs did until then is done.
        yield from replayed(chip, region, fs.scratch)


def read_file(chip: Chip, region: Region, name: str) -> bytes | None:
    """Return what a file holds, or `None` where there is none."""
    fs = mounted(chip, region)
    if fs is None or name not in fs.names():
        return None
    data = fs.read(name)
    for _ in replayed(chip, region, fs.scratch):
        raise AssertionError("reading a file writes nothing")
    return data


def remove_file(chip: Chip, region: Region, name: str) -> Routine[None]:
    """Remove a file, if it is there."""
    fs = mounted(chip, region)
    if fs is None or name not in fs.names():
        return
    fs.remove(name)
    yield from replayed(chip, region, fs.scratch)

"""A user file that the running firmware writes: into the file system of its own slot, so that updates carry it over."""

from __future__ import annotations

from otalab import store
from otalab.chip import Chip
from otalab.design import Design
from otalab.effects import Keep, Report, Routine
from otalab.filesystem import FileSystemFault
from otalab.merge import mounted, replayed


def write_file(chip: Chip, design: Design, wanted: Keep) -> Routine[Report]:
    """Write one file; littlefs sees to it that a cut leaves the old one or the new one."""
    selected = store.select(chip, design)
    if selected is None:
        return Report(False, "Could not read current boot cfg")
    region = chip.board.slots[selected.config.active].fs
    fs = mounted(chip, region)
    if fs is None:
        return Report(False, f"{wanted.name} cannot be kept: the file system is not littlefs")
    try:
        fs.write(wanted.name, wanted.data)
    except FileSystemFault as fault:
        return Report(False, str(fault))
    finally:
        # Also when it does not fit: what littlefs did until then is done.
        yield from replayed(chip, region, fs.scratch)
    return Report(True, "Ok")

"""A user file that the running firmware writes: into the file system of its own slot, so that updates carry it over."""

from __future__ import annotations

from otalab import store
from otalab.chip import Chip
from otalab.design import Design
from otalab.effects import Keep, Report, Routine
from otalab.merge import mounted, replayed
from otalab.scratch import FileSystemFault


def write_file(chip: Chip, design: Design, wanted: Keep) -> Routine[Report]:
    """Write one file.

    littlefs sees to it that a cut leaves the old one or the new one; SPIFFS empties the old one first, and a cut may
    leave it empty, shorter or unreadable.
    """
    selected = store.select(chip, design)
    if selected is None:
        return Report(False, "Could not read current boot cfg")
    region = chip.board.slots[selected.config.active].fs
    fs = yield from mounted(chip, region)
    if fs is None:
        return Report(False, f"{wanted.name} cannot be kept: there is no {chip.board.file_system}")
    try:
        fs.write(wanted.name, wanted.data)
    except FileSystemFault as fault:
        return Report(False, str(fault))
    finally:
        # Also when it does not fit: what the file system did until then is done.
        yield from replayed(chip, region, fs.scratch)
    return Report(True, "Ok")

"""The file-system merge: files of the old file system that the new one lacks are carried over.

A file that the new image brings wins, so files such as `conf9.json` must never be put into an image.
"""

from __future__ import annotations

from collections.abc import Callable

from otalab.board import Region
from otalab.chip import Chip
from otalab.effects import Erase, Routine, pages
from otalab.filesystem import BlockErase, BlockProgram, BlockRead, FileSystem, FileSystemFault, Scratch

Mount = Callable[[Chip, Region], FileSystem | None]


def carry_over(chip: Chip, old: Region, new: Region, mount_old: Mount) -> Routine[None]:
    """Copy what is missing, one file after the other; `FileSystemFault` if it does not fit."""
    source, target = mount_old(chip, old), mounted(chip, new)
    if source is None or target is None:
        which = "old" if source is None else "new"
        chip.say(f"The {which} file system is not littlefs: old files were NOT carried over")
        return
    present = set(target.names())
    for name in source.names():
        if name in present:
            chip.say(f"Keeping {name} of the new image")
            continue
        try:
            target.copy_from(source, name)
        finally:
            # Also when it does not fit: what was read decided that.
            yield from replayed(chip, old, source.scratch)
            yield from replayed(chip, new, target.scratch)
        chip.say(f"Carried over {name}")
    yield from replayed(chip, new, target.scratch)


def mounted(chip: Chip, region: Region) -> FileSystem | None:
    """Mount a scratch copy of a region, and note what the mount read; `None` if it is no littlefs."""
    if chip.board.file_system != "littlefs":
        return None
    if chip.flash.marks:
        # How unstable cells read is decided before anyone looks at them.
        chip.note_read(region.address, region.size)
    scratch = Scratch(chip.flash.read(region.address, region.size), chip.board.geometry.sector_size)
    try:
        return FileSystem(scratch)
    except FileSystemFault:
        return None
    finally:
        for _ in replayed(chip, region, scratch):
            raise AssertionError("mounting a littlefs writes nothing")


def held_in_ram(chip: Chip, region: Region) -> Mount:
    """Read a file system that is about to be overwritten into RAM; return what mounts the copy."""
    # All of it is read now, whatever is asked of the copy later; a cut from the first erase on loses it.
    chip.read_region(region)
    copy = mounted(chip, region)
    return lambda _chip, _region: copy


def replayed(chip: Chip, region: Region, scratch: Scratch) -> Routine[None]:
    """Do to the flash what littlefs did to its scratch copy, in order."""
    size, page = chip.board.geometry.sector_size, chip.board.geometry.page_size
    for entry in scratch.drain():
        match entry:
            case BlockRead(block):
                chip.note_read(region.address + block * size, size)
            case BlockErase(block):
                yield Erase(region.address // size + block)
            case BlockProgram(offset, data):
                yield from pages(region.address + offset, data, page)

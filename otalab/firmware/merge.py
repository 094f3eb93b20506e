"""The file-system merge: files of the old file system that the new one lacks are carried over.

A file that the new image brings wins, so files such as `conf9.json` must never be put into an image.
"""

from __future__ import annotations

from collections.abc import Callable

from otalab.formats.bundle.manifest import shown
from otalab.formats.filesystems.kinds import DIRECTORIES, mount
from otalab.formats.filesystems.scratch import BlockErase, BlockProgram, BlockRead, FileSystem, FileSystemFault, Scratch
from otalab.hardware.board import NO_FILES, Board
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Routine
from otalab.hardware.places import Region

Mount = Callable[[Chip, Region], Routine[FileSystem | None]]
Folders = Callable[[FileSystem, set[str]], list[str]]


def with_folders(source: FileSystem, present: set[str]) -> list[str]:
    """Carry every file over, in whatever folder it is."""
    return source.names()


def flat(source: FileSystem, present: set[str]) -> list[str]:
    """Look at the top alone: a folder that the new image lacks cannot be copied, one that it has loses its files.

    `mgos_upd_merge_fs` opens each name that it does not find as if it were that of a file.
    """
    top = dict.fromkeys(name.partition("/")[0] for name in source.names())
    there = {name.partition("/")[0] for name in present}
    names = set(source.names())
    for name in top:
        if name not in names and name not in there:
            raise FileSystemFault(f"{shown(name)} is a folder, and cannot be copied as a file")
    return [name for name in top if name in names]


def carry_over(
    chip: Chip, old: Region, new: Region, mount_old: Mount, folders: Folders = with_folders
) -> Routine[bool]:
    """Copy what is missing, one file after the other; `FileSystemFault` if it does not fit.

    False if there is a file system to carry from or to that cannot be mounted: then nothing was copied.
    """
    source = yield from mount_old(chip, old)
    target = yield from mounted(chip, new)
    if source is None or target is None:
        which = "old" if source is None else "new"
        chip.say(f"The {which} file system is no {chip.board.file_system}: old files were NOT carried over")
        return chip.board.file_system == "raw"
    present = set(target.names())
    for name in folders(source, present):
        if name in present:
            chip.say(f"Keeping {shown(name)} of the new image")
            continue
        try:
            target.copy_from(source, name)
        finally:
            # Also when it does not fit: what was read decided that.
            yield from replayed(chip, old, source.scratch)
            yield from replayed(chip, new, target.scratch)
        chip.say(f"Carried over {shown(name)}")
    yield from replayed(chip, new, target.scratch)
    return True


def mounted(chip: Chip, region: Region) -> Routine[FileSystem | None]:
    """Mount a file system, and do to the flash what the mount did; `None` if there is none."""
    scratch = copied(chip, region)
    try:
        return mount(chip.board.file_system, scratch)
    except FileSystemFault:
        return None
    finally:
        # A SPIFFS finishes the one erase that a cut may have interrupted; littlefs only reads.
        yield from replayed(chip, region, scratch)


def copied(chip: Chip, region: Region) -> Scratch:
    """Return a scratch copy of a region; what is read of it counts when its journal is replayed."""
    size = chip.board.block_of(region)
    if chip.flash.marks and chip.board.file_system not in ("raw", NO_FILES):
        # How unstable cells read is decided before anyone looks at them.
        for block in range(region.size // size):
            _note_block(chip, region, block)
    return Scratch(chip.flash.read(region.address, region.size), size)


def directory_sectors(board: Board) -> frozenset[int]:
    """Return the sectors of a board that its file systems read as a directory, and never as the contents of a file."""
    regions = [slot.fs for slot in board.slots if slot.fs.size]
    return frozenset(at for fs in regions for at in board.sectors_of(fs)[: DIRECTORIES.get(board.file_system, 0)])


def _note_block(chip: Chip, region: Region, block: int) -> None:
    size = chip.board.block_of(region)
    chip.note_read(region.address + block * size, size, raw=not _is_directory(chip, block))


def _is_directory(chip: Chip, block: int) -> bool:
    return block < DIRECTORIES.get(chip.board.file_system, 0)


def held_in_ram(chip: Chip, region: Region) -> Mount:
    """Read a file system that is about to be overwritten into RAM; return what mounts the copy."""
    # All of it is read now, whatever is asked of the copy later; a cut from the first erase on loses it.
    chip.read_region(region)
    scratch = copied(chip, region)
    try:
        copy = mount(chip.board.file_system, scratch)
    except FileSystemFault:
        copy = None
    # What the mount repaired, it repaired in RAM.
    scratch.drain()

    def from_ram(_chip: Chip, _region: Region) -> Routine[FileSystem | None]:
        yield from ()
        return copy

    return from_ram


def replayed(chip: Chip, region: Region, scratch: Scratch) -> Routine[None]:
    """Do to the flash what a file system did to its scratch copy, in order."""
    geometry, size = chip.board.geometry, chip.board.block_of(region)
    for entry in scratch.drain():
        match entry:
            case BlockRead(block):
                _note_block(chip, region, block)
                chip.require_readable(region.address + block * size, size)
            case BlockErase(block):
                yield Erase(geometry.sector_at(region.address) + block)
            case BlockProgram(offset, data):
                chip.appends = _is_directory(chip, offset // size)
                try:
                    yield from geometry.pages(region.address + offset, data)
                finally:
                    chip.appends = False


FOLDERS: dict[str, Folders] = {"carried": with_folders, "flat": flat}

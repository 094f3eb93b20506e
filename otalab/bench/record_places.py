"""Where boot records may lie in what somebody brings: in record files, or in a dump and what that says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from otalab.formats.partition_table import PartitionTable, find_table
from otalab.hardware.board import Board, boards, load_board
from otalab.hardware.places import Region

SECTOR = 4096
# Where rBoot itself keeps its configuration: `BOOT_CONFIG_SECTOR` of its `rboot.h`.
RBOOT_SECTOR = 0x1000


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One way to find records: the areas, each a name and its bytes, and who says that they lie there.

    `records`: how many a format must have to have them there, if that is known; `table`: the partition table.
    """

    areas: tuple[tuple[str, bytes], ...]
    says: str
    records: int | None = None
    table: PartitionTable | None = None


@dataclass(frozen=True, slots=True)
class Dump:
    """Bytes of a flash, or a part of them: the first lies at `offset`."""

    name: str
    data: bytes
    offset: int = 0

    def area(self, region: Region) -> tuple[str, bytes] | None:
        """Return a region's name and bytes, if it begins in what there is."""
        start = region.address - self.offset
        if start < 0 or start >= len(self.data):
            return None
        return f"{self.name}+0x{start:x}", self.data[start : start + region.size]

    def areas(self, regions: Sequence[Region]) -> tuple[tuple[str, bytes], ...] | None:
        """Return regions' names and bytes, if all of them begin in what there is."""
        areas = [area for region in regions if (area := self.area(region))]
        return tuple(areas) if len(areas) == len(regions) else None


def in_files(files: Sequence[tuple[str, bytes]]) -> Iterator[Whereabouts]:
    """Yield the one way in which record files hold records: one each, or both sectors in one file."""
    if len(files) == 1 and len(files[0][1]) == 2 * SECTOR:
        name, data = files[0]
        # As `otadata.bin` of a bundle has them.
        files = [(name, data[:SECTOR]), (f"{name}+0x{SECTOR:x}", data[SECTOR:])]
    yield Whereabouts(tuple(files), "the files")


def in_dump(dump: Dump, board: Board | None) -> Iterator[Whereabouts]:
    """Yield the places that a dump's own partition table names; those of a board that is named, or of every board."""
    table = find_table(dump.data, dump.offset)
    if table and table.otadata:
        start = table.otadata.offset
        if areas := dump.areas([Region(start, SECTOR), Region(start + SECTOR, SECTOR)]):
            yield Whereabouts(areas, "its own partition table", 2, table)
    if board is None and table:
        return
    for known_board in [board] if board else map(load_board, boards()):
        says = f"board {known_board.name}"
        if areas := dump.areas(known_board.records):
            yield Whereabouts(areas, says, 2)
        # A format with one record may have it in either place.
        yield from (Whereabouts((area,), says, 1) for area in map(dump.area, known_board.records) if area)
    if board is None and (here := dump.area(Region(RBOOT_SECTOR, SECTOR))):
        yield Whereabouts((here,), "rBoot, whose own configuration lies at 0x1000,", 1)

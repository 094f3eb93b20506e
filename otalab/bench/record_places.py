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
# So many times a sector of 4 KiB have the small sectors of some chips.
LARGEST_SECTOR = 16
FILLERS = (0, 0xFF)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One way to find records: the areas, each a name and its bytes, and who says that they lie there.

    `records`: how many a format must have to have them there, if that is known; `table`: the partition table;
    `of_a_dump`: the areas are cut out of one, as far as that goes.
    """

    areas: tuple[tuple[str, bytes], ...]
    says: str
    records: int | None = None
    table: PartitionTable | None = None
    of_a_dump: bool = False


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
    """Yield the ways in which record files hold records: one each, or both areas in one file."""
    if len(files) == 1 and len(files[0][1]) > SECTOR:
        name, data = files[0]
        sizes = [SECTOR << step for step in range(LARGEST_SECTOR.bit_length()) if SECTOR << step < len(data)]
        begun = [size for size in sizes if data[size] not in FILLERS]
        # As `otadata.bin` of a bundle has them; larger areas where larger sectors have them.
        for size in begun or sizes[:1]:
            yield Whereabouts(((name, data[:size]), (f"{name}+0x{size:x}", data[size:])), "the files")
        if len(data) != 2 * SECTOR:
            yield Whereabouts(tuple(files), "the files", 1)
        return
    yield Whereabouts(tuple(files), "the files")


def in_dump(dump: Dump, board: Board | None) -> Iterator[Whereabouts]:
    """Yield the places that a dump's own partition table names; those of a board that is named, or of every board."""
    table = find_table(dump.data, dump.offset)
    if table and table.otadata:
        start = table.otadata.offset
        if areas := dump.areas([Region(start, SECTOR), Region(start + SECTOR, SECTOR)]):
            yield Whereabouts(areas, "its own partition table", 2, table, of_a_dump=True)
    if board is None and table:
        return
    for known_board in [board] if board else map(load_board, boards()):
        says = f"board {known_board.name}"
        if areas := dump.areas(known_board.records):
            yield Whereabouts(areas, says, 2, of_a_dump=True)
        # A format with one record may have it in either place.
        single = filter(None, map(dump.area, known_board.records))
        yield from (Whereabouts((area,), says, 1, of_a_dump=True) for area in single)
    if board is None and (here := dump.area(Region(RBOOT_SECTOR, SECTOR))):
        yield Whereabouts((here,), "rBoot, whose own configuration lies at 0x1000,", 1, of_a_dump=True)

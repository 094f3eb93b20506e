"""Boards: a platform, a flash part and who owns which sectors, loaded from TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from otalab.errors import BadInput, OutOfTable
from otalab.hardware.effects import Erase, Program
from otalab.hardware.geometry import FlashGeometry, Geometry, MixedGeometry
from otalab.hardware.part import FlashPart
from otalab.hardware.places import (
    SHARED,
    Region,
    Slot,
    data_of,
    refuse_joints,
    refuse_overlaps,
    region_of,
    slot_of,
    too_few,
)
from otalab.hardware.soldered import soldered, soldered_lines
from otalab.settings import DATA, Settings, names, place_of

# "raw" is a region of bytes in which nobody looks for files.
FILE_SYSTEMS = ("littlefs", "spiffs", "raw")
NO_FILES = "none"
KEYS = (
    *("name", "summary", "platform", "part", "flash_size", "flash"),
    *("file_system", "data", "loader", "records", "slots", "factory", "state"),
)
# Sixteen is what a table of ESP-IDF can name.
MOST_SLOTS = 16


@dataclass(frozen=True, slots=True)
class Board:
    """What the firmware finds itself soldered to."""

    name: str
    summary: str
    platform: str
    part: FlashPart
    geometry: FlashGeometry
    file_system: str
    loader: Region
    records: tuple[Region, Region]
    slots: tuple[Slot, ...]
    # Where a second store beside the records may lie; empty on a board that has no room for one.
    state: tuple[Region, ...] = ()
    data: str = "each"
    # The last of the slots is a factory image: no update is written there, and a loader may start it as a last resort.
    factory: bool = False
    # Of a board with sectors of several sizes, or external flash: the part of each piece.  `part` is the first one.
    parts: tuple[FlashPart, ...] = ()

    @property
    def targets(self) -> int:
        """How many slots an update may be written to: the first ones."""
        return len(self.slots) - self.factory

    def next_slot(self, active: int) -> int:
        """Return the slot that an update is written to beside the one that runs: the next one, round and round."""
        return (active + 1) % self.targets if active < self.targets else 0

    def slot_before(self, active: int) -> int:
        """Return the slot from which an update came to this one, round and round."""
        return (active - 1) % self.targets

    def others(self, active: int) -> Iterator[int]:
        """Yield the slots in whose images a loader looks for one in place of another, in their order.

        Those before it down to the factory image, then those behind it: `bootloader_utility_load_boot_image`.
        """
        if active < self.targets:
            yield from range(active - 1, -1, -1)
            yield from range(self.targets, len(self.slots))
            yield from range(active + 1, self.targets)
        else:
            yield from range(self.targets)

    def owners(self) -> Iterator[tuple[str, Region]]:
        """Yield every named region, in the words of the flash map."""
        yield "boot loader", self.loader
        for number, record in enumerate(self.records):
            yield f"record {number}", record
        for number, area in enumerate(self.state):
            yield f"state {number}", area
        for number, slot in enumerate(self.slots):
            name = f"slot {number}" if number < self.targets else "factory"
            yield f"{name} app", slot.app
            if self.data == "each":
                yield f"{name} files", slot.fs
        if self.data in SHARED:
            yield "files", self.slots[0].fs

    def toml_lines(self, within: str = "") -> Iterator[str]:
        """Yield the lines of the TOML that it can be loaded from, as the table `within` if that is named."""
        prefix = f"{within}." if within else ""
        for key, words in (("name", self.name), ("summary", self.summary), ("platform", self.platform)):
            yield f"{key} = {json.dumps(words)}"
        if not isinstance(self.geometry, MixedGeometry):
            yield f"part = {json.dumps(self.part.name)}"
            yield f"flash_size = 0x{self.geometry.size:x}"
        if self.data != "none":
            yield f"file_system = {json.dumps(self.file_system)}"
        if self.data != "each":
            yield f"data = {json.dumps(self.data)}"
        yield f"loader = {_inline(self.loader)}"
        if isinstance(self.geometry, MixedGeometry):
            yield from soldered_lines(self.parts, self.geometry, prefix)
        for table, regions in (("records", self.records), ("state", self.state)):
            for region in regions:
                yield from ("", f"[[{prefix}{table}]]", f"address = 0x{region.address:x}", f"size = 0x{region.size:x}")
        for number, slot in enumerate(self.slots):
            head = f"[[{prefix}slots]]" if number < self.targets else f"[{prefix}factory]"
            yield from ("", head, f"app = {_inline(slot.app)}")
            if self.data != "none":
                yield f"fs = {_inline(slot.fs)}"

    def has_slot(self, number: int) -> bool:
        """Say whether a number names a slot."""
        return 0 <= number < len(self.slots)

    def slot_name(self, number: int) -> str:
        """Return what a slot is called in a sentence."""
        return "the factory slot" if self.factory and number == self.targets else f"slot {number}"

    def slot(self, number: int) -> Slot:
        """Return the slot that a number names; a number out of a torn record may name none: `OutOfTable`."""
        if not self.has_slot(number):
            raise OutOfTable(f"slot {number} is named, which this board does not have")
        return self.slots[number]

    def owner_of(self, sector: int) -> str:
        """Return the name of the region that a sector belongs to, or `free`."""
        address = self.geometry.start_of(sector)
        return next((name for name, region in self.owners() if region.address <= address < region.end), "free")

    def sectors_of(self, region: Region) -> range:
        """Return the sectors of a region."""
        return self.geometry.sectors_of(region.address, region.size)

    def block_of(self, region: Region) -> int:
        """Return the size of a region's sectors: the block of a file system in it, where they are all alike."""
        return self.geometry.at(region.address).sector_size

    def part_of(self, sector: int) -> FlashPart:
        """Return the part that a sector belongs to."""
        if not isinstance(self.geometry, MixedGeometry):
            return self.part
        return self.parts[self.geometry.piece_at(self.geometry.start_of(sector))]

    def part_under(self, effect: Erase | Program, part: FlashPart) -> FlashPart:
        """Return the part that an effect works on; on a board with one that is `part`, which may stand in its place."""
        if not self.parts:
            return part
        return self.part_of(effect.sector if isinstance(effect, Erase) else self.geometry.sector_at(effect.address))

    @property
    def written_parts(self) -> tuple[FlashPart, ...]:
        """The parts on which something lies that is written again: all but the loader."""
        regions = [region for name, region in self.owners() if name != "boot loader"]
        owned = (self.part_of(sector) for region in regions for sector in self.sectors_of(region))
        return tuple(dict.fromkeys(owned)) if self.parts else (self.part,)

    @property
    def sector_sizes(self) -> int | str:
        """The size of its sectors, or how many there are of which size."""
        sizes = {*map(self.geometry.size_of, range(self.geometry.count))}
        return sizes.pop() if len(sizes) == 1 else self.geometry.sizes()

    @property
    def sectors_in_words(self) -> str:
        """The same in a sentence on its flash, "in sectors of ..."."""
        sizes = self.sector_sizes
        return f"{sizes} bytes" if isinstance(sizes, int) else f"several sizes: {sizes}"

    @property
    def part_names(self) -> str:
        """The names of its parts."""
        return ", ".join(dict.fromkeys(chip.name for chip in self.parts or (self.part,)))

    @property
    def alike(self) -> Geometry:
        """How its flash is divided, for what knows sectors of one kind alone; `BadInput` where they are not."""
        if isinstance(self.geometry, Geometry):
            return self.geometry
        raise BadInput(
            f"board {self.name} has several parts or sizes of sectors ({self.part_names}), and code in C or Python is "
            "built for one SECTOR_SIZE and PAGE_SIZE: take another board, or a design"
        )


def _inline(region: Region) -> str:
    return f"{{ address = 0x{region.address:x}, size = 0x{region.size:x} }}"


def boards() -> list[str]:
    """Return the names of the boards in `data/boards`."""
    return names("board")


def load_board(name: str) -> Board:
    """Return a board by its name in `data/boards`, or from the path of a TOML file as it is now."""
    path = place_of("board", name)
    return _of_the_lab(path) if path.parent == DATA / "boards" else read_board(Settings.load(path))


@cache
def _of_the_lab(path: Path) -> Board:
    return read_board(Settings.load(path))


def read_board(settings: Settings, name: str = "") -> Board:
    """Return the board that a settings file describes; the one of a design, which has a name, need not name itself."""
    settings.known(KEYS)
    chips, geometry = soldered(settings)
    slots = tuple(slot_of(slot, geometry) for slot in settings.each("slots"))
    if not 2 <= len(slots) <= MOST_SLOTS:
        raise settings.wrong("slots", too_few(slots) if len(slots) < 2 else f"{len(slots)}, and most are {MOST_SLOTS}")
    factory = "factory" in settings.table
    if factory:
        slots += (slot_of(settings.inside("factory"), geometry),)
    records, state = _places(settings, "records", geometry), _places(settings, "state", geometry)
    if len(state) not in (0, 2):
        raise settings.wrong("state", "a second store has two areas, or is left out")
    if len(records) != 2:
        raise settings.wrong("records", "a board has two of them; a design with one record uses the first")
    data = data_of(settings, slots)
    board = Board(
        name=_words(settings, "name", name),
        summary=_words(settings, "summary", name and f"the partition table of {name}"),
        platform=_words(settings, "platform", name and "lab"),
        part=chips[0],
        geometry=geometry,
        file_system=settings.choice("file_system", FILE_SYSTEMS) if data != "none" else NO_FILES,
        loader=region_of(settings, "loader", geometry),
        records=(records[0], records[1]),
        slots=slots,
        state=state,
        data=data,
        factory=factory,
        parts=chips if isinstance(geometry, MixedGeometry) else (),
    )
    refuse_overlaps(settings, board.owners())
    refuse_joints(settings, board.owners(), chips, geometry)
    return board


def _places(settings: Settings, key: str, geometry: FlashGeometry) -> tuple[Region, ...]:
    if key == "state" and key not in settings.table:
        return ()
    return tuple(region_of(place, "", geometry) for place in settings.each(key))


def _words(settings: Settings, key: str, default: str) -> str:
    return settings.words(key) if key in settings.table or not default else default

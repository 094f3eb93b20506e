"""Boards: a platform, a flash part and who owns which sectors, loaded from TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from otalab.errors import OutOfTable
from otalab.hardware.flash import LARGEST, Geometry
from otalab.hardware.part import ON_CHIP, FlashPart, part, parts
from otalab.settings import Settings, names, place_of

# "raw" is a region of bytes in which nobody looks for files.
FILE_SYSTEMS = ("littlefs", "spiffs", "raw")
# What an update does to data: each slot has its own; one partition for both that no update replaces, or that each one
# overwrites; or there is none at all.
DATA = ("each", "kept", "overwritten", "none")
NO_FILES = "none"
# Bytes; no image and no file system of these devices is larger, and a trace holds some twenty times what it writes.
LARGEST_PART = 2**24


SHARED = ("kept", "overwritten")
KEYS = (
    *("name", "summary", "platform", "part", "flash_size"),
    *("file_system", "data", "loader", "records", "slots", "factory", "state"),
)
# Sixteen is what a table of ESP-IDF can name.
MOST_SLOTS = 16


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of whole sectors; address and size in bytes."""

    address: int
    size: int

    @property
    def end(self) -> int:
        return self.address + self.size


@dataclass(frozen=True, slots=True)
class Slot:
    """A partition for code, and where its data lie: its own, one that both slots share, or no sector at all."""

    app: Region
    fs: Region


@dataclass(frozen=True, slots=True)
class Board:
    """What the firmware finds itself soldered to."""

    name: str
    summary: str
    platform: str
    part: FlashPart
    geometry: Geometry
    file_system: str
    loader: Region
    records: tuple[Region, Region]
    slots: tuple[Slot, ...]
    # Where a second store beside the records may lie; empty on a board that has no room for one.
    state: tuple[Region, ...] = ()
    data: str = "each"
    # The last of the slots is a factory image: no update is written there, and a loader may start it as a last resort.
    factory: bool = False

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
        yield f"part = {json.dumps(self.part.name)}"
        yield f"flash_size = 0x{self.geometry.size:x}"
        if self.data != "none":
            yield f"file_system = {json.dumps(self.file_system)}"
        if self.data != "each":
            yield f"data = {json.dumps(self.data)}"
        yield f"loader = {_inline(self.loader)}"
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
        address = sector * self.geometry.sector_size
        return next((name for name, region in self.owners() if region.address <= address < region.end), "free")

    def sectors_of(self, region: Region) -> range:
        """Return the sectors of a region."""
        return self.geometry.sectors_of(region.address, region.size)


def _inline(region: Region) -> str:
    return f"{{ address = 0x{region.address:x}, size = 0x{region.size:x} }}"


def boards() -> list[str]:
    """Return the names of the boards in `data/boards`."""
    return names("board")


def load_board(name: str) -> Board:
    """Return a board by its name in `data/boards`, or from the path of a TOML file."""
    return read_board(Settings.load(place_of("board", name)))


def read_board(settings: Settings, name: str = "") -> Board:
    """Return the board that a settings file describes; the one of a design, which has a name, need not name itself."""
    settings.known(KEYS)
    chip = part(settings.choice("part", tuple(parts())))
    geometry = _geometry(settings, chip)
    slots = tuple(_slot(slot, geometry) for slot in settings.each("slots"))
    if not 2 <= len(slots) <= MOST_SLOTS:
        raise settings.wrong("slots", _too_few(slots) if len(slots) < 2 else f"{len(slots)}, and most are {MOST_SLOTS}")
    factory = "factory" in settings.table
    if factory:
        slots += (_slot(settings.inside("factory"), geometry),)
    records, state = _places(settings, "records", geometry), _places(settings, "state", geometry)
    if len(state) not in (0, 2):
        raise settings.wrong("state", "a second store has two areas, or is left out")
    if len(records) != 2:
        raise settings.wrong("records", "a board has two of them; a design with one record uses the first")
    data = _data(settings, slots)
    board = Board(
        name=_words(settings, "name", name),
        summary=_words(settings, "summary", name and f"the partition table of {name}"),
        platform=_words(settings, "platform", name and "lab"),
        part=chip,
        geometry=geometry,
        file_system=settings.choice("file_system", FILE_SYSTEMS) if data != "none" else NO_FILES,
        loader=_region(settings, "loader", geometry),
        records=(records[0], records[1]),
        slots=slots,
        state=state,
        data=data,
        factory=factory,
    )
    _refuse_overlaps(settings, board)
    return board


def _geometry(settings: Settings, chip: FlashPart) -> Geometry:
    size = settings.number("flash_size", least=chip.sector_size, most=LARGEST)
    if chip.kind == ON_CHIP and 0 < chip.size < size:
        # A serial part may stand for its larger sister; sectors on a chip are what they are.
        raise settings.wrong(
            "flash_size",
            f"0x{size:x} bytes, and {chip.name} has 0x{chip.size:x} in sectors of 0x{chip.sector_size:x}: a board has "
            "sectors of one size, so take those of this row alone, or another part",
        )
    if size % chip.sector_size:
        raise settings.wrong("flash_size", f"{size} is not a multiple of the part's sector, {chip.sector_size} bytes")
    return Geometry(chip.sector_size, size // chip.sector_size, chip.page_size, chip.program_unit, chip.ecc)


def _places(settings: Settings, key: str, geometry: Geometry) -> tuple[Region, ...]:
    if key == "state" and key not in settings.table:
        return ()
    return tuple(_region(place, "", geometry) for place in settings.each(key))


def _too_few(slots: tuple[Slot, ...]) -> str:
    """Return what a board with one slot for updates, or none, means for an update, and the way out."""
    if not slots:
        return "there is none, and an update needs two: one to run and one to write to"
    return (
        "there is one, and an update needs two, one to run and one to write to: over the air it would go over the "
        "image that runs, and the first cut leaves none that starts. Take a table with two (in ESP-IDF ota_0, ota_1 "
        "and otadata; factory is none of them), or leave updates to the wire: then there is nothing to check"
    )


def _words(settings: Settings, key: str, default: str) -> str:
    return settings.words(key) if key in settings.table or not default else default


def _slot(settings: Settings, geometry: Geometry) -> Slot:
    settings.known(("app", "fs"))
    app = _region(settings, "app", geometry, LARGEST_PART)
    # Without data, a region of no sectors: whoever goes through a slot's sectors finds none.
    return Slot(app, _region(settings, "fs", geometry, LARGEST_PART) if "fs" in settings.table else Region(app.end, 0))


def _data(settings: Settings, slots: tuple[Slot, ...]) -> str:
    """Return what an update does to data: as it is named, or as the slots have it where that leaves no choice."""
    own, places = [bool(slot.fs.size) for slot in slots], {slot.fs for slot in slots}
    where = "each" if all(own) and len(places) == len(slots) else "kept" if all(own) else "none"
    named = settings.choice("data", DATA) if "data" in settings.table else where
    if not all(own) and any(own):
        raise settings.wrong(
            "slots", 'one has fs and another has none: give each its own, or both one, or data = "none"'
        )
    if named == "none" and any(own):
        raise settings.wrong(
            "data", '"none", and the slots have fs: leave fs out, or name "each", "kept", "overwritten"'
        )
    if named != "none" and not any(own):
        raise settings.wrong("slots", f'no slot has fs, and data is "{named}": give each one, or say data = "none"')
    if named in SHARED and len(places) != 1:
        raise settings.wrong("data", f'"{named}" is for one partition: give both slots the same fs, or say "each"')
    if named == "each" and len(places) != len(slots):
        raise settings.wrong(
            "data", '"each", and slots have one fs: say "kept" (no update replaces it) or "overwritten"'
        )
    return str(named)


def _region(settings: Settings, key: str, geometry: Geometry, most: int = LARGEST) -> Region:
    place = settings.inside(key) if key else settings
    place.known(("address", "size"))
    region = Region(place.number("address"), place.number("size", least=1, most=most))
    for what, value in (("address", region.address), ("size", region.size)):
        if value % geometry.sector_size:
            raise place.wrong(what, f"0x{value:x} is not a multiple of the sector, 0x{geometry.sector_size:x} bytes")
    if region.end > geometry.size:
        raise place.wrong("size", f"the region ends at 0x{region.end:x}, the flash at 0x{geometry.size:x}")
    return region


def _refuse_overlaps(settings: Settings, board: Board) -> None:
    owners = sorted(board.owners(), key=lambda owner: owner[1].address)
    for (name, region), (other, above) in pairwise(owners):
        if region.end > above.address:
            key = other.split()[0] + ("s" if other.split()[0] in ("slot", "record") else "")
            key = "loader" if other == "boot loader" else key
            raise settings.wrong(key, f"{other} at 0x{above.address:x} overlaps {name}, which ends at 0x{region.end:x}")

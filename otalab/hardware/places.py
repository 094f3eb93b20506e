"""Places on a board: regions of whole sectors, slots of two of them, and what their page may say of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from otalab.hardware.flash import LARGEST
from otalab.hardware.geometry import FlashGeometry, Geometry, MixedGeometry
from otalab.hardware.part import ON_CHIP, FlashPart
from otalab.settings import Settings

# What an update does to data: each slot has its own; one partition for both that no update replaces, or that each one
# overwrites; or there is none at all.
DATA = ("each", "kept", "overwritten", "none")
# Bytes; no image and no file system of these devices is larger, and a trace holds some twenty times what it writes.
LARGEST_PART = 2**24
SHARED = ("kept", "overwritten")


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


def too_few(slots: tuple[Slot, ...]) -> str:
    """Return what a board with one slot for updates, or none, means for an update, and the way out."""
    if not slots:
        return "there is none, and an update needs two: one to run and one to write to"
    return (
        "there is one, and an update needs two, one to run and one to write to: over the air it would go over the "
        "image that runs, and the first cut leaves none that starts. Take a table with two (in ESP-IDF ota_0, ota_1 "
        "and otadata; factory is none of them), or leave updates to the wire: then there is nothing to check"
    )


def slot_of(settings: Settings, geometry: FlashGeometry) -> Slot:
    """Return the slot that a table describes."""
    settings.known(("app", "fs"))
    app = region_of(settings, "app", geometry, LARGEST_PART)
    # Without data, a region of no sectors: whoever goes through a slot's sectors finds none.
    return Slot(
        app, region_of(settings, "fs", geometry, LARGEST_PART) if "fs" in settings.table else Region(app.end, 0)
    )


def data_of(settings: Settings, slots: tuple[Slot, ...]) -> str:
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


def region_of(settings: Settings, key: str, geometry: FlashGeometry, most: int = LARGEST) -> Region:
    """Return the region that a table describes: whole sectors, inside the flash."""
    place = settings.inside(key) if key else settings
    place.known(("address", "size"))
    region = Region(place.number("address"), place.number("size", least=1, most=most))
    if isinstance(geometry, Geometry):
        for what, value in (("address", region.address), ("size", region.size)):
            if value % geometry.sector_size:
                sector = geometry.sector_size
                raise place.wrong(what, f"0x{value:x} is not a multiple of the sector, 0x{sector:x} bytes")
    if region.end > geometry.size:
        raise place.wrong("size", f"the region ends at 0x{region.end:x}, the flash at 0x{geometry.size:x}")
    for what, value in (("address", region.address), ("size", region.end)):
        if not geometry.begins_sector(value):
            raise place.wrong(what, _amid(geometry, value))
    return region


def _amid(geometry: FlashGeometry, address: int) -> str:
    sector = geometry.sector_at(address)
    start = geometry.start_of(sector)
    end = start + geometry.size_of(sector)
    return f"0x{address:x} lies amid sector {sector}, which goes from 0x{start:x} to 0x{end:x}: sectors are not divided"


def refuse_overlaps(settings: Settings, named: Iterable[tuple[str, Region]]) -> None:
    """Refuse regions that share a sector."""
    owners = sorted(named, key=lambda owner: owner[1].address)
    for (name, region), (other, above) in pairwise(owners):
        if region.end > above.address:
            key = other.split()[0] + ("s" if other.split()[0] in ("slot", "record") else "")
            key = "loader" if other == "boot loader" else key
            raise settings.wrong(key, f"{other} at 0x{above.address:x} overlaps {name}, which ends at 0x{region.end:x}")


def refuse_joints(
    settings: Settings, named: Iterable[tuple[str, Region]], chips: tuple[FlashPart, ...], geometry: FlashGeometry
) -> None:
    """Refuse what lies on two chips, and files or records in sectors of two sizes."""
    if not isinstance(geometry, MixedGeometry):
        return
    for name, region in named:
        first, last = geometry.piece_at(region.address), geometry.piece_at(max(region.address, region.end - 1))
        kinds = {chip.kind for chip in chips[first : last + 1]}
        if first == last:
            continue
        where = f"{name} goes from 0x{region.address:x} to 0x{region.end:x}, over the end of {chips[first].name}"
        if kinds != {ON_CHIP}:
            raise settings.wrong("flash", f"{where}: nothing lies on two chips")
        if name != "boot loader" and not name.endswith("app"):
            raise settings.wrong("flash", f"{where}: only a loader and an application take sectors of several sizes")

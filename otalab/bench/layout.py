"""The layout of a board as it is found in what somebody brings, written as TOML with what it could not know marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from otalab.hardware.part import parts
from otalab.hardware.places import Region

MARK = "NOT KNOWN"
# Parts for boards on which nobody has named one: the smallest that is large enough, both times of which are known.
SERIAL_PARTS = ((1 << 21, "W25Q16JV"), (1 << 24, "W25Q128JV"), (1 << 28, "MT25QU01G-sfdp"))


@dataclass(frozen=True, slots=True)
class Layout:
    """What a board would be; `unknown`: for a key, what nobody said and is guessed, or left out."""

    name: str
    summary: str
    platform: str
    part: str
    flash_size: int
    file_system: str
    loader: Region
    records: tuple[Region, ...]
    state: tuple[Region, ...]
    slots: tuple[Region, ...]
    factory: Region | None
    data: tuple[Region, ...]
    unknown: tuple[tuple[str, str], ...] = ()
    # An external part behind the flash of `part`, and its bytes.
    beside: tuple[str, int] | None = None

    def toml(self) -> str:
        """Return the page of a board; what is marked stands in a comment above its key."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        marks = dict(self.unknown)
        for key, value in self._values():
            yield from _marked(marks, key)
            if value:
                yield f"{key} = {value}"
        if self.beside:
            for number, (name, size) in enumerate(((self.part, self.flash_size), self.beside)):
                yield from _marked(marks, f"flash.{number}")
                yield from ("", "[[flash]]", f"part = {json.dumps(name)}", f"size = 0x{size:x}")
        yield from _marked(marks, "offsets")
        for key, regions in (("records", self.records), ("state", self.state)):
            yield from _marked(marks, key)
            for region in regions:
                yield from ("", f"[[{key}]]", f"address = 0x{region.address:x}", f"size = 0x{region.size:x}")
        yield from _marked(marks, "slots")
        places = [("[[slots]]", slot) for slot in self.slots]
        places += [("[factory]", self.factory)] if self.factory else []
        for number, (head, app) in enumerate(places):
            yield from ("", head, f"app = {_inline(app)}")
            if self.data:
                yield f"fs = {_inline(self.data[number % len(self.data)])}"

    def _values(self) -> Iterator[tuple[str, str]]:
        for key, words in (("name", self.name), ("summary", self.summary), ("platform", self.platform)):
            yield key, json.dumps(words)
        if not self.beside:
            yield "part", json.dumps(self.part)
            yield "flash_size", f"0x{self.flash_size:x}"
        yield "file_system", json.dumps(self.file_system) if self.data else ""
        places = len(self.slots) + (self.factory is not None)
        yield "data", json.dumps("none" if not self.data else "each" if len(self.data) == places else "kept")
        yield "loader", _inline(self.loader)


def serial_part(size: int) -> str:
    """Return a serial part that is large enough for so many bytes."""
    return next(name for most, name in SERIAL_PARTS if size <= most and name in parts())


def whole_flash(end: int) -> int:
    """Return the smallest flash that is made and ends no sooner: a power of two, 1 MiB or more."""
    return max(1 << 20, 1 << (end - 1).bit_length())


def _marked(marks: dict[str, str], key: str) -> Iterator[str]:
    if key in marks:
        yield f"# {MARK}: {marks[key]}"


def _inline(region: Region) -> str:
    return f"{{ address = 0x{region.address:x}, size = 0x{region.size:x} }}"

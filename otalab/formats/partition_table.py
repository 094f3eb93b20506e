"""The partition table of an ESP32 in its own flash: 32 bytes an entry, and behind the last one a row with an MD5.

Layout and rules are those of `espressif/esp-idf`, `components/bootloader_support/include/esp_flash_partitions.h` and
`src/flash_partitions.c`: magic 0x50aa, type, subtype, offset, size, label, flags; the row of the MD5 begins ebeb.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import md5

AT, MOST = 0x8000, 0xC00
"""Where the table lies unless a project says otherwise, and how long it may be at most (bytes)."""
ELSEWHERE = (0x9000, 0xA000, 0xC000, 0xD000, 0xE000, 0xF000, 0x10000, 0x18000, 0x20000)
"""Where a project may have put it for a larger boot loader."""
_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC, _MD5 = 0x50AA, b"\xeb\xeb" + b"\xff" * 14
_APP, _DATA = 0, 1
_FACTORY, _OTADATA, _OTA = 0, 0, range(0x10, 0x20)


@dataclass(frozen=True, slots=True)
class Partition:
    """A row of the table; offset and size in bytes."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """The rows of a table, in their order; `checked`: its MD5 matches (`None`: it has none, as old tables).

    `counted`: names of rows whose offset a text leaves out and no row before tells: they follow the table, at 0x8000
    unless somebody moved it.
    """

    rows: tuple[Partition, ...]
    checked: bool | None
    counted: tuple[str, ...] = ()

    @property
    def otadata(self) -> Partition | None:
        """Where the boot records lie, if the table has a place for them."""
        return next((row for row in self.rows if (row.type, row.subtype) == (_DATA, _OTADATA)), None)

    @property
    def factory(self) -> Partition | None:
        """The image that no update replaces, if there is one."""
        return next((row for row in self.rows if (row.type, row.subtype) == (_APP, _FACTORY)), None)

    @property
    def slots(self) -> tuple[Partition, ...]:
        """The slots of updates, in the order of their numbers."""
        return tuple(
            sorted((row for row in self.rows if row.type == _APP and row.subtype in _OTA), key=lambda row: row.subtype)
        )

    def __str__(self) -> str:
        otadata = f"otadata at 0x{self.otadata.offset:x}" if self.otadata else "no otadata"
        slots = ", ".join(f"{row.label} at 0x{row.offset:x}" for row in self.slots) or "none"
        factory = f", factory at 0x{self.factory.offset:x}" if self.factory else ""
        wrong = ", and its MD5 does not match" if self.checked is False else ""
        return f"{otadata}, {len(self.slots)} OTA slots ({slots}){factory}{wrong}"


def find_table(flash: bytes, offset: int = 0) -> PartitionTable | None:
    """Return the table in flash whose first byte here lies at `offset`; elsewhere than usual only one with its MD5."""
    for at in (AT, *ELSEWHERE):
        start = at - offset
        table = read_table(flash[start : start + MOST]) if 0 <= start < len(flash) else None
        if table and (at == AT or table.checked):
            return table
    return None


def read_table(data: bytes) -> PartitionTable | None:
    """Return the table that begins with `data`, or `None` if none does."""
    rows, checked = list[Partition](), None
    for at in range(0, min(len(data), MOST) - _ENTRY.size + 1, _ENTRY.size):
        entry = data[at : at + _ENTRY.size]
        if entry[:16] == _MD5:
            checked = md5(data[:at], usedforsecurity=False).digest() == entry[16:]
            break
        row = _row(entry)
        if row is None:
            break
        rows.append(row)
    return PartitionTable(tuple(rows), checked) if rows and _sensible(rows) else None


def _row(entry: bytes) -> Partition | None:
    magic, kind, subtype, offset, size, label, _ = _ENTRY.unpack(entry)
    name = label.split(b"\0")[0]
    if magic != _MAGIC or not size or not all(0x20 <= byte < 0x7F for byte in name):
        return None
    return Partition(name.decode("ascii"), kind, subtype, offset, size)


def _sensible(rows: list[Partition]) -> bool:
    """Say whether rows are those of a device that starts something, and begin at whole sectors."""
    return all(not row.offset % 0x1000 for row in rows) and any(row.type == _APP for row in rows)

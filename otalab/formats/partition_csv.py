"""The partition table of ESP-IDF as people write it: a line of CSV for each partition, some without an offset.

Rules are those of `espressif/esp-idf`, `components/partition_table/gen_esp32part.py`: an offset that is left out is the
end of the partition before, an application begins at a multiple of 64 KiB, all else at one of 4 KiB.
"""

from __future__ import annotations

import csv
import re

from otalab.errors import BadInput
from otalab.formats.partition_table import Partition, PartitionTable
from otalab.text import meant

TYPES = {"app": 0, "data": 1}
SUBTYPES = {
    0: {"factory": 0, "test": 0x20} | {f"ota_{number}": 0x10 + number for number in range(16)},
    1: {
        "ota": 0,
        "phy": 1,
        "nvs": 2,
        "coredump": 3,
        "nvs_keys": 4,
        "efuse": 5,
        "undefined": 6,
        "esphttpd": 0x80,
        "fat": 0x81,
        "spiffs": 0x82,
        "littlefs": 0x83,
    },
}
SECTOR, APP_STEP, TABLE_SIZE = 0x1000, 0x10000, 0x1000
LARGEST = 1 << 28
COLUMNS = 5
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}


def read_csv(name: str, text: str, table_at: int) -> PartitionTable:
    """Return the table that a text holds; `BadInput` names the line that cannot be read."""
    rows, end = list[Partition](), table_at + TABLE_SIZE
    counted, has_offset = list[str](), False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0].strip()
        if not bare:
            continue
        cells = [cell.strip() for cell in next(csv.reader([bare]))]
        row = _row(f"{name}:{number}", cells, end)
        if row.offset < end:
            raise BadInput(f"{name}:{number}: {row.label} begins at 0x{row.offset:x}, before 0x{end:x}: move it up")
        has_offset |= bool(cells[3])
        counted += [] if has_offset else [row.label]
        end = row.offset + row.size
        rows.append(row)
    if not rows:
        raise BadInput(f"{name}: no line of it is a partition: name, type, subtype, offset, size")
    return PartitionTable(tuple(rows), None, tuple(counted))


def _row(where: str, cells: list[str], end: int) -> Partition:
    if len(cells) < COLUMNS:
        raise BadInput(f"{where}: {len(cells)} columns, and a partition has five: name, type, subtype, offset, size")
    label, kind, subtype, offset, size = cells[:COLUMNS]
    type_number = _numbered(where, "type", kind, TYPES)
    step = APP_STEP if type_number == TYPES["app"] else SECTOR
    at = _size(where, "offset", offset) if offset else -(-end // step) * step
    length = _size(where, "size", size)
    if at % step or length % SECTOR or not length:
        raise BadInput(f"{where}: {label}: offset 0x{at:x} and size 0x{length:x} are not whole steps of 0x{step:x}")
    if at + length > LARGEST:
        raise BadInput(f"{where}: {label} ends at 0x{at + length:x}, and no flash is larger than 0x{LARGEST:x}")
    if not label.isprintable() or not label:
        raise BadInput(f"{where}: a partition needs a name that can be printed")
    known = SUBTYPES.get(type_number, {})
    return Partition(label, type_number, _numbered(where, "subtype", subtype, known), at, length)


def _numbered(where: str, what: str, text: str, known: dict[str, int]) -> int:
    if text.lower() in known:
        return known[text.lower()]
    try:
        return int(text, 0) if text or what == "type" else 0
    except ValueError:
        one_of = ", ".join(known)
        raise BadInput(f"{where}: {what} {text!r} is not one of {one_of}, or a number{meant(text, known)}") from None


def _size(where: str, what: str, text: str) -> int:
    match = re.fullmatch(r"(0x[0-9a-f]+|[0-9]{1,12})\s*([KM]?)B?", text, re.IGNORECASE)
    if not match:
        raise BadInput(f"{where}: {what} {text!r} is not a number of bytes such as 0x10000, 64K or 1M")
    return int(match[1], 0) * _UNITS[match[2].upper()]

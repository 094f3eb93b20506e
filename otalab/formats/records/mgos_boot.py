"""The boot record of the Mongoose OS boot loader: 256 bytes in a journal, an increasing sequencer, a CRC-32.

Layout and rules are those of `mongoose-os-libs/bootloader` 57b39c5, `include/mgos_boot_cfg.h`, `src/mgos_boot_cfg.c`.
The slots are the three of the RS14100, whose images start where they lie (`mongoose-os-apps/bootloader` 40c5943,
`src/rs14100/rs14100_boot_hal.c`): two to be updated, and one for a factory image that is never written.
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar
from zlib import crc32

from otalab.formats.records.record import BLANK, BootConfig, Counting, Invalid, Record, SlotFacts

MAGIC = 0x31534F4D  # "MOS1"
COMMITTED, FIRST_A, FIRST_B, MERGE = 1, 2, 4, 8
VALID, WRITEABLE = 1, 2
SLOTS = 5
FLASH_BASE = 0x8000000  # where the processor sees the chip begin

_HEAD = struct.Struct("<IIIBbbI")
_SLOT = struct.Struct("<I8sI8sIIIIB")
_SLOT_FIELDS = ("flags", "application device", "map address", "file device", "length", "origin", "CRC-32")
_TAIL = 256 - _HEAD.size - SLOTS * _SLOT.size - 4


class JournalCodec:
    """A record of the Mongoose OS boot loader; flag B says that the loader has not tried the image yet."""

    counting: ClassVar[Counting] = Counting(1, 32)
    stride: ClassVar[int] = 1
    size: ClassVar[int] = 256
    fields: ClassVar[tuple[int, ...]] = (4, 4, 4, 1, 1, 1, 4, *(4, 8, 4, 8, 4, 4, 4, 4, 1) * SLOTS, _TAIL, 4)
    names: ClassVar[tuple[str, ...]] = (
        *("magic", "sequencer", "format", "slots", "active", "revert", "flags"),
        *(f"slot {n} {what}" for n in range(SLOTS) for what in (*_SLOT_FIELDS, "application flags", "errors")),
        "unused",
        "check",
    )
    guard_bits: ClassVar[int] = 32
    tells_merge: ClassVar[bool] = True
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = True

    def sealed(self, data: bytes) -> bytes:
        body = data[: self.size - 4]
        return body + crc32(body).to_bytes(4, "little")

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(self.counting.after(record.sequencer), config)

    def encode(self, record: Record) -> bytes:
        config = record.config
        flags = (COMMITTED if config.committed else 0) | (FIRST_A if config.first else 0)
        flags |= (0 if config.committed or config.tried else FIRST_B) | (MERGE if config.merge else 0)
        revert = -1 if config.previous is None else config.previous
        head = _HEAD.pack(MAGIC, record.sequencer, 1, 3, _signed(config.active), _signed(revert), flags)
        slots = b"".join(_slot(number, facts) for number, facts in enumerate(config.slots))
        factory = _SLOT.pack(VALID, b"appF", 0, b"fsF", 0, 0, 0, 0, 0)
        rest = bytes((SLOTS - 3) * _SLOT.size) + b"\xff" * _TAIL
        return self.sealed(head + slots + factory + rest)

    def decode(self, data: bytes) -> Record | Invalid:
        data = data[: self.size]
        if data.count(0xFF) == len(data):
            return Invalid(BLANK)
        magic, sequencer, _, _, active, revert, flags = _HEAD.unpack_from(data.ljust(self.size, b"\xff"))
        if magic != MAGIC:
            return Invalid("it does not begin with its magic, MOS1")
        if self.sealed(data) != data:
            return Invalid("its CRC-32 does not match")
        first, second = (_SLOT.unpack_from(data, _HEAD.size + number * _SLOT.size) for number in range(2))
        committed = bool(flags & COMMITTED)
        config = BootConfig(
            active % 256,
            committed,
            (_facts(first), _facts(second)),
            previous=None if revert < 0 else revert,
            tried=int(not committed and not flags & FIRST_B),
            first=bool(flags & FIRST_A),
            merge=bool(flags & MERGE),
        )
        return Record(sequencer, config)


def _signed(slot: int) -> int:
    """Return a slot number as the signed byte that a record has for it."""
    return (slot + 128) % 256 - 128


def _slot(number: int, facts: SlotFacts) -> bytes:
    app, files, mapped = f"app{number}".encode(), f"fs{number}".encode(), facts.at and facts.at + FLASH_BASE
    # An image that starts where it lies has that as its origin; without one there is none.
    origin = mapped if facts.length else 0
    return _SLOT.pack(VALID | WRITEABLE, app, mapped, files, facts.length, origin, facts.crc32, 0, 0)


def _facts(read: tuple[Any, ...]) -> SlotFacts:
    return SlotFacts(read[4], read[6], at=max(0, read[2] - FLASH_BASE))

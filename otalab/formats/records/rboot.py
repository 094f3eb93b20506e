"""The boot record of the ESP8266, rBoot's configuration with the fields that Mongoose OS added: one, and no sequencer.

Layout and rules are those of `cesanta/mongoose-os` d3a15a6, `platforms/esp8266/rboot/rboot/rboot.h` and `rboot.c`.
"""

from __future__ import annotations

import struct
from typing import ClassVar

from otalab.formats.records.record import BLANK, DOWN, BootConfig, Counting, Invalid, Record, SlotFacts

MAGIC, VERSION, ROMS = 0xE1, 1, 2
MERGE = 1 << 0

# `rboot_set_config` programs one word more than the configuration has, erased: no check is compiled in.
UNUSED = b"\xff" * 4
_STRUCT = struct.Struct("<10B2x4I4I4I4II4s")


class RbootCodec:
    """rBoot's configuration; committed is what the update did not touch, and the loader counts attempts in it."""

    counting: ClassVar[Counting] = DOWN
    stride: ClassVar[int] = 0
    size: ClassVar[int] = _STRUCT.size
    fields: ClassVar[tuple[int, ...]] = (*(1,) * 10, 2, *(16,) * 4, 4, 4)
    names: ClassVar[tuple[str, ...]] = (
        *("magic", "format", "mode", "active", "gpio rom", "count", "previous", "first boot", "attempts", "updated"),
        *("padding", "rom addresses", "rom sizes", "file system addresses", "file system sizes", "flags", "unused"),
    )
    guard_bits: ClassVar[int] = 0
    tells_merge: ClassVar[bool] = True
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = False

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size]

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(record.sequencer, config)

    def encode(self, record: Record) -> bytes:
        config = record.config
        previous = config.active if config.previous is None else config.previous
        flags = (config.first, config.tried, not config.committed)
        slots = [*config.slots, SlotFacts(), SlotFacts()]
        applications = (*(slot.at for slot in slots), *(slot.length for slot in slots))
        files = (*(slot.files_at for slot in slots), *(slot.files for slot in slots))
        merge = MERGE if config.merge else 0
        head = (MAGIC, VERSION, 0, config.active, 0, ROMS, previous, *flags)
        return _STRUCT.pack(*head, *applications, *files, merge, UNUSED)

    def decode(self, data: bytes) -> Record | Invalid:
        read = _STRUCT.unpack_from(data.ljust(self.size, b"\xff"))
        magic, version, _, active, _, count, previous, first, attempts, updated = read[:10]
        if magic != MAGIC or version != VERSION:
            return Invalid(BLANK if data.count(0xFF) == len(data) else "it does not begin with its magic, e1 01")
        merge = bool(read[26] & MERGE)
        slots = [SlotFacts(read[14 + n], at=read[10 + n], files_at=read[18 + n], files=read[22 + n]) for n in range(2)]
        active = active if active < count else 0
        config = BootConfig(
            active,
            updated == 0,
            (slots[0], slots[1]),
            previous=None if previous == active else previous,
            tried=attempts,
            first=first != 0,
            merge=merge,
        )
        return Record(0, config)


def rom_addresses(data: bytes) -> tuple[int, ...]:
    """Return where the ROMs lie, if a configuration says so: firmware that does not ask leaves all of them zero."""
    read = _STRUCT.unpack_from(data)
    addresses = read[10 : 10 + min(read[5], 4)]
    return addresses if any(addresses) else ()

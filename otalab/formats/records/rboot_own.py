"""rBoot's own configuration, as its author has it: 24 bytes, or 28 with a checksum, and no attempts or flags.

Layout and rules are those of `raburton/rboot`, `rboot.h` and `rboot.c` (175c3e7): magic, version, mode, the ROM that is
started, the one for a switch, how many there are, two bytes of padding, and four addresses.  `BOOT_CONFIG_CHKSUM` adds
a byte, 0xef xor all that comes before it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import ClassVar

from otalab.formats.records.rboot import MAGIC, VERSION
from otalab.formats.records.record import BLANK, DOWN, BootConfig, Counting, Invalid, Record

ROMS = 4
_STRUCT = struct.Struct("<6B2x4I")
_SEED = 0xEF


@dataclass(frozen=True, slots=True)
class RbootOwnCodec:
    """rBoot's own configuration, with its checksum or without: it names the ROM, and what it was before stands nowhere.

    The lab only reads it: `encode` knows two ROMs whose addresses it does not know.
    """

    checked: bool = False
    counting: ClassVar[Counting] = DOWN
    stride: ClassVar[int] = 0
    tells_merge: ClassVar[bool] = False
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = False

    @property
    def size(self) -> int:
        return _STRUCT.size + 4 * self.checked

    @property
    def fields(self) -> tuple[int, ...]:
        return (*(1,) * 6, 2, 16, *(1, 3) * self.checked)

    @property
    def names(self) -> tuple[str, ...]:
        head = ("magic", "format", "mode", "active", "gpio rom", "count", "padding", "rom addresses")
        return (*head, *("check", "unused") * self.checked)

    @property
    def guard_bits(self) -> int:
        return 8 * self.checked

    def sealed(self, data: bytes) -> bytes:
        body = data[: _STRUCT.size]
        return body + bytes((reduce(xor, body, _SEED), 0, 0, 0)) if self.checked else body

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(record.sequencer, config)

    def encode(self, record: Record) -> bytes:
        return self.sealed(_STRUCT.pack(MAGIC, VERSION, 0, record.config.active, 0, 2, 0, 0, 0, 0))

    def decode(self, data: bytes) -> Record | Invalid:
        data = data[: self.size].ljust(self.size, b"\xff")
        magic, version, _, active, _, count, *_ = _STRUCT.unpack_from(data)
        if magic != MAGIC or version != VERSION:
            return Invalid(BLANK if data.count(0xFF) == len(data) else "it does not begin with its magic, e1 01")
        if self.checked and self.sealed(data)[_STRUCT.size] != data[_STRUCT.size]:
            return Invalid("its checksum does not match")
        # As the loader does: "invalid rom selected, defaulting".
        return Record(0, BootConfig(active if active < count else 0, True))


def rom_addresses(data: bytes) -> tuple[int, ...]:
    """Return where the ROMs lie that a configuration counts."""
    _, _, _, _, _, count, *addresses = _STRUCT.unpack_from(data)
    return tuple(addresses[: min(count, ROMS)])

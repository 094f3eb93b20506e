"""The update state of the ESP32, kept beside `otadata`: one word in its store of keys and values, NVS.

The word is that of `mongoose-os-libs/ota-common` 3567b13, `src/esp32/esp32_updater.c`: old slot, new slot, first boot
(not committed), files to be carried over.
NVS replaces a value without ever losing it; a pair of guarded records stands for that here.
"""

from __future__ import annotations

import struct
from typing import ClassVar
from zlib import crc32

from otalab.formats.records.guard import Guarded
from otalab.formats.records.record import BootConfig, Counting, Invalid, Record

FIRST_BOOT, MERGE = 0x100, 0x200

_STRUCT = struct.Struct("<II")


class UpdateStateCodec:
    """A sequencer and the word; without a record the word is 0: slot 0, committed."""

    counting: ClassVar[Counting] = Counting(1, 32)
    stride: ClassVar[int] = 1
    size: ClassVar[int] = _STRUCT.size
    fields: ClassVar[tuple[int, ...]] = (4, 4)
    names: ClassVar[tuple[str, ...]] = ("sequencer", "update state")
    guard_bits: ClassVar[int] = 0
    tells_merge: ClassVar[bool] = True
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = True

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size]

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(self.counting.after(record.sequencer), config)

    def encode(self, record: Record) -> bytes:
        return _STRUCT.pack(record.sequencer, word(record.config))

    def decode(self, data: bytes) -> Record | Invalid:
        sequencer, state = _STRUCT.unpack_from(data)
        return Record(sequencer, meaning(state))


def word(config: BootConfig) -> int:
    """Return a configuration as the word that NVS holds."""
    old = config.active if config.previous is None else config.previous
    flags = (0 if config.committed else FIRST_BOOT) | (MERGE if config.merge else 0)
    return old & 0xF | (config.active & 0xF) << 4 | flags


def meaning(state: int) -> BootConfig:
    """Return what the word says."""
    old, new, dirty = state & 0xF, state >> 4 & 0xF, bool(state & FIRST_BOOT)
    return BootConfig(new, not dirty, previous=None if old == new else old, first=dirty, merge=bool(state & MERGE))


UPDATE_STATE = Guarded(UpdateStateCodec(), crc32, 4)

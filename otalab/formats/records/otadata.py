"""The boot records of the ESP32, `otadata`: 32 bytes each, an increasing sequencer, a CRC-32.

Two layouts are about.
That of ESP-IDF 4 and later (`espressif/esp-idf`, `components/bootloader_support/include/esp_flash_partitions.h`) has a
state, and a CRC that covers the sequencer and nothing else; the slot follows from the sequencer.
That of Mongoose OS (`mongoose-os/esp-idf` 0c15f184, the same file) names the slot, and its CRC covers all of it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar
from zlib import crc32

from otalab.formats.records.record import BLANK, BootConfig, Codec, Counting, Invalid, Record

UP = Counting(1, 32)
NEW, PENDING, VALID, REFUSED, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF
ENTRY_STATES = {
    NEW: "new",
    PENDING: "pending verify",
    VALID: "valid",
    REFUSED: "invalid",
    ABORTED: "aborted",
    UNDEFINED: "undefined",
}
OTA_0 = 0x10
NO_SLOT = 0xFF

_IDF = struct.Struct("<I20sII")
_MONGOOSE = struct.Struct("<II20xI")


def slot_counted(sequencer: int, slots: int) -> int:
    """Return the slot that a sequencer of ESP-IDF stands for among so many, in 32 bits as its loader computes it."""
    return (sequencer - 1) % (1 << 32) % slots


def never_written(data: bytes, form: Codec) -> bool:
    """Say whether the loader of ESP-IDF takes an entry for one that nobody wrote yet, as it compares and no otherwise.

    It is all ones, or says that it is given up and has a wrong check: `bootloader_utility_get_selected_boot_partition`.
    """
    sequencer, _, state, check = _IDF.unpack(data[: _IDF.size])
    if sequencer == UP.erased:
        return True
    return state in (REFUSED, ABORTED) and form.sealed(data)[-4:] != check.to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class OtadataCodec:
    """An entry of ESP-IDF 4 and later; `slots`: among how many a sequencer counts, as the partition table has them."""

    slots: int = 2
    counting: ClassVar[Counting] = UP
    size: ClassVar[int] = _IDF.size
    fields: ClassVar[tuple[int, ...]] = (4, 20, 4, 4)
    names: ClassVar[tuple[str, ...]] = ("sequencer", "label", "state", "check")
    guard_bits: ClassVar[int] = 32
    tells_merge: ClassVar[bool] = False
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = False
    # Nobody reads the label, and the check does not cover it.
    unread: ClassVar[tuple[tuple[int, int], ...]] = ((4, 24),)

    @property
    def stride(self) -> int:
        """Of two slots, odd sequencers mean slot 0, even ones slot 1."""
        return self.slots

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size - 4] + self.check(data).to_bytes(4, "little")

    def check(self, data: bytes) -> int:
        """Return the CRC-32 of the sequencer, the only thing that it covers."""
        return crc32(data[:4], 0xFFFFFFFF)

    def follow(self, record: Record, config: BootConfig) -> Record:
        after = self.counting.after(record.sequencer)
        while self.slot(after) != config.active:
            after = self.counting.after(after)
        return Record(after, config)

    def slot(self, sequencer: int) -> int:
        """Return the slot that a sequencer stands for."""
        return slot_counted(sequencer, self.slots)

    def encode(self, record: Record) -> bytes:
        config = record.config
        dirty = PENDING if config.tried else NEW
        state = ABORTED if config.withdrawn else VALID if config.committed else dirty
        return self.sealed(_IDF.pack(record.sequencer, b"\xff" * 20, state, 0))

    def decode(self, data: bytes) -> Record | Invalid:
        data = data[: self.size]
        sequencer, _, state, check = _IDF.unpack(data.ljust(self.size, b"\xff"))
        if sequencer == self.counting.erased:
            return Invalid(BLANK if data.count(0xFF) == len(data) else "its sequencer is all ones")
        if check != self.check(data):
            return Invalid("its CRC-32 does not match")
        if state in (REFUSED, ABORTED):
            return Invalid(f"its state is {ENTRY_STATES[state]}")
        slot, dirty = self.slot(sequencer), state in (NEW, PENDING)
        tried = int(state == PENDING)
        return Record(
            sequencer, BootConfig(slot, not dirty, previous=(slot - 1) % self.slots, tried=tried, first=dirty)
        )


class MongooseOtadataCodec:
    """An entry of Mongoose OS: it names the slot, and does not know of commits."""

    counting: ClassVar[Counting] = UP
    stride: ClassVar[int] = 1
    size: ClassVar[int] = _MONGOOSE.size
    fields: ClassVar[tuple[int, ...]] = (4, 4, 20, 4)
    names: ClassVar[tuple[str, ...]] = ("sequencer", "boot application", "reserved", "check")
    guard_bits: ClassVar[int] = 32
    # Its update state does.
    tells_merge: ClassVar[bool] = True
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = False

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size - 4] + self.check(data).to_bytes(4, "little")

    def check(self, data: bytes) -> int:
        """Return the CRC-32 of an entry whose check reads zero."""
        return crc32(data[: self.size - 4] + bytes(4), 0xFFFFFFFF)

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(self.counting.after(record.sequencer), config)

    def encode(self, record: Record) -> bytes:
        return self.sealed(_MONGOOSE.pack(record.sequencer, OTA_0 + record.config.active, 0))

    def decode(self, data: bytes) -> Record | Invalid:
        data = data[: self.size]
        sequencer, kind, check = _MONGOOSE.unpack(data.ljust(self.size, b"\xff"))
        if sequencer == self.counting.erased:
            return Invalid(BLANK if data.count(0xFF) == len(data) else "its sequencer is all ones")
        if check != self.check(data):
            return Invalid("its CRC-32 does not match")
        slot = kind - OTA_0 if kind in (OTA_0, OTA_0 + 1) else NO_SLOT
        return Record(sequencer, BootConfig(slot, True))

"""The boot record of the CC3200, `mg-boot.cfg`: 512 bytes, a decreasing sequencer, and nothing to guard them.

Layout, flags and rules are those of `cesanta/mongoose-os` d3a15a6, `platforms/cc3200/boot/lib/boot_cfg.h` and `boot.c`.
A record names files; the last character of a file's name, 0 or 1, is its slot.
"""

from __future__ import annotations

import struct
from typing import ClassVar

from otalab.formats.records.record import BLANK, DOWN, BootConfig, Counting, Invalid, Record

FIRST_BOOT, MERGE, INVALID = 1 << 0, 1 << 1, 1 << 31
LOAD_ADDRESS = 0x20000000
NO_SLOT = 0xFF

_STRUCT = struct.Struct("<QI50s2xI50s2x392x")


class Cc3200Codec:
    """A record of the CC3200; one whose sequencer is all ones is a *tombstone*, older than any other."""

    counting: ClassVar[Counting] = DOWN
    # A tombstone may not be moved.
    stride: ClassVar[int] = 0
    size: ClassVar[int] = _STRUCT.size
    fields: ClassVar[tuple[int, ...]] = (8, 4, 50, 2, 4, 50, 2, 392)
    names: ClassVar[tuple[str, ...]] = (
        "sequencer",
        "flags",
        "application file",
        "padding 1",
        "load address",
        "file system prefix",
        "padding 2",
        "unused",
    )
    guard_bits: ClassVar[int] = 0
    tells_merge: ClassVar[bool] = True
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = True

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size]

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(self.counting.after(record.sequencer), config)

    def encode(self, record: Record) -> bytes:
        config = record.config
        sequencer = self.counting.erased if config.withdrawn else record.sequencer
        flags = (0 if config.committed else FIRST_BOOT) | (MERGE if config.merge else 0)
        app, files = f"app.bin.{config.active}".encode(), f"spiffs.img.{config.active}".encode()
        return _STRUCT.pack(sequencer, flags, app, LOAD_ADDRESS, files)

    def decode(self, data: bytes) -> Record | Invalid:
        sequencer, flags, app, _, _ = _STRUCT.unpack_from(data.ljust(self.size, b"\0"))
        if sequencer == 0:
            return Invalid("its sequencer is zero, as a missing or a short file reads")
        if flags & INVALID:
            # Compared all the same: the loader finds out only when it has chosen.
            return Invalid(BLANK if data.count(0xFF) == len(data) else "its flags say invalid", sequencer)
        last = app.rstrip(b"\0")[-2:]
        slot = {b".0": 0, b".1": 1}.get(last, NO_SLOT)
        first, tombstone = bool(flags & FIRST_BOOT), sequencer == self.counting.erased
        other = None if slot == NO_SLOT else 1 - slot
        merge = bool(flags & MERGE)
        return Record(
            sequencer, BootConfig(slot, not first, previous=other, first=first, merge=merge, withdrawn=tombstone)
        )

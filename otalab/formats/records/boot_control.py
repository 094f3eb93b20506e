"""The boot control of Android: for every slot a priority, the tries it has left and whether it was ever successful.

Layout, selection and what a loader writes are those of `u-boot/u-boot` 109b904, `boot/android_ab.c`; what an update
sets (priority 15, six tries) and a commit (successful, one try) of Android's own `libboot_control`, whose structure has
32 bytes, a CRC-32 over the first 28 of them at the end.
It has no sequencer: of two copies the first that its check fits counts, and the second is there for when none does.
A slot without tries is not started, successful or not: what is true of U-Boot, whose comment says otherwise, and the
reason why a commit gives one try back.
A slot that cannot be started has the lower priority here; the real loader leaves it, and nobody looks at it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple
from zlib import crc32

from otalab.formats.records.record import BLANK, DOWN, BootConfig, Counting, Invalid, Record

MAGIC, VERSION, SLOTS = 0x42414342, 1, 2
HIGHEST = 15
NO_SLOT = 0xFF
# Three bits hold the tries that a slot has left.
MOST_TRIES = 7

_STRUCT = struct.Struct("<4sIBB2x4H8xI")
_SUFFIXES = (b"a\0\0\0", b"b\0\0\0")


class Marks(NamedTuple):
    """What a boot control says of one slot, in the order in which the loader compares two of them."""

    priority: int
    successful: bool
    tries: int

    @property
    def word(self) -> int:
        """The two bytes of a slot; the bit above them says that its image was found corrupted, which nobody does."""
        return self.priority | self.tries << 4 | self.successful << 7

    @classmethod
    def of(cls, word: int) -> Marks:
        """Return what two bytes say; a slot that is marked corrupted has no tries."""
        corrupted = bool(word & 0x100)
        return cls(word & 0xF, bool(word & 0x80), 0 if corrupted else word >> 4 & 7)


UNBOOTABLE = Marks(HIGHEST - 1, successful=False, tries=0)


@dataclass(frozen=True, slots=True)
class BootControlCodec:
    """The boot control of two slots; `tries`: how often an update has its slot started."""

    tries: int = 6
    counting: ClassVar[Counting] = DOWN
    # There is nothing to move.
    stride: ClassVar[int] = 0
    size: ClassVar[int] = _STRUCT.size
    fields: ClassVar[tuple[int, ...]] = (4, 4, 1, 1, 2, 2, 2, 4, 8, 4)
    names: ClassVar[tuple[str, ...]] = (
        *("slot suffix", "magic", "version", "slots", "padding 1"),
        *("slot 0 marks", "slot 1 marks", "unused slots", "padding 2", "check"),
    )
    guard_bits: ClassVar[int] = 32
    tells_merge: ClassVar[bool] = False
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = False

    def sealed(self, data: bytes) -> bytes:
        body = data[: self.size - 4]
        return body + crc32(body).to_bytes(4, "little")

    def follow(self, record: Record, config: BootConfig) -> Record:
        before = record.config
        # Who makes a slot the active one leaves "successful" as it is: a slot that was not given up is on no trial.
        if config.active == before.previous and before.previously_committed and not config.tried:
            config = replace(config, committed=True)
        return Record(record.sequencer, config)

    def encode(self, record: Record) -> bytes:
        config = record.config
        active = config.active % SLOTS
        left = 1 if config.committed else max(0, self.tries - config.tried)
        marks = [UNBOOTABLE, UNBOOTABLE]
        marks[active] = Marks(HIGHEST, config.committed, left)
        if config.previous is not None:
            once = config.previously_committed
            marks[1 - active] = Marks(HIGHEST - 1, once, 1 if once else self.tries)
        # Named is the slot that was started last: an update leaves that to the loader.
        waits = config.previous is not None and not config.committed and not config.tried
        suffix = _SUFFIXES[1 - active if waits else active]
        return self.sealed(_STRUCT.pack(suffix, MAGIC, VERSION, SLOTS, *(mark.word for mark in marks), 0, 0, 0))

    def decode(self, data: bytes) -> Record | Invalid:
        data = data[: self.size].ljust(self.size, b"\xff")
        if data.count(0xFF) == len(data):
            return Invalid(BLANK)
        suffix, magic, version, _, first, second, _, _, check = _STRUCT.unpack(data)
        if self.sealed(data)[-4:] != check.to_bytes(4, "little"):
            return Invalid("its CRC-32 does not match")
        if magic != MAGIC or version > VERSION:
            return Invalid("it is no boot control, whose magic is BCAB")
        return Record(0, self._config(suffix, (Marks.of(first), Marks.of(second))))

    def _config(self, suffix: bytes, marks: tuple[Marks, Marks]) -> BootConfig:
        bootable = [slot for slot, mark in enumerate(marks) if mark.tries]
        if not bootable:
            return BootConfig(NO_SLOT, True)
        best = max(bootable, key=lambda slot: (marks[slot], -slot))
        last = _SUFFIXES.index(suffix) if suffix in _SUFFIXES else best
        # Its tries were used up, and the loader has yet to write down that it starts the other one.
        active = last if last not in bootable and not marks[last].successful else best
        other = 1 - active if 1 - active in bootable else None
        committed = marks[active].successful
        return BootConfig(
            active,
            committed,
            previous=other,
            previously_committed=other is None or marks[other].successful,
            tried=0 if committed else max(0, self.tries - marks[active].tries),
            first=not committed,
        )

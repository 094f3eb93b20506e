"""The lab's own two records: the published one, and one that is complete in itself."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from otalab.formats.records.record import BLANK, DOWN, VERSION_SIZE, BootConfig, Counting, Invalid, Record, SlotFacts
from otalab.hardware.flash import ERASED

_REST = struct.Struct("<BBBBI")
_SLOT = struct.Struct(f"<II{VERSION_SIZE}s")
_NONE = 0xFF
# Two slot numbers, two flags, interval; then length, CRC-32 and version of each slot.
_FIELDS = (1, 1, 1, 1, 4, *(4, 4, VERSION_SIZE) * 2)
_BODY = sum(_FIELDS)
_SLOT_NAMES = tuple(f"slot {number} {what}" for number in range(2) for what in ("length", "CRC-32", "version"))


@dataclass(frozen=True, slots=True)
class LabCodec:
    """What the lab's own two records have in common: the sequencer comes first, and facts of both slots last."""

    counting: Counting = DOWN
    stride: ClassVar[int] = 1
    guard_bits: ClassVar[int] = 0
    tells_merge: ClassVar[bool] = False
    version_size: ClassVar[int] = VERSION_SIZE
    tells_image: ClassVar[bool] = True

    @property
    def head(self) -> int:
        """How many bytes the sequencer has."""
        return self.counting.bits // 8

    @property
    def size(self) -> int:
        return self.head + _BODY

    @property
    def fields(self) -> tuple[int, ...]:
        return (self.head, *_FIELDS)

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size]

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(self.counting.after(record.sequencer), config)

    def packed(self, record: Record, *rest: int) -> bytes:
        """Return the bytes of a record, given those between its sequencer and its slots."""
        return record.sequencer.to_bytes(self.head, "little") + _REST.pack(*rest) + _pack(record.config.slots)

    def parts(self, data: bytes) -> tuple[int, tuple[int, ...], tuple[SlotFacts, SlotFacts]]:
        """Return the sequencer, what follows it, and the facts of the slots."""
        sequencer, rest = int.from_bytes(data[: self.head], "little"), _REST.unpack_from(data, self.head)
        return sequencer, rest, _unpack(data, self.head + _REST.size)


class MongooseCodec(LabCodec):
    """The published record: the loader believes what it reads, and any flag other than 0 means committed."""

    __slots__ = ()
    names = ("sequencer", "active", "previous", "committed", "previously committed", "interval", *_SLOT_NAMES)

    def encode(self, record: Record) -> bytes:
        config = record.config
        previous = config.active if config.previous is None else config.previous
        flags = config.committed, config.previously_committed
        return self.packed(record, config.active, previous, *flags, config.interval)

    def decode(self, data: bytes) -> Record | Invalid:
        sequencer, (active, previous, flags, previous_flags, interval), slots = self.parts(data)
        if sequencer == self.counting.erased:
            return Invalid(BLANK if data[: self.size].count(ERASED) == self.size else "its sequencer is all ones")
        known = None if previous == active else previous
        return Record(sequencer, BootConfig(active, flags != 0, slots, known, previous_flags != 0, 0, interval))


class CompleteCodec(LabCodec):
    """A record complete in itself: sequencer, active, revert, committed, tried, interval, slots."""

    __slots__ = ()
    names = ("sequencer", "active", "revert", "committed", "tried", "interval", *_SLOT_NAMES)

    def encode(self, record: Record) -> bytes:
        config = record.config
        revert = _NONE if config.previous is None else config.previous
        return self.packed(record, config.active, revert, config.committed, config.tried, config.interval)

    def decode(self, data: bytes) -> Record | Invalid:
        sequencer, (active, revert, committed, tried, interval), slots = self.parts(data)
        if sequencer in (0, self.counting.erased):
            return Invalid("its sequencer is all ones" if sequencer else "its sequencer is zero")
        previous = None if revert == _NONE else revert
        return Record(sequencer, BootConfig(active, committed != 0, slots, previous, True, tried, interval))


def _pack(slots: tuple[SlotFacts, SlotFacts]) -> bytes:
    return b"".join(
        _SLOT.pack(slot.length, slot.crc32, slot.version.encode(errors="surrogateescape")) for slot in slots
    )


def _unpack(data: bytes, start: int) -> tuple[SlotFacts, SlotFacts]:
    first, second = (_SLOT.unpack_from(data, start + number * _SLOT.size) for number in range(2))
    return _facts(*first), _facts(*second)


def _facts(length: int, check: int, version: bytes) -> SlotFacts:
    return SlotFacts(length, check, version.rstrip(b"\0").decode(errors="surrogateescape"))

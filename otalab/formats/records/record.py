"""Boot records: the bytes that say which slot to boot.

The *configuration* is what the bytes mean; the *sequencer* says which of two records is the newer one.
In the published design it decreases, so that erased flash, all ones, is older than any valid record.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol
from zlib import crc32

from otalab.hardware.flash import ERASED

NO_SEQUENCER = 2**64 - 1
FIRST_SEQUENCER = 2**64 - 2
VERSION_SIZE = 24

_REST = struct.Struct("<BBBBI")
_SLOT = struct.Struct(f"<II{VERSION_SIZE}s")
_NONE = 0xFF
# Two slot numbers, two flags, interval; then length, CRC-32 and version of each slot.
_FIELDS = (1, 1, 1, 1, 4, *(4, 4, VERSION_SIZE) * 2)
_SLOT_NAMES = tuple(f"slot {number} {what}" for number in range(2) for what in ("length", "CRC-32", "version"))


@dataclass(frozen=True, slots=True)
class Counting:
    """How sequencers count: a step of -1 or 1, in so many bits."""

    step: int = -1
    bits: int = 64

    @property
    def erased(self) -> int:
        """What erased flash reads as: no sequencer, whichever way they count."""
        return (1 << self.bits) - 1

    @property
    def first(self) -> int:
        """The sequencer that a device is shipped with."""
        return self.erased - 1 if self.step < 0 else 1

    def after(self, sequencer: int) -> int:
        """Return the next one; beyond the last it wraps around."""
        return (sequencer + self.step) % (1 << self.bits)

    def age(self, sequencer: int) -> int:
        """Return what a newer one has less of."""
        return sequencer if self.step < 0 else -sequencer

    def left(self, sequencer: int) -> int:
        """Return how many are left before they wrap around."""
        return sequencer if self.step < 0 else self.erased - 1 - sequencer


DOWN = Counting()


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What a record says about the image in a slot; slots have no header of their own."""

    length: int = 0
    crc32: int = 0
    version: str = ""

    def fit(self, contents: bytes) -> bool:
        """Say whether contents of a slot have this length and checksum."""
        return 0 < self.length <= len(contents) and crc32(contents[: self.length]) == self.crc32


@dataclass(frozen=True, slots=True)
class BootConfig:
    """One answer to the question "which slot shall run, and how sure are we?".

    `tried`: how often a dirty image was started; `first`: its first boot is still to come or not yet over;
    `merge`: files are still to be carried over; `withdrawn`: the record is given up, where its format can say so.
    No format has room for all of it.
    """

    active: int
    committed: bool
    slots: tuple[SlotFacts, SlotFacts] = (SlotFacts(), SlotFacts())
    previous: int | None = None
    previously_committed: bool = True
    tried: int = 0
    interval: int = 0
    first: bool = False
    merge: bool = False
    withdrawn: bool = False

    @property
    def summary(self) -> str:
        """The configuration in a few words, for the log."""
        state = "committed" if self.committed else "dirty, tried" if self.tried else "dirty"
        return f"slot {self.active}, {state}"

    def staged(self, slot: int, facts: SlotFacts, interval: int) -> BootConfig:
        """Point at a new image, keep the old one in reach, promise nothing."""
        slots = (facts, self.slots[1]) if slot == 0 else (self.slots[0], facts)
        return BootConfig(slot, False, slots, self.active, self.committed, 0, interval, first=True, merge=True)

    def spent(self) -> BootConfig:
        """Use up a try of an image that is not committed."""
        return replace(self, tried=self.tried + 1)

    def merged(self) -> BootConfig:
        """Say that the files were carried over."""
        return replace(self, merge=False)

    def trusted(self) -> BootConfig:
        """Keep the running image for good."""
        return BootConfig(self.active, True, self.slots, interval=self.interval)

    def reverted(self) -> BootConfig:
        """Set image and commit flag back to their previous values."""
        active = self.active if self.previous is None else self.previous
        return BootConfig(active, self.previously_committed, self.slots)


@dataclass(frozen=True, slots=True)
class Record:
    """A configuration with its sequencer."""

    sequencer: int
    config: BootConfig


@dataclass(frozen=True, slots=True)
class Invalid:
    """Bytes that are no record, and why; some loaders compare their sequencer all the same, and then stop at them."""

    reason: str
    sequencer: int | None = None


class Codec(Protocol):
    """A record format: its size in bytes, the sizes and names of its fields, the bits of its guard, both directions.

    `sealed` puts the check that belongs to them behind some fields' bytes, whatever the fields say.
    `follow` returns the next record.  `stride`: sequencers may all be moved by a multiple of it and mean the same; 0
    where they may not.
    """

    @property
    def counting(self) -> Counting: ...

    @property
    def stride(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def fields(self) -> tuple[int, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def guard_bits(self) -> int: ...

    def encode(self, record: Record) -> bytes: ...

    def sealed(self, data: bytes) -> bytes: ...

    def decode(self, data: bytes) -> Record | Invalid: ...

    def follow(self, record: Record, config: BootConfig) -> Record: ...


@dataclass(frozen=True, slots=True)
class LabCodec:
    """What the lab's own two records have in common: the sequencer comes first, and facts of both slots last."""

    counting: Counting = DOWN
    stride: ClassVar[int] = 1
    guard_bits: ClassVar[int] = 0

    @property
    def head(self) -> int:
        """How many bytes the sequencer has."""
        return self.counting.bits // 8

    @property
    def size(self) -> int:
        return self.head + sum(_FIELDS)

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
            return Invalid("erased")
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
            return Invalid("no sequencer: all ones" if sequencer else "no sequencer: zero")
        previous = None if revert == _NONE else revert
        return Record(sequencer, BootConfig(active, committed != 0, slots, previous, True, tried, interval))


@dataclass(frozen=True, slots=True)
class Guarded:
    """A codec followed by a check over all of it."""

    inner: Codec
    check: Callable[[bytes], int]
    width: int

    @property
    def counting(self) -> Counting:
        return self.inner.counting

    @property
    def stride(self) -> int:
        return self.inner.stride

    @property
    def size(self) -> int:
        return self.inner.size + self.width

    @property
    def fields(self) -> tuple[int, ...]:
        return (*self.inner.fields, self.width)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.inner.names, "check")

    @property
    def guard_bits(self) -> int:
        return 8 * self.width

    def encode(self, record: Record) -> bytes:
        return self.sealed(self.inner.encode(record))

    def sealed(self, data: bytes) -> bytes:
        body = self.inner.sealed(data)
        return body + self.check(body).to_bytes(self.width, "little")

    def decode(self, data: bytes) -> Record | Invalid:
        data = data[: self.size]
        body, check = data[: -self.width], data[-self.width :]
        if data == bytes([ERASED]) * self.size:
            return Invalid("erased")
        if self.check(body).to_bytes(self.width, "little") != check:
            return Invalid(f"the check of {8 * self.width} bits does not match")
        return self.inner.decode(body)

    def follow(self, record: Record, config: BootConfig) -> Record:
        return self.inner.follow(record, config)


def counted(sequencer: int) -> str:
    """Return a sequencer as people can compare it: one near the top by how far it has come down."""
    below = 2**64 - sequencer
    return f"2**64-{below}" if below < 2**32 else str(sequencer)


def crc16(data: bytes) -> int:
    """Return the CRC-16 of X.25's polynomial 0x1021, started at all ones."""
    return crc_hqx(data, 0xFFFF)


def _pack(slots: tuple[SlotFacts, SlotFacts]) -> bytes:
    return b"".join(
        _SLOT.pack(slot.length, slot.crc32, slot.version.encode(errors="surrogateescape")) for slot in slots
    )


def _unpack(data: bytes, start: int) -> tuple[SlotFacts, SlotFacts]:
    one, two = (_SLOT.unpack_from(data, start + number * _SLOT.size) for number in range(2))
    return _facts(*one), _facts(*two)


def _facts(length: int, check: int, version: bytes) -> SlotFacts:
    return SlotFacts(length, check, version.rstrip(b"\0").decode(errors="surrogateescape"))

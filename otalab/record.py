"""Boot records: the bytes that say which slot to boot.

The *configuration* is what the bytes mean; the *sequencer* says which of two records is the newer one.
It decreases, so that erased flash, all ones, is older than any valid record.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol
from zlib import crc32

from otalab.flash import ERASED

NO_SEQUENCER = 2**64 - 1
FIRST_SEQUENCER = 2**64 - 2
VERSION_SIZE = 24

_HEAD = struct.Struct("<QBBBBI")
_SLOT = struct.Struct(f"<II{VERSION_SIZE}s")
_NONE = 0xFF
# Sequencer, two slot numbers, two flags, interval; then length, CRC-32 and version of each slot.
_FIELDS = (8, 1, 1, 1, 1, 4, *(4, 4, VERSION_SIZE) * 2)
_SLOT_NAMES = tuple(f"slot {number} {what}" for number in range(2) for what in ("length", "CRC-32", "version"))


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
    """One answer to the question "which slot shall run, and how sure are we?"."""

    active: int
    committed: bool
    slots: tuple[SlotFacts, SlotFacts]
    previous: int | None = None
    previously_committed: bool = True
    tried: bool = False
    interval: int = 0

    @property
    def summary(self) -> str:
        """The configuration in a few words, for the log."""
        state = "committed" if self.committed else "dirty, tried" if self.tried else "dirty"
        return f"slot {self.active}, {state}"

    def staged(self, slot: int, facts: SlotFacts, interval: int) -> BootConfig:
        """Point at a new image, keep the old one in reach, promise nothing."""
        slots = (facts, self.slots[1]) if slot == 0 else (self.slots[0], facts)
        return BootConfig(slot, False, slots, self.active, self.committed, False, interval)

    def spent(self) -> BootConfig:
        """Use up the one try of an image that is not committed."""
        return replace(self, tried=True)

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

    def followed_by(self, config: BootConfig) -> Record:
        """Return the next record: one step down."""
        return Record((self.sequencer - 1) % 2**64, config)


@dataclass(frozen=True, slots=True)
class Invalid:
    """Bytes that are no record, and why."""

    reason: str


class Codec(Protocol):
    """A record format: its size in bytes, the sizes and names of its fields, the bits of its guard, both directions.

    `sealed` puts the check that belongs to them behind some fields' bytes, whatever the fields say.
    """

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


class MongooseCodec:
    """The published record: the loader believes what it reads, and any flag other than 0 means committed."""

    size = _HEAD.size + 2 * _SLOT.size
    fields = _FIELDS
    names = ("sequencer", "active", "previous", "committed", "previously committed", "interval", *_SLOT_NAMES)
    guard_bits = 0

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size]

    def encode(self, record: Record) -> bytes:
        config = record.config
        previous = config.active if config.previous is None else config.previous
        flags = config.committed, config.previously_committed
        return _HEAD.pack(record.sequencer, config.active, previous, *flags, config.interval) + _pack(config.slots)

    def decode(self, data: bytes) -> Record | Invalid:
        sequencer, active, previous, flags, previous_flags, interval = _HEAD.unpack_from(data)
        if sequencer == NO_SEQUENCER:
            return Invalid("erased")
        known = None if previous == active else previous
        config = BootConfig(active, flags != 0, _unpack(data), known, previous_flags != 0, False, interval)
        return Record(sequencer, config)


class CompleteCodec:
    """A record complete in itself: sequencer, active, revert, committed, tried, interval, slots."""

    size = _HEAD.size + 2 * _SLOT.size
    fields = _FIELDS
    names = ("sequencer", "active", "revert", "committed", "tried", "interval", *_SLOT_NAMES)
    guard_bits = 0

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size]

    def encode(self, record: Record) -> bytes:
        config = record.config
        revert = _NONE if config.previous is None else config.previous
        fields = config.active, revert, config.committed, config.tried, config.interval
        return _HEAD.pack(record.sequencer, *fields) + _pack(config.slots)

    def decode(self, data: bytes) -> Record | Invalid:
        sequencer, active, revert, committed, tried, interval = _HEAD.unpack_from(data)
        if sequencer in (0, NO_SEQUENCER):
            return Invalid("no sequencer: all ones" if sequencer else "no sequencer: zero")
        previous = None if revert == _NONE else revert
        config = BootConfig(active, committed != 0, _unpack(data), previous, True, tried != 0, interval)
        return Record(sequencer, config)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A codec followed by a check over all of it."""

    inner: Codec
    check: Callable[[bytes], int]
    width: int

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


def counted(sequencer: int) -> str:
    """Return a sequencer as people can compare it: one near the top by how far it has come down."""
    below = 2**64 - sequencer
    return f"2**64-{below}" if below < 2**32 else str(sequencer)


def crc16(data: bytes) -> int:
    """Return the CRC-16 of X.25's polynomial 0x1021, started at all ones."""
    return crc_hqx(data, 0xFFFF)


RECORDS: dict[str, Codec] = {"mongoose": MongooseCodec(), "complete": CompleteCodec()}
GUARDS: dict[str, Callable[[Codec], Codec]] = {
    "none": lambda codec: codec,
    "crc16": lambda codec: Guarded(codec, crc16, 2),
    "crc32": lambda codec: Guarded(codec, crc32, 4),
}


def _pack(slots: tuple[SlotFacts, SlotFacts]) -> bytes:
    return b"".join(
        _SLOT.pack(slot.length, slot.crc32, slot.version.encode(errors="surrogateescape")) for slot in slots
    )


def _unpack(data: bytes) -> tuple[SlotFacts, SlotFacts]:
    one, two = (_SLOT.unpack_from(data, _HEAD.size + number * _SLOT.size) for number in range(2))
    return _facts(*one), _facts(*two)


def _facts(length: int, check: int, version: bytes) -> SlotFacts:
    return SlotFacts(length, check, version.rstrip(b"\0").decode(errors="surrogateescape"))

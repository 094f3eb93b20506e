"""Boot records: the bytes that say which slot to boot.

The *configuration* is what the bytes mean; the *sequencer* says which of two records is the newer one.
In the published design it decreases, so that erased flash, all ones, is older than any valid record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol
from zlib import crc32

NO_SEQUENCER = 2**64 - 1
FIRST_SEQUENCER = 2**64 - 2
VERSION_SIZE = 24
# Below this, how many sequencers are left can matter to the firmware.
FEW = 2**16
# Within so many of a boundary that it was set up at, a sequencer is what it is.
NEAR = 16
# Why a place is invalid that holds nothing at all.
BLANK = "erased"


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


@lru_cache(maxsize=16)
def checksum(contents: bytes) -> int:
    """Return the CRC-32 of an image: the same one is checked at every start, and by every device of a fleet."""
    return crc32(contents)


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What a record says about a slot and the image in it; slots have no header of their own.

    Where they lie is said as addresses of the chip, in bytes: `at` of the application, `files_at` of the file system,
    which has so many bytes as `files` says.  Most formats have no room for it.
    """

    length: int = 0
    crc32: int = 0
    version: str = ""
    at: int = 0
    files_at: int = 0
    files: int = 0

    def fit(self, contents: bytes) -> bool:
        """Say whether contents of a slot have this length and checksum."""
        return 0 < self.length <= len(contents) and checksum(contents[: self.length]) == self.crc32


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

    def facts(self, slot: int) -> SlotFacts:
        """Return what is known of the image in a slot: of a third one, and of a factory image, nothing."""
        return self.slots[slot] if 0 <= slot < len(self.slots) else SlotFacts()

    @property
    def state(self) -> str:
        """How sure the record is of its slot: `committed`, `dirty`, or `dirty, tried`."""
        return "committed" if self.committed else "dirty, tried" if self.tried else "dirty"

    @property
    def summary(self) -> str:
        """The configuration in a few words, for the log."""
        return f"slot {self.active}, {self.state}"

    def staged(self, slot: int, facts: SlotFacts, interval: int) -> BootConfig:
        """Point at a new image, keep the old one in reach, promise nothing."""
        slots = facts if slot == 0 else self.slots[0], facts if slot == 1 else self.slots[1]
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
    """Invalid bytes, and why they are; some loaders compare their sequencer all the same, and then stop at them."""

    reason: str
    sequencer: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The record that counts, and the place it was read from."""

    place: int
    record: Record

    @property
    def config(self) -> BootConfig:
        return self.record.config


class Codec(Protocol):
    """A record format: its size in bytes, the sizes and names of its fields, the bits of its guard, both directions.

    `sealed` puts the check that belongs to them behind some fields' bytes, whatever the fields say.
    `follow` returns the next record.  `stride`: sequencers may all be moved by a multiple of it and mean the same; 0
    where they may not.  `tells_merge`: it says itself whether files are still to be carried over.  `version_size`: how
    many bytes it has for a slot's version; 0 where it has none.  `tells_image`: it says something of the
    image that a slot holds, and not of the slot alone.
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

    @property
    def tells_merge(self) -> bool: ...

    @property
    def version_size(self) -> int: ...

    @property
    def tells_image(self) -> bool: ...

    def encode(self, record: Record) -> bytes: ...

    def sealed(self, data: bytes) -> bytes: ...

    def decode(self, data: bytes) -> Record | Invalid: ...

    def follow(self, record: Record, config: BootConfig) -> Record: ...

    def __hash__(self) -> int: ...


def may_move(records: Sequence[Record], counting: Counting, young: int = 0, boundary: int | None = None) -> bool:
    """Say whether sequencers may all be moved together: none is young, nearly used up, or near the boundary."""
    return not any(
        counting.left(record.sequencer) < FEW
        or record.sequencer <= young
        or (boundary is not None and abs(record.sequencer - boundary) <= NEAR)
        for record in records
    )


def renumbered(records: Sequence[Record], counting: Counting, stride: int = 1) -> list[Record]:
    """Return records with their sequencers moved together by a multiple of `stride`, the oldest to the first one.

    Firmware compares two sequencers and steps one, so that all of them moved by the same amount mean the same; a record
    that is withdrawn has a mark in place of a number, and keeps it.
    """
    numbers = [record.sequencer for record in records if not record.config.withdrawn]
    if not numbers:
        return list(records)
    shift = counting.first - max(numbers, key=counting.age)
    shift -= shift % stride
    return [
        record if record.config.withdrawn else replace(record, sequencer=record.sequencer + shift) for record in records
    ]


def counted(sequencer: int) -> str:
    """Return a sequencer as people can compare it: one near the top by how far it has come down."""
    below = 2**64 - sequencer
    return f"2**64-{below}" if below < 2**32 else str(sequencer)

"""A record format by its fields: what a page says of the records of code of one's own.

Fields lie one behind the other; what one means is said by a word, and one that means nothing to the lab is kept as it
is.  The guard covers named fields, and stands in a field of its own, wherever that is.
Only one that covers all of a record but itself (and a magic, which is compared) is worth its bits: where it covers
less, torn records are told apart by their bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal
from zlib import crc32

from otalab.formats.records.guard import crc16
from otalab.formats.records.record import BLANK, BootConfig, Counting, Invalid, Record

NO_SLOT = 0xFF
SIGN = "fields:"
CHECKS: dict[str, tuple[int, Callable[[bytes], int]]] = {"crc16": (2, crc16), "crc32": (4, crc32)}
MEANINGS = ("sequencer", "slot", "previous", "committed", "tried", "interval", "magic", "check")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record: its name, its size in bytes, and what it means, if anything.

    `value` is that of a magic; `slots` are the values by which slots 0, 1, … are named, numbers or addresses.
    """

    name: str
    size: int
    means: str = ""
    value: int = 0
    slots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldsConfig(BootConfig):
    """A boot configuration with all bytes that it was read from, but for sequencer and check."""

    rest: bytes = b""


@dataclass(frozen=True)
class FieldsCodec:
    """A record made of fields; `step`: how its sequencer counts, `check`: its guard, over the fields `covers`."""

    layout: tuple[Field, ...]
    step: int = 1
    check: str = ""
    covers: tuple[str, ...] = ()
    order: Literal["little", "big"] = "little"

    tells_merge = False
    version_size = 0
    tells_image = False

    @classmethod
    def of(cls, text: str) -> FieldsCodec:
        """Return the format that `text` wrote down."""
        layout, step, check, covers, order = json.loads(text.removeprefix(SIGN))
        fields = (Field(name, size, means, value, tuple(slots)) for name, size, means, value, slots in layout)
        return cls(tuple(fields), step, check, tuple(covers), order)

    @property
    def text(self) -> str:
        """The format as one word, which can stand where the name of a format does."""
        return SIGN + json.dumps(astuple(self), separators=(",", ":"))

    @cached_property
    def size(self) -> int:
        return sum(self.fields)

    @cached_property
    def fields(self) -> tuple[int, ...]:
        return tuple(field.size for field in self.layout)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(field.means or field.name for field in self.layout)

    @cached_property
    def counting(self) -> Counting:
        sizes = [field.size for field in self.layout if field.means == "sequencer"]
        return Counting(self.step, 8 * sizes[0] if sizes else 64)

    @property
    def stride(self) -> int:
        """Without a sequencer there is nothing to move."""
        return int("sequencer" in self.names)

    @cached_property
    def guard_bits(self) -> int:
        left_out = [field for field in self.layout if field.name not in self.covers]
        whole = bool(self.check) and all(field.means in ("check", "magic") for field in left_out)
        return 8 * CHECKS[self.check][0] if whole else 0

    def encode(self, record: Record) -> bytes:
        kept = record.config.rest if isinstance(record.config, FieldsConfig) else b""
        placed = self._placed.values()
        return self.sealed(
            b"".join(self._written(field, record, kept[start : start + field.size]) for start, field in placed)
        )

    def sealed(self, data: bytes) -> bytes:
        data = data[: self.size].ljust(self.size, b"\xff")
        if not self.check:
            return data
        start, field = self._placed["check"]
        return data[:start] + self._number(self._checked(data), field.size) + data[start + field.size :]

    def decode(self, data: bytes) -> Record | Invalid:
        data = data[: self.size].ljust(self.size, b"\xff")
        if data.count(0xFF) == len(data):
            return Invalid(BLANK)
        has = {means: self._read(data[start : start + field.size]) for means, (start, field) in self._placed.items()}
        if "magic" in self._placed and has["magic"] != (value := self._placed["magic"][1].value):
            return Invalid(f"its magic is {has['magic']:#x}, and not {value:#x}")
        if self.check and has["check"] != self._checked(data):
            return Invalid(f"its CRC-{8 * CHECKS[self.check][0]} does not match")
        sequencer = has.get("sequencer", 0)
        if "sequencer" in has and sequencer == self.counting.erased:
            return Invalid("its sequencer is all ones")
        return Record(sequencer, self._config(has, data))

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(self.counting.after(record.sequencer), config)

    @cached_property
    def _placed(self) -> dict[str, tuple[int, Field]]:
        """Where each field begins, by what it means, or else by its name."""
        starts = accumulate((0, *self.fields))
        return {
            field.means or f".{field.name}": (start, field) for start, field in zip(starts, self.layout, strict=False)
        }

    def _number(self, number: int, size: int) -> bytes:
        return (number % (1 << 8 * size)).to_bytes(size, self.order)

    def _read(self, data: bytes) -> int:
        return int.from_bytes(data, self.order)

    def _checked(self, data: bytes) -> int:
        covered = (
            data[start : start + field.size] for start, field in self._placed.values() if field.name in self.covers
        )
        return CHECKS[self.check][1](b"".join(covered))

    def _config(self, has: dict[str, int], data: bytes) -> FieldsConfig:
        rest = bytearray(data)
        for means in ("sequencer", "check"):
            if means in self._placed:
                start, field = self._placed[means]
                rest[start : start + field.size] = bytes(field.size)
        active = self._slot("slot", has["slot"])
        return FieldsConfig(
            active,
            bool(has.get("committed", True)),
            previous=self._way_back(has["previous"], active) if "previous" in has else None,
            tried=has.get("tried", 0),
            interval=has.get("interval", 0),
            rest=bytes(rest),
        )

    def _slot(self, means: str, value: int) -> int:
        named = self._placed[means][1].slots
        if not named:
            return value
        return named.index(value) if value in named else NO_SLOT

    def _way_back(self, value: int, active: int) -> int | None:
        slot = self._slot("previous", value)
        return None if slot in (NO_SLOT, active) else slot

    def _named(self, field: Field, slot: int, kept: bytes) -> bytes:
        """Return the bytes that name a slot: those that were read, where they name this one."""
        return kept or self._number(field.slots[slot] if slot < len(field.slots) else slot, field.size)

    def _written(self, field: Field, record: Record, kept: bytes) -> bytes:
        """Return the bytes of a field: what is known of it, or those that were read."""
        config = record.config
        match field.means:
            case "sequencer":
                return self._number(record.sequencer, field.size)
            case "slot":
                same = self._slot("slot", self._read(kept)) == config.active
                return self._named(field, config.active, kept if same else b"")
            case "previous":
                read = self._way_back(self._read(kept), config.active)
                slot = config.active if config.previous is None else config.previous
                return self._named(field, slot, kept if read == config.previous else b"")
            case "magic":
                return self._number(field.value, field.size)
            case "committed" | "tried" | "interval":
                # What was read may say the same in another way: any flag that is not zero is set.
                known, read = int(getattr(config, field.means)), self._read(kept)
                same = bool(read) == bool(known) if field.means == "committed" else read == known
                return kept if kept and same else self._number(known, field.size)
        return kept.ljust(field.size, b"\0")

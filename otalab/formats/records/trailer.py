"""The image trailer of MCUboot: flags behind a slot that say whether its image waits, was copied, and is good.

Fields, their order, values and magic are those of `mcu-tools/mcuboot` 2d4bacc, `docs/design.md`, "Image trailer"; how
they are read is of `boot/bootutil/src/bootutil_public.c`.
A flag is a byte in a write unit of its own, so that it is set later without an erase: 01 is set, erased is not, and
anything else is neither.
Here a trailer has an erase area of its own, and lies at its beginning, the magic last as on the real device.
A loader that only overwrites keeps no steps of a swap, no size and no key; "swap info" has its place, and nobody reads
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from otalab.formats.records.record import BLANK, DOWN, BootConfig, Counting, Invalid, Record

MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
# Where the largest write unit is not 8, the magic begins with it.
_MAGIC_OF_OTHER_UNITS = bytes.fromhex("2de15d29410b8d77679c110f1f8a")
SET, UNSET, BAD = 0x01, 0xFF, 0x00
UNITS = (1, 4, 8, 16, 32)
# The write unit that the plain magic stands for: `BOOT_MAX_ALIGN`.
_ALIGN = 8


@dataclass(frozen=True, slots=True)
class Trailer:
    """What a whole trailer says: flags as `SET`, `UNSET` or `BAD`."""

    copy_done: int = UNSET
    image_ok: int = UNSET


@dataclass(frozen=True, slots=True)
class TrailerCodec:
    """A trailer in write units of so many bytes."""

    unit: int = 1
    counting: ClassVar[Counting] = DOWN
    # There is nothing to move.
    stride: ClassVar[int] = 0
    guard_bits: ClassVar[int] = 128
    tells_merge: ClassVar[bool] = False
    version_size: ClassVar[int] = 0
    tells_image: ClassVar[bool] = False
    names: ClassVar[tuple[str, ...]] = ("swap info", "copy done", "image ok", "magic")

    @property
    def align(self) -> int:
        """Bytes that a flag takes."""
        return max(_ALIGN, self.unit)

    @property
    def fields(self) -> tuple[int, ...]:
        return *[self.align] * 3, max(len(MAGIC), self.align)

    @property
    def size(self) -> int:
        return sum(self.fields)

    @property
    def magic(self) -> bytes:
        """The sixteen bytes by which a trailer is recognised."""
        return MAGIC if self.align == _ALIGN else self.align.to_bytes(2, "little") + _MAGIC_OF_OTHER_UNITS

    def pieces(self, trailer: Trailer) -> Iterator[tuple[int, bytes]]:
        """Yield where each flag that is set lies and the bytes of its write unit, the magic last."""
        for number, value in enumerate((trailer.copy_done, trailer.image_ok), 1):
            if value != UNSET:
                yield number * self.align, bytes([value]).ljust(self.unit, b"\xff")
        unit = max(len(MAGIC), self.unit)
        yield self.size - unit, self.magic.rjust(unit, b"\xff")

    def written(self, trailer: Trailer) -> bytes:
        """Return the bytes of a trailer."""
        data = bytearray(b"\xff" * self.size)
        for at, piece in self.pieces(trailer):
            data[at : at + len(piece)] = piece
        return bytes(data)

    def read(self, data: bytes) -> Trailer | None:
        """Return what a trailer says, or `None` where its magic is not whole."""
        data = data[: self.size].ljust(self.size, b"\xff")
        if not data.endswith(self.magic):
            return None
        return Trailer(_flag(data[self.align]), _flag(data[2 * self.align]))

    def as_read(self, data: bytes) -> bytes:
        """Return the bytes of a trailer as whoever reads it sees them: torn flags are all alike."""
        trailer = self.read(data)
        return data if trailer is None else self.written(trailer)

    def sealed(self, data: bytes) -> bytes:
        return data[: self.size - len(MAGIC)] + self.magic

    def follow(self, record: Record, config: BootConfig) -> Record:
        return Record(record.sequencer, config)

    def encode(self, record: Record) -> bytes:
        config = record.config
        copied = UNSET if config.active else SET
        return self.written(Trailer(copied, SET if config.committed else UNSET))

    def decode(self, data: bytes) -> Record | Invalid:
        """Return what a trailer says, wherever it lies: an image was copied, or one waits."""
        trailer = self.read(data)
        return self.behind(0 if trailer and trailer.copy_done == SET else 1, data)

    def behind(self, slot: int, data: bytes) -> Record | Invalid:
        """Return what a trailer says of the slot before it: an image waits in slot 1, or was copied to slot 0.

        So `boot_swap_tables` of MCUboot: of slot 1 it asks for the magic and `image ok`, of slot 0 for `copy done`.
        """
        trailer = self.read(data)
        if trailer is None:
            return Invalid(BLANK if data.count(0xFF) == len(data) else "its magic is not whole")
        if slot:
            config = BootConfig(1, trailer.image_ok == SET, previous=0, first=True)
            return Record(0, config) if trailer.image_ok != BAD else Invalid("image ok is neither set nor erased")
        copied = trailer.copy_done == SET
        return Record(0, _of_what_runs(trailer)) if copied else Invalid("no image was copied to slot 0")


def _of_what_runs(trailer: Trailer) -> BootConfig:
    """Return what a trailer behind the first slot says of the image there: it was tried, unless it is confirmed."""
    return BootConfig(0, True) if trailer.image_ok != UNSET else BootConfig(0, False, previous=1, tried=1)


def _flag(byte: int) -> int:
    return byte if byte in (SET, UNSET) else BAD

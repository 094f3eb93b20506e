"""Guards: a check over a whole record, whatever its format, and how much one is worth."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from otalab.formats.records.record import BLANK, BootConfig, Codec, Counting, Invalid, Record
from otalab.hardware.flash import ERASED

# From so many bits on a check is not met by chance: a forged one is left out of verdicts and told as a residual.
STRONG = 32


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

    @property
    def tells_merge(self) -> bool:
        return self.inner.tells_merge

    @property
    def version_size(self) -> int:
        return self.inner.version_size

    @property
    def tells_image(self) -> bool:
        return self.inner.tells_image

    def encode(self, record: Record) -> bytes:
        return self.sealed(self.inner.encode(record))

    def sealed(self, data: bytes) -> bytes:
        body = self.inner.sealed(data)
        return body + self.check(body).to_bytes(self.width, "little")

    def decode(self, data: bytes) -> Record | Invalid:
        end = self.inner.size
        body, check = data[:end], data[end : end + self.width]
        if check.count(ERASED) == self.width and body.count(ERASED) == end:
            return Invalid(BLANK)
        if self.check(body).to_bytes(self.width, "little") != check:
            return _mismatch(8 * self.width)
        return self.inner.decode(body)

    def follow(self, record: Record, config: BootConfig) -> Record:
        return self.inner.follow(record, config)


@cache
def _mismatch(bits: int) -> Invalid:
    return Invalid(f"its CRC-{bits} does not match")


def crc16(data: bytes) -> int:
    """Return the CRC-16 of X.25's polynomial 0x1021, started at all ones."""
    return crc_hqx(data, 0xFFFF)

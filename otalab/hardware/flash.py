"""NOR flash as a value.

Erasing turns every bit of a sector to one.
Programming turns chosen ones to zero: it is an AND, also over bits that were not erased.
Nothing else changes a chip, and only these two can be interrupted.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from hashlib import sha256
from itertools import chain
from typing import Literal, overload

from otalab.errors import BadInput
from otalab.hardware.effects import Effect, Erase, Program
from otalab.hardware.geometry import FlashGeometry
from otalab.summary import Summary

ERASED = 0xFF
LARGEST = 2**28  # bytes; no NOR flash is larger
KEPT = 2**24  # bytes of sectors that are at hand after a program: those of a few images


@cache
def blank(size: int) -> bytes:
    """Return so many erased bytes."""
    return bytes([ERASED]) * size


def programmed(old: bytes, offset: int, data: bytes) -> bytes:
    """Return the contents of a sector after a program at an offset in it: an AND, bit by bit.

    The pages of one image are programmed again in nearly every run; equal sectors that are one object are cheap.
    """
    new = _PROGRAMMED.get((old, offset, data))
    if new is None:
        # A run asks for an image in order: dropping the oldest would keep what is not asked for next.
        if len(_PROGRAMMED) * len(old) >= KEPT:
            _PROGRAMMED.clear()
        end = offset + len(data)
        kept = int.from_bytes(old[offset:end]) & int.from_bytes(data)
        new = _PROGRAMMED[old, offset, data] = b"".join((old[:offset], kept.to_bytes(len(data)), old[end:]))
    return new


_PROGRAMMED: dict[tuple[bytes, int, bytes], bytes] = {}


@dataclass(frozen=True, slots=True)
class Mark:
    """What reading a sector once cannot see.

    `weak`: it reads erased, but a program without a fresh erase does not hold.
    `unstable`: after any power-on it may read as `other` in place of its contents.
    `unreadable`: who reads a program unit that begins at one of `units`, offsets in the sector, takes a fault.
    """

    sector: int
    kind: Literal["weak", "unstable", "unreadable"]
    other: bytes = b""
    units: tuple[int, ...] = ()


class Sectors(Sequence[bytes]):
    """The sectors of a chip, immutable; a version with one of them replaced shares all others.

    They are kept in groups, so that a new version costs one group and the list of groups, however large the chip is.
    """

    __slots__ = ("_groups", "_size")
    GROUP = 16

    def __init__(self, sectors: Iterable[bytes]) -> None:
        flat = tuple(sectors)
        self._size = len(flat)
        self._groups = tuple(flat[at : at + self.GROUP] for at in range(0, len(flat), self.GROUP))

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[bytes, ...]: ...
    def __getitem__(self, index: int | slice) -> bytes | tuple[bytes, ...]:
        if isinstance(index, slice):
            return tuple(self[n] for n in range(*index.indices(self._size)))
        if 0 <= index < self._size:  # first: a search asks for nothing else, millions of times
            return self._groups[index // self.GROUP][index % self.GROUP]
        if -self._size <= index < 0:
            return self[index + self._size]
        raise IndexError(index)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return chain.from_iterable(self._groups)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sectors) and self._groups == other._groups

    def __hash__(self) -> int:
        return hash(self._groups)

    def replaced(self, sector: int, contents: bytes) -> Sectors:
        """Return a version with one sector replaced."""
        number, place = divmod(sector, self.GROUP)
        groups = list(self._groups)
        group = list(groups[number])
        group[place] = contents
        groups[number] = tuple(group)
        new = Sectors.__new__(Sectors)
        new._size, new._groups = self._size, tuple(groups)
        return new


@lru_cache(maxsize=16)
def _across(sectors: tuple[bytes, ...], start: int, length: int) -> bytes:
    """Return bytes that lie in several sectors: an image is read at every start, and the same one by a whole fleet."""
    return b"".join(sectors)[start : start + length]


@dataclass(frozen=True, slots=True, repr=False)
class Flash(Summary):
    """The contents of a chip at one moment; equal bits and marks are equal chips, and versions share their sectors."""

    geometry: FlashGeometry
    sectors: Sectors
    marks: frozenset[Mark] = frozenset()

    def __hash__(self) -> int:
        return hash((self.sectors, self.marks))

    def facts(self) -> Iterator[tuple[str, object]]:
        """Yield its size, how much of it is erased, and by what equal contents are seen to be equal."""
        yield "sectors", self.geometry.sizes()
        yield "erased", sum(sector == blank(len(sector)) for sector in self.sectors)
        if self.marks:
            yield "marked", ", ".join(f"{mark.kind} {mark.sector}" for mark in sorted(self.marks, key=str))
        yield "sha256", sha256(self.image).hexdigest()[:12]

    @classmethod
    def blank(cls, geometry: FlashGeometry) -> Flash:
        """Return a chip fresh from the factory: all ones."""
        # Sectors of one size are one object, until something is written to one of them.
        return cls(geometry, Sectors(blank(geometry.size_of(sector)) for sector in range(geometry.count)))

    @classmethod
    def of(cls, geometry: FlashGeometry, image: bytes) -> Flash:
        """Return the chip that holds a raw image; a short image is followed by erased flash."""
        if len(image) > geometry.size:
            raise BadInput(f"an image of {len(image)} bytes does not fit a flash of {geometry.size}")
        return cls.blank(geometry).patched(0, image)

    @property
    def image(self) -> bytes:
        """The raw image, as a programmer for a bench would want it."""
        return b"".join(self.sectors)

    def read(self, address: int, length: int) -> bytes:
        """Return `length` bytes from `address` on."""
        geometry = self.geometry
        touched = geometry.sectors_of(address, length)
        start = address - geometry.start_of(touched.start)
        if len(touched) == 1:
            return self.sectors[touched.start][start : start + length]
        return _across(self.sectors[touched.start : touched.stop], start, length)

    def held(self, address: int, length: int) -> tuple[bytes, ...]:
        """Return a stretch of whole sectors, each by itself."""
        touched = self.geometry.sectors_of(address, length)
        return self.sectors[touched.start : touched.stop]

    def after(self, effect: Effect) -> Flash:
        """Return the contents once an effect has run to its end."""
        match effect:
            case Erase(sector):
                return self.with_sector(sector, blank(len(self.sectors[sector])))
            case Program(address, data):
                sector, offset = self.geometry.place_of(address)
                mark = self.mark_of(sector) if self.marks else None
                if mark and mark.kind == "weak":
                    # Cells that were not erased in full hold no new charge for long: the later half is lost.
                    data = data[: len(data) // 2]
                new = programmed(self.sectors[sector], offset, data)
                if mark and mark.kind == "unstable":
                    # Programmed again, a cell that was programmed half is programmed whole.
                    other = programmed(mark.other, offset, data)
                    mark = Mark(sector, "unstable", other) if other != new else None
                return self.with_sector(sector, new, mark)
        return self

    def mark_of(self, sector: int) -> Mark | None:
        """Return the mark of a sector; it has one at most."""
        for mark in self.marks:
            if mark.sector == sector:
                return mark
        return None

    def unreadable(self, address: int, length: int) -> int | None:
        """Return the address of the first program unit of a stretch that cannot be read, if there is one."""
        marked = ((self.geometry.start_of(mark.sector), at) for mark in self.marks for at in mark.units)
        units = ((start + at, self.geometry.at(start).program_unit) for start, at in marked)
        return min((at for at, unit in units if at < address + length and address < at + unit), default=None)

    def with_sector(self, sector: int, contents: bytes, mark: Mark | None = None) -> Flash:
        """Return the chip with one sector replaced, and its mark with it."""
        sectors = self.sectors.replaced(sector, contents)
        if not self.marks and mark is None:
            return Flash(self.geometry, sectors)
        others = frozenset(old for old in self.marks if old.sector != sector)
        return Flash(self.geometry, sectors, others | {mark} if mark else others)

    def swapped(self, sector: int) -> Flash:
        """Return the chip with an unstable sector reading as it could also read."""
        mark = self.mark_of(sector)
        if mark is None or mark.kind != "unstable":
            raise BadInput(f"sector {sector} is not unstable: it reads in one way only")
        return self.with_sector(sector, mark.other, Mark(sector, "unstable", self.sectors[sector]))

    def patched(self, address: int, data: bytes) -> Flash:
        """Set bytes without regard for physics: a hand in the lab, not a chip."""
        sectors = list(self.sectors)
        for sector in self.geometry.sectors_of(address, len(data)):
            old, at = sectors[sector], self.geometry.start_of(sector)
            start, end = max(address, at), min(address + len(data), at + len(old))
            sectors[sector] = old[: start - at] + data[start - address : end - address] + old[end - at :]
        return replace(self, sectors=Sectors(sectors))


def hidden_by(mark: Mark | None, contents: bytes) -> Hashable:
    """Return what a mark adds to contents; an unstable sector is the same whichever way it reads now."""
    if mark is None:
        return None
    if mark.kind == "unstable":
        return mark.kind, frozenset((mark.other, contents))
    return (mark.kind, mark.units) if mark.units else mark.kind

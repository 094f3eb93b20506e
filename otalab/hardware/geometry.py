"""How flash is divided: into sectors of one size, or into pieces that each have their own.

Whoever works on flash asks by address or by sector, and never divides: then it need not know which of the two it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, groupby

from otalab.errors import BadInput
from otalab.hardware.effects import Effect, Erase, Program, pages


class FlashGeometry(ABC):
    """How flash is divided, whether all of its sectors are alike or not; all sizes in bytes."""

    __slots__ = ()

    @property
    @abstractmethod
    def size(self) -> int:
        """How many bytes there are."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many sectors there are."""

    @abstractmethod
    def at(self, address: int) -> Geometry:
        """Return the piece with sectors that are alike in which an address lies: its page, its unit, its check bits."""

    @abstractmethod
    def sector_at(self, address: int) -> int:
        """Return the sector in which an address lies."""

    @abstractmethod
    def start_of(self, sector: int) -> int:
        """Return where a sector begins."""

    @abstractmethod
    def size_of(self, sector: int) -> int:
        """Return how many bytes one erase of a sector erases."""

    @abstractmethod
    def place_of(self, address: int) -> tuple[int, int]:
        """Return the sector in which an address lies, and how far behind its start."""

    @abstractmethod
    def sectors_of(self, address: int, length: int) -> range:
        """Return the sectors that some bytes of flash touch."""

    def begins_sector(self, address: int) -> bool:
        """Say whether a sector begins at an address, or the flash ends there."""
        return self.place_of(address)[1] == 0

    def whole_sectors(self, address: int, length: int) -> bool:
        """Say whether so many bytes are sectors from their first byte to their last."""
        return self.begins_sector(address) and self.begins_sector(address + length)

    def pages(self, address: int, data: bytes) -> Iterator[Program]:
        """Cut data into programs that each stay inside one page, in rising order."""
        start = 0
        while start < len(data):
            page = self.at(address + start).page_size
            end = start + page - (address + start) % page
            yield Program(address + start, data[start:end])
            start = end

    def check(self, effect: Effect) -> None:
        """Refuse what the part's interface cannot be asked to do."""
        match effect:
            case Erase(sector) if not 0 <= sector < self.count:
                raise BadInput(f"sector {sector} lies outside a flash of {self.count} sectors")
            case Program(address, data):
                if address < 0 or address + len(data) > self.size:
                    self._refuse(address, len(data))
                here = self.at(address)
                page, unit = here.page_size, here.program_unit
                if not data or address // page != (address + len(data) - 1) // page:
                    raise BadInput(f"{len(data)} bytes at 0x{address:x} do not lie inside one page of {page}")
                if address % unit or len(data) % unit:
                    raise BadInput(f"{len(data)} bytes at 0x{address:x} are not whole units of {unit}")

    def sizes(self) -> str:
        """Return how many sectors of which sizes there are, in words."""
        alike = groupby(self.size_of(sector) for sector in range(self.count))
        return ", ".join(f"{sum(1 for _ in some)} of {size}" for size, some in alike) + " bytes"

    def _refuse(self, address: int, length: int) -> None:
        raise BadInput(f"{length} bytes at 0x{address:x} lie outside a flash of 0x{self.size:x} bytes")


@dataclass(frozen=True, slots=True)
class Geometry(FlashGeometry):
    """Sectors that are all alike; all sizes in bytes.  `ecc`: a program unit has check bits of its own."""

    sector_size: int
    sectors: int
    page_size: int
    program_unit: int = 1
    ecc: bool = False

    @property
    def size(self) -> int:
        return self.sector_size * self.sectors

    @property
    def count(self) -> int:
        return self.sectors

    def at(self, address: int) -> Geometry:
        return self

    def sector_at(self, address: int) -> int:
        return address // self.sector_size

    def start_of(self, sector: int) -> int:
        return sector * self.sector_size

    def size_of(self, sector: int) -> int:
        return self.sector_size

    def place_of(self, address: int) -> tuple[int, int]:
        return divmod(address, self.sector_size)

    def begins_sector(self, address: int) -> bool:
        return address % self.sector_size == 0

    def pages(self, address: int, data: bytes) -> Iterator[Program]:
        return pages(address, data, self.page_size)

    def check(self, effect: Effect) -> None:
        if type(effect) is Program:  # nearly all of them, and nearly all right
            address, end, page, unit = (
                effect.address,
                effect.address + len(effect.data),
                self.page_size,
                self.program_unit,
            )
            inside = 0 <= address < end <= self.sector_size * self.sectors and address // page == (end - 1) // page
            if inside and not address % unit and not end % unit:
                return
        FlashGeometry.check(self, effect)

    def sectors_of(self, address: int, length: int) -> range:
        size, end = self.sector_size, address + length
        if address < 0 or length < 0 or end > size * self.sectors:
            self._refuse(address, length)
        return range(address // size, -(-end // size))


@dataclass(frozen=True, slots=True)
class MixedGeometry(FlashGeometry):
    """Pieces of flash with sectors of their own, one behind the other: of one chip, or an external one behind it."""

    pieces: tuple[Geometry, ...]
    # Where each sector begins, and where the last one ends; likewise of the pieces.
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _edges: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes = [piece.sector_size for piece in self.pieces for _ in range(piece.sectors)]
        object.__setattr__(self, "_starts", tuple(accumulate(sizes, initial=0)))
        object.__setattr__(self, "_edges", tuple(accumulate((piece.size for piece in self.pieces), initial=0)))

    @property
    def size(self) -> int:
        return self._starts[-1]

    @property
    def count(self) -> int:
        return len(self._starts) - 1

    def at(self, address: int) -> Geometry:
        return self.pieces[self.piece_at(address)]

    def piece_at(self, address: int) -> int:
        """Return the number of the piece in which an address lies; the end of flash belongs to the last one."""
        return min(bisect_right(self._edges, address), len(self.pieces)) - 1

    def sector_at(self, address: int) -> int:
        return bisect_right(self._starts, address) - 1

    def start_of(self, sector: int) -> int:
        return self._starts[sector]

    def size_of(self, sector: int) -> int:
        return self._starts[sector + 1] - self._starts[sector]

    def place_of(self, address: int) -> tuple[int, int]:
        sector = self.sector_at(address)
        return sector, address - self._starts[sector]

    def sectors_of(self, address: int, length: int) -> range:
        if address < 0 or length < 0 or address + length > self.size:
            self._refuse(address, length)
        return range(self.sector_at(address), bisect_left(self._starts, address + length))


def geometry_of(pieces: tuple[Geometry, ...]) -> FlashGeometry:
    """Return the geometry of some pieces; of one alone, that one."""
    return pieces[0] if len(pieces) == 1 else MixedGeometry(pieces)

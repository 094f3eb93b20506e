"""Writing a region of flash: of an update that comes in, and of a snapshot."""

from __future__ import annotations

from otalab.errors import BundleFault
from otalab.firmware.controller import Controller
from otalab.firmware.platforms import mismatch
from otalab.formats.records.record import checksum
from otalab.hardware.board import Region
from otalab.hardware.effects import Erase, Routine, pages
from otalab.hardware.flash import ERASED


class RegionWriter:
    """Writes a region from its start; each sector is erased before its first page."""

    def __init__(self, chip: Controller, region: Region) -> None:
        self.region = region
        self._chip = chip
        self._next = region.address
        self._pending = b""
        self._erased = False

    def sector_by_sector(self) -> Routine[None]:
        """Erase each sector just before its first page: what an update does not reach stays as it was."""
        return
        yield

    def erase_whole(self) -> Routine[None]:
        """Erase all of the region before the first byte: it takes as long for a small image as for a large one."""
        size = self._chip.board.geometry.sector_size
        for sector in range(self.region.address // size, self.region.end // size):
            yield Erase(sector)
        self._erased = True

    def add(self, data: bytes) -> Routine[None]:
        """Take data in and write what makes whole pages."""
        data = self._pending + data
        whole = len(data) - len(data) % self._chip.board.geometry.page_size
        self._pending = data[whole:]
        yield from self._write(data[:whole])

    def finish(self, check: int) -> Routine[None]:
        """Write what is left, filled up to a whole program unit, and compare what lies there with its CRC-32."""
        rest, size = self._pending, self._next + len(self._pending) - self.region.address
        yield from self._write(rest + bytes([ERASED]) * (-len(rest) % self._chip.board.geometry.program_unit))
        if checksum(self._chip.read(self.region.address, size)) != check:
            raise BundleFault(mismatch(self._chip.board.platform))

    def blank_rest(self) -> Routine[None]:
        """Erase what the region has behind what was written."""
        if self._erased:
            return
        size = self._chip.board.geometry.sector_size
        for sector in range(-(-self._next // size), self.region.end // size):
            yield Erase(sector)

    def _write(self, data: bytes) -> Routine[None]:
        geometry = self._chip.board.geometry
        for program in pages(self._next, data, geometry.page_size):
            if program.address % geometry.sector_size == 0 and not self._erased:
                yield Erase(program.address // geometry.sector_size)
            yield program
        self._next += len(data)


class WrittenRegion(RegionWriter):
    """Takes in what lies in its region already, and writes none of it."""

    def finish(self, check: int) -> Routine[None]:
        """Leave it as it is: it was compared before."""
        self._next += len(self._pending)
        return
        yield

    def _write(self, data: bytes) -> Routine[None]:
        self._next += len(data)
        return
        yield

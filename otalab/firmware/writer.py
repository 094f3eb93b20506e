"""Writing a region of flash: of an update that comes in, and of a snapshot."""

from __future__ import annotations

from otalab.errors import BundleFault
from otalab.firmware.controller import Controller
from otalab.firmware.platforms import mismatch
from otalab.formats.records.record import checksum
from otalab.hardware.effects import Erase, Routine
from otalab.hardware.flash import ERASED
from otalab.hardware.places import Region


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
        for sector in self._chip.board.sectors_of(self.region):
            yield Erase(sector)
        self._erased = True

    def add(self, data: bytes) -> Routine[None]:
        """Take data in and write what makes whole pages."""
        data = self._pending + data
        whole = len(data) - len(data) % self._chip.board.geometry.at(self._next).page_size
        self._pending = data[whole:]
        yield from self._write(data[:whole])

    def finish(self, check: int) -> Routine[None]:
        """Write what is left, filled up to a whole program unit, and compare what lies there with its CRC-32."""
        rest, size = self._pending, self._next + len(self._pending) - self.region.address
        unit = self._chip.board.geometry.at(self._next).program_unit
        yield from self._write(rest + bytes([ERASED]) * (-len(rest) % unit))
        if checksum(self._chip.read(self.region.address, size)) != check:
            raise BundleFault(mismatch(self._chip.board.platform))

    def blank_rest(self) -> Routine[None]:
        """Erase what the region has behind what was written."""
        if self._erased:
            return
        geometry, begun = self._chip.board.geometry, self._next - self.region.address
        for sector in self._chip.board.sectors_of(self.region)[len(geometry.sectors_of(self.region.address, begun)) :]:
            yield Erase(sector)

    def _write(self, data: bytes) -> Routine[None]:
        geometry = self._chip.board.geometry
        for program in geometry.pages(self._next, data):
            if not self._erased and geometry.begins_sector(program.address):
                yield Erase(geometry.sector_at(program.address))
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

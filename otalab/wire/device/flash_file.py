"""A flash in a file: what a virtual device has in place of a chip.

An erase or a program is in the file, and on disk, before the next one begins; so killing the process is a power cut.
"""

from __future__ import annotations

import os
from pathlib import Path

from otalab.errors import BadInput
from otalab.files import ordinary, refused
from otalab.hardware.effects import Effect, Erase, Program
from otalab.hardware.flash import Flash, Geometry
from otalab.one_owner import claim

# Behind the flash while it is made: a file that was begun and not finished must not be taken for a device.
BEGUN = b"\0otalab: begun, not finished"
MODE = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)  # Windows takes files for text unless it is told
# Not every system can leave the times of the file out.
_on_disk = getattr(os, "fdatasync", os.fsync)


class SectorPool:
    """Sectors that many devices have in common, each held once."""

    MOST = 50_000

    def __init__(self) -> None:
        self._sectors: dict[bytes, bytes] = {}

    def shared(self, flash: Flash, sector: int) -> Flash:
        """Return the same contents, with this sector taken from the pool."""
        if len(self._sectors) >= self.MOST:
            self._sectors.clear()
        contents = flash.sectors[sector]
        known = self._sectors.setdefault(contents, contents)
        return flash if known is contents else flash.with_sector(sector, known, flash.mark_of(sector))


class FlashFile:
    """An open flash file, locked against a second device."""

    def __init__(
        self, path: Path, geometry: Geometry, shipped: Flash, *, sync: bool = True, pool: SectorPool | None = None
    ) -> None:
        self.path = path
        self.sync = sync
        self.pool = pool
        ordinary(path)
        try:
            self._file = os.fdopen(os.open(path, MODE, 0o644), "r+b", buffering=0)
        except OSError as error:
            raise refused(path, error, "written") from error
        try:
            self.is_new = self._claim(geometry, shipped)
            self.flash = Flash.of(geometry, self._read(geometry.size))
        except BaseException:
            self._file.close()
            raise
        for sector in range(geometry.sectors if pool else 0):
            self.flash = pool.shared(self.flash, sector) if pool else self.flash

    def _claim(self, geometry: Geometry, shipped: Flash) -> bool:
        if not claim(self._file.fileno()):
            raise BadInput(f"{self.path}: is in use by another device; stop that one or take another file")
        size = self._file.seek(0, os.SEEK_END)
        if size == 0 or self._was_begun(size, geometry):
            self._make(shipped)
            return True
        if size != geometry.size:
            short = "it was cut short, or belongs to" if size < geometry.size else "take"
            raise BadInput(f"{self.path}: has {size} bytes, the board's flash {geometry.size}; {short} another --board")
        return False

    def _was_begun(self, size: int, geometry: Geometry) -> bool:
        return size == geometry.size + len(BEGUN) and self._read(size)[geometry.size :] == BEGUN

    def _read(self, count: int) -> bytes:
        self._file.seek(0)
        contents = bytearray()
        while len(contents) < count and (more := self._file.read(count - len(contents))):
            contents += more
        return bytes(contents)

    def _put(self, data: bytes, address: int) -> None:
        self._file.seek(address)
        while data:
            data = data[self._file.write(data) :]

    def _make(self, shipped: Flash) -> None:
        # In place, for a file that is open cannot be replaced everywhere; the mark comes first and goes last.
        size = shipped.geometry.size
        try:
            self._put(BEGUN, size)
            self._put(shipped.image, 0)
            os.fsync(self._file.fileno())
            self._file.truncate(size)
            os.fsync(self._file.fileno())
        except BaseException as error:
            # Half a file would stand in the way of the next one.
            self._file.close()
            Path(os.path.realpath(self.path)).unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise refused(self.path, error, "written") from error
            raise

    def write(self, effect: Effect, after: Flash) -> None:
        """Put what an effect has changed into the file: `after` are the contents once it has run to its end."""
        match effect:
            case Erase(sector):
                self._put(after.sectors[sector], sector * after.geometry.sector_size)
            case Program(address, data):
                self._put(after.read(address, len(data)), address)
            case _:
                return
        if self.sync:
            _on_disk(self._file.fileno())

    def shared(self, effect: Effect, after: Flash) -> Flash:
        """Return the contents after an effect; a sector that is erased or full is held once for all devices."""
        size = after.geometry.sector_size
        match effect:
            case Erase(sector) if self.pool:
                return self.pool.shared(after, sector)
            case Program(address, data) if self.pool and (address + len(data)) % size == 0:
                return self.pool.shared(after, address // size)
        return after

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

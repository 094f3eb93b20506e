"""A flash in a file: what a virtual device has in place of a chip.

An erase or a program is in the file, and on disk, before the next one begins; so killing the process is a power cut.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from otalab.errors import BadInput
from otalab.hardware.effects import Effect, Erase, Program
from otalab.hardware.flash import Flash, Geometry


class Pool:
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
        self, path: Path, geometry: Geometry, shipped: Flash, *, sync: bool = True, pool: Pool | None = None
    ) -> None:
        self.path = path
        self.sync = sync
        self.pool = pool
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise BadInput(f"{path}: cannot be opened: {error.strerror}") from error
        try:
            self.is_new = self._claim(geometry, shipped)
        except BaseException:
            os.close(self._file)
            raise
        self.flash = Flash.of(geometry, os.pread(self._file, geometry.size, 0))
        for sector in range(geometry.sectors if pool else 0):
            self.flash = pool.shared(self.flash, sector) if pool else self.flash

    def _claim(self, geometry: Geometry, shipped: Flash) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(f"{self.path}: is in use by another device; stop that one or take another file") from error
        size = os.fstat(self._file).st_size
        if size == 0:
            self._make(shipped)
            return True
        if size != geometry.size:
            raise BadInput(f"{self.path}: has {size} bytes, the board's flash {geometry.size}; take another --board")
        return False

    def _make(self, shipped: Flash) -> None:
        # Under another name first: a file that was begun and not finished must not be taken for a device.
        scratch = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            scratch.write_bytes(shipped.image)
            made = os.open(scratch, os.O_RDWR)
            fcntl.flock(made, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fsync(made)
            scratch.replace(self.path)
        except OSError as error:
            raise BadInput(f"{self.path}: cannot be written: {error.strerror}") from error
        finally:
            scratch.unlink(missing_ok=True)
        os.dup2(made, self._file)
        os.close(made)

    def write(self, effect: Effect, after: Flash) -> None:
        """Put what an effect has changed into the file: `after` are the contents once it has run to its end."""
        match effect:
            case Erase(sector):
                os.pwrite(self._file, after.sectors[sector], sector * after.geometry.sector_size)
            case Program(address, data):
                os.pwrite(self._file, after.read(address, len(data)), address)
            case _:
                return
        if self.sync:
            os.fdatasync(self._file)

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
        os.close(self._file)

"""A flash in a file: what a virtual device has in place of a chip.

An erase or a program is in the file, and on disk, before the next one begins; so killing the process is a power cut.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from otalab.effects import Effect, Erase, Program
from otalab.errors import BadInput
from otalab.flash import Flash, Geometry


class FlashFile:
    """An open flash file, locked against a second device."""

    def __init__(self, path: Path, geometry: Geometry, shipped: Flash, *, sync: bool = True) -> None:
        self.path = path
        self.sync = sync
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

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

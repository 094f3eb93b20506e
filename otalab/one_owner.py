"""One owner for a file: who has claimed it keeps it until he closes it or ends, in whatever way.

The claim is the system's own, so nothing is left behind by a process that was killed.
POSIX claims a file as a whole, for those who ask; Windows claims bytes, for everybody, so the claim lies on one byte
far behind the contents, where nobody reads or writes.
"""

from __future__ import annotations

import os
import shlex
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from otalab.errors import BadInput
from otalab.files import refused
from otalab.text import one_line

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FAR = 2**30  # bytes; no chip here is so large, and 32 bits hold it


def claim(file: int) -> bool:
    """Claim an open file, by its descriptor, without waiting; return whether it is ours now."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            _claim_a_byte(file)
    except OSError:
        return False
    return True


@contextmanager
def owned(what: Path) -> Iterator[None]:
    """Own a folder, or a file that is replaced whole, while this lasts; whoever comes second is told who holds it.

    The claim lies on a file of its own: in the folder, or beside the file.
    """
    place = what / ".owner" if what.is_dir() else what.with_name(f".{what.name}.owner")
    try:
        held = _held(place, what)
    except OSError as error:
        raise refused(place, error, "written") from error
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes nothing that is open
            place.unlink()
        os.close(held)


def _held(place: Path, what: Path) -> int:
    """Return the open file that holds the claim."""
    while True:
        file = os.open(place, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        if not claim(file):
            by = one_line(os.read(file, 200).decode(errors="replace")) or "another process"
            os.close(file)
            raise BadInput(f"{what}: is held by {by}; wait for it or stop it, or take another one")
        # Whoever let go has removed the file, and we may hold one that nobody finds any more.
        with suppress(FileNotFoundError):
            if os.path.samestat(place.stat(), os.fstat(file)):
                os.ftruncate(file, 0)
                os.write(file, f"process {os.getpid()}: {shlex.join(sys.argv)}"[:200].encode())
                return file
        os.close(file)


class Claims:
    """What one process owns of the files of a folder, by their names, with one open file for all of them.

    A byte of that file stands for each name, so many processes may share the folder; it stays there, empty.
    Only Linux has such claims (`there`): those of POSIX end when the process closes any file that it has open twice.
    """

    there = hasattr(fcntl, "F_OFD_SETLK")
    NAME = ".owners"

    def __init__(self, folder: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            self._file = os.open(folder / self.NAME, flags, 0o644)
        except OSError as error:
            raise refused(folder / self.NAME, error, "written") from error

    def claim(self, name: str) -> bool:
        """Claim a file by its name, without waiting; return whether it is ours now."""
        place = int.from_bytes(sha256(name.encode()).digest()[:7])  # of so many that no two names share one
        byte = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, byte)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Own nothing any more."""
        os.close(self._file)


def claimed_by_name(path: Path) -> bool:
    """Say whether somebody owns a file by its name."""
    if not Claims.there or not (path.parent / Claims.NAME).is_file():
        return False
    claims = Claims(path.parent)
    try:
        return not claims.claim(path.name)
    finally:
        claims.close()


def _claim_a_byte(file: int) -> None:
    import msvcrt  # noqa: PLC0415  # only there where there is no fcntl

    os.lseek(file, FAR, os.SEEK_SET)
    msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

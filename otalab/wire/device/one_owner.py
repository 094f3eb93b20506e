"""One owner for a file: who has claimed it keeps it until he closes it or ends, in whatever way.

The claim is the system's own, so nothing is left behind by a process that was killed.
POSIX claims a file as a whole, for those who ask; Windows claims bytes, for everybody, so the claim lies on one byte
far behind the contents, where nobody reads or writes.
"""

from __future__ import annotations

import os

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


def _claim_a_byte(file: int) -> None:
    import msvcrt  # noqa: PLC0415  # only there where there is no fcntl

    os.lseek(file, FAR, os.SEEK_SET)
    msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

"""A word about files that stand open: a key that all may write is anybody's, and so is a secret that all may read."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from otalab.text import one_line


def warn(trusted: Iterable[str | None], secret: Iterable[str | None] = ()) -> None:
    """Say on standard error which of these files stand open: `trusted` ones to write, `secret` ones to read, too."""
    for line in [*_open(trusted, stat.S_IWOTH), *_open(secret, stat.S_IWOTH | stat.S_IROTH)]:
        print(one_line(f"warning: {line}"), file=sys.stderr, flush=True)


def _open(paths: Iterable[str | None], bits: int) -> Iterator[str]:
    for path in paths:
        if path is None or os.name == "nt":  # where a mode says nothing of who may
            continue
        try:
            file, folder = Path(path).stat().st_mode, Path(path).resolve().parent.stat().st_mode
        except (OSError, ValueError):
            continue  # whoever reads it says what is wrong with it
        if open_bits := file & bits:
            may = "write" if open_bits & stat.S_IWOTH else "read"
            yield f"{path}: every user of this machine may {may} it: chmod o-rw {path}"
        elif folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
            yield f"{path}: every user of this machine may put another file in its place: chmod o-w its folder"

"""The course as files: its notebooks, and the documents that they link to.

A checkout has them beside the package, an installed package inside it; who installed it takes a copy to write in.
A copy says what was put there, so that a newer course replaces what nobody has touched, and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from otalab.errors import BadInput
from otalab.files import read_bytes, read_text, refused, write_whole

PACKAGE = Path(__file__).parents[1]
PACKED = PACKAGE / "_course"
FOLDERS = ("notebooks", "docs")
FIRST = Path("notebooks", "00_start_here.ipynb")
DELIVERED = ".otalab-course.json"


@dataclass(frozen=True, slots=True)
class Copied:
    """How many files were written, and which ones bear changes and were left as they are."""

    written: int
    kept: tuple[str, ...]


def checkout() -> Path | None:
    """Return where the course lies beside the package, `None` where it lies inside it."""
    beside = PACKAGE.parent
    return beside if not PACKED.is_dir() and (beside / FIRST).is_file() else None


def course() -> dict[str, bytes]:
    """Return every file of the course by its name, as in `notebooks/00_start_here.ipynb`."""
    source = checkout() or PACKED
    places = sorted(path for folder in FOLDERS for path in (source / folder).glob("*") if path.is_file())
    if not places:
        raise BadInput(f"no course in {source}: install otalab anew, or take a checkout of it")
    return {path.relative_to(source).as_posix(): path.read_bytes() for path in places}


def copy_course(folder: Path) -> Copied:
    """Put the course into a folder, but never over a file that was changed there."""
    files, before = course(), _delivered(folder / DELIVERED)
    written, kept = 0, []
    for name, contents in files.items():
        path = folder / name
        there = read_bytes(path) if path.exists() else None
        if there == contents:
            continue
        if there is not None and before.get(name) != sha256(there).hexdigest():
            kept.append(name)
            continue
        _folder(path.parent)
        write_whole(path, contents)
        written += 1
    # Last: what was put there and is not written down counts as changed, unless it is what is here.
    digests = {name: sha256(contents).hexdigest() for name, contents in files.items()}
    write_whole(folder / DELIVERED, json.dumps(digests, indent=1).encode())
    return Copied(written, tuple(kept))


def _delivered(path: Path) -> dict[str, str]:
    """Return the digests of what was put there before; what cannot be read vouches for nothing."""
    try:
        digests = json.loads(read_text(path))
    except (BadInput, ValueError, RecursionError):
        return {}
    return digests if isinstance(digests, dict) else {}


def _folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(folder, error, "written") from error

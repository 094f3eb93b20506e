"""Files: read with one sentence for each way in which that can fail, and written whole or not at all.

What the system refuses becomes `BadInput`, a line that names the file; nobody above has an `OSError` of a file to tell.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from otalab.errors import BadInput
from otalab.postponed import postponed_interrupts

MADE = "made by otalab"
"""What stands near the beginning or the end of a file that the lab made, if its format has room for words."""

_NEAR = 4096
_CHUNK = 1 << 20
# Windows knows no links to follow here, and takes files for text unless it is told.
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

_KINDS = {
    stat.S_ISLNK: "a link that leads in a circle",
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISBLK: "a device",
    stat.S_ISCHR: "a device",
}


_SENTENCES = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file",
    errno.EISDIR: "is a folder, and a file is needed",
    errno.EACCES: "cannot be {doing}: this user has no permission",
    errno.EPERM: "cannot be {doing}: this user has no permission",
}


def refused(path: str | os.PathLike[str], error: OSError | ValueError, doing: str = "read") -> BadInput:
    """Return the sentence for what the system refuses: `doing` is "read" or "written"."""
    name, folder = os.fspath(path) or "''", Path(path).parent
    if isinstance(error, UnicodeDecodeError):
        return BadInput(f"{name}: is not text in UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}")
    if not isinstance(error, OSError):
        return BadInput(f"{name!r}: is no name of a file")
    if doing == "written" and error.errno in (errno.ENOENT, errno.ENOTDIR):
        return BadInput(f"{name}: there is no folder {folder}")
    usual = f"cannot be {doing}: {error.strerror or error}"
    return BadInput(f"{name}: {_SENTENCES.get(error.errno or 0, usual).format(doing=doing)}")


@contextlib.contextmanager
def _refusing(path: str | os.PathLike[str], doing: str = "read") -> Iterator[None]:
    try:
        yield
    except BadInput:
        raise
    except (OSError, ValueError) as error:
        raise refused(path, error, doing) from error


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let a complaint about what a file holds begin with the name of the file."""
    try:
        yield
    except BadInput as error:
        raise BadInput(f"{os.fspath(path)}: {error}") from error


# Reading


def read_chunks(path: str | os.PathLike[str], size: int = _CHUNK) -> Iterator[bytes]:
    """Yield the contents of a file, `size` bytes at a time."""
    with _refusing(path), Path(path).open("rb") as file:
        while chunk := file.read(size):
            yield chunk


def read_bytes(path: str | os.PathLike[str], most: int | None = None) -> bytes:
    """Return the contents of a file; more than `most` bytes are refused, and not read."""
    if most is not None and is_file(path) and Path(path).stat().st_size > most:
        raise BadInput(f"{os.fspath(path)}: has more than {most} bytes; is it the right file?")
    contents = bytearray()
    for chunk in read_chunks(path, _CHUNK if most is None else min(_CHUNK, most + 1)):
        contents += chunk
        if most is not None and len(contents) > most:
            raise BadInput(f"{os.fspath(path)}: has more than {most} bytes; is it the right file?")
    return bytes(contents)


def read_text(path: str | os.PathLike[str], most: int | None = None) -> str:
    """Return the text of a file in UTF-8, with or without a mark at its beginning, whatever ends its lines."""
    with _refusing(path):
        text = read_bytes(path, most).decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_file(path: str | os.PathLike[str]) -> bool:
    """Say whether a file can be read there; no name is too long to be asked about."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def folder_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, by their names, as a file system of an image holds them: flat."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: is not a folder; give the folder whose files the file system shall hold")
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise refused(folder, error) from error
    for path in paths:
        if not path.is_file():
            raise BadInput(f"{path}: is not a file; the file system of an image is flat, move its files up")
        if not path.name.isprintable():
            raise BadInput(f"{folder}: {path.name!r} has characters that no file system should hold; rename it")
    return {path.name: read_bytes(path) for path in paths}


# Writing


@dataclass(frozen=True, slots=True)
class Output:
    """A place for a result, tried before the work begins whose result it is.

    What is there already is written over without asking only if `mark` says that the lab made it, or with `force`.
    """

    path: Path
    force: bool = False
    mark: str = MADE

    def __post_init__(self) -> None:
        try_place(self.path)
        if self.mark:
            self._ask()

    def write(self, data: bytes | str) -> None:
        """Write the result; if nothing can say who made what is there, what would not change may stay."""
        if not self.mark and not _holds(self.path, _bytes(data)):
            self._ask()
        write_whole(self.path, data)

    def _ask(self) -> None:
        if not self.force and not made_here(self.path, self.mark):
            raise BadInput(f"{self.path}: is there, and was not made by otalab: take another name, or say --force")


def made_here(path: str | os.PathLike[str], mark: str = MADE) -> bool:
    """Say whether a file may go: there is none, it is empty, or `mark` stands near its beginning or its end."""
    with _refusing(path), contextlib.suppress(FileNotFoundError), Path(path).open("rb") as file:
        near = file.read(_NEAR)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _NEAR))
        return not size or (bool(mark) and mark.encode() in near + file.read())
    return True


def try_place(path: str | os.PathLike[str]) -> None:
    """Refuse a place where no file can be written; nothing is left there."""
    with postponed_interrupts(), _refusing(path, "written"):
        draft = _Draft(path)
        draft.file.close()
        draft.name.unlink()


def try_folder(path: str | os.PathLike[str]) -> None:
    """Refuse a folder in which no file can be written, or that cannot be made; nothing is left there."""
    with _refusing(path, "written"):
        there = next(place for place in (Path(path), *Path(path).absolute().parents) if place.exists())
        if not there.is_dir():
            raise BadInput(f"{there}: is a file, and a folder is needed")
        draft = _Draft(there / "file")
        draft.file.close()
        draft.name.unlink()


def write_whole(path: str | os.PathLike[str], data: bytes | str, *, sync: bool = True, private: bool = False) -> None:
    """Write a file, whole or not at all; a link stays a link to it, and its mode and its owner stay.

    A new file that is `private` is for its owner alone.
    With `sync` it is on disk before it gets its name, or a power cut could leave the name on an empty file.
    """
    with postponed_interrupts(), _refusing(path, "written"):
        draft = _Draft(path, 0o600 if private else 0o666)
        try:
            draft.fill(_bytes(data), sync=sync)
            draft.name.replace(draft.target)
        finally:
            draft.name.unlink(missing_ok=True)
        if sync:
            _sync_folder(draft.target.parent)


def append_whole(path: str | os.PathLike[str], data: bytes, *, sync: bool = True) -> None:
    """Append to a file, whole or not at all, and with `sync` have it on disk."""
    with postponed_interrupts(), _refusing(path, "written"), Path(path).open("ab", buffering=0) as file:
        end, left = file.seek(0, os.SEEK_END), memoryview(data)
        try:
            while left:
                left = left[file.write(left) :]
            if sync:
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(end)  # or what comes next would continue half a line
            raise


class _Draft:
    """An empty file beside a target, under a name that nobody can foresee, and no link that somebody put there."""

    def __init__(self, path: str | os.PathLike[str], new: int = 0o666) -> None:
        self.target = Path(os.path.realpath(path))
        self.before = ordinary(path)
        self.name = self.target.with_name(f".{secrets.token_hex(8)}.tmp")
        # Not open to more people than the target, not even for a moment.
        mode = new if self.before is None else stat.S_IMODE(self.before.st_mode)
        self.file = os.fdopen(os.open(self.name, _FRESH, mode), "wb", buffering=0)

    def fill(self, data: bytes, *, sync: bool) -> None:
        """Write all of it, and close it."""
        with self.file as file:
            if self.before is not None:
                _made_alike(file.fileno(), self.before)
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            if sync:
                os.fsync(file.fileno())


def ordinary(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return what is known of an ordinary file that may be written, `None` if there is none, and refuse all else."""
    target = Path(os.path.realpath(path))
    with _refusing(path, "written"):
        try:
            facts = target.lstat()
        except FileNotFoundError:
            return None
        for is_one, what in _KINDS.items():
            if is_one(facts.st_mode):
                raise BadInput(f"{os.fspath(path)}: is {what}, and an ordinary file is needed: take another name")
        if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, "Permission denied")
        return facts


def _made_alike(file: int, before: os.stat_result) -> None:
    """Give an open file the owner and the mode of what it will replace; Windows keeps neither in a file."""
    if not hasattr(os, "fchown"):
        return
    with contextlib.suppress(PermissionError):
        os.fchown(file, before.st_uid, before.st_gid)
    # After the owner, which takes some bits of it away.
    os.fchmod(file, stat.S_IMODE(before.st_mode))


def _sync_folder(folder: Path) -> None:
    """Have the new name on disk, where the system lets folders be opened."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _bytes(data: bytes | str) -> bytes:
    return data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data


def _holds(path: Path, data: bytes) -> bool:
    """Say whether a file holds these bytes already."""
    return path.is_file() and path.stat().st_size == len(data) and read_bytes(path) == data

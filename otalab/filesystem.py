"""File systems: the real littlefs, on a scratch copy of a region.

littlefs calls back to read, erase and program; it cannot be suspended in the middle of an operation.
So an operation runs against a scratch copy, and its *journal* says what it read, erased and programmed, in order;
whoever owns the flash then does the same, one effect at a time.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from littlefs import LittleFS, LittleFSError
from littlefs.context import UserContext

from otalab.errors import BadInput, OtalabError

BLOCK_SIZE = 4096
PROGRAM_SIZE = 256


class FileSystemFault(OtalabError):
    """littlefs refuses: no space, or a damaged file system."""


@dataclass(frozen=True, slots=True)
class BlockRead:
    """littlefs read from a block."""

    block: int


@dataclass(frozen=True, slots=True)
class BlockErase:
    """littlefs erased a block."""

    block: int


@dataclass(frozen=True, slots=True)
class BlockProgram:
    """littlefs programmed bytes, `offset` from the start of the region."""

    offset: int
    data: bytes


BlockOperation = BlockRead | BlockErase | BlockProgram


class Scratch(UserContext):
    """A copy of a region that littlefs may work on, and the journal of what it did."""

    def __init__(self, contents: bytes, block_size: int = BLOCK_SIZE) -> None:
        super().__init__(buffer=bytearray(contents))
        self.block_size = block_size
        self.journal: list[BlockOperation] = []

    def read(self, cfg: Any, block: int, off: int, size: int) -> bytearray:
        self.journal.append(BlockRead(block))
        start = block * self.block_size + off
        return bytearray(self.buffer[start : start + size])

    def prog(self, cfg: Any, block: int, off: int, data: bytes) -> int:
        start, data = block * self.block_size + off, bytes(data)
        self.journal.append(BlockProgram(start, data))
        old = self.buffer[start : start + len(data)]
        self.buffer[start : start + len(data)] = bytes(a & b for a, b in zip(old, data, strict=True))
        return 0

    def erase(self, cfg: Any, block: int) -> int:
        self.journal.append(BlockErase(block))
        start = block * self.block_size
        self.buffer[start : start + self.block_size] = b"\xff" * self.block_size
        return 0

    def drain(self) -> list[BlockOperation]:
        """Return the journal so far, and begin a new one."""
        journal, self.journal = self.journal, []
        return journal


class FileSystem:
    """A mounted littlefs on a scratch copy; names are paths without a leading slash."""

    def __init__(self, scratch: Scratch, *, make: bool = False) -> None:
        self.scratch = scratch
        self._fs = LittleFS(
            context=scratch,
            mount=False,
            block_size=scratch.block_size,
            block_count=len(scratch.buffer) // scratch.block_size,
            read_size=16,
            prog_size=PROGRAM_SIZE,
            cache_size=PROGRAM_SIZE,
        )
        with _Faults("mount"):
            if make:
                self._fs.format()
            self._fs.mount()

    def names(self) -> list[str]:
        """Return the paths of all files, sorted."""
        with _Faults("list files"):
            return sorted(f"{top}/{name}".strip("/") for top, _, names in self._fs.walk("/") for name in names)

    def read(self, name: str) -> bytes:
        """Return the contents of one file."""
        with _Faults(f"read {name}"), self._fs.open(name, "rb") as file:
            return bytes(file.read())

    def write(self, name: str, data: bytes) -> None:
        """Write one file, with the folders on its way."""
        with _Faults(f"write {name}"):
            self._make_folder(name)
            with self._fs.open(name, "wb") as file:
                file.write(data)

    def remove(self, name: str) -> None:
        """Remove one file."""
        with _Faults(f"remove {name}"):
            self._fs.remove(name)

    def copy_from(self, other: FileSystem, name: str) -> None:
        """Copy one file from another file system."""
        with _Faults(f"copy {name}"):
            self._make_folder(name)
            with other._fs.open(name, "rb") as source, self._fs.open(name, "wb") as target:
                shutil.copyfileobj(source, target, PROGRAM_SIZE)

    @property
    def contents(self) -> bytes:
        """The raw bytes of the region as they are now."""
        return bytes(self.scratch.buffer)

    def _make_folder(self, name: str) -> None:
        folder, _, _ = name.rpartition("/")
        if folder:
            self._fs.makedirs(folder, exist_ok=True)


class _Faults:
    """Turn littlefs's own errors into the lab's."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (LittleFSError, OSError)):
            raise FileSystemFault(f"littlefs could not {self.what}: {error}") from error


def build_image(files: dict[str, bytes], size: int, block_size: int = BLOCK_SIZE) -> bytes:
    """Return a littlefs image of `size` bytes that holds these files."""
    if size < 2 * block_size or size % block_size:
        raise BadInput(f"a littlefs of {size} bytes is not two or more whole blocks of {block_size}")
    try:
        fs = FileSystem(Scratch(b"\xff" * size, block_size), make=True)
        for name in sorted(files):
            fs.write(name, files[name])
    except FileSystemFault as fault:
        raise BadInput(f"the files do not fit a file system of {size} bytes: {fault}") from fault
    return fs.contents


def read_files(contents: bytes, block_size: int = BLOCK_SIZE) -> dict[str, bytes] | None:
    """Return the files of a littlefs image, or `None` if it is none or is damaged."""
    try:
        fs = FileSystem(Scratch(contents, block_size))
        return {name: fs.read(name) for name in fs.names()}
    except FileSystemFault:
        return None

"""littlefs, the real one, on a scratch copy of a region."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from littlefs import LittleFS, LittleFSError
from littlefs.context import UserContext

from otalab.formats.filesystems.littlefs_directory import PROGRAM_SIZE
from otalab.formats.filesystems.scratch import FileSystem, FileSystemFault, Scratch
from otalab.postponed import postponed_interrupts


class _Context(UserContext):
    """What littlefs calls back."""

    def __init__(self, scratch: Scratch) -> None:
        super().__init__(buffer=scratch.buffer)
        self.scratch = scratch

    def read(self, cfg: Any, block: int, off: int, size: int) -> bytearray:
        # A superblock may name more blocks than there are: they read as never written.
        return self.scratch.read_block(block, off, size).ljust(size, b"\xff")

    def prog(self, cfg: Any, block: int, off: int, data: bytes) -> int:
        self.scratch.program(block * self.scratch.block_size + off, bytes(data))
        return 0

    def erase(self, cfg: Any, block: int) -> int:
        self.scratch.erase(block)
        return 0


class _LittleFS(LittleFS):
    """One that gives the buffers of littlefs back: the library leaves them behind, half a kilobyte each time."""

    _mounted = False

    def mount(self) -> int:
        """Mount it; what failed to be mounted has given them back already."""
        code = super().mount()
        self._mounted = True
        return code

    def __del__(self) -> None:
        if self._mounted:
            with postponed_interrupts():
                self.unmount()


class Lfs:
    """A mounted littlefs; names are paths without a leading slash."""

    def __init__(self, scratch: Scratch, *, make: bool = False) -> None:
        _refuse_geometry(scratch.block_size, len(scratch.buffer))
        self.scratch = scratch
        blocks = len(scratch.buffer) // scratch.block_size
        self._fs = _littlefs(scratch, blocks)
        with _faults("mount"):
            if make:
                self._fs.format()
            try:
                self._fs.mount()
            except LittleFSError as error:
                if error.code != LittleFSError.Error.LFS_ERR_INVAL:
                    raise
                self._fs = self._smaller(blocks)

    def _smaller(self, most: int) -> LittleFS:
        """Mount with the number of blocks that the superblock names: an image may be smaller than its region."""
        fs = _littlefs(self.scratch, 0)
        fs.mount()
        if not 2 <= fs.fs_stat().block_count <= most:
            raise FileSystemFault(f"its superblock names {fs.fs_stat().block_count} blocks, and there are {most}")
        return fs

    def names(self) -> list[str]:
        """Return the paths of all files, sorted."""
        with _faults("list files"):
            return sorted(f"{top}/{name}".strip("/") for top, _, names in self._fs.walk("/") for name in names)

    def read(self, name: str) -> bytes:
        """Return the contents of one file."""
        with _faults(f"read {name}"), self._fs.open(name, "rb") as file:
            return bytes(file.read())

    def write(self, name: str, data: bytes) -> None:
        """Write one file, with the folders on its way."""
        with _faults(f"write {name}"):
            self._make_folder(name)
            with self._fs.open(name, "wb") as file:
                file.write(data)

    def remove(self, name: str) -> None:
        """Delete one file."""
        with _faults(f"delete {name}"):
            self._fs.remove(name)

    def copy_from(self, other: FileSystem, name: str) -> None:
        """Copy one file from another file system; what was written of one that does not fit is deleted again."""
        if not isinstance(other, Lfs):
            self.write(name, other.read(name))
            return
        try:
            with _faults(f"copy {name}"):
                self._make_folder(name)
                with other._fs.open(name, "rb") as source, self._fs.open(name, "wb") as target:
                    shutil.copyfileobj(source, target, PROGRAM_SIZE)
        except FileSystemFault:
            if name in self.names():
                self.remove(name)
            raise

    def _make_folder(self, name: str) -> None:
        folder, _, _ = name.rpartition("/")
        if folder:
            self._fs.makedirs(folder, exist_ok=True)


def _littlefs(scratch: Scratch, blocks: int) -> LittleFS:
    """Return a littlefs on a scratch copy, not mounted; with 0 blocks it asks its superblock how many there are."""
    return _LittleFS(
        context=_Context(scratch),
        mount=False,
        block_size=scratch.block_size,
        block_count=blocks,
        read_size=16,
        prog_size=PROGRAM_SIZE,
        cache_size=PROGRAM_SIZE,
    )


def _refuse_geometry(block: int, size: int) -> None:
    """Refuse what littlefs asserts, which would end the whole process (`lfs_init` in `lfs.c` of littlefs 2.11)."""
    if block < PROGRAM_SIZE or block % PROGRAM_SIZE:
        raise FileSystemFault(f"a littlefs has blocks of a multiple of {PROGRAM_SIZE} bytes, and {block} is none")
    if size < 2 * block or size % block:
        raise FileSystemFault(f"{size} bytes are not two or more whole blocks of {block}")


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """Turn littlefs's own errors into the lab's; it loses what its callbacks raise, and believes what was not read."""
    try:
        with postponed_interrupts():
            yield
    except (LittleFSError, OSError) as error:
        raise FileSystemFault(f"littlefs could not {what}: {error}") from error


def make_lfs(scratch: Scratch, files: dict[str, bytes]) -> None:
    """Make an empty littlefs and write these files into it."""
    fs = Lfs(scratch, make=True)
    for name in sorted(files):
        fs.write(name, files[name])

"""A scratch copy of a region, the journal of what a file system did to it, and what every file system can do.

A file system calls back to read, erase and program; it cannot be suspended in the middle of an operation.
So an operation runs against a scratch copy, and its *journal* says what it read, erased and programmed, in order;
whoever owns the flash then does the same, one effect at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from otalab.errors import OtalabError
from otalab.hardware.flash import ERASED

BLOCK_SIZE = 4096


class FileSystemFault(OtalabError):
    """A file system refuses: no space, a name that it cannot hold, or damage."""


@dataclass(frozen=True, slots=True)
class BlockRead:
    """The file system read from a block."""

    block: int


@dataclass(frozen=True, slots=True)
class BlockErase:
    """The file system erased a block."""

    block: int


@dataclass(frozen=True, slots=True)
class BlockProgram:
    """The file system programmed bytes, `offset` from the start of the region."""

    offset: int
    data: bytes


BlockOperation = BlockRead | BlockErase | BlockProgram


class Scratch:
    """A copy of a region that a file system may work on; a block is what is erased at once."""

    def __init__(self, contents: bytes, block_size: int = BLOCK_SIZE) -> None:
        self.buffer = bytearray(contents)
        self.block_size = block_size
        self.journal: list[BlockOperation] = []
        self._seen: set[int] = set()

    @property
    def contents(self) -> bytes:
        """The raw bytes of the region as they are now."""
        return bytes(self.buffer)

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes, and note the blocks that they lie in; once is enough, a journal is of what was looked at."""
        for block in range(offset // self.block_size, -(-(offset + size) // self.block_size)):
            self._note(block)
        return bytes(self.buffer[offset : offset + size])

    def read_block(self, block: int, offset: int, size: int) -> bytearray:
        """Return bytes of one block, and note it; a file system of blocks reads in no other way, and often."""
        self._note(block)
        start = block * self.block_size + offset
        return self.buffer[start : start + size]

    def _note(self, block: int) -> None:
        if block not in self._seen:
            self._seen.add(block)
            self.journal.append(BlockRead(block))

    def program(self, offset: int, data: bytes) -> None:
        """Turn bits to zero; a bit that is zero stays so."""
        self.journal.append(BlockProgram(offset, data))
        end = offset + len(data)
        both = int.from_bytes(self.buffer[offset:end]) & int.from_bytes(data)
        self.buffer[offset:end] = both.to_bytes(len(data))

    def erase(self, block: int) -> None:
        """Turn every bit of a block to one."""
        self.journal.append(BlockErase(block))
        start = block * self.block_size
        self.buffer[start : start + self.block_size] = bytes([ERASED]) * self.block_size

    def drain(self) -> list[BlockOperation]:
        """Return the journal so far, and begin a new one."""
        journal, self.journal = self.journal, []
        self._seen.clear()
        return journal


class FileSystem(Protocol):
    """A mounted file system on a scratch copy; whoever owns the flash repeats what its journal says."""

    scratch: Scratch

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""

    def read(self, name: str) -> bytes:
        """Return the contents of one file."""

    def write(self, name: str, data: bytes) -> None:
        """Write one file."""

    def remove(self, name: str) -> None:
        """Delete one file."""

    def copy_from(self, other: FileSystem, name: str) -> None:
        """Copy one file from another file system."""

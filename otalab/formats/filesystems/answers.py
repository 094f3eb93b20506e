"""All that a file system shows of itself, and does: what it holds, and how it writes one more file and removes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from otalab.formats.filesystems.kinds import mount
from otalab.formats.filesystems.scratch import BlockOperation, FileSystemFault, Scratch

NAME, DATA = "one more", bytes(64)


def answers(kind: str, contents: bytes, block_size: int) -> tuple[list[object], list[BlockOperation]]:
    """Return what comes of a mount, of every file, and of one more that is written and removed; and what was done."""
    scratch, said = Scratch(contents, block_size), list[object]()
    try:
        fs = mount(kind, scratch)
        said += (names := fs.names())
    except FileSystemFault as fault:
        return [str(fault)], scratch.drain()
    acts: list[Callable[[], object]] = [partial(fs.read, name) for name in names]
    acts += [partial(fs.write, NAME, DATA), partial(fs.remove, NAME)]
    said += map(_answer, acts)
    return said, scratch.drain()


def _answer(act: Callable[[], object]) -> object:
    try:
        return act()
    except FileSystemFault as fault:
        return str(fault)

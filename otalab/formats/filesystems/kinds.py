"""File systems by their kind: what they have in common, and how to make and read an image of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from otalab.errors import BadInput
from otalab.formats.filesystems.littlefs import Lfs, make_lfs
from otalab.formats.filesystems.scratch import BLOCK_SIZE, FileSystem, FileSystemFault, Scratch
from otalab.formats.filesystems.spiffs import Spiffs, make_spiffs
from otalab.formats.filesystems.spiffs_layout import PAGE_SIZE, Shape, spiffs_shape

LARGEST = 1 << 24  # no file system of these devices is larger than 16 MiB


MOUNTS: dict[str, Callable[[Scratch], FileSystem]] = {"littlefs": Lfs, "spiffs": Spiffs}
MAKERS: dict[str, Callable[[Scratch, dict[str, bytes]], None]] = {"littlefs": make_lfs, "spiffs": make_spiffs}


def mount(kind: str, scratch: Scratch) -> FileSystem:
    """Mount a scratch copy; `FileSystemFault` if there is no such file system on it."""
    if kind not in MOUNTS:
        raise FileSystemFault(f"{kind} holds no files")
    return MOUNTS[kind](scratch)


def build_image(files: dict[str, bytes], size: int, block_size: int = BLOCK_SIZE, kind: str = "littlefs") -> bytes:
    """Return an image of `size` bytes that holds these files."""
    if size < 2 * block_size or size % block_size:
        raise BadInput(f"a {kind} of {size} bytes is not two or more whole blocks of {block_size}")
    scratch = Scratch(b"\xff" * size, block_size)
    try:
        MAKERS[kind](scratch, files)
    except FileSystemFault as fault:
        raise BadInput(f"the files do not fit a file system of {size} bytes: {fault}") from fault
    return scratch.contents


def geometry(kind: str, size: int, block_size: int = BLOCK_SIZE) -> dict[str, int]:
    """Return what a manifest says of an image that `build_image` makes."""
    if kind != "spiffs":
        return {"fs_size": size, "fs_block_size": block_size}
    shape = spiffs_shape(size, block_size)
    sizes = {"fs_size": size, "fs_block_size": shape.block_size}
    return sizes | {"fs_page_size": shape.page_size, "fs_erase_size": shape.erase_size}


def read_files(contents: bytes, block_size: int = BLOCK_SIZE, kind: str = "littlefs") -> dict[str, bytes] | None:
    """Return the files of an image, or `None` if it is none or is damaged."""
    try:
        fs = mount(kind, Scratch(contents, block_size))
        return {name: fs.read(name) for name in fs.names()}
    except FileSystemFault:
        return None


def recognised(contents: bytes, geometry: Mapping[str, object]) -> tuple[str, FileSystem] | None:
    """Return what file system an image is, mounted; `geometry` stands under the keys of a manifest's part."""
    size, block = _told(geometry, "fs_size", len(contents)), _told(geometry, "fs_block_size", BLOCK_SIZE)
    erase, page = _told(geometry, "fs_erase_size", block), _told(geometry, "fs_page_size", PAGE_SIZE)
    if size > max(LARGEST, len(contents)) or size % block or size % erase:
        return None
    # What follows the file system is a container's; what it lacks was never written.
    contents = contents[:size].ljust(size, b"\xff")
    for kind, mounts in (
        ("littlefs", lambda: Lfs(Scratch(contents, block))),
        ("spiffs", lambda: Spiffs(Scratch(contents, erase), Shape(size, block, page, erase))),
    ):
        try:
            return kind, mounts()
        except FileSystemFault:
            continue
    return None


def _told(geometry: Mapping[str, object], key: str, otherwise: int) -> int:
    value = geometry.get(key)
    return value if type(value) is int and value > 0 else otherwise

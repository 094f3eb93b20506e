"""File systems by their kind: what they have in common, and how to make and read an image of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType

from otalab.errors import BadInput
from otalab.formats.filesystems.littlefs_directory import MAGIC, told_block_size
from otalab.formats.filesystems.scratch import BLOCK_SIZE, FileSystem, FileSystemFault, Scratch
from otalab.formats.filesystems.spiffs import Spiffs, make_spiffs
from otalab.formats.filesystems.spiffs_layout import PAGE_SIZE, spiffs_shape
from otalab.formats.filesystems.spiffs_shape import shape_on
from otalab.text import one_line

SIZES = ("fs_size", "fs_block_size", "fs_erase_size", "fs_page_size")  # what a manifest says of an image
LARGEST = 1 << 24  # no file system of these devices is larger than 16 MiB


class NoLittlefs(BadInput):
    """Files in a littlefs, whose library is compiled C, where there is none: in a browser's tab."""


class GeometryFault(FileSystemFault):
    """Sizes that no file system can have, though a manifest names them."""


def littlefs() -> ModuleType:
    """Return the module of littlefs; the library below it is compiled C, which a browser has not."""
    try:
        from otalab.formats.filesystems import littlefs as module  # noqa: PLC0415  # what is bare needs none
    except ModuleNotFoundError as error:
        raise NoLittlefs(
            "files in a littlefs need an installation of otalab with littlefs-python, and here is none: take a board "
            "with SPIFFS, such as esp8266-2M, or one without files"
        ) from error
    return module


def _mount_littlefs(scratch: Scratch) -> FileSystem:
    mounted: FileSystem = littlefs().Lfs(scratch)
    return mounted


def _make_littlefs(scratch: Scratch, files: dict[str, bytes]) -> None:
    littlefs().make_lfs(scratch, files)


MOUNTS: dict[str, Callable[[Scratch], FileSystem]] = {"littlefs": _mount_littlefs, "spiffs": Spiffs}
# Of so many blocks at the beginning a file system reads whole entries of a directory, and of the rest that it is torn.
DIRECTORIES = {"littlefs": 2}
MAKERS: dict[str, Callable[[Scratch, dict[str, bytes]], None]] = {"littlefs": _make_littlefs, "spiffs": make_spiffs}


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
    try:
        return mounted_as(contents, geometry)
    except FileSystemFault:
        return None


def mounted_as(contents: bytes, geometry: Mapping[str, object]) -> tuple[str, FileSystem]:
    """Return what file system an image is, mounted; `FileSystemFault` says why it is none."""
    size, block = (
        _told(geometry, "fs_size", len(contents)),
        _told(geometry, "fs_block_size", told_block_size(contents) or BLOCK_SIZE),
    )
    erase, page = _told(geometry, "fs_erase_size", min(block, BLOCK_SIZE)), _told(geometry, "fs_page_size", PAGE_SIZE)
    if size > max(LARGEST, len(contents)):
        raise GeometryFault(f"fs_size is {size}, and no file system of these devices has more than {LARGEST} bytes")
    if not size // block or block % page or block % erase:
        fault = GeometryFault if geometry.keys() & set(SIZES) else FileSystemFault
        raise fault(
            f"blocks of {block} bytes that are erased by {erase}, in pages of {page}, make no file system of {size}"
        )
    # What follows the file system is a container's; what it lacks was never written.
    contents = contents[:size].ljust(size, b"\xff")
    why = []
    tried: dict[str, Callable[[], FileSystem]] = {
        "littlefs": lambda: _mount_littlefs(Scratch(contents[: size - size % block], block)),
        "spiffs": lambda: Spiffs(scratch := Scratch(contents, erase), shape_on(scratch, block, page)),
    }
    for kind, mounts in tried.items():
        try:
            return kind, mounts()
        except FileSystemFault as fault:
            why.append(str(fault))
        except NoLittlefs:
            # Whoever has no littlefs still knows that an image without its magic is none.
            if MAGIC in contents[: 2 * block]:
                raise
            why.append("no littlefs")
    raise FileSystemFault("no file system that the lab knows: " + "; ".join(why))


def _told(geometry: Mapping[str, object], key: str, otherwise: int) -> int:
    value = geometry.get(key, otherwise)
    if type(value) is not int or value <= 0:
        raise GeometryFault(f"{key} is {one_line(repr(value))[:40]}, which is no size in bytes")
    return value

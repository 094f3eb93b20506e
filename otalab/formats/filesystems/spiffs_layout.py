"""SPIFFS on flash: how its blocks, pages and headers are laid out, as Mongoose OS configures it.

A block begins with a *lookup page*, one 16-bit object id for every other page of the block: all ones is a free page,
zero a deleted one, and the topmost bit says that the page is an index.
Its last two entries are a magic number and how often the block was erased.
Every other page begins with a header: object id, which span of the object it holds, and flags that are cleared one
after the other.
The index of an object names its data pages; its first page, the header, also holds size, type, name and metadata.
How long names and metadata are, whether what follows them is aligned, and whether the magic number tells the length,
is fixed when firmware is compiled and stands nowhere on flash: `spiffs_shape` tells it by what lies there.

Sources: pellepl/spiffs, `src/spiffs_nucleus.h` at 4d36fde5d4837b5ea132c55f04af306ee3d60e13 and `spiffs_nucleus.c` at
22694c238fc10a30b1142531c13964a92098f906; mongoose-os-libs/vfs-fs-spiffs, `src/mgos_vfs_fs_spiffs.c` at
09a943adefd71f7de25c2bf84d743b1f644cf291 (blocks of 4096 bytes, pages of 256) and `tools/mkspiffs.c` at
d90a85f89e045465ffc47cdbdd1510f48e18724b.
Its `spiffs_config_common.h` was not to be had; that names have 48 bytes, metadata 8, that index tables are aligned and
the magic number does not depend on the length was read off two images which its `mkspiffs` made.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from otalab.formats.filesystems.scratch import FileSystemFault

PAGE_SIZE = 256

FREE, DELETED, INDEX_BIT = 0xFFFF, 0x0000, 0x8000
NO_SIZE = 0xFFFFFFFF  # of a file to which nothing was written yet

# A flag is set by clearing its bit.
USED, FINAL, INDEX, INDEX_DELETING, GONE = 0x01, 0x02, 0x04, 0x40, 0x80

HEADER = struct.Struct("<HHB")  # object id, span, flags
FLAGS_AT = 4
# After the page's header, and three bytes that alignment leaves to chance: size and type; then name and metadata.
INDEX_HEADER = struct.Struct("<HHB3sIB")
INDEX_ENTRIES_AT = 8
SIZE_AT, NAME_AT, NAME_SIZE, META_SIZE = 8, INDEX_HEADER.size, 48, 8
FILE_TYPE = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The geometry of a SPIFFS, in bytes, and what was fixed when it was compiled; the rest follows from it.

    `packed` index tables follow the metadata at once, others begin at an even place; `length_magic` numbers differ
    from block to block, as they count the blocks that are still to come.
    """

    size: int
    block_size: int = 4096
    page_size: int = PAGE_SIZE
    erase_size: int = 4096
    name_size: int = NAME_SIZE
    meta_size: int = META_SIZE
    packed: bool = False
    length_magic: bool = False

    def __post_init__(self) -> None:
        page, block = self.page_size, self.block_size
        fits = page >= 128 and block >= page and self.erase_size > 0
        fits = fits and block % page == 0 and block % self.erase_size == 0 and self.size % block == 0
        # Fewer blocks leave no room beside the two that are kept free; page numbers have 16 bits.
        if not fits or self.size < 4 * block or self.size // page >= FREE or 2 * self.entries > page - 4:
            raise FileSystemFault(
                f"no SPIFFS has {self.size} bytes in blocks of {block}, pages of {page} and erases of {self.erase_size}"
            )

    @property
    def blocks(self) -> int:
        return self.size // self.block_size

    @property
    def entries(self) -> int:
        """How many pages of a block can hold something: all but the lookup page."""
        return self.block_size // self.page_size - 1

    @property
    def data_size(self) -> int:
        """How many bytes of a file fit a page."""
        return self.page_size - HEADER.size

    @property
    def entries_at(self) -> int:
        """Where in an index header the first data page is named."""
        end = NAME_AT + self.name_size + self.meta_size
        return end if self.packed else end + end % 2

    def magic(self, block: int) -> int:
        """Return what a block says of being SPIFFS."""
        length = self.blocks - block if self.length_magic else 0
        return (0x20140529 ^ self.page_size ^ length) & 0xFFFF

    def page_of(self, block: int, entry: int) -> int:
        return block * (self.entries + 1) + 1 + entry

    def place_of(self, page: int) -> tuple[int, int]:
        """Return block and lookup entry of a page; entry -1 is the lookup page itself."""
        block, number = divmod(page, self.entries + 1)
        return block, number - 1

    def lookup_at(self, block: int, entry: int) -> int:
        return block * self.block_size + 2 * entry

    def magic_at(self, block: int) -> int:
        return block * self.block_size + self.page_size - 4

    def index_span(self, span: int) -> int:
        """Return which index page names a data page: 0 is the header."""
        first, each = self._index_lengths()
        return 0 if span < first else 1 + (span - first) // each

    def entry_at(self, span: int) -> int:
        """Return where in its index page a data page is named."""
        first, each = self._index_lengths()
        return self.entries_at + 2 * span if span < first else INDEX_ENTRIES_AT + 2 * ((span - first) % each)

    def _index_lengths(self) -> tuple[int, int]:
        return (self.page_size - self.entries_at) // 2, (self.page_size - INDEX_ENTRIES_AT) // 2


def spiffs_shape(size: int, erase_size: int) -> Shape:
    """Return the geometry in which the lab makes one: that of Mongoose OS."""
    return Shape(size, max(4096, erase_size), erase_size=erase_size)


@dataclass(frozen=True, slots=True)
class PageHeader:
    """What a page says of itself."""

    object: int
    span: int
    flags: int

    @classmethod
    def of(cls, data: bytes) -> PageHeader:
        """Return the header that a page begins with."""
        return cls(*HEADER.unpack_from(data))

    def has(self, *done: int) -> bool:
        """Whether these flags are set, that is, their bits cleared."""
        return not any(self.flags & flag for flag in done)

    @property
    def lists(self) -> bool:
        """Whether a directory shows the file whose index begins here."""
        return self.span == 0 and self.flags & (GONE | INDEX_DELETING | FINAL) == GONE | INDEX_DELETING

    def wrong(self, span: int, *, index: bool) -> str:
        """Say why this is not the finished page that it is taken for; empty if it is."""
        if not self.has(USED):
            return "a page that is free"
        if self.has(GONE):
            return "a deleted page"
        if not self.has(FINAL):
            return "an unfinished page"
        if self.has(INDEX) != index:
            return "a data page for an index" if index else "an index page for data"
        return "" if self.span == span else "a page of another place"


def index_header(shape: Shape, number: int, name: str) -> bytes:
    """Return the header of a new, empty file."""
    flags = 0xFF & ~(USED | FINAL | INDEX)
    chance = b"\xff" * 3  # a device writes what lay on its stack, here and where it aligns the table
    head = INDEX_HEADER.pack(number, 0, flags, chance, NO_SIZE, FILE_TYPE)
    head += name.encode("utf-8", "surrogateescape").ljust(shape.name_size, b"\0")
    return head.ljust(shape.entries_at, b"\xff")


def name_in(page: bytes, size: int = NAME_SIZE) -> str:
    """Return the name that an index header holds, of so many bytes at most."""
    return page[NAME_AT : NAME_AT + size].split(b"\0")[0].decode("utf-8", "surrogateescape")


def size_in(page: bytes) -> int:
    """Return the size that an index header holds; `NO_SIZE` of an empty file."""
    size: int = struct.unpack_from("<I", page, SIZE_AT)[0]
    return size


def ids(lookup: bytes) -> Iterator[int]:
    """Yield the object ids of a lookup page."""
    return (number for (number,) in struct.iter_unpack("<H", lookup))

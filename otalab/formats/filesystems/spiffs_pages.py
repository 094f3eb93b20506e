"""SPIFFS, page by page: find, allocate, move and delete, in the order in which the real one programs.

Every step is a program of its own, and a cut between two of them leaves what it leaves on a device.
A page is taken in the lookup first, then its header is written, then its data; an index page is written before it
is taken.
Names of functions in the source are said where its order counts; `spiffs_layout` has repository and commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from otalab.formats.filesystems.scratch import FileSystemFault, Scratch
from otalab.formats.filesystems.spiffs_layout import (
    DELETED,
    FINAL,
    FLAGS_AT,
    FREE,
    GONE,
    HEADER,
    INDEX_BIT,
    INDEX_DELETING,
    SIZE_AT,
    USED,
    PageHeader,
    Shape,
    ids,
    size_in,
)

COPY_SIZE = 64  # SPIFFS_COPY_BUFFER_STACK


@dataclass(slots=True)
class OpenFile:
    """The one file that is being written: garbage collection may move its index header meanwhile."""

    object: int
    header: int
    size: int


class Pages:
    """The pages of a mounted SPIFFS, and what it counts in RAM."""

    def __init__(self, scratch: Scratch, shape: Shape) -> None:
        self.scratch, self.shape = scratch, shape
        self.open: OpenFile | None = None
        self.cleaning = False
        self.free_cursor = self.search_cursor = (0, 0)
        self.free_blocks = self.allocated = self.deleted = 0
        self.next_count = self._erase_counts()
        self._mend()
        for block in range(shape.blocks):
            for entry, number in enumerate(self.lookup(block)):
                self.free_blocks += number == FREE and entry == 0
                self.deleted += number == DELETED
                self.allocated += number not in (FREE, DELETED)

    def lookup(self, block: int) -> list[int]:
        """Return the object ids of a block's pages."""
        return list(ids(self.scratch.read(self.shape.lookup_at(block, 0), 2 * self.shape.entries)))

    def entries(self, start: tuple[int, int], *, wrap: bool = True) -> Iterator[tuple[int, int, int]]:
        """Yield (block, entry, object id) of every page from a place on, once round."""
        block, entry = start
        for turn in range(self.shape.blocks + 1):
            here = (block + turn) % self.shape.blocks
            if turn and here == 0 and not wrap:
                return
            # Once round ends where it began.
            least, most = (entry if turn == 0 else 0), (entry if turn == self.shape.blocks else self.shape.entries)
            for number, name in enumerate(self.lookup(here)):
                if least <= number < most:
                    yield here, number, name

    def page(self, page: int) -> bytes:
        """Return a whole page."""
        return self.scratch.read(page * self.shape.page_size, self.shape.page_size)

    def named(self, index: bytes, span: int) -> int:
        """Return what an index names as the data page of a span."""
        at = self.shape.entry_at(span)
        return int.from_bytes(index[at : at + 2], "little")

    def is_page(self, page: int) -> bool:
        """Say whether a number is that of a page that can hold data."""
        return page < self.shape.size // self.shape.page_size and self.shape.place_of(page)[1] >= 0

    def data_page(self, index: bytes, span: int) -> int:
        """Return the data page that an index names, if it is one; whose it is, the real one does not ask either."""
        page = self.named(index, span)
        if not self.is_page(page):
            raise FileSystemFault("its index names no page")
        if wrong := self.header(page).wrong(span, index=False):
            raise FileSystemFault(f"its index names {wrong}")
        return page

    def header(self, page: int) -> PageHeader:
        """Return the header of a page."""
        return PageHeader.of(self.scratch.read(page * self.shape.page_size, HEADER.size))

    def find(self, number: int, span: int) -> int | None:
        """Return the page that is this span of an object (`spiffs_obj_lu_find_id_and_span`)."""
        for block, entry, known in self.entries(self.search_cursor):
            if known != number:
                continue
            page = self.shape.page_of(block, entry)
            header = self.header(page)
            going = number & INDEX_BIT and span == 0 and header.has(INDEX_DELETING)
            right = (header.object, header.span) == (number, span) and header.has(FINAL, USED) and not header.has(GONE)
            if right and not going:
                self.search_cursor = (block, entry)
                return page
        return None

    def take(self) -> tuple[int, int]:
        """Return a free page; there must be two free blocks, or no garbage could be collected any more."""
        if not self.cleaning and self.free_blocks < 2:
            self._erase_one_deleted()
            if self.free_blocks < 2:
                raise FileSystemFault("it is full")
        for block, entry, number in self.entries(self.free_cursor):
            if number == FREE:
                self.free_cursor = (block, entry + 1)
                self.free_blocks -= entry == 0
                return block, entry
        raise FileSystemFault("it is full")

    def mark(self, block: int, entry: int, number: int) -> None:
        """Say in the lookup whose a page is."""
        self.scratch.program(self.shape.lookup_at(block, entry), number.to_bytes(2, "little"))
        self.allocated += 1

    def flag(self, page: int, flags: int) -> None:
        """Clear bits of a page's flags."""
        self.scratch.program(page * self.shape.page_size + FLAGS_AT, bytes([flags]))

    def allocate(self, number: int, span: int, flags: int, data: bytes = b"") -> int:
        """Write a page that is final from its header on, before its data is there (`spiffs_page_allocate_data`)."""
        block, entry = self.take()
        page = self.shape.page_of(block, entry)
        self.mark(block, entry, number)
        start = page * self.shape.page_size
        self.scratch.program(start, HEADER.pack(number, span, flags & ~USED))
        if data:
            self.scratch.program(start + HEADER.size, data)
        return page

    def move(self, number: int, data: bytes, source: int) -> int:
        """Write a new version of an index page; the old one is deleted last (`spiffs_page_move`)."""
        block, entry = self.take()
        page = self.shape.page_of(block, entry)
        flags = (data[FLAGS_AT] | FINAL) & ~USED
        self.scratch.program(page * self.shape.page_size, data[:FLAGS_AT] + bytes([flags]) + data[FLAGS_AT + 1 :])
        self.mark(block, entry, number)
        if not data[FLAGS_AT] & FINAL:
            self.flag(page, flags & ~FINAL)
        # From here on there are two whole versions, and a cut leaves both.
        self.delete(source)
        self._moved(number, PageHeader.of(data).span, page)
        return page

    def copy(self, number: int, span: int, source: int) -> int:
        """Copy a page as it is, to make room for an erase."""
        block, entry = self.take()
        page, size = self.shape.page_of(block, entry), self.shape.page_size
        for start in range(0, size, COPY_SIZE):
            data = self.scratch.read(source * size + start, min(COPY_SIZE, size - start))
            self.scratch.program(page * size + start, data)
        self.mark(block, entry, number)
        self.delete(source)
        self._moved(number, span, page)
        return page

    def rewrite_header(self, number: int, page: int, data: bytes, size: int = 0) -> int:
        """Write a new version of an index header, with a new size unless that is 0."""
        if wrong := PageHeader.of(data).wrong(0, index=True):
            raise FileSystemFault(f"its index is {wrong}")
        if size:
            data = data[:SIZE_AT] + size.to_bytes(4, "little") + data[SIZE_AT + 4 :]
        new = self.move(number | INDEX_BIT, data, page)
        if self.open and self.open.object == number & ~INDEX_BIT:
            self.open.size = size_in(data)
        return new

    def delete(self, page: int) -> None:
        """Give a page up: in the lookup first, then in its own flags."""
        block, entry = self.shape.place_of(page)
        self.scratch.program(self.shape.lookup_at(block, entry), DELETED.to_bytes(2, "little"))
        self.deleted += 1
        self.allocated -= 1
        self.flag(page, 0xFF & ~(GONE | USED))

    def erase_count(self, block: int) -> int:
        """Return how many erases the file system had seen when it erased this block."""
        return self._word(block, 2)

    def erase(self, block: int) -> None:
        """Erase a block, then count the erase, then write the magic number."""
        shape, start = self.shape, self.shape.magic_at(block)
        first = block * shape.block_size // shape.erase_size
        for number in range(first, first + shape.block_size // shape.erase_size):
            self.scratch.erase(number)
        self.free_blocks += 1
        self.scratch.program(start + 2, self.next_count.to_bytes(2, "little"))
        self.scratch.program(start, shape.magic(block).to_bytes(2, "little"))
        self.next_count = (self.next_count + 1) % INDEX_BIT

    def _moved(self, number: int, span: int, page: int) -> None:
        if self.open and span == 0 and number == self.open.object | INDEX_BIT:
            self.open.header = page

    def _erase_counts(self) -> int:
        """Return the erase count that comes next."""
        counts = [self.erase_count(block) for block in range(self.shape.blocks)]
        counts = [count for count in counts if count != FREE]
        least, most = min(counts, default=FREE), max(counts, default=0)
        # Counts that lie that far apart have wrapped round.
        return least + 1 if most - least > FREE // 2 else most + 1

    def _mend(self) -> None:
        """Erase the one block that may lack its magic number: its erase was cut short; two are no SPIFFS."""
        bad = [block for block in range(self.shape.blocks) if self._word(block, 0) != self.shape.magic(block)]
        if len(bad) > 1:
            raise FileSystemFault("SPIFFS could not mount: there is none, its magic number is missing")
        for block in bad:
            self.erase(block)
        self.free_blocks = 0

    def _word(self, block: int, offset: int) -> int:
        return int.from_bytes(self.scratch.read(self.shape.magic_at(block) + offset, 2), "little")

    def _erase_one_deleted(self) -> None:
        """Erase the first block that holds nothing but deleted pages (`spiffs_gc_quick`)."""
        for block in range(self.shape.blocks):
            if all(number == DELETED for number in self.lookup(block)):
                self.deleted -= self.shape.entries
                self.erase(block)
                return

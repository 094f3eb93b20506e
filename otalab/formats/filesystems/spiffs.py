"""SPIFFS, the file system of the ESP8266 and ESP32 boards, on a scratch copy of a region.

A mount does what the real one's scan does: one block without a magic number is erased, as its erase was cut short, and
two of them are no SPIFFS; what the lookup pages say is counted, and nothing else is looked at.
`SPIFFS_check` is never run here, though Mongoose OS runs it at each mount unless told otherwise: leftovers of a cut
stay as they are.
They show as the real one shows them: a file whose index header is not finished, or marked for deletion, is not there;
of two versions of a file the one that is found first counts; a file of which a page is missing cannot be read.
There is no transaction, and no checksum: a file that was being written is a shorter file, and looks whole.
Where an index names a page that is none of its own, the real one goes on to write all the same; here that is a fault.

Sources as in `spiffs_layout`; `spiffs_hydrogen.c` at 008577a2a9b7e8923a56b3fef32e8f7aa58cb1ff for what a call does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otalab.formats.bundle.manifest import shown
from otalab.formats.filesystems.scratch import FileSystem, FileSystemFault, Scratch
from otalab.formats.filesystems.spiffs_gc import make_room
from otalab.formats.filesystems.spiffs_layout import (
    DELETED,
    FINAL,
    FREE,
    GONE,
    HEADER,
    INDEX,
    INDEX_BIT,
    INDEX_DELETING,
    NO_SIZE,
    SIZE_AT,
    USED,
    PageHeader,
    Shape,
    index_header,
    name_in,
    size_in,
    spiffs_shape,
)
from otalab.formats.filesystems.spiffs_pages import OpenFile, Pages
from otalab.formats.filesystems.spiffs_shape import shape_on

# What firmware hands over in one write: the buffer of the merge, and of newlib's `fwrite` on these platforms.
PIECE = 128
_NONE = -1


@dataclass(frozen=True, slots=True)
class Leftover:
    """An index header that no directory shows: what became of its file, as far as the header can tell."""

    name: str
    state: Literal["deleted", "unfinished"]


class Spiffs:
    """A mounted SPIFFS; names are flat, a slash is a character like any other."""

    def __init__(self, scratch: Scratch, shape: Shape | None = None, *, make: bool = False) -> None:
        self.scratch = scratch
        self.shape = shape or (spiffs_shape(len(scratch.buffer), scratch.block_size) if make else shape_on(scratch))
        if make:
            self._format()
        self._pages = Pages(scratch, self.shape)

    def names(self) -> list[str]:
        """Return the names of all files, sorted; one that is there twice counts once."""
        return sorted({self._name(page) for page in self._headers() if self._pages.header(page).lists})

    def leftovers(self) -> list[Leftover]:
        """Return what lies there of files that are deleted or unfinished; older versions of files are not told."""
        left, shape, there = [], self.shape, set(self.names())
        for block, entry, number in self._pages.entries((0, 0), wrap=False):
            page = shape.page_of(block, entry)
            header = self._pages.header(page)
            taken = number not in (FREE, DELETED)
            if header.span or not header.has(INDEX, USED) or (taken and header.lists):
                continue
            name = self._name(page)
            if number == DELETED or header.has(GONE) or header.has(INDEX_DELETING):
                left += [] if name in there else [Leftover(name, "deleted")]
            else:
                left.append(Leftover(name, "unfinished"))
        return left

    def read(self, name: str) -> bytes:
        """Return the contents of one file; a fault if one of its pages is not what its index says."""
        try:
            file = self._found(name)
            if file is None:
                raise FileSystemFault("no such file")
            return self._contents(file)
        except FileSystemFault as fault:
            raise FileSystemFault(f"SPIFFS could not read {shown(name)}: {fault}") from None

    def write(self, name: str, data: bytes, piece: int = PIECE) -> None:
        """Write one file; a file of that name is emptied first, as `fopen` with "w" does."""
        self._said("write", name, data, piece)

    def remove(self, name: str) -> None:
        """Delete one file."""
        try:
            file = self._found(name)
            if file is None:
                raise FileSystemFault("no such file")
            self._truncate(file, remove=True)
        except FileSystemFault as fault:
            raise FileSystemFault(f"SPIFFS could not delete {shown(name)}: {fault}") from None

    def copy_from(self, other: FileSystem, name: str) -> None:
        """Copy one file from another file system; what was written of one that does not fit is deleted again."""
        data = other.read(name)
        try:
            self._said("copy", name, data, PIECE)
        except FileSystemFault:
            if self._found(name):
                self.remove(name)
            raise

    def _said(self, what: str, name: str, data: bytes, piece: int) -> None:
        try:
            file = self._opened(name)
            for start in range(0, len(data), piece):
                self._append(file, data[start : start + piece])
        except FileSystemFault as fault:
            raise FileSystemFault(f"SPIFFS could not {what} {shown(name)}: {fault}") from None
        finally:
            self._pages.open = None

    def _format(self) -> None:
        for number in range(self.shape.size // self.scratch.block_size):
            self.scratch.erase(number)
        for block in range(self.shape.blocks):
            # Erase count, then magic number: the second says that the first is there.
            at = self.shape.magic_at(block)
            self.scratch.program(at + 2, bytes(2))
            self.scratch.program(at, self.shape.magic(block).to_bytes(2, "little"))

    def _headers(self) -> list[int]:
        """Return the pages that the lookup calls an index."""
        places = self._pages.entries((0, 0), wrap=False)
        return [
            self.shape.page_of(block, entry) for block, entry, number in places if number != FREE and number & INDEX_BIT
        ]

    def _name(self, page: int) -> str:
        return name_in(self._pages.page(page), self.shape.name_size)

    def _found(self, name: str) -> OpenFile | None:
        """Return a file by its name, searching from where the last search ended, as the real one does."""
        pages, wanted = self._pages, name
        for block, entry, number in pages.entries(pages.search_cursor):
            if number in (FREE, DELETED) or not number & INDEX_BIT:
                continue
            page = self.shape.page_of(block, entry)
            if not pages.header(page).lists:
                continue
            data = pages.page(page)
            if name_in(data, self.shape.name_size) == wanted:
                pages.search_cursor = (block, entry)
                if wrong := PageHeader.of(data).wrong(0, index=True):
                    raise FileSystemFault(f"its index is {wrong}")
                return OpenFile(number & ~INDEX_BIT, page, size_in(data))
        return None

    def _opened(self, name: str) -> OpenFile:
        """Open a file for writing: empty, and made if it is not there."""
        most = self.shape.name_size - 1
        if not 0 < len(name.encode("utf-8", "surrogateescape")) <= most or "\0" in name:
            raise FileSystemFault(f"a name has 1 to {most} bytes")
        file = self._found(name)
        self._pages.open = file
        if file is not None:
            self._truncate(file, remove=False)
            return file
        return self._created(name)

    def _created(self, name: str) -> OpenFile:
        pages = self._pages
        taken = {number & ~INDEX_BIT for _, _, number in pages.entries((0, 0)) if number not in (FREE, DELETED)}
        number = next(number for number in range(1, INDEX_BIT) if number not in taken)
        make_room(pages, self.shape.data_size)
        block, entry = pages.take()
        page = self.shape.page_of(block, entry)
        pages.mark(block, entry, number | INDEX_BIT)
        self.scratch.program(page * self.shape.page_size, index_header(self.shape, number | INDEX_BIT, name))
        pages.open = OpenFile(number, page, NO_SIZE)
        return pages.open

    def _append(self, file: OpenFile, data: bytes) -> None:
        """Add to a file; its index, with the new size in the header, comes after the data (`spiffs_object_append`)."""
        pages, shape = self._pages, self.shape
        offset = 0 if file.size == NO_SIZE else file.size
        make_room(pages, len(data) + shape.data_size)
        written, part, index, work = 0, _NONE, file.header, bytearray()
        while written < len(data):
            span, inside = divmod(offset + written, shape.data_size)
            if shape.index_span(span) != part:
                if written:
                    self._store(file, work, index, offset, offset + written)
                part = shape.index_span(span)
                index = self._index(file, part, new=bool(written))
                work = bytearray(pages.page(index))
            piece = data[written : written + shape.data_size - inside]
            at = shape.entry_at(span)
            if inside == 0:
                page = pages.allocate(file.object, span, 0xFF & ~FINAL, piece)
                work[at : at + 2] = page.to_bytes(2, "little")
            else:
                page = self._pages.data_page(bytes(work), span)
                self.scratch.program(page * shape.page_size + HEADER.size + inside, piece)
            written += len(piece)
        self._store(file, work, index, offset, offset + written)
        file.size = offset + written

    def _index(self, file: OpenFile, part: int, *, new: bool) -> int:
        """Return the index page of a file that is to name what comes now; a new one where the last one ends."""
        if part == 0:
            return file.header
        if new or part > self.shape.index_span((file.size - 1) // self.shape.data_size):
            return self._pages.allocate(file.object | INDEX_BIT, part, 0xFF & ~(FINAL | INDEX))
        return self._part(file, part)

    def _store(self, file: OpenFile, work: bytearray, index: int, began: int, size: int) -> None:
        """Write an index page: over its own ones if it is new, else as a new version."""
        pages, at = self._pages, index * self.shape.page_size
        if PageHeader.of(bytes(work)).span:
            self.scratch.program(at, bytes(work))
            header = pages.page(file.header)
            file.header = pages.rewrite_header(file.object, file.header, header, size)
        elif began:
            file.header = pages.rewrite_header(file.object, file.header, bytes(work), size)
        else:
            # The size was all ones until now: one program makes the empty file one with contents.
            work[SIZE_AT : SIZE_AT + 4] = size.to_bytes(4, "little")
            self.scratch.program(at, bytes(work))

    def _truncate(self, file: OpenFile, *, remove: bool) -> None:
        """Empty a file from its end on, or delete it altogether (`spiffs_object_truncate`)."""
        pages, shape = self._pages, self.shape
        if remove:
            # First of all: from here on no directory shows it, however far the rest comes.
            pages.flag(file.header, 0xFF & ~(USED | INDEX | FINAL | INDEX_DELETING))
        elif file.size in (NO_SIZE, 0):
            return
        else:
            make_room(pages, 2 * shape.data_size)
        size = 0 if file.size == NO_SIZE else file.size
        part, index, work = 0, file.header, pages.page(file.header)
        for number, span in enumerate(range(-(-size // shape.data_size) - 1, -1, -1)):
            if number == 0 or shape.index_span(span) != part:
                if number:
                    pages.delete(index)
                    if not remove:
                        left, header = (span + 1) * shape.data_size, pages.page(file.header)
                        file.header = pages.rewrite_header(file.object, file.header, header, left)
                part = shape.index_span(span)
                index = self._part(file, part)
                work = pages.page(index)
            page = self._pages.named(work, span)
            # One that is deleted already was so when an earlier attempt was cut.
            if page != FREE and not (self._pages.is_page(page) and pages.header(page).has(GONE)):
                pages.delete(pages.data_page(work, span))
        if remove:
            pages.delete(file.header)
        else:
            empty = pages.page(file.header)[: shape.entry_at(0)].ljust(shape.page_size, b"\xff")
            file.header = pages.rewrite_header(file.object, file.header, empty, NO_SIZE)
        file.size = NO_SIZE

    def _contents(self, file: OpenFile) -> bytes:
        """Return what a file holds (`spiffs_object_read`)."""
        shape, size = self.shape, 0 if file.size == NO_SIZE else file.size
        contents, part, work = bytearray(), _NONE, b""
        for span in range(-(-size // shape.data_size)):
            if shape.index_span(span) != part:
                part = shape.index_span(span)
                work = self._pages.page(self._part(file, part))
                if wrong := PageHeader.of(work).wrong(part, index=True):
                    raise FileSystemFault(f"its index is {wrong}")
            contents += self._pages.page(self._pages.data_page(work, span))[HEADER.size :]
        return bytes(contents[:size])

    def _part(self, file: OpenFile, part: int) -> int:
        """Return a page of a file's index."""
        page = file.header if part == 0 else self._pages.find(file.object | INDEX_BIT, part)
        if page is None:
            raise FileSystemFault("a part of its index is missing")
        return page


def make_spiffs(scratch: Scratch, files: dict[str, bytes], shape: Shape | None = None) -> None:
    """Make an empty SPIFFS and write these files into it, each at once, as `mkspiffs` does."""
    fs = Spiffs(scratch, shape, make=True)
    for name in sorted(files):
        fs.write(name, files[name], max(1, len(files[name])))

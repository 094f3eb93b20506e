"""Which SPIFFS it is: what was fixed when its firmware was compiled, told by what lies there.

The magic numbers give blocks, pages and length; of the shapes that names, metadata and alignment can make, the one
counts in which most index entries name a page that says the same of itself: that object, that span.
An intact image leaves no choice, as no two shapes begin their tables at the same place.
One that holds no data is told by where its names end, or is what its magic makes likely: then it makes no difference
to what is read, and what is written is a guess.

Sources beside those of `spiffs_layout`: names of 32 bytes, metadata of 4, packed tables and magic numbers with the
length are the defaults of ESP-IDF (`components/spiffs/Kconfig` and `include/spiffs_config.h`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from otalab.formats.filesystems.scratch import FileSystemFault, Scratch
from otalab.formats.filesystems.spiffs_layout import (
    FREE,
    HEADER,
    INDEX_BIT,
    NAME_AT,
    NO_SIZE,
    PAGE_SIZE,
    PageHeader,
    Shape,
    ids,
    size_in,
)
from otalab.hardware.flash import ERASED

NONE = "SPIFFS could not mount: there is none, its magic number is missing"
BLOCK_SIZES, PAGE_SIZES = (4096, 8192), (PAGE_SIZE, 512, 1024, 128)
# Names, metadata, packed: what Mongoose OS has, what its first releases and Arduino had, ESP-IDF's, and the others.
_COMMON = ((48, 8, False), (32, 0, False), (32, 4, True))
TABLES = (*_COMMON, *(table for table in product((32, 48), (0, 4, 8), (False, True)) if table not in _COMMON))


def shape_on(scratch: Scratch, block_size: int | None = None, page_size: int | None = None) -> Shape:
    """Return the shape of the SPIFFS that begins a scratch copy; `FileSystemFault` if there is none.

    It may be smaller than the copy: then what follows it is blank, or less than a block, or its magic tells the length.
    """
    # Every block is looked at, also where the file system turns out to end before it.
    for start in range(0, len(scratch.buffer), scratch.block_size):
        scratch.read(start, min(PAGE_SIZE, len(scratch.buffer) - start))
    contents = memoryview(scratch.buffer)
    least = max(BLOCK_SIZES[0], scratch.block_size)
    blocks = dict.fromkeys((block_size or least, least, *BLOCK_SIZES))
    pages = dict.fromkeys((page_size or PAGE_SIZE, *PAGE_SIZES))
    best: tuple[int, Shape] | None = None
    for page, block, length in product(pages, blocks, (False, True)):
        framed = _framed(contents, block, page, scratch.block_size, length_magic=length)
        if framed is None or _halves(contents, framed):
            continue
        right, of, shape = _best_table(contents, framed)
        if right == of:
            return shape
        if best is None or right > best[0]:
            best = right, shape
    if best is None:
        raise FileSystemFault(NONE)
    return best[1]


def _framed(contents: memoryview, block: int, page: int, erase: int, *, length_magic: bool) -> Shape | None:
    """Return the shape whose magic numbers are there, all but one at most; one erase may have been cut short."""
    for blocks in _ends(contents, block, page, length_magic=length_magic):
        try:
            shape = Shape(blocks * block, block, page, erase, length_magic=length_magic)
        except FileSystemFault:
            continue
        if sum(_magic(contents, shape.magic_at(number)) != shape.magic(number) for number in range(blocks)) <= 1:
            return shape
    return None


def _halves(contents: memoryview, shape: Shape) -> bool:
    """Say whether most blocks have a SPIFFS block as second half: then smaller ones are meant, and some lack."""
    magic = replace(shape, length_magic=False).magic(0)
    middles = [shape.magic_at(block) + shape.block_size // 2 for block in range(shape.blocks)]
    return sum(_magic(contents, at) == magic for at in middles) > shape.blocks // 2


def _ends(contents: memoryview, block: int, page: int, *, length_magic: bool) -> Iterator[int]:
    """Yield how many blocks there may be: all; or as many as are not blank; or what the first two say."""
    most = len(contents) // block
    if not length_magic:
        yield most
        used = len(bytes(contents[: most * block]).rstrip(bytes([ERASED])))
        # One block that is blank may be the last one of all, whose erase was cut short.
        if (end := -(-used // block)) < most - 1:
            yield end
        return
    for number in range(min(2, most)):
        rest = _magic(contents, number * block + page - 4) ^ 0x0529 ^ page
        if rest + number <= most:
            yield rest + number


def _magic(contents: memoryview, at: int) -> int:
    return int.from_bytes(contents[at : at + 2], "little")


def _best_table(contents: memoryview, framed: Shape) -> tuple[int, int, Shape]:
    """Return how many entries are right, of how many, and the shape; the likeliest shape first where all are alike."""
    headers = list(_headers(contents, framed))
    tables = sorted(TABLES, key=lambda table: table != ((32, 4, True) if framed.length_magic else TABLES[0]))
    best: tuple[int, int, int, Shape] | None = None
    for name_size, meta_size, packed in tables:
        shape = replace(framed, name_size=name_size, meta_size=meta_size, packed=packed)
        right, of = 0, 0
        for header in headers:
            own, all_of = _entries(contents, shape, header)
            right, of = right + own, of + all_of
        if of and right == of:
            return right, of, shape
        ends = sum(header[NAME_AT + name_size - 1 : NAME_AT + name_size + 1] == b"\0\xff" for header in headers)
        if best is None or (right, ends) > best[:2]:
            best = right, ends, of, shape
    assert best is not None
    return best[0], best[2], best[3]


def _headers(contents: memoryview, shape: Shape) -> Iterator[bytes]:
    """Yield the pages that begin a file which a directory shows."""
    for block in range(shape.blocks):
        start = shape.lookup_at(block, 0)
        for entry, number in enumerate(ids(bytes(contents[start : start + 2 * shape.entries]))):
            at = shape.page_of(block, entry) * shape.page_size
            page = bytes(contents[at : at + shape.page_size])
            if number != FREE and number & INDEX_BIT and PageHeader.of(page).lists:
                yield page


def _entries(contents: memoryview, shape: Shape, header: bytes) -> tuple[int, int]:
    """Return how many entries of an index header name the page of their span, and how many there are."""
    size = size_in(header)
    spans = 0 if size == NO_SIZE else -(-size // shape.data_size)
    spans = min(spans, (shape.page_size - shape.entries_at) // 2)
    wanted = PageHeader.of(header).object & ~INDEX_BIT
    right = 0
    for span in range(spans):
        at = shape.entry_at(span)
        start = int.from_bytes(header[at : at + 2], "little") * shape.page_size
        if start + HEADER.size <= shape.size:
            page = PageHeader.of(bytes(contents[start : start + HEADER.size]))
            right += (page.object, page.span) == (wanted, span)
    return right, spans

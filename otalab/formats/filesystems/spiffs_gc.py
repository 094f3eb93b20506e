"""SPIFFS makes room: a block with much to throw away is emptied page by page, and erased.

The port follows `spiffs_gc.c` of mongoose-os-libs/vfs-fs-spiffs at 1cc8a56c174946dfef650733de3ffba4266bdd3b, which
says what is moved when: data pages first, each time with a new version of their index, then index pages.
"""

from __future__ import annotations

from otalab.formats.filesystems.scratch import FileSystemFault
from otalab.formats.filesystems.spiffs_layout import DELETED, FREE, GONE, INDEX_BIT, PageHeader
from otalab.formats.filesystems.spiffs_pages import Pages

# The source's defaults: how often at most, and what speaks for a block.
MOST_RUNS, DELETED_PAGE, USED_PAGE, AGE = 5, 5, -1, 50


def make_room(pages: Pages, length: int) -> None:
    """See to it that so many bytes can be written; `FileSystemFault` if they cannot (`spiffs_gc_check`)."""
    data_size = pages.shape.data_size
    free = _free(pages)
    if pages.free_blocks > 3 and length < free * data_size:
        return
    if -(-length // data_size) > free + pages.deleted:
        raise FileSystemFault("it is full")
    for _ in range(MOST_RUNS):
        before = free
        _empty(pages, _candidate(pages, crammed=free <= 0))
        free = _free(pages)
        # Crammed as it is, another erase would only wear it out.
        if before == free <= 0 or (pages.free_blocks > 2 and length <= free * data_size):
            break
    if length > free * data_size:
        raise FileSystemFault("it is full")


def _free(pages: Pages) -> int:
    """Return how many pages can be written; two blocks are always kept for the next garbage collection."""
    return pages.shape.entries * (pages.shape.blocks - 2) - pages.allocated - pages.deleted


def _candidate(pages: Pages, *, crammed: bool) -> int:
    """Return the block that most speaks for erasing; in a crammed file system its age does not count."""

    def score(block: int) -> int:
        lookup = pages.lookup(block)
        gone, used = lookup.count(DELETED), sum(number not in (DELETED, FREE) for number in lookup)
        count = pages.erase_count(block)
        last = pages.next_count
        age = last - count if last > count else FREE - (count - last)
        return gone * DELETED_PAGE + used * USED_PAGE + (0 if crammed else age * AGE)

    return max(range(pages.shape.blocks), key=score)


def _empty(pages: Pages, block: int) -> None:
    """Move what is still needed out of a block, and erase it (`spiffs_gc_clean`)."""
    if pages.free_cursor[0] == block:
        pages.free_cursor = ((block + 1) % pages.shape.blocks, 0)
    pages.cleaning = True
    try:
        for entry in range(pages.shape.entries):
            number = pages.lookup(block)[entry]
            if number not in (DELETED, FREE) and not number & INDEX_BIT:
                _move_data(pages, block, entry, number)
        for entry in range(pages.shape.entries):
            number = pages.lookup(block)[entry]
            if number not in (DELETED, FREE) and number & INDEX_BIT:
                _move_page(pages, pages.shape.page_of(block, entry), number)
    finally:
        pages.cleaning = False
    lookup = pages.lookup(block)
    pages.deleted -= lookup.count(DELETED)
    pages.allocated -= sum(number not in (DELETED, FREE) for number in lookup)
    pages.erase(block)


def _move_data(pages: Pages, block: int, first: int, number: int) -> None:
    """Move every data page of the block that the same index page names, then write that index anew."""
    shape = pages.shape
    part = shape.index_span(pages.header(shape.page_of(block, first)).span)
    index = pages.find(number | INDEX_BIT, part)
    if index is None:
        pages.delete(shape.page_of(block, first))  # nobody names it
        return
    now = pages.page(index)
    if wrong := PageHeader.of(now).wrong(part, index=True):
        raise FileSystemFault(f"an index is {wrong}")
    work = bytearray(now)
    for entry in range(shape.entries):
        page = shape.page_of(block, entry)
        if pages.lookup(block)[entry] == number:
            span = pages.header(page).span
            if shape.index_span(span) == part:
                at = shape.entry_at(span)
                work[at : at + 2] = _move_page(pages, page, number).to_bytes(2, "little")
    if part == 0:
        pages.rewrite_header(number, index, bytes(work))
    else:
        pages.move(number | INDEX_BIT, bytes(work), index)


def _move_page(pages: Pages, page: int, number: int) -> int:
    """Move one page; one that is deleted already, but not in the lookup, is deleted there too."""
    header = pages.header(page)
    if header.flags & GONE:
        return pages.copy(number, header.span, page)
    pages.delete(page)
    return FREE

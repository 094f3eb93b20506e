"""What littlefs reads of a block that is one of a directory's two: its commits up to the first one that is torn.

The format is that of SPEC.md of littlefs 2.1; what counts is what `lfs_dir_fetchmatch` in lfs.c of littlefs 2.11 does.
A block begins with its revision; then come commits: tags, each with its data, of which the last one holds a CRC-32.
"""

from __future__ import annotations

from zlib import crc32

PROGRAM_SIZE = 256
MAGIC = b"littlefs"
REVISION, TAG = 4, 4
INVALID, TYPE, CRC_TYPE, ANY_CRC, FORWARD_CRC = 0x80000000, 0x7FF00000, 0x50000000, 0x78000000, 0x5FF00000
SIZE, DELETED, CHUNK = 0x3FF, 0x3FF, 1 << 20
_ONES = 0xFFFFFFFF


def told_block_size(contents: bytes) -> int | None:
    """Return the block size that an image's superblock names: its first entry, after revision, magic and two tags."""
    sizes = int.from_bytes(contents[24:28], "little")
    return sizes if contents[8:16] == MAGIC and 0 < sizes <= len(contents) else None


def as_directory(block: bytes) -> tuple[bytes, bytes | None]:
    """Return the whole commits of a block, and what follows where littlefs takes that for erased.

    Where it does not, it returns `None` for it: littlefs reads that to find its check wrong, erases the other block
    before it writes again, and this one before it comes back to it.
    A block without a whole commit is nothing to it, whatever its bytes are.
    """
    end, erased = _whole(block)
    return block[:end], block[end:] if erased else None


def _whole(block: bytes) -> tuple[int, bool]:
    """Return where the last whole commit ends, 0 if there is none, and whether what follows is taken for erased."""
    at, last, end, forward = REVISION, _ONES, 0, b""
    check = _crc(block[:REVISION])
    while at + TAG <= len(block):
        check = _crc(block[at : at + TAG], check)
        tag = int.from_bytes(block[at : at + TAG]) ^ last
        if tag & INVALID:
            return end, last & ANY_CRC == CRC_TYPE and _is_erased(block[end:], end, forward)
        after = at + TAG + (0 if tag & SIZE == DELETED else tag & SIZE)
        if after > len(block):
            break
        data, last = block[at + TAG : after], tag
        if tag & ANY_CRC == CRC_TYPE:
            if block[at + TAG : at + TAG + 4] != check.to_bytes(4, "little"):
                break
            # The bit that says whether what is blank reads as a tag is turned where blank flash would read as one.
            last ^= INVALID if tag & CHUNK else 0
            end, check = after, _ONES
        else:
            check = _crc(data, check)
            if tag & TYPE == FORWARD_CRC:
                forward = block[at + TAG : at + TAG + 8]
        at = after
    return end, False


def _is_erased(rest: bytes, end: int, forward: bytes) -> bool:
    """Say whether what follows the last commit is what a commit said would follow: then littlefs appends there."""
    if len(forward) < 8 or end % PROGRAM_SIZE:
        return False
    size = int.from_bytes(forward[:4], "little")
    # It reads by eight bytes, up to the end of the block.
    read = rest[: size if size <= len(rest) else len(rest) // 8 * 8]
    return _crc(read).to_bytes(4, "little") == forward[4:]


def _crc(data: bytes, check: int = _ONES) -> int:
    """Return the CRC-32 as littlefs has it: neither begun nor ended with a complement."""
    return crc32(data, check ^ _ONES) ^ _ONES

"""Images that can be checked by themselves: the lab's own, and those of the ESP8266 and the ESP32.

The lab's begins with `OTAL` and its length and ends with a CRC-32 of all before it.
An ESP image (`espressif/esptool`, "Firmware Image Format") has segments, an exclusive-or of their bytes, and on the
ESP32 a SHA-256 of all before it; on the ESP8266 one with a part that is run from flash begins with a header of its own
(`raburton/rboot`, `rboot.c`), and that part is not covered.
"""

from __future__ import annotations

import struct
from functools import reduce
from hashlib import sha256
from operator import xor
from zlib import crc32

from otalab.errors import BadInput

MAGIC = b"OTAL"
_HEAD = struct.Struct("<4sI")
_ESP, _ESP8266_V2, _SEED = 0xE9, 0xEA, 0xEF
_SEGMENT = struct.Struct("<II")
# After the eight bytes that both have: what an ESP32 image adds, the last of it says whether a digest follows.
_SHORT, _LONG = 8, 24
_MOST_SEGMENTS = 16


def self_checking(contents: bytes) -> bytes:
    """Return an image of the same size that holds the middle of `contents` and can be checked by itself."""
    if len(contents) < _HEAD.size + 4:
        raise BadInput(f"an image of {len(contents)} bytes has no room for its own check: {_HEAD.size + 4} are needed")
    body = _HEAD.pack(MAGIC, len(contents)) + contents[_HEAD.size : -4]
    return body + crc32(body).to_bytes(4, "little")


def whole(contents: bytes) -> bool:
    """Say whether a slot's contents begin with an image that passes its own check."""
    if contents[:4] == MAGIC:
        return _lab(contents)
    if contents[:1] == bytes([_ESP8266_V2]):
        return _esp8266(contents)
    return contents[:1] == bytes([_ESP]) and (_esp(contents, _LONG) or _esp(contents, _SHORT))


def _lab(contents: bytes) -> bool:
    _, size = _HEAD.unpack_from(contents)
    if not _HEAD.size + 4 <= size <= len(contents):
        return False
    return crc32(contents[: size - 4]) == int.from_bytes(contents[size - 4 : size], "little")


def _esp8266(contents: bytes) -> bool:
    """Skip the part that is run from flash, as rBoot does: 16 bytes of header, then so many."""
    length = int.from_bytes(contents[12:16], "little")
    start = 16 + length
    return start < len(contents) and contents[start] == _ESP and _esp(contents[start:], _SHORT)


def _esp(contents: bytes, header: int) -> bool:
    at, check, count = header, _SEED, contents[1]
    if not 0 < count <= _MOST_SEGMENTS:
        return False
    for _ in range(count):
        if at + _SEGMENT.size > len(contents):
            return False
        size = _SEGMENT.unpack_from(contents, at)[1]
        at += _SEGMENT.size
        if at + size > len(contents):
            return False
        check ^= _folded(contents[at : at + size])
        at += size
    at += 16 - at % 16  # the check is the last byte of a line of sixteen
    if at > len(contents) or contents[at - 1] != check:
        return False
    digest = contents[at : at + 32] if header == _LONG and contents[_LONG - 1] == 1 else b""
    return not digest or sha256(contents[:at]).digest() == digest


def _folded(data: bytes) -> int:
    """Return the exclusive-or of all bytes, by words first."""
    words = memoryview(data[: len(data) - len(data) % 8]).cast("Q")
    wide = reduce(xor, words, 0).to_bytes(8, "little") + data[len(words) * 8 :]
    return reduce(xor, wide, 0)

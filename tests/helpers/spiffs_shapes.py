"""SPIFFS images in every shape that firmware is compiled with, made from the published layout and not by the lab."""

import struct
from itertools import count, product

PAGE = 256
SHAPES = [
    {"name": name, "meta": meta, "packed": packed, "length": length, "block": block}
    for name, meta, packed, length, block in product((32, 48), (0, 4, 8), (False, True), (False, True), (4096, 8192))
]
# One is empty, one is a page to the byte, one has an index of several pages.
FILES = {
    "conf0.json": b'{"a": 1}\n',
    "empty": b"",
    "page.bin": bytes(range(251)),
    "ca.pem": bytes(range(65, 91)) * 40,
    "long.bin": bytes(range(256)) * 128,
}


def made(files, size, *, name=48, meta=8, packed=False, length=False, block=4096):
    """
    An image of `size` bytes, which need be no whole number of blocks: what is left over is blank.
    """
    flash, blocks = bytearray(b"\xff" * size), size // block
    places = (page for page in count() if page % (block // PAGE))
    table = 13 + name + meta
    table += 0 if packed else table % 2

    def put(number, data):
        page = next(places)
        struct.pack_into("<H", flash, page * PAGE // block * block + 2 * (page % (block // PAGE) - 1), number)
        flash[page * PAGE : page * PAGE + len(data)] = data
        return page

    for number, (file, data) in enumerate(sorted(files.items()), 1):
        spans = [data[start : start + PAGE - 5] for start in range(0, len(data), PAGE - 5)]
        named = [put(number, struct.pack("<HHB", number, span, 0xFC) + piece) for span, piece in enumerate(spans)]
        first = (PAGE - table) // 2
        head = struct.pack("<HHB3xIB", number | 0x8000, 0, 0xF8, len(data) or 0xFFFFFFFF, 1)
        head = (head + file.encode().ljust(name, b"\0")).ljust(table, b"\xff")
        put(number | 0x8000, head + b"".join(struct.pack("<H", page) for page in named[:first]))
        each = (PAGE - 8) // 2
        for part, start in enumerate(range(first, len(named), each), 1):
            pages = named[start : start + each]
            index = struct.pack("<HHB3x", number | 0x8000, part, 0xF8)
            put(number | 0x8000, index + b"".join(struct.pack("<H", page) for page in pages))
    for one in range(blocks):
        magic = (0x20140529 ^ PAGE ^ (blocks - one if length else 0)) & 0xFFFF
        struct.pack_into("<HH", flash, one * block + PAGE - 4, magic, 0)
    return bytes(flash)

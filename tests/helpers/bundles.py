"""Bundles for tests: one that is right, the means to make each wrong one, and two that are real."""

import json
import struct
import zlib
from pathlib import Path

import pytest

from otalab.errors import BundleFault
from otalab.formats.bundle.reader import BundleReader, PartData

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"
ESP32, ESP8266 = "esp32-demo-js-1.0.zip", "esp8266-mel-ac-homekit-1.0.4.zip"

APP, FS = b"APP v2\n", b"FS v2\n"
TOY = {
    "name": "lamp",
    "platform": "cc3200",
    "version": "1.1",
    "build_id": "20260102-030405/1.1-g0123abc-main",
    "build_timestamp": "2026-01-02T03:04:05Z",
    "parts": {
        "lamp.bin.0": {
            "type": "app",
            "src": "lamp.bin.0",
            "load_addr": 0x20000000,
            "size": 7,
            "falloc": 8192,
            "cs_sha1": "8b5f3a1d62747dec0b0979647d71a8e4f43fd1d3",
            "cs_sha256": "f38679a9e2fc33e4bc683eb9be1d8c42b2d295522fe2be38ca7a218c91759dd8",
        },
        "spiffs.img.0.0": {
            "type": "fs",
            "src": "spiffs.img.0.0",
            "size": 6,
            "fs_size": 98304,
            "fs_block_size": 4096,
            "fs_page_size": 256,
            "fs_erase_size": 4096,
            "cs_sha1": "4c98efb6412d5093b45b08510b785d149d734ad0",
            "cs_sha256": "d7f63b08b7dbbee4443e24dfc3b638778b6e7ba97162dc44309664d70f60de87",
        },
    },
}


def real(name):
    """
    The bytes of a bundle that a real project published.
    """
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"no {name} in {FIXTURES.name}/ beside the checkout")
    return path.read_bytes()


def entry(name, data=b"", *, signature=b"PK\x03\x04", flags=0, method=0, crc=None, packed=None, size=None, extra=b""):
    """
    One file of an archive: its local header, right unless told otherwise, and its data.
    """
    name = name.encode() if isinstance(name, str) else name
    crc = zlib.crc32(data) if crc is None else crc
    packed, size = (len(data) if value is None else value for value in (packed, size))
    fixed = struct.pack("<4sHHHHHIIIHH", signature, 20, flags, method, 0, 33, crc, packed, size, len(name), len(extra))
    return fixed + name + extra + data


CENTRAL = b"PK\x01\x02" + bytes(40)


def described(parts=None, **fields):
    """
    The bytes of a manifest: the toy's, with other parts or fields; a field that is None is left out.
    """
    said = TOY | ({} if parts is None else {"parts": parts}) | fields
    return json.dumps({key: value for key, value in said.items() if value is not None}).encode()


def archive(*files, manifest=None, end=CENTRAL):
    """
    A whole archive: the manifest (the toy's), then these entries.
    """
    return entry("lamp-1.1/manifest.json", described() if manifest is None else manifest) + b"".join(files) + end


APP_ENTRY, FS_ENTRY = entry("lamp-1.1/lamp.bin.0", APP), entry("lamp-1.1/spiffs.img.0.0", FS)
TOY_BUNDLE = archive(APP_ENTRY, FS_ENTRY)


def story(pieces):
    """
    What a reader tells of a stream: events, with a part's data put together again, and the fault or None.
    """
    reader, told = BundleReader(), []
    try:
        for piece in pieces:
            for event in reader.feed(piece):
                if isinstance(event, PartData) and told and isinstance(told[-1], PartData):
                    told[-1] = PartData(event.part, told[-1].data + event.data)
                else:
                    told.append(event)
        reader.close()
    except BundleFault as fault:
        return told, str(fault)
    return told, None

"""Records after none, one, three and ten updates, worked out by hand from the sources that the formats name.

Nothing of the lab packs what is expected here: sequencers, places and flags are counted on paper, write by write.
"""

from __future__ import annotations

import struct
from functools import cache
from zlib import crc32

import pytest

from otalab.bench.contents import application
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.hardware.board import load_board
from otalab.hardware.flash import Flash

SIZE = 500
BLANK = b"\xff"
BOARD = load_board("tiny")


@cache
def after(design: str, updates: int) -> Flash:
    """Return the flash of a device that was shipped, and took so many updates on steady power."""
    if not updates:
        return set_up(design, BOARD, app_size=SIZE).flash
    return life(set_up(design, BOARD, app_size=SIZE, updates=updates)).last.flash


def area(flash: Flash, number: int, size: int, start: int = 0) -> bytes:
    """Return bytes of a record area, from a place in it on."""
    return flash.read(BOARD.records[number].address + start, size)


def version(update: int, updates: int) -> str:
    """Return the version of an update out of several; 0 is what the device was shipped with."""
    return "1" if not update else "2" if update == updates else f"1.{5 + update}"


def facts(update: int, updates: int, *, own: bool = False) -> tuple[int, int]:
    """Return length and CRC-32 of the application of an update."""
    app = application(version(update, updates), SIZE, own_check=own)
    return len(app), crc32(app)


# ESP32: each update writes three entries: switched forward, back, and forward again by the commit.


def entry(sequencer: int, slot: int) -> bytes:
    """An entry of Mongoose OS: sequencer, 0x10 + slot, 20 zeros, a CRC-32 over all of it with its own field zero."""
    body = struct.pack("<II20x", sequencer, 0x10 + slot)
    return body + struct.pack("<I", crc32(body + bytes(4), 0xFFFFFFFF))


OTADATA = bytes.fromhex("0100000010000000" + 20 * "00" + "852b7a15"), bytes(32)
ESP32 = {
    0: OTADATA,
    1: (entry(4, 1), bytes(32)),
    3: (entry(10, 1), bytes(32)),  # up to sequencer 9 entry 0 is written over itself, and entry 1 filled with zeros
    4: (entry(12, 1), entry(13, 0)),
    10: (entry(30, 1), entry(31, 0)),
}
ESP32_BESIDE = {
    0: (OTADATA[0], 32 * BLANK),
    1: (entry(3, 0), entry(4, 1)),
    3: (entry(9, 0), entry(10, 1)),
    10: (entry(31, 0), entry(30, 1)),
}


@pytest.mark.parametrize("updates", ESP32)
def test_esp32(updates: int) -> None:
    """`esp_ota_set_boot_subtype` of the fork at 0c15f184; a new device has `platforms/esp32xx/otadata.bin`."""
    flash = after("esp32", updates)
    assert ESP32[updates] == (area(flash, 0, 32), area(flash, 1, 32))
    assert 4064 * BLANK == area(flash, 0, 4064, 32) == area(flash, 1, 4064, 32)


@pytest.mark.parametrize("updates", ESP32_BESIDE)
def test_esp32_beside(updates: int) -> None:
    """Mended, the two entries take turns from the first update on."""
    flash = after("esp32-beside", updates)
    assert ESP32_BESIDE[updates] == (area(flash, 0, 32), area(flash, 1, 32))


@pytest.mark.parametrize(("updates", "word"), [(1, 0x10), (3, 0x10), (4, 0x01), (10, 0x01)])
def test_esp32_update_state(updates: int, word: int) -> None:
    """`mgos_upd_boot_commit`: old slot, new slot in the next digit, and neither first boot nor merge any more."""
    flash = after("esp32", updates)
    stored = [struct.unpack("<II", flash.read(place.address, 8)) for place in BOARD.state]
    assert word == max(one for one in stored if one[0] != 0xFFFFFFFF)[1]

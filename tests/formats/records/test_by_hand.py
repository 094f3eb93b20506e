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
from otalab.firmware.bootloader import boot
from otalab.firmware.catalogue import load_design
from otalab.firmware.controller import Controller
from otalab.hardware.board import load_board
from otalab.hardware.effects import Erase
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


# CC3200: the sequencer counts down by one for each update; commit and tombstone are written in the record's own place.


def cc3200(updates: int, slot: int) -> bytes:
    """`struct boot_cfg`, zero-filled to 512 bytes: sequencer, flags, application file, load address, container."""
    names = f"app.bin.{slot}".encode(), f"spiffs.img.{slot}".encode()
    return struct.pack("<QI50s2xI50s2x392x", 2**64 - 2 - updates, 0, names[0], 0x20000000, names[1])


@pytest.mark.parametrize("updates", [1, 3, 10])
def test_cc3200(updates: int) -> None:
    """`mgos_upd_finalize` and `mgos_upd_boot_commit` of its back-end: committed, nothing more to be carried over."""
    flash, new = after("cc3200", updates), updates % 2
    assert cc3200(updates, new) == area(flash, new, 512)
    assert cc3200(updates - 1, 1 - new) == area(flash, 1 - new, 512)


def test_cc3200_new() -> None:
    """`BOOT_CFG_INITIAL_SEQ` in the first file, and no second one."""
    flash = after("cc3200", 0)
    assert (cc3200(0, 0), 512 * BLANK) == (area(flash, 0, 512), area(flash, 1, 512))


# ESP8266: one configuration, rewritten whole; where slots and file systems lie is part of it.


def rboot(updates: int) -> bytes:
    """The `rboot_config` of a committed device, and one erased word: ROM, the one before, sizes, and no flag set."""
    last, before = updates % 2, (1 - updates % 2 if updates else 0)
    sizes = [0, 0, 0, 0]
    for update in range(max(0, updates - 1), updates + 1):
        sizes[update % 2] = facts(update, updates, own=True)[0]
    head = bytes([0xE1, 1, 0, last, 0, 2, before, 0, 0, 0, 0, 0])
    lies = struct.pack("<4I4I", 0x3000, 0xB000, 0, 0, *sizes)
    files = struct.pack("<4I4I", 0x5000, 0xD000, 0, 0, 0x6000, 0x6000, 0, 0)
    return head + lies + files + bytes(4) + 4 * BLANK


@pytest.mark.parametrize("design", ["esp8266", "esp8266-passing"])
@pytest.mark.parametrize("updates", [0, 1, 3, 10])
def test_esp8266(design: str, updates: int) -> None:
    """`mgos_upd_boot_commit` of its back-end keeps the previous ROM; `rboot_set_config` programs 84 bytes."""
    assert rboot(updates) == area(after(design, updates), 0, 84)
    assert 4012 * BLANK == area(after(design, updates), 0, 4012, 84)


def test_esp8266_without_a_record() -> None:
    """The default of `find_image`: ROM 0, two ROMs, their addresses, and the sizes of whole slots."""
    flash = after("esp8266", 0).with_sector(1, 4096 * BLANK)
    chip, design = Controller(BOARD, flash), load_design("esp8266")
    chip.carry_out(boot(chip, design))
    head = bytes([0xE1, 1, 0, 0, 0, 2, *6 * [0]])
    lies = struct.pack("<16I", 0x3000, 0xB000, 0, 0, 0x2000, 0x2000, 0, 0, 0x5000, 0xD000, 0, 0, 0x6000, 0x6000, 0, 0)
    assert head + lies + bytes(4) + 4 * BLANK == area(chip.flash, 0, 84)


# ESP-IDF with rollback: one sequencer for each update; its state goes new, pending, valid in its own place.


def idf(sequencer: int) -> bytes:
    """An entry whose state is valid: the CRC-32 covers the sequencer alone."""
    number = struct.pack("<I", sequencer)
    return number + 20 * BLANK + struct.pack("<II", 2, crc32(number, 0xFFFFFFFF))


@pytest.mark.parametrize("design", ["esp-idf", "esp-idf-fork"])
@pytest.mark.parametrize("updates", [1, 3, 10])
def test_esp_idf(design: str, updates: int) -> None:
    """`esp_rewrite_ota_data`, and `esp_ota_mark_app_valid_cancel_rollback` for the commit."""
    flash, new = after(design, updates), updates % 2
    assert idf(updates + 1) == area(flash, new, 32)
    assert idf(updates) == area(flash, 1 - new, 32)


@pytest.mark.parametrize("design", ["esp-idf", "esp-idf-fork"])
def test_esp_idf_new(design: str) -> None:
    """Entry 0 with sequencer 1 and the state valid, and no second one."""
    flash = after(design, 0)
    assert (idf(1), 32 * BLANK) == (area(flash, 0, 32), area(flash, 1, 32))


ERASED, ABORTED_ENTRY = 32 * BLANK, struct.pack("<I20sII", 4, 20 * BLANK, 4, 0)


@pytest.mark.parametrize("broken", [None, 0])
@pytest.mark.parametrize(
    ("entries", "written"),
    [
        ((ERASED, ERASED), True),
        ((ABORTED_ENTRY, ERASED), True),
        ((struct.pack("<I20sII", 4, 20 * BLANK, 2, 0), ERASED), False),
    ],
    ids=["both are erased", "one is aborted, its check is wrong", "the check of one is wrong"],
)
def test_esp_idf_without_an_entry(entries: tuple[bytes, bytes], written: bool, broken: int | None) -> None:
    """`set_actual_ota_seq`: where neither was ever written, entry 0 is for the slot that starts, and valid."""
    flash = set_up("esp-idf", BOARD, app_size=SIZE, used=True).flash
    for number, data in enumerate(entries):
        flash = flash.with_sector(1 + number, data.ljust(4096, BLANK))
    if broken is not None:
        flash = flash.patched(BOARD.slots[broken].app.address, bytes(100))
    chip, slot = Controller(BOARD, flash), 0 if broken is None else 1
    for effect in boot(chip, load_design("esp-idf")):
        chip.apply(effect)
    assert (idf(1 + slot) if written else entries[0], entries[1]) == (
        area(chip.flash, 0, 32),
        area(chip.flash, 1, 32),
    )


# The published text: each update writes two, the one that stages it and the commit; sequencers count down.


def published(number: int, updates: int) -> bytes:
    """The record with this number, from 0: staged into the second place, committed in the first, ..."""
    update, commit = (number + 1) // 2, number % 2 == 0
    new, old = update % 2, 1 - update % 2 if update else 0
    slots = [bytes(32), bytes(32)]
    for one in range(max(0, update - 1), update + 1):
        slots[one % 2] = struct.pack("<II24s", *facts(one, updates), version(one, updates).encode())
    # A dirty one names the slot and the flag to go back to; a commit has no way back, and names its own.
    head = bytes([new, new if commit else old, commit, 1])
    return struct.pack("<Q4sI", 2**64 - 2 - number, head, 60 if update else 0) + b"".join(slots)


@pytest.mark.parametrize("updates", [0, 1, 3, 10])
def test_the_published_record(updates: int) -> None:
    """Dirty in the inactive place with the way back and the interval; committed, the next one, in the other."""
    flash, last = after("mongoose", updates), 2 * updates
    assert published(last, updates) == area(flash, 0, 80)
    assert (published(last - 1, updates) if updates else 80 * BLANK) == area(flash, 1, 80)


# STM32 and RS14100: three records for each update, appended; 16 to an area of 4 KiB.

COMMITTED, FIRST_A, FIRST_B, MERGE = 1, 2, 4, 8


def mos1(number: int, updates: int) -> bytes:
    """The record with this number, from 0: staged, tried, committed, staged, ..."""
    update, move = (number + 2) // 3, (number - 1) % 3 if number else 2
    new, old = update % 2, 1 - update % 2
    flags = (FIRST_A | FIRST_B | MERGE, FIRST_A | MERGE, COMMITTED)[move]
    slots = [(0, 0), (0, 0)]
    for one in range(max(0, update - 1), update + 1):
        slots[one % 2] = facts(one, updates)
    return mos1_of(number + 1, new, -1 if move == 2 else old, flags, *slots)


def mos1_of(sequencer: int, active: int, revert: int, flags: int, *slots: tuple[int, int]) -> bytes:
    """Pack `struct mgos_boot_cfg_record` with the three slots of the RS14100: an image starts where it lies."""
    body = struct.pack("<IIIBbbI", 0x31534F4D, sequencer, 1, 3, active, revert, flags)
    for slot, (length, check) in enumerate(slots):
        lies = 0x8000000 + (0x3000, 0xB000)[slot]
        starts = lies if length else 0
        body += struct.pack("<I8sI8sIIIIB", 3, b"app%d" % slot, lies, b"fs%d" % slot, length, starts, check, 0, 0)
    body += struct.pack("<I8sI8s17x", 1, b"appF", 0, b"fsF") + 2 * 41 * b"\0"
    body = body.ljust(252, BLANK)
    return body + struct.pack("<I", crc32(body))


def test_mgos_boot_without_a_record() -> None:
    """`mgos_boot_cfg_write_default`: both areas are erased, and the first one again; slot 0 is as long as it can be."""
    flash = after("mgos-boot", 0).with_sector(1, 4096 * BLANK)
    chip, design = Controller(BOARD, flash), load_design("mgos-boot")
    loader, effects = boot(chip, design), []
    for effect in loader:
        effects.append(effect)
        chip.apply(effect)
    assert [1, 2, 1] == [one.sector for one in effects if isinstance(one, Erase)]
    app = flash.read(0x3000, 0x2000)
    assert mos1_of(1, 0, -1, COMMITTED, (0x2000, crc32(app)), (0, 0)) == area(chip.flash, 0, 256)


@pytest.mark.parametrize(
    ("design", "updates"),
    [
        *(("mgos-boot", updates) for updates in (0, 1, 3, 5)),
        *(("mgos-boot-both", updates) for updates in (0, 1, 3, 10)),
    ],
)
def test_mgos_boot(design: str, updates: int) -> None:
    """`mgos_upd_finalize`, the loader's `mgos_boot_main` and `mgos_boot_commit_slot`, each by `mgos_boot_cfg_write`."""
    flash, written = after(design, updates), 1 + 3 * updates
    for number in range(written):
        assert mos1(number, updates) == area(flash, number // 16, 256, number % 16 * 256)
    for number in range(written, 32):
        assert 256 * BLANK == area(flash, number // 16, 256, number % 16 * 256)


@pytest.mark.parametrize("updates", [6, 10])
def test_mgos_boot_loses_its_way_at_the_sixth(updates: int) -> None:
    """Records 16 and 17 go to the second area; the application looks for its own in the first and writes no more."""
    flash = after("mgos-boot", updates)
    assert [mos1(number, updates) for number in (16, 17)] == [area(flash, 1, 256, start) for start in (0, 256)]
    assert 256 * BLANK == area(flash, 1, 256, 512)

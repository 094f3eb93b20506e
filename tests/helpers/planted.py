"""Faults that people make in C, planted one by one into a boot loader that is safe; and found by plain enumeration."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from pathlib import Path
from zlib import crc32

from own_code import written
from plain import Thin, enumerate_plainly, mini, shrunk

from otalab import set_up
from otalab.bench.ends import BAD, ENDS
from otalab.hardware.board import Board, load_board
from otalab.hardware.flash import Flash
from otalab.own.code import CodeFirmware
from otalab.own.page import Page
from otalab.settings import EXAMPLES

SOURCE = (EXAMPLES / "hardened" / "loader.c").read_text()
RECORDS = '[records]\nformat = "complete"\nguard = "crc32"\n'
# What is planted (what stands in the source, what takes its place), the image, the fault model; then the worst end that
# is found, its cuts, and what is said of it.
PLANTED = {
    "nothing guards a record": (
        [("return record->crc == guard(record) &&", "return")],
        *("healthy", "torn-program", "bricked", 1, "the boot loader halts"),
    ),
    "an index out of a torn record": (
        [("return record->crc == guard(record) &&", "return"), ("if (record->active > 1) return 0;\n    ", "")],
        *("healthy", "torn-program", "bricked", 1, "the boot loader crashed: loader.c:"),
    ),
    "a global that is to survive a reset": (
        [("record->tried = 1;", "static int tries; record->tried = (uint8_t)tries++;")],
        *("crashes", "atomic", "stuck", 0, "it reboots for ever: version 2 crashed"),
    ),
    "a program without an erase": (
        [("ota_erase(PLACES[!place], ota_sector_size(PLACES[!place]));\n        ", "")],
        *("healthy", "torn-program", "not-updatable", 0, "version 1 runs, is not committed"),
    ),
    "a record in the place that counts": (
        [("PLACES[!place]", "PLACES[place]")],
        *("healthy", "atomic", "bricked", 1, "the boot loader halts"),
    ),
    "a signed comparison of numbers that are not": (
        [("found.sequencer < best->sequencer", "(int8_t)found.sequencer > (int8_t)best->sequencer")],
        *("healthy", "atomic", "stuck", 0, "it reboots for ever: Update applied, finalizing"),
    ),
    "an eager commit": (
        [("next.committed = 0, next.tried = 0;", "next.committed = 1, next.tried = 0;")],
        *("crashes", "atomic", "stuck", 0, "it reboots for ever: version 2 crashed"),
    ),
    "a try that leaves no trace": (
        [("if (!written(record)) roll_back", "if (0) roll_back")],
        *("crashes", "atomic", "stuck", 0, "it reboots for ever: version 2 crashed"),
    ),
    "a try before it is written": (
        [("if (record->tried) {", "if (record->tried > 200) {")],
        *("crashes", "atomic", "stuck", 0, "it reboots for ever: version 2 crashed"),
    ),
    "a retry that never ends": (
        [
            ("for (int n = 0; n < TRIES; n++) {", "for (int n = 0;; n++) {"),
            ("(!memcmp(&back, next", "(memcmp(&back, next"),
        ],
        *("healthy", "atomic", "not-updatable", 0, "version 1 in slot 0 hangs"),
    ),
    "a buffer overrun": (
        [
            ("struct record old, back;", "struct record old; char back[16];"),
            ("sizeof back", "sizeof old"),
            ("!memcmp(&back", "!memcmp(back"),
            ("ota_read(PLACES[!place], &back", "ota_read(PLACES[!place], back"),
        ],
        *("healthy", "atomic", "bricked", 0, "the boot loader crashed: loader.c:58: written: stack-buffer-overflow"),
    ),
    "the record before the image": (
        [
            ("if (!taken(OTA_APPLICATION, SLOTS[target], image.size, &crc)) return 3;", ""),
            ("uint32_t crc, files_crc;", "uint32_t crc = 0, files_crc;"),
            (
                "return written(&next) ? 0 : 5;",
                "written(&next); return taken(OTA_APPLICATION, SLOTS[target], image.size, &crc) ? 0 : 3;",
            ),
        ],
        *("healthy", "atomic", "not-updatable", 0, ""),
    ),
    "an update over what runs": (
        [("target = !old;", "target = old;")],
        *("healthy", "atomic", "data-lost", 0, "calibration.bin in slot 0 is missing"),
    ),
    "files that are left behind": (
        [("if (ota_carry_over(FILES[old], FILES[target], OTA_FILES_SIZE) == OTA_NO_ROOM) return 4;", "")],
        *("healthy", "atomic", "data-lost", 0, "calibration.bin in slot 1 is missing"),
    ),
    "an image that nobody checks": (
        [
            ("return whole(&booted) ? SLOTS[booted.active] : 0;", "return SLOTS[booted.active];"),
            ("} else if (!whole(record)) {", "} else if (0) {"),
            ("return crc_of(address, size) == *crc;", "return 1;"),
            ("if (at % sector == 0) ota_erase(address + at, sector);", ""),
        ],
        *("healthy", "atomic", "not-updatable", 0, "one more good image does not go in"),
    ),
    "a server that is not told": (
        [("ota_refuse(reason);\n    ", "")],
        *("crashes", "atomic", "stuck", 0, ""),
    ),
    "a timer that is not asked for": (
        [("return booted.committed ? 0 : booted.interval;", "return 0;")],
        *("hangs", "atomic", "not-updatable", 0, "version 2 in slot 1 hangs"),
    ),
}

# They reset for ever, and write a record each time: only who knows of sequencers sees that it is a circle.
ROUNDS = ("a global that is to survive a reset", "a try before it is written", "a server that is not told")


def planted(folder: Path, what: str) -> CodeFirmware:
    """Return the code with a fault in it, on a page that says no more of its records than is needed."""
    source = SOURCE
    for old, new in PLANTED[what][0]:
        assert old in source, old
        source = source.replace(old, new)
    written(folder, source, RECORDS if what in ROUNDS else "")
    return CodeFirmware(Page.load(folder))


# On a chip of a handful of sectors there are few ways to be torn; the bytes of a record among them.
TORN = {"atomic": Thin(), "torn-program": Thin(prefixes=(1, 8, 9, 30, 80))}
RECORD, GUARDED, COUNTED = 84, 80, 8
# Only a sanitizer sees these; all others are quicker without.
WATCHED = ("a buffer overrun", "an index out of a torn record")


def found_plainly(folder: Path, what: str) -> tuple[str, int]:
    """Return the worst end that a planted fault leads to with the fewest cuts, and these, without any cleverness.

    Every wreck is a state of its own; but for faults that reset for ever and write a record each time, records are
    alike if their sequencers differ by the same.
    """
    _, image, faults, _, cuts, _ = PLANTED[what]
    planted(folder, what)
    page = folder / "firmware.toml"
    text = page.read_text().replace('board = "tiny"\n', "seconds = 0.1\n")
    page.write_text(text if what in WATCHED else "sanitize = false\n" + text)
    board = shrunk(load_board("tiny"), 512) if PLANTED[what][3] == "data-lost" else mini(sector=256)
    scenario = set_up(CodeFirmware(Page.load(folder)), board, app_size=100, image=image)
    alike = partial(renumbered, board) if what in ROUNDS else None
    found = enumerate_plainly(scenario, TORN[faults], cuts, alike)
    order, end = min((found[end], ENDS.index(end)) for end in found if end in BAD)
    return ENDS[end], order[0]


def renumbered(board: Board, flash: Flash) -> Hashable:
    """Return contents with the sequencers of whole records counted from the smallest."""
    sectors = list(flash.sectors)
    places = [board.sectors_of(region).start for region in board.records]
    whole = [place for place in places if is_whole(sectors[place][:RECORD])]
    least = min((int.from_bytes(sectors[place][:COUNTED], "little") for place in whole), default=0)
    for place in whole:
        number = int.from_bytes(sectors[place][:COUNTED], "little") - least
        body = sectors[place][COUNTED:GUARDED] + sectors[place][RECORD:]
        sectors[place] = number.to_bytes(COUNTED, "little") + body
    return tuple(sectors), flash.marks


def is_whole(record: bytes) -> bool:
    """Say whether a record has the check that belongs to it."""
    return crc32(record[:GUARDED]) == int.from_bytes(record[GUARDED:], "little")

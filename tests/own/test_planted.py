"""Faults that people make in C, planted one by one into a boot loader that is safe: each is found."""

import pytest
from own_code import EXAMPLES, needs_cc, written

from otalab.errors import BadInput
from otalab.graph.check import check_design
from otalab.own.code import CodeFirmware
from otalab.own.page import Page

pytestmark = [needs_cc, pytest.mark.slow]
SOURCE = (EXAMPLES / "hardened" / "loader.c").read_text()
RECORDS = '[records]\nformat = "complete"\nguard = "crc32"\n'
BUDGET = 150

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
        [("ota_erase(PLACES[!place], OTA_SECTOR_SIZE);\n        ", "")],
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
            ("ota_erase(address + at, OTA_SECTOR_SIZE);", ""),
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


def planted(folder, what):
    source = SOURCE
    for old, new in PLANTED[what][0]:
        assert old in source, old
        source = source.replace(old, new)
    written(folder, source, RECORDS if what in ROUNDS else "")
    return CodeFirmware(Page.load(folder))


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_fault_is_found(tmp_path, what):
    """
    With the fewest cuts that it needs, and in words; without a page of its records, so that bytes decide.
    """
    _, image, faults, end, cuts, said = PLANTED[what]
    cell = check_design(planted(tmp_path, what), faults, image, "tiny", budget=BUDGET, app_size=500)
    bad = cell.graph.counterexample

    assert "unsafe" == cell.verdict
    assert (end, cuts) == (bad.end, len(bad.cuts))
    assert bad.reason.startswith(said)


def test_the_loader_that_they_are_planted_in_is_safe(tmp_path):
    """
    Under the same eyes: what is found was planted.
    """
    written(tmp_path, SOURCE)
    for image in ("healthy", "crashes", "hangs"):
        assert "safe" == check_design(CodeFirmware(Page.load(tmp_path)), "atomic", image, "tiny", app_size=500).verdict


# The same, by its fields.
FIELDS = """[records]
guard = "crc32"
sequencer = "decreasing"
fields = [
    { name = "sequencer", bytes = 8, is = "sequencer" }, { name = "active", bytes = 1, is = "slot" },
    { name = "revert", bytes = 1, is = "previous" }, { name = "committed", bytes = 1, is = "committed" },
    { name = "tried", bytes = 1, is = "tried" }, { name = "interval", bytes = 4, is = "interval" },
    { name = "slots", bytes = 64 }, { name = "crc", bytes = 4, is = "check" },
]
"""


def test_a_page_of_fields_closes_what_bytes_leave_open(tmp_path):
    """
    As the name of the format does: the same verdict, ends and number of nodes.
    """
    cells = []
    for page in (RECORDS, FIELDS):
        written(tmp_path, SOURCE, page + "\n")
        code = CodeFirmware(Page.load(tmp_path))
        cells.append(check_design(code, "torn-erase", board="tiny", budget=BUDGET, app_size=500).graph)

    assert ("safe", "safe") == (cells[0].verdict, cells[1].verdict)
    assert (cells[0].nodes, cells[0].ends) == (cells[1].nodes, cells[1].ends)


@pytest.mark.parametrize("page", [RECORDS, FIELDS])
def test_a_page_that_promises_more_than_the_code_does_is_found_out(tmp_path, page):
    """
    A check over too little, and a page that says it is over all: what the lab would merge, the loader tells apart.
    """
    written(tmp_path, SOURCE.replace("sizeof *record - sizeof record->crc", "sizeof record->sequencer"), page)

    with pytest.raises(
        BadInput, match=r"its boot loader does: the guard that .records. names is not checked as it says"
    ):
        check_design(CodeFirmware(Page.load(tmp_path)), "torn-bits", board="tiny", app_size=500)

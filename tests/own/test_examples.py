"""What the page of each example says of its code is so, and a single wrong line is found."""

import pytest
from own_code import example, needs_cc

from otalab.errors import Unrepeatable
from otalab.graph.check import check_design
from otalab.own.code import CodeFirmware
from otalab.own.page import Page
from otalab.settings import EXAMPLES
from otalab.views.player.widget import UpdatePlayer
from otalab.views.report.svg import layout_svg

pytestmark = needs_cc
NAMES = sorted(one.parent.name for one in EXAMPLES.glob("*/firmware.toml"))
# Changes of one line, in the words of the pages.
WRONG = {
    "the trailer is erased before the copy": (
        "        if (whole(OTA_SLOT_1)) {\n",
        "        ota_erase(OTA_RECORD_1, OTA_SECTOR_SIZE);\n        if (whole(OTA_SLOT_1)) {\n",
    ),
    "the note is cleared before the copy": (
        "    if (noted(&note)) {\n",
        "    if (noted(&note)) {\n        ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);\n",
    ),
    "the flag is set before the sector is written, in `moved`": ("    ota_erase(to, ", "    set(flag), ota_erase(to, "),
    "the try is not written down": ("        set(TRIED);\n", ""),
    "without a record the loader halts, in place of starting the factory's image": (
        "return SLOTS[started];",
        "return started == FACTORY ? 0 : SLOTS[started];",
    ),
    "a try that leaves no trace: the record is not written in `try_once`": (
        "if (!written(record)) roll_back",
        "if (0) roll_back",
    ),
}
COUNTED, GUARDED = "    next.number = last.number + 1;\n", "            if (entry->crc != guard(entry)) continue;"
WRONG |= {
    "a global counts the entries, and dies with the power": (
        COUNTED,
        "    static uint32_t number = 1; next.number = number++;\n",
    ),
    "a torn entry is believed: its slot is an index beyond the table": (GUARDED, ""),
    "a torn entry is waited for": (GUARDED, "while (entry->crc != guard(entry)) {}"),
    "a torn entry is an `abort`": (GUARDED, "if (entry->crc != guard(entry)) abort();"),
    "the slot of a torn entry is read as an address beyond the chip": (
        GUARDED,
        "if (entry->crc != guard(entry)) ota_read(entry->slot, piece, 4);",
    ),
    "the sector that counts is erased for the new entry": ("sector = !sector, place = 0;", "place = 0;"),
    "the address of a slot is computed, and the files between are forgotten": (
        "return SLOTS[entry.slot];",
        "return OTA_SLOT_0 + entry.slot * OTA_SLOT_SIZE;",
    ),
    "the number of an entry is a time": (
        COUNTED,
        "    struct timespec now; clock_gettime(CLOCK_MONOTONIC, &now); next.number = (uint32_t)now.tv_nsec;\n",
    ),
    "the number of an entry is memory that nobody wrote": (COUNTED, ""),
}
# What only a sanitizer sees at once.
WATCHED = {"a torn entry is believed: its slot is an index beyond the table"}
STOPS = "the search stops"
LONG = {"swap"}  # each of its searches is a second or two


def rows(name, columns):
    """
    The rows of the tables of a page that have so many columns.
    """
    lines = (EXAMPLES / name / "README.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if len(row) == columns and row[1] not in ("---", "image", "fault model")]


def of_pages(columns):
    return [
        pytest.param(
            name, row, id=f"{name}-{'-'.join(row[:-1])}",
            marks=pytest.mark.slow if name in LONG or "torn-program" in row else (),
        )
        for name in NAMES
        for row in rows(name, columns)
    ]  # fmt: skip


def checked(code, faults, image, *, whole):
    """
    A proof needs all of a graph; what breaks early is found in the first runs of it.
    """
    return check_design(code, faults, image, None if code.board else "tiny", budget=400 if whole else 30)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """
    With sanitizers where few runs are looked at, and without where many are: a run takes a quarter of the time.
    """
    quick, watched = (tmp_path_factory.mktemp(name) for name in ("quick", "watched"))
    return {
        True: {name: example(watched, name) for name in NAMES},
        False: {name: example(quick, name, sanitize=False) for name in NAMES},
    }


@pytest.mark.parametrize(("name", "row"), of_pages(4))
def test_its_verdict_is_that_of_its_page(examples, name, row):
    """
    A safe one by a closed graph, an unsafe one with so many cuts.
    """
    faults, image, verdict, cuts = row
    graph = checked(examples[faults == "atomic"][name], faults, image, whole=verdict == "safe").graph

    assert verdict == graph.verdict
    assert cuts == (str(len(graph.counterexample.cuts)) if graph.counterexample else "")


@pytest.mark.parametrize(("name", "row"), of_pages(5))
def test_a_wrong_line_is_found(tmp_path, name, row):
    """
    With the end and the cuts that the page tells of.
    """
    change, faults, image, end, cuts = row
    folder = example(tmp_path, name, sanitize=change in WATCHED).page.folder
    source, (old, new) = (folder / "loader.c").read_text(), WRONG[change]
    assert 1 == source.count(old)
    (folder / "loader.c").write_text(source.replace(old, new))
    code = CodeFirmware(Page.load(folder))
    if end == STOPS:
        with pytest.raises(Unrepeatable, match="two equal runs differ"):
            checked(code, faults, image, whole=False)
        return
    bad = checked(code, faults, image, whole=False).graph.counterexample

    assert (end, cuts) == (bad.end, str(len(bad.cuts)))


@pytest.mark.parametrize("name", NAMES)
def test_every_example_has_its_words(name):
    """
    A page with the verdicts of a good image and a bad one, and of a torn record, and code that fits on a few screens.
    """
    assert 3 <= len(rows(name, 4))
    assert Page.load(EXAMPLES / name).sources[0].read_text().count("\n") <= 250


def test_every_wrong_line_stands_in_a_page():
    """
    And every page's is tried.
    """
    assert set(WRONG) == {row[0] for name in NAMES for row in rows(name, 5)}


def test_the_views_know_the_factorys_slot(examples):
    """
    What lies in it is told as of the others.
    """
    player = UpdatePlayer(firmware=examples[True]["factory"].page.folder)

    assert ["factory app", "factory files"] == [name for name, _ in player.scenario.device.board.owners()][-2:]
    assert "updated" == player.end
    assert "factory" in str(layout_svg(player.scenario.device.board, None))

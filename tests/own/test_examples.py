"""What the page of each example says of its code is so, and a single wrong line is found."""

import pytest
from own_code import EXAMPLES, example, needs_cc

from otalab.graph.check import check_design
from otalab.own.code import CodeFirmware
from otalab.own.page import Page
from otalab.views.player.widget import UpdatePlayer
from otalab.views.report.svg import layout_svg

pytestmark = needs_cc
NAMES = sorted(one.parent.name for one in EXAMPLES.glob("*/firmware.toml"))
# Changes of one line, in the words of the pages.
WRONG = {
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
    folder = tmp_path_factory.mktemp("examples")
    return {name: example(folder, name) for name in NAMES}


@pytest.mark.parametrize(("name", "row"), of_pages(4))
def test_its_verdict_is_that_of_its_page(examples, name, row):
    """
    A safe one by a closed graph, an unsafe one with so many cuts.
    """
    faults, image, verdict, cuts = row
    graph = checked(examples[name], faults, image, whole=verdict == "safe").graph

    assert verdict == graph.verdict
    assert cuts == (str(len(graph.counterexample.cuts)) if graph.counterexample else "")


@pytest.mark.parametrize(("name", "row"), of_pages(5))
def test_a_wrong_line_is_found(tmp_path, name, row):
    """
    With the end and the cuts that the page tells of.
    """
    change, faults, image, end, cuts = row
    folder = example(tmp_path, name).page.folder
    source, (old, new) = (folder / "loader.c").read_text(), WRONG[change]
    assert 1 == source.count(old)
    (folder / "loader.c").write_text(source.replace(old, new))
    bad = checked(CodeFirmware(Page.load(folder)), faults, image, whole=False).graph.counterexample

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
    player = UpdatePlayer(firmware=examples["factory"].page.folder)

    assert ["factory app", "factory files"] == [name for name, _ in player.scenario.device.board.owners()][-2:]
    assert "updated" == player.end
    assert "factory" in str(layout_svg(player.scenario.device.board, None))

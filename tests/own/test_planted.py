"""Faults that people make in C, planted one by one into a boot loader that is safe: each is found."""

import pytest
from own_code import needs_cc, written
from planted import PLANTED, RECORDS, SOURCE, found_plainly, planted

from otalab.errors import BadInput
from otalab.graph.check import check_design
from otalab.own.code import CodeFirmware
from otalab.own.page import Page

pytestmark = [needs_cc, pytest.mark.slow]
BUDGET = 150


@pytest.mark.parametrize("what", PLANTED)
def test_plain_enumeration_finds_the_same(tmp_path, what):
    """
    The same end with as many cuts, on a chip of a handful of sectors, every wreck a state of its own.
    """
    assert PLANTED[what][3:5] == found_plainly(tmp_path, what)


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

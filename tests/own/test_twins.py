"""Designs written in C are those designs."""

import pytest
from deep import latin
from own_code import needs_cc

from benchmarks.twins import TWINS, compiled, facts
from otalab import set_up
from otalab.bench.trace import life
from otalab.faults.models import FAULTS
from otalab.firmware.image import TEMPERS
from otalab.graph.check import check_design
from otalab.hardware.effects import Erase, Program

pytestmark = needs_cc
QUICK = {(name, "atomic", image) for name in TWINS for image in TEMPERS}
CELLS = [
    pytest.param(*cell.values, marks=cell.marks if cell.values in QUICK else (pytest.mark.slow, *cell.marks))
    for cell in latin(TWINS, FAULTS, TEMPERS, always=QUICK)
    # Every tear of every bit is a run of the program; which image it is that hangs afterwards, the other models ask.
    if cell.values[1] != "torn-bits" or cell.values[2] == "flaky"
]
BUDGET = 120
FEWER = 40  # of torn bits, where a node has thousands of wrecks


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twins")
    return {name: compiled(name, folder) for name in TWINS}


def writes(lived):
    """
    Return what a life does to flash, run by run, with the phases.

    A record that is erased before a download is of that to a design, and of the switch to code: only its place tells.
    """
    kept = [[step for step in run.steps if isinstance(step.effect, Erase | Program)] for run in lived.runs]
    records = [lived.board.geometry.sector_at(area.address) for area in lived.board.records]
    cleared = {("download", Erase(sector)) for sector in records}
    return [
        [("switch" if (step.phase, step.effect) in cleared else step.phase, step.effect) for step in steps]
        for steps in kept
    ]


@pytest.mark.parametrize("board", ["tiny", "lab-1M", "esp8266-4M"])
@pytest.mark.parametrize("name", TWINS)
def test_it_writes_what_the_design_writes(twins, name, board):
    """
    Effect by effect, in the same phases, on the same contents, with the same outcome.
    """
    design, own = (set_up(one, board) for one in (TWINS[name], twins[name]))
    lived, alike = life(design), life(own)

    assert design.flash == own.flash
    assert writes(lived) == writes(alike)
    assert (lived.last.outcome, lived.last.flash) == (alike.last.outcome, alike.last.flash)


@pytest.mark.parametrize(("name", "faults", "image"), CELLS)
def test_its_verdict_is_the_designs(twins, name, faults, image):
    """
    Verdict, ends, number of cuts, and as many states: of those two the lab can tell nothing apart.

    As many wrecks as well, where the search came to its end: where it was broken off, what each reads decides how far
    it had come.
    """
    cells = [
        check_design(one, faults, image, "tiny", budget=FEWER if faults == "torn-bits" else BUDGET)
        for one in (TWINS[name], twins[name])
    ]

    assert facts(cells[0]) == facts(cells[1])

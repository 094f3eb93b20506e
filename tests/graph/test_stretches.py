"""Of code, the bytes that it looks at decide, and no others of their sectors."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from plain import Thin, enumerate_plainly, mini

from otalab import set_up
from otalab.faults.models import SIX, fault_model
from otalab.graph.coverage import obstacle
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.history import ending, play
from otalab.graph.partial import PartialGraph
from otalab.graph.stretches import MOST_GROWTHS, WHOLE, Stretches
from otalab.hardware.chip import Look, Stretch
from otalab.numbers.rates import Rates
from otalab.numbers.risk import Weighed
from otalab.own.code import CodeFirmware
from otalab.own.page import Page

# It starts what the first of a few bytes says that is neither blank nor zero, and now and then mends the record.
LOADER = """
def ota_boot():
    for place in {places}:
        found = ota.read(ota.RECORD_0 + place, 2)
        if found == bytes([{mends}, {mends}]):
            yield from ota.program(ota.RECORD_0 + place, bytes(2))
        if found[0] not in (0, 255):
            return ota.SLOT_1 if found[0] & 1 else ota.SLOT_0
    return ota.SLOT_0 if {kind} else 0

def ota_factory(image):
    yield from ota.program(ota.RECORD_0, bytes({before}))

def ota_update():
    image = yield from ota.offer()
    data = yield from ota.download(ota.APPLICATION, 0, image.size)
    yield from ota.erase(ota.SLOT_1, ota.SLOT_SIZE)
    for at in range(0, image.size, ota.PAGE_SIZE):
        yield from ota.program(ota.SLOT_1 + at, data[at:at + ota.PAGE_SIZE])
    yield from ota.erase(ota.RECORD_0, ota.SECTOR_SIZE)
    yield from ota.program(ota.RECORD_0, bytes({after}))
    return 0
"""
SIZE = 12


@dataclass(frozen=True)
class Local(Thin):
    """Tears that act on each byte by itself, as those of the lab's six models do."""

    members = ("torn-erase",)


def loaded(folder, **how):
    """A scenario of code in Python, on a chip of a handful of sectors."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "loader.py").write_text(LOADER.format(**how))
    (folder / "firmware.toml").write_text('name = "mine"\nsources = ["loader.py"]\n')
    return set_up(CodeFirmware(Page.load(folder)), mini(), app_size=100)


def explored(scenario, faults):
    explorer = Explorer(scenario, faults, verdict_only=True)
    explorer.explore()
    return explorer


places = st.lists(st.integers(0, SIZE - 2), min_size=1, max_size=4)
old = st.lists(st.integers(0, 127).map(lambda half: 2 * half), min_size=SIZE, max_size=SIZE)
new = st.lists(st.integers(0, 255), min_size=SIZE, max_size=SIZE)
sizes = st.lists(st.integers(1, SIZE), max_size=3).map(tuple)
LOADERS = st.fixed_dictionaries(
    {"places": places, "before": old, "after": new, "kind": st.booleans(), "mends": st.integers(1, 3)}
)


@pytest.mark.slow
@tuned(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(how=LOADERS, prefixes=sizes, fronts=sizes, zeros=sizes)
def test_it_finds_what_plain_enumeration_finds(tmp_path, how, prefixes, fronts, zeros):
    """Same ends, same shortest histories; each is played on plain contents."""
    scenario = loaded(tmp_path, **how)
    faults = Local(prefixes=prefixes, fronts=fronts, zeros=zeros)
    graph = graph_of(explored(scenario, faults))
    found = {end: history.order for end, history in graph.histories.items() if history.order[0] <= 1}

    assert graph.closed
    assert enumerate_plainly(scenario, faults, 1) == found


def test_what_is_not_looked_at_opens_no_graph(tmp_path):
    """Thousands of tears of a record of which four bytes are read: each history that ends badly plays, as it says."""
    scenario = loaded(tmp_path, places=[0, 4], before=[6] * SIZE, after=[7] * SIZE, kind=False, mends=1)
    faults = fault_model("all")
    explorer = explored(scenario, faults)
    graph = graph_of(explorer)

    assert graph.closed and graph.wrecks > 1000
    assert graph.nodes < 200  # tears of bits of the four bytes, and little else
    assert {"bricked", "updated"} <= set(graph.ends)
    for end, history in graph.histories.items():
        assert end == ending(scenario, list(play(scenario, faults, history.legs))).name


@pytest.mark.parametrize(
    "faults", [pytest.param(name, marks=pytest.mark.slow) if name == "torn-bits" else name for name in sorted(SIX)]
)
def test_what_is_not_looked_at_changes_no_probability(tmp_path, faults):
    """Each of the six weighs a tear by where the effect broke off, and never by what lies there."""
    model = fault_model(faults)
    scenario = loaded(tmp_path, places=[0], before=[6] * SIZE, after=[7] * SIZE, kind=False, mends=1)
    weighed = {}
    for by_stretches in (False, True):
        explorer = Explorer(scenario, model, by_stretches=by_stretches)
        explorer.explore()
        weighed[by_stretches] = Weighed(graph_of(explorer), Rates(3600.0), model.shares)
    whole, looked_at = weighed[False], weighed[True]

    assert whole.graph.closed and looked_at.graph.closed
    assert looked_at.graph.nodes <= whole.graph.nodes
    assert looked_at.ends["bricked"] > 0
    assert looked_at.ends == pytest.approx(whole.ends, rel=1e-12, abs=0)


COUNTS = """
def ota_boot():
    number = int.from_bytes(ota.read(ota.RECORD_0, 4), "little")
    yield from ota.erase(ota.RECORD_0, ota.SECTOR_SIZE)
    yield from ota.program(ota.RECORD_0, (number + 1).to_bytes(4, "little"))
    return ota.SLOT_0

def ota_factory(image):
    yield from ota.program(ota.RECORD_0, bytes(4))
"""


def test_an_open_cell_of_code_says_what_a_record_page_would_do(tmp_path):
    """A number that counts on for ever closes nothing, where nobody says that it is one."""
    (tmp_path / "loader.py").write_text(COUNTS)
    (tmp_path / "firmware.toml").write_text('name = "mine"\nsources = ["loader.py"]\n')
    scenario = set_up(str(tmp_path / "firmware.toml"), "tiny", app_size=100)
    explorer = Explorer(scenario, fault_model("atomic"), budget=20)
    explorer.explore()

    assert not explorer.closed
    assert (
        "different contents of sector 1 (record 0) in 20 nodes; its page does not say how its records are, and a "
        in (obstacle(explorer, explorer.nodes))
    )


def test_stretches_are_told_apart_by_what_they_hold():
    """A whole sector by all of it, one that nobody looked at as well; what is learnt later makes that wrong."""
    known = Stretches(known=True)
    known.learn([Stretch(1, 0, 2), Stretch(1, 2, 3), Stretch(1, 6, 7)], [2])

    assert known.of(1, b"abcdefgh") == known.of(1, b"abcDEFgH") == b"abcg"
    assert (b"abcdefgh", b"abcdefgh") == (known.of(2, b"abcdefgh"), known.of(3, b"abcdefgh"))
    known.learn([Stretch(1, 1, 3)], [])
    assert not known.stale
    known.learn([Stretch(1, 7, 8)], [])
    assert known.stale
    known.renew()
    assert b"abcgh" == known.of(1, b"abcdefgh")


def test_who_looks_elsewhere_each_time_looks_everywhere_in_the_end():
    """So that every search comes to its end."""
    known = Stretches(known=True)
    for at in range(MOST_GROWTHS + 2):  # of which the first is no growth
        known.of(0, bytes(100))
        known.learn([Stretch(0, 2 * at, 2 * at + 1)], [])
        known.renew()

    assert not known.known
    assert bytes(100) == known.of(0, bytes(100))


@pytest.mark.parametrize("faults", ["unstable", "all"])
def test_a_tear_that_looks_at_all_bytes_keeps_them_apart(tmp_path, faults):
    """Of what may read otherwise later, the last bit that is pending decides: that is no matter of one byte."""
    scenario = loaded(tmp_path, places=[0], before=[6] * SIZE, after=[7] * SIZE, kind=True, mends=1)
    explorer = Explorer(scenario, fault_model(faults), verdict_only=True)

    assert (faults == "all") is explorer.identity.stretches.known
    assert not PartialGraph(scenario, fault_model(faults)).identity.stretches.known
    seen = explorer.identity.key(scenario.flash, Look(scenario.device.board.records[0].address // 256, raw=True))
    assert (2 if faults == "all" else 256) == len(seen)
    assert WHOLE == (0, -1)

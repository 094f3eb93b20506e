"""The crash graph to look around in: driven without a browser, its words are those of the firmware."""

import re
from functools import cache

import numpy as np
import pytest
from graphs import resetting, retry

from otalab.errors import BadInput
from otalab.graph.check import check_design
from otalab.graph.explorer import Explorer
from otalab.graph.history import play
from otalab.numbers.risk import Weighed
from otalab.numbers.study import study
from otalab.views.figures.graph import edge_table
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.wrecks import Wrecks


@cache
def cell(design, faults, image="healthy", budget=60):
    return check_design(design, faults, image, "tiny", app_size=3000, budget=budget)


@pytest.fixture
def view():
    return CrashGraphView(cell("single-record", "atomic"))


def test_a_node_that_is_opened_says_how_a_device_comes_there(view):
    """
    Node, cuts and words follow each other, and the call-back hears the cuts.
    """
    heard = []
    view = CrashGraphView(cell("single-record", "atomic"), on_open=heard.append)

    assert [[0, 136, "after"]] == view.goto(2) == view.history == heard[0]
    assert 2 == view.node == view.words["node"]
    assert [""] == view.choices
    assert "Left in peace: bricked; no valid boot record." == view.words["lines"][-1]


def test_setting_the_node_moves_and_calls_nobody():
    """
    The trait is a position; only a hand, or `goto`, opens.
    """
    heard = []
    view = CrashGraphView(cell("single-record", "atomic"), on_open=heard.append)

    view.node = 6

    assert 2 == len(view.history) and [] == heard
    view.node = None
    assert [] == view.history


def test_a_node_that_does_not_exist_is_refused(view):
    """
    From Python as an error, from the browser in one line; the position stays.
    """
    view.node = 1
    with pytest.raises(BadInput, match="nodes 0 to 7"):
        view.node = 8
    view._asked(None, {"open": 99}, None)

    assert "node 99 does not exist: the graph has nodes 0 to 7" == view.problem
    assert 1 == view.node


def test_the_browser_asks_for_words(view):
    """
    Looking at a node does not open it.
    """
    view._asked(None, {"tell": 3}, None)

    assert 3 == view.words["node"] and view.node is None


@pytest.mark.parametrize("design, faults, image", [
    pytest.param("single-record", "all", "healthy", marks=pytest.mark.slow),
    pytest.param("hardened", "unstable", "healthy", marks=pytest.mark.slow), ("mongoose", "torn-program", "healthy"),
    ("hardened-plus", "torn-erase", "flaky:0.3"),
])  # fmt: skip
def test_every_node_is_reached_by_its_history(design, faults, image):
    """
    Played on plain contents, leg by leg or at once, a history leaves what the view speaks of.
    """
    one = cell(design, faults, image, budget=40)
    wrecks = Wrecks(one.scenario, one.faults, one.graph)

    for node in range(one.graph.nodes):
        legs = wrecks.legs(node)
        left = list(play(one.scenario, one.faults, legs))
        assert (left[-1].flash if left else one.scenario.flash) == wrecks.flash(node)


def test_what_is_left_is_what_the_search_found():
    """
    Where no two contents are merged, the contents of all nodes are those that the search met.
    """
    one = cell("single-record", "atomic")
    explorer = Explorer(one.scenario, one.faults)
    explorer.explore()
    wrecks = Wrecks(one.scenario, one.faults, one.graph)

    contents = {node.flash for node in explorer.nodes}

    assert contents == {wrecks.flash(node) for node in range(one.graph.nodes)}


def test_words_name_the_cut_the_records_the_slots_and_the_end():
    """
    A torn record of the published design: one byte of it is there, and it counts.
    """
    one = cell("mongoose", "torn-program", budget=40)

    words = Wrecks(one.scenario, one.faults, one.graph).words(2)

    cut, old, new, why, *rest = words
    assert "Cut 1 falls in the program of 80 bytes at 0x2000, record 1 (switch; run 0, effect 137)" in cut
    assert cut.endswith(", which leaves: prefix-1.")
    assert "Record 0 does not count: sequencer 2**64-2, slot 0, committed." == old
    assert new.startswith("Record 1 counts: sequencer 2**64-3, slot 255, committed, though its last 79 of 80 bytes")
    assert why.startswith("Record 1 counts: its sequencer 2**64-3 is smaller than 2**64-2")
    assert [
        "Slot 0: version 1, whole, its files too.",
        "Slot 1: version 2, whole, its files too.",
        "Left in peace: bricked; the boot record names slot 255, which this board does not have.",
    ] == rest


@pytest.mark.slow
def test_words_tell_a_slot_that_was_begun_and_a_sector_that_is_marked():
    """
    Torn sectors are named, and so is what a single read cannot see.
    """
    one = cell("hardened", "unstable", budget=80)
    wrecks = Wrecks(one.scenario, one.faults, one.graph)
    marked = "Sector 11 (slot 1 app) is unstable: it may read otherwise."
    begun = re.compile(r"Slot 1: no whole image; .*begun or torn: sector 11\.")
    told = [words for words in map(wrecks.words, range(one.graph.nodes)) if marked in words]

    assert any(begun.search(line) for words in told for line in words)
    assert any(line.startswith("Left in peace, by chance 0.5: it resets itself") for words in told for line in words)


def test_every_edge_has_words(view):
    """
    They count the tears, and name the effects and their phases.
    """
    words = [edge["words"] for edge in view.edges]

    assert "Cut, node 0 to node 2: 2 tears of 1 erase, 1 program (switch); the first is effect 136, after." in words
    assert "Reset, node 0 to node 1: the device does it itself, no cut." in words
    assert cell("single-record", "atomic").graph.wrecks == sum(edge["tears"] for edge in view.edges)


def test_a_study_says_how_often_an_edge_is_taken():
    """
    The passages of all cuts together are the cuts that are expected.
    """
    one = study("single-record", "6/hour", board="tiny", faults="atomic")
    view = CrashGraphView(one)
    table = edge_table(one.graph, one.weighed.passages.tolist())

    cuts = table[table.kind == "cut"]
    assert one.weighed.expected()["cuts"] == pytest.approx(cuts.expected.sum(), rel=1e-12)
    assert all("Expected " in edge["words"] for edge in view.edges)


def test_passages_have_known_answers():
    """
    A cut at every try, and half of them deadly; a reset before every second run.
    """
    cut = 1 - np.exp(-1.0)
    visits = 1 / (1 - cut / 2)  # a device that lives begins again

    assert [visits * cut / 2] * 2 == pytest.approx(Weighed(retry(), 1.0).passages.tolist())
    # A reset is passed once for each time that the second run is begun, and that gets through with e^-0.2.
    assert np.exp(0.2) == pytest.approx(Weighed(resetting(), 0.1).passages[0])


def test_a_large_graph_is_shown_in_groups():
    """
    The groups count every node; a node of one is opened as any other; and it may be decided otherwise.
    """
    one = cell("mongoose", "torn-program", budget=100)
    view = CrashGraphView(one)

    assert [] == view.nodes == view.edges
    assert one.graph.nodes == sum(group["count"] for group in view.groups)
    bricked = next(group for group in view.groups if group["end"] == "bricked")
    assert [[0, 137, "prefix-1"]] == view.goto(bricked["nodes"][0])
    assert "not closed" in view.summary
    assert one.graph.nodes == len(CrashGraphView(one, grouped=False).nodes)


def test_each_node_has_a_place_of_its_own_and_a_name(view):
    """
    No two lie on each other, and what is read aloud names number, cuts and ends.
    """
    assert 8 == len({(node["x"], node["y"]) for node in view.nodes})
    assert "node 2, 1 cut, bricked" == view.nodes[2]["name"]
    assert all(round(node["x"]) == node["layer"] for node in view.nodes)


def test_the_player_opens_where_the_view_points():
    """
    With the cuts of a node it comes to the same contents, and to one of the ends of the node.
    """
    player = UpdatePlayer("single-record", "tiny", faults="atomic", app_size=3000)
    view = CrashGraphView(cell("single-record", "atomic"), on_open=lambda cuts: player.set_trait("cuts", cuts))

    for node in view.nodes:
        if view.goto(node["node"]):
            assert view.wrecks.flash(node["node"]) == player.flash
            assert player.end in node["ends"].split()

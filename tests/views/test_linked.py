"""Views that are linked stand at the same place: the player, the graph of what it plays, and the record lab."""

import pytest

from otalab.errors import BadInput
from otalab.firmware.store import codec
from otalab.graph.check import check_design
from otalab.views.linked import link
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab

CASES = [("single-record", "atomic", "healthy"), ("hardened", "torn-erase", "healthy"), ("mongoose", "atomic", "flaky")]


def views(design, faults, image):
    graph = CrashGraphView(check_design(design, faults, image, "tiny", budget=300, app_size=3000), grouped=False)
    return UpdatePlayer(design, "tiny", faults=faults, image=image, app_size=3000), graph


@pytest.mark.parametrize(("design", "faults", "image"), CASES)
def test_every_node_is_where_its_wreck_lies(design, faults, image):
    """
    A node that is opened takes the player to the cut that leaves it; a step on, its run begins, and the node stays.
    """
    player, graph = views(design, faults, image)
    link(player, graph)
    for node in graph.graph.legs_to:
        graph.goto(node)
        assert node == graph.node
        assert graph.history == player.cuts
        legs = graph.graph.legs_to[node]
        if legs and legs[-1].step is not None:
            assert graph.wrecks.flash(node) == player.flash
        player.goto((len(legs), 0))
        assert node == graph.node
    player.step = 0
    assert 0 == graph.node


def test_a_cut_by_hand_is_a_node_of_the_graph():
    """
    And taking it back leads back.
    """
    player, graph = views("single-record", "atomic", "healthy")
    link(player, graph)
    player.goto("switch")
    player.cut("after")
    assert "bricked" == player.end
    assert "bricked" in next(one["ends"] for one in graph.nodes if one["node"] == graph.node)
    player.undo()
    assert 0 == graph.node


def test_a_tear_that_the_graph_has_under_another_name_is_no_node():
    """
    Nothing is open then: a guess would be a wrong place.
    """
    player, graph = views("hardened", "torn-program", "healthy")
    link(player, graph)
    player.goto("switch", 1)
    player.cut("prefix-20")
    assert "prefix-20" not in graph.graph.labels
    assert graph.node is None


def test_the_record_lab_shows_the_places_at_the_step():
    """
    Their bytes, and the same one counts.
    """
    player = UpdatePlayer("hardened", "tiny")
    lab = SequencerLab("hardened")
    link(player, records=lab)
    for place in (0, ("switch", 1), "commit", "end"):
        player.goto(*place) if isinstance(place, tuple) else player.goto(place) if place else setattr(player, "step", 0)
        board, size = player.scenario.device.board, codec(player.scenario.device.design).size
        assert [player.flash.read(record.address, size) for record in board.records] == [lab.first, lab.second]
        assert player.records["selected"] == lab.selected


def test_whoever_is_unlinked_goes_its_own_way():
    """
    In both directions.
    """
    player, graph = views("single-record", "atomic", "healthy")
    linked = link(player, graph)
    graph.goto(2)
    cuts = player.cuts
    linked.unlink()
    graph.goto(0)
    assert cuts == player.cuts
    player.step = 0
    player.cuts = []
    assert 0 == graph.node


def test_what_does_not_belong_together_is_one_line():
    """
    Another design, another fault model, records without a number, and nothing at all.
    """
    player, graph = views("single-record", "atomic", "healthy")
    with pytest.raises(BadInput, match="something else"):
        link(UpdatePlayer("hardened", "tiny", app_size=3000), graph)
    with pytest.raises(BadInput, match="something else"):
        link(UpdatePlayer("single-record", "tiny", faults="torn-erase", app_size=3000), graph)
    with pytest.raises(BadInput, match="two numbered records"):
        link(player, records=SequencerLab())
    with pytest.raises(BadInput, match="nothing to link"):
        link(player)
    other = CrashGraphView(check_design("single-record", "atomic", board="tiny", budget=300))
    with pytest.raises(BadInput, match="something else"):
        link(player, other)

"""Menus: whatever stands in one can be chosen, and the default is one of them."""

import pytest

from otalab import check_design
from otalab.bench.ends import ENDS
from otalab.faults.models import FAULTS
from otalab.firmware.catalogue import designs
from otalab.firmware.image import TEMPERS
from otalab.hardware.board import boards
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.dashboard import CampaignDashboard
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab

DASHBOARD = CampaignDashboard()
MENUS = [(name, value) for name, values in DASHBOARD.choices.items() for value in values]


@pytest.mark.parametrize("name, value", MENUS, ids=str)
def test_what_the_dashboard_lists_can_be_chosen(name, value):
    """
    It is taken, and if it cannot be run with the rest as it stands, a line says why.
    """
    board = CampaignDashboard()
    assert f"{getattr(board, name)}" in board.choices[name]

    setattr(board, name, value)

    assert value == getattr(board, name)
    assert not board.problem or name == "part"


def test_every_part_on_the_list_says_what_it_lacks():
    """
    None is unknown: at worst its data sheet has no times, or it is too small for the board.
    """
    for value in DASHBOARD.choices["part"]:
        DASHBOARD.part = value
        assert not DASHBOARD.problem or value in DASHBOARD.problem
        assert "unknown" not in DASHBOARD.problem


@pytest.mark.parametrize("faults", FAULTS)
def test_the_player_offers_the_tears_of_every_fault_model(faults):
    """
    In an erase, where each of them has something to leave.
    """
    player = UpdatePlayer("hardened", "tiny")
    player.goto("switch")

    player.faults = faults
    shown = player.cut_here()

    assert faults == shown["faults"]
    assert shown["models"] == list(FAULTS)
    for row in shown["classes"]:
        for label in row["labels"]:
            player.goto("switch")
            player.cut(label)
            assert label == player.cuts[-1][2]


def test_every_design_of_the_sequencer_lab_can_be_chosen():
    """
    One after the other, and each says which record counts.
    """
    lab = SequencerLab()
    for design in lab.designs:
        lab.design = design
        assert design == lab.design
        assert lab.reason.startswith(("Record ", "No record counts"))


@pytest.mark.parametrize("temper", CommitTimerLab().tempers)
def test_every_design_of_the_commit_timer_lab_can_be_chosen_with_every_image(temper):
    """
    The race is run anew, and its sentence names the end.
    """
    lab = CommitTimerLab(temper=temper)
    for design in lab.designs:
        lab.design = design
        assert (design, temper) == (lab.design, lab.temper)
        assert design == lab.scenario.device.firmware.name
        assert lab.race.end.name == lab.end
        assert lab.bars
        assert f": {lab.end}, " in lab.outcome


def test_the_labs_offer_every_design_and_every_image():
    """
    What the catalogue has stands in the menus.
    """
    assert [*designs()] == CommitTimerLab().designs == DASHBOARD.choices["design"]
    assert {*TEMPERS} == {temper.partition(":")[0] for temper in CommitTimerLab().tempers}


@pytest.mark.slow
@pytest.mark.parametrize("trait, values", [("design", designs()), ("image", TEMPERS[::-1]), ("board", boards())])
def test_whatever_the_player_can_play_it_plays(trait, values):
    """
    One after the other on the same player: each begins anew, and ends as the firmware does.
    """
    player = UpdatePlayer("hardened", "tiny")
    for value in values:
        player.goto("end")
        setattr(player, trait, value)
        assert value == getattr(player, trait)
        assert value in player.caption
        assert 0 == player.step
        assert player.end in ENDS
        assert player.why.startswith(("Record ", "No record counts"))


@pytest.mark.parametrize("design", designs())
def test_every_node_of_a_view_can_be_opened(design):
    """
    For every design: by hand, each says what a power-on finds there, and its history leads there.
    """
    view = CrashGraphView(check_design(design, "atomic", board="tiny", budget=30), grouped=False)
    for row in view.nodes:
        assert view.goto(row["node"]) == view.history
        assert row["node"] == view.node == view.words["node"]
        assert view.words["lines"]
        assert row["layer"] == len(view.history)
        assert not view.problem

"""Menus: whatever stands in one can be chosen, and the default is one of them."""

import pytest

from otalab.faults.models import FAULTS
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.dashboard import CampaignDashboard
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

"""How cuts end, below the time line: what the graph says of a cut is what happens to whoever makes it."""

from functools import cache

import pytest

from otalab.errors import BadInput
from otalab.graph.check import check_design
from otalab.views.player.cut_ends import NO_EFFECT, NOT_KNOWN, RANKS
from otalab.views.player.widget import UpdatePlayer

CELLS = [
    ("hardened", "all", "tiny"),
    ("single-record", "torn-erase", "tiny"),
    ("in-place", "atomic", "tiny"),
    pytest.param(("hardened", "atomic", "esp8266-4M"), marks=pytest.mark.slow),
    ("hardened", "atomic", "lab-1M"),
]
SMALL = {"app_size": 500}


@cache
def a_cell(design, faults, board):
    return check_design(design, faults, board=board, **SMALL)


def a_player(design, faults, board):
    player = UpdatePlayer(design, board, faults=faults, **SMALL)
    player.foresee(a_cell(design, faults, board))
    return player


def rows_at(player, position):
    """
    What is told of a position: end, at worst, words, labels.
    """
    pattern = player.cut_ends["at"][position]
    return player.cut_ends["patterns"][pattern] if pattern >= 0 else []


@pytest.mark.parametrize("named", CELLS)
def test_a_cut_ends_as_the_strip_says(named):
    """Each first tear of a class, in effects all along the life, and in those of the run after it."""
    player = a_player(*named)
    ahead = [position for position in range(len(player.life)) if rows_at(player, position)]
    assert {player.cut_ends["at"][position] for position in range(len(player.life)) if position not in ahead} <= {
        NO_EFFECT
    }
    for position in ahead[:: max(1, len(ahead) // 8)]:
        for end, worst, _, labels in rows_at(player, position):
            player.step = position
            player.cut(labels[0])
            assert end == player.end, (position, labels[0])
            assert RANKS.index(worst) <= RANKS.index(end)
            again = [later for later in range(player.step + 1, len(player.life)) if rows_at(player, later)]
            if again:
                later = again[len(again) // 2]
                (end_then, worst_then, _, others), *_ = rows_at(player, later)
                player.step = later
                player.cut(others[0])
                assert end_then == player.end, (position, later, others[0])
                assert RANKS.index(worst) <= RANKS.index(worst_then)
            player.cuts = []


def test_a_tear_that_names_no_class_leaves_what_follows_unknown():
    """The graph keeps of each class the first tear alone; that one is known, and so is a cut whose tears end alike."""
    player = a_player("single-record", "torn-erase", "tiny")
    player.goto("switch")
    labels = [label for *_, few in rows_at(player, player.step) for label in few]
    listed = [label for one in player.cut_here()["classes"] for label in one["labels"] if label not in labels]
    assert len(rows_at(player, player.step)) > 1 and listed

    player.cut(labels[0])
    assert NOT_KNOWN not in player.cut_ends["at"]
    player.cuts = []
    player.goto("switch")
    player.cut(listed[0])
    at, first = player.cut_ends["at"], player.life.starts[1]
    assert {NOT_KNOWN} >= {*at[first:]} - {NO_EFFECT}
    assert NOT_KNOWN not in at[:first]


def test_what_is_not_closed_is_not_known():
    """Neither an end nor a colour is told."""
    cell = check_design("mongoose", "all", board="tiny", budget=20, **SMALL)
    player = UpdatePlayer("mongoose", "tiny", **SMALL)
    player.foresee(cell)

    assert {"problem": "not known: the crash graph is not closed, its search has run out of nodes"} == player.cut_ends


def test_it_is_asked_for_and_is_of_what_is_played():
    """Nothing before; another cell is refused; what is played next is not known until asked for; displays have it."""
    player = UpdatePlayer("single-record", "tiny", faults="torn-erase", **SMALL)
    assert {} == player.cut_ends
    with pytest.raises(BadInput, match=r"the crash graph is of .*hardened"):
        player.foresee(a_cell("hardened", "all", "tiny"))
    player._asked(player, {"ask": "ends"}, [])
    assert ["bricked", "updated"] == [end for end in player.cut_ends["ends"] if end != "update-lost"]
    shown = player.display()
    assert player.cut_ends == shown.cut_ends
    player.step = 40
    player.cut("before")
    assert len(player.life) == len(player.cut_ends["at"])

    player.design = "hardened"
    assert {} == player.cut_ends
    assert player.foresee(seconds=60)["at"]


def test_a_search_has_so_long_and_no_longer():
    """Its time is a budget like any other."""
    player = UpdatePlayer("mongoose", "tiny", **SMALL)
    assert "seconds" in player.foresee(seconds=0.05)["problem"]

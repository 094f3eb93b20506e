"""Two players under the same cut: what is done to one is done to the other, and what cannot be is said."""

from itertools import permutations

import pytest

from otalab.errors import BadInput
from otalab.views.player.pair import PlayerPair
from otalab.views.player.same_place import same_position
from otalab.views.player.widget import UpdatePlayer

DESIGNS = ("mongoose", "hardened", "in-place", "single-record")


@pytest.fixture(scope="module")
def players():
    return {name: UpdatePlayer(name, "tiny", image="hangs") for name in DESIGNS}


def place_at(life, position):
    """
    Run, phase, and the number of the effect in that phase.
    """
    number, effect = life.at(position)
    step = life.step(position)
    if step is None:
        return number, None, 0
    return number, step.phase, sum(one.phase == step.phase for one in life.played[number].steps[:effect])


def place(player):
    """
    Where a player stands.
    """
    return place_at(player.life, player.step)


def test_the_published_design_dies_of_a_cut_that_the_hardened_one_survives():
    """
    On the board of the course, by the name of the other design; taken back, it is taken back in both.
    """
    left = UpdatePlayer("mongoose", "lab-1M", app_size=20_000)
    pair = left.beside("hardened")
    left.goto("switch", 1)
    assert place(left) == place(pair.right)
    left.cut("prefix-1")
    assert ("bricked", "updated", "") == (left.end, pair.right.end, pair.said)
    pair.right.undo()
    assert ([], []) == (left.cuts, pair.right.cuts)
    assert place(left) == place(pair.right)


@pytest.mark.parametrize(("one", "other"), [*permutations(DESIGNS, 2)])
def test_both_stand_at_the_same_place(players, one, other):
    """
    Step by step through an update and its rollback; wherever the other one has no such place, it is never ahead.
    """
    left, right = players[one].display(), players[other].display()
    PlayerPair(left, right)
    places = {place_at(right.life, position): position for position in range(len(right.life))}
    for step in range(0, len(left.life), 3):
        left.step = step
        assert right.step == places.get(place(left), right.step)
        assert place(right)[0] <= place(left)[0]
        assert right.step == same_position(left.life, right.life, step)


def test_what_a_hand_does_to_a_display_is_done_to_all_four():
    """
    Each player is a cell's and has a display in the pair.
    """
    left, right = UpdatePlayer("mongoose", "tiny"), UpdatePlayer("hardened", "tiny")
    pair = left.beside(right)
    shown = [*pair.children[1].children]
    shown[1]._asked(None, {"step": 160, "ask": "cut", "tear": "prefix-1"}, None)
    assert [[[0, 160, "prefix-1"]]] * 4 == [player.cuts for player in (left, right, *shown)]
    shown[0].step = 4
    assert [4] * 4 == [player.step for player in (left, right, *shown)]


def test_a_cut_that_one_does_not_have_is_said(players):
    """
    In the words of the report, with the run and the phase; the other stands uncut.
    """
    left, right = players["hardened"].display(), players["in-place"].display()
    pair = PlayerPair(left, right)
    left.goto("rollback")
    left.cut("cut")
    assert ([[1, left.life.at(left.step)[1], "cut"]], []) == (left.cuts, right.cuts)
    assert "in-place has no such cut in run 1: run 1 has no such effect in the phase rollback" == pair.said
    assert "<p role" in pair.children[0].value
    left.undo()
    assert "" == pair.said == pair.children[0].value


def test_whoever_has_no_kernel_sees_both():
    """
    One picture each, with its words.
    """
    pair = UpdatePlayer("mongoose", "tiny").beside("hardened")
    bundle = pair._repr_mimebundle_()
    assert 2 == bundle["text/html"].count("<figure")
    assert "mongoose on tiny" in bundle["text/plain"]
    assert "hardened on tiny" in bundle["text/plain"]


def test_a_design_that_does_not_exist_is_one_line():
    """
    And nothing is shown.
    """
    with pytest.raises(BadInput, match="did you mean hardened"):
        UpdatePlayer("mongoose", "tiny").beside("hardnd")

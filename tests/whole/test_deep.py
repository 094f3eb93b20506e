"""What a short run leaves out, and what it never does."""

from itertools import combinations, product

import pytest
from deep import latin, left_for_deep

AXES = ("abcde", "fghi", "jkl")


def short(cells):
    """
    Return the cells that are not deep.
    """
    return [cell.values for cell in cells if not cell.marks]


def test_every_two_values_meet_in_a_short_run():
    """
    Whichever the two axes; a third of the product, where its last axis has three values.
    """
    cells = latin(*AXES)

    assert [*product(*AXES)] == [cell.values for cell in cells]
    assert len(cells) / len(AXES[-1]) == len(short(cells))
    for one, other in combinations(range(len(AXES)), 2):
        met = {(cell[one], cell[other]) for cell in short(cells)}
        assert {*product(AXES[one], AXES[other])} == met


def test_what_is_named_is_always_looked_at():
    """
    Beside the Latin square.
    """
    assert {("a", "f", "k")} == {*short(latin(*AXES, always=[("a", "f", "k")]))} - {*short(latin(*AXES))}


@pytest.mark.parametrize("deep", [(), (0,), (1, 2), (0, 1, 2, 3)])
def test_a_law_is_never_left_out(deep):
    """
    Of cells that are all deep the first one stays.
    """

    class Cell:
        def __init__(self, number):
            self.nodeid, self.number = f"test_law[{number}]", number

        def get_closest_marker(self, _name):
            return self.number in deep or None

    cells = [Cell(number) for number in range(4)]
    left = left_for_deep(cells)

    assert [one for one in deep if len(deep) < 4 or one] == [cell.number for cell in left]

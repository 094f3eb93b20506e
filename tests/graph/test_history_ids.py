"""Ids of histories from somebody's hands: a part that is none is one line, whatever Python takes for a digit."""

import pytest

from otalab.errors import BadInput
from otalab.graph.history import Leg


@pytest.mark.parametrize(
    "text", ["-.².", "²", "-.٣.after", "", ".", "-.1", "1.2.3.4", "-.-1.after", "-." + "9" * 5000 + ".a", "--", "1-"]
)
def test_what_is_no_part_of_a_history_is_said(text):
    """And said shortly."""
    with pytest.raises(BadInput, match="is no part of a history") as refused:
        Leg.parse(text)
    assert 150 > len(str(refused.value))


@pytest.mark.parametrize("text", ["-", "0", "01", "-.0.", "-.137.prefix-1", "10.5.after"])
def test_a_part_is_read_and_written(text):
    """There and back."""
    assert text == Leg.parse(text).text

"""What people type, and what they read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.text import one_line, table, whole_number


@given(st.integers(-(10**40), 10**40))
def test_a_whole_number_is_read_to_its_last_digit(number):
    """
    Plain, with commas or underlines in groups of three, and also one too long for a float.
    """
    assert [number] * 3 == [whole_number(text) for text in (str(number), f"{number:,}", f"{number:_}")]


@given(st.integers(1, 9), st.integers(0, 60))
def test_a_power_of_ten_may_be_short(digit, power):
    """
    `1e6` is a million, exactly.
    """
    assert digit * 10**power == whole_number(f"{digit}e{power}") == whole_number(f" {digit}.0E+{power} ")


@pytest.mark.parametrize(
    "text", ["", "1.5", "1,5", "12,34", "1e-3", "nan", "inf", "1e999999999", "0x10", "ten", "1 2", "٣"]
)
def test_what_is_no_whole_number_is_refused(text):
    """
    A comma is no decimal point, and a power that nobody means is none.
    """
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        whole_number(text)


@given(st.text(), st.sampled_from(["\x1b[31m", "\n", "\r", "\x07", "\u202e", "\x9b", "\u2028"]), st.text())
def test_a_line_is_one_line_that_no_terminal_obeys(before, control, after):
    """
    Whatever somebody called his design; and what can be printed stays as it is.
    """
    assert one_line(before + control + after).isprintable()
    assert len(list(table(("name",), [(before + control + after,)]))) == 3
    assert "Grüße, 1.0" == one_line("Grüße, 1.0")

"""What people type, and what they read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.text import as_read, one_line, table, whole_number


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


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_with_three_digits_that_count(number):
    """
    Whatever its size: no long tail, no `e`, and what is read is what was meant, to half a per cent.
    """
    said = as_read(number)

    assert "e" not in said
    digits, _, power = said.replace(",", "").partition(" · 10")
    back = float(digits) * 10 ** float(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
    assert number == pytest.approx(back, rel=0.0051, abs=0.5 if abs(number) >= 999 else 0)
    assert len(digits.lstrip("-0.").replace(".", "")) <= 3 or abs(number) >= 999


def test_numbers_are_read_as_people_write_them():
    """
    A share, a time, a count, a risk.
    """
    read = {0.5: "0.5", 1.145443: "1.15", 100_000.0: "100,000", 9.458e-8: "9.46 · 10⁻⁸", 0.0: "0", -0.002: "-0.002"}

    assert [*read.values()] == [as_read(number) for number in read]
    assert "nan" == as_read(float("nan"))
    assert "inf" == as_read(float("inf"))

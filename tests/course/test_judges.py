"""Judges: whatever form a right answer has, it is right; what is nearly right is not."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from otalab import load_design
from otalab.course import check
from otalab.hardware.part import part

WINDOW = part("W25Q16JV").erase_seconds() + part("W25Q16JV").program_seconds(80)
MINE = replace(load_design("hardened"), name="mine")
# The page of notebook 10 with a second record: what its fold shows.
PAGE = replace(load_design("single-record"), name="page", records=2, write="once", image_check="none", trial="timer")


def a_rollout(first, high, *, stopped=False):
    return pd.DataFrame({"offered": [first, 100_000], "high": [high, high], "stopped": [stopped, False]})


# Three right forms, five wrong answers.
ANSWERS = {
    "00.1": ([128, 128.0, np.int64(128)], [127, 129, 140, 0, 12]),
    "00.2": ([9, np.int64(10), 79], [1, 8, 80, 0, 255]),
    "01.1": (
        [lambda old, new: old & new == new, lambda old, new: not new & ~old, lambda old, new: int(old | new == old)],
        [lambda old, new: new <= old, lambda old, new: True, lambda old, new: old == new, lambda old, new: old & new,
         lambda old, new: old & new == old],
    ),
    "01.2": ([WINDOW, float(np.round(WINDOW, 4)), Fraction(WINDOW)], [WINDOW * 1000, 0.0004, 0.045 / 2, 1.0, -WINDOW]),
    "06.1": ([2_995_731, 2_995_732.0, np.int64(3_000_000)], [2_995_730, 1_000_000, 10**9, 0, 3]),
    "07.2": (
        [a_rollout(37_000, 9.97e-5), a_rollout(36_888, 1e-4), a_rollout(40_000, 9.2e-5)],
        [a_rollout(1_000, 3.7e-3, stopped=True), a_rollout(1_000, 3.7e-3), a_rollout(60_000, 6e-5),
         a_rollout(30_000, 1.2e-4), a_rollout(100_000, 3.7e-5)],
    ),
    "07.3": ([7.1, Fraction(71, 10), np.float64(6.9)], [0.14, 2, 60, 1, 9]),
    "08.1": (["none", "none\n".strip(), np.str_("none")], [None, "commit", "switch", "None of them", ""]),
    "08.2": (["Invalid CRC", "400 Invalid CRC\n", "-1 Invalid CRC"], ["", "ok", None, "Invalid signature", "CRC"]),
    "08.3": (
        [["Begun", "Committed", "Begun", "Committed"], ["Committed"] * 2, ("Committed", "Committed")],
        [[], ["Committed"], ["Committed"] * 3, ["Begun", "Begun"], "Committed"],
    ),
    "09.1": ([1, 1.0, np.int64(1)] , [0, 2, "1", None, -1]),
    "10.2": (
        [replace(MINE, guard="crc16"), replace(load_design("mongoose"), name="own", guard="crc16"),
         PAGE],
        [load_design("hardened"), MINE, replace(load_design("single-record"), name="other"), "mine.toml", None],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("number", "answer"), [(name, one) for name, (right, _) in ANSWERS.items() for one in right])
def test_a_right_answer_is_right_in_any_form(number, answer):
    """
    A number may be of any kind, a list a tuple, a rule written as one likes.
    """
    assert check(number, answer), check(number, answer)


@pytest.mark.parametrize(("number", "answer"), [(name, one) for name, (_, wrong) in ANSWERS.items() for one in wrong])
def test_a_wrong_answer_is_not_yet_right(number, answer):
    """
    Off by one, of another rule, of another unit, under another name.
    """
    assert not check(number, answer)


def test_each_has_three_and_five():
    """
    The table is what it says.
    """
    assert {(3, 5)} == {(len(right), len(wrong)) for right, wrong in ANSWERS.values()}

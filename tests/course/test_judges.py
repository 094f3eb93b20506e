"""Judges: whatever form a right answer has, it is right; what is nearly right is not."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from course import typed_in
from own_code import needs_cc

from otalab import check_design, load_design, set_up
from otalab.course import check
from otalab.course.exercises import EXERCISES
from otalab.errors import BadInput
from otalab.hardware.part import part
from otalab.numbers.study import study
from otalab.own.typed import edited
from otalab.views.player import UpdatePlayer
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.sequencer import SequencerLab

WINDOW = part("W25Q16JV").erase_seconds() + part("W25Q16JV").program_seconds(80)
MINE = replace(load_design("hardened"), name="mine")
# The page of notebook 10 with a second record: what its fold shows.
PAGE = replace(load_design("single-record"), name="page", records=2, write="once", image_check="none", trial="timer")


def a_rollout(first, high, *, stopped=False):
    return pd.DataFrame({"offered": [first, 100_000], "high": [high, high], "stopped": [stopped, False]})


@dataclass(frozen=True)
class Made:
    """
    An answer that takes a while to make.
    """

    by: object
    what: tuple = ()
    more: tuple = ()

    def __repr__(self):
        return f"{self.what}, {dict(self.more)}"

    def made(self):
        return self.by(*self.what, **dict(self.more))


def cut(design, *cuts, **more):
    return Made(UpdatePlayer, (design, "tiny"), (("cuts", [list(one) for one in cuts]), *more.items()))


def moved(design, *moves):
    """
    The lab of records after some moves, each with its arguments.
    """

    def lab():
        opened = SequencerLab(design)
        for name, *words in moves:
            getattr(opened, name)(*words)
        return opened

    return Made(lab)


def race(seconds, **more):
    return Made(CommitTimerLab, (), (("health_seconds", seconds), *more.items()))


def lamp(**changes):
    """
    The study of notebooks 06 and 07, and what was changed of its design or of itself.
    """

    def weighed(design=None, **own):
        one = study("single-record", "bismark-developed", board="tiny", faults="atomic")
        return replace(one, design=replace(one.design, name="mine", **design) if design else one.design, **own)

    return Made(weighed, (), tuple(changes.items()))


def changed(name, **choices):
    return replace(load_design(name), name="mine", **choices)


CLEAR = "        ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);\n"
DONE = "        ota_program(OTA_RECORD_0, (uint32_t[]){0}, 4);\n"
NOTED, APP, FILES = (
    f"{line}\n"
    for line in (
        "    if (note == COPY) {",
        "        copied(OTA_SLOT_1, OTA_SLOT_0, OTA_SLOT_SIZE);",
        "        copied(OTA_FILES_1, OTA_FILES_0, OTA_FILES_SIZE);",
    )
)
WHOLE = NOTED + CLEAR + APP + FILES


def copier(*lines):
    """
    The loader of exercise 11.1, with other lines where it copies.
    """
    return Made(lambda: edited(typed_in("11", "copier"), "mine", (WHOLE, "".join(lines))))


def of_code(name, *asked):
    """
    What was found of the loader of a cell of notebook 11, or of a design.
    """
    return Made(lambda: check_design(typed_in("11", name), *asked, board="tiny", budget=60))


WITHOUT_TRY = changed("mongoose", guard="crc32")
BESIDE = {"record": "complete", "guard": "crc32", "placing": "beside"}

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
    "02.1": (
        [cut("mongoose", (0, 160, "prefix-1")), cut("mongoose", (0, 160, "prefix-1"), faults="torn-program"),
         cut("mongoose", (0, 160, "prefix-1"), part="SST26VF064B")],
        [cut("mongoose"), cut("mongoose", (0, 160, "before")), cut("mongoose", (0, 160, "prefix-9")),
         cut("hardened", (0, 160, "prefix-20")), cut("mongoose", (0, 160, "prefix-1"), image="hangs")],
    ),
    "02.2": (
        [cut("hardened", (1, 3, "cut")), cut("hardened", (1, 1, "after")), cut("hardened", (1, 6, "before"))],
        [cut("hardened"), cut("hardened", (0, 160, "prefix-20")), cut("hardened", (1, 0, "before")),
         cut("hardened", (1, 6, "after")), cut("hardened", (0, 2, "cut"))],
    ),
    "03.1": (
        [moved("mongoose", ("poke", 1, 8, 0)), moved("mongoose", ("poke", 1, 9, 0), ("reset",), ("poke", 1, 8, 0)),
         moved("mongoose", ("swap",), ("swap",), ("poke", 1, 8, 0))],
        [moved("mongoose"), moved("mongoose", ("poke", 1, 9, 0)), moved("hardened", ("poke", 1, 8, 0)),
         moved("mongoose", ("poke", 1, 8, 0), ("poke", 1, 20, 0)), moved("mongoose", ("edit", 0, "active", 1))],
    ),
    "03.2": (
        [moved("hardened", ("wrapped",)), moved("mongoose", ("wrapped",)),
         moved("mongoose", ("tear", 1, 8), ("reset",), ("wrapped",))],
        [moved("mongoose"), moved("mongoose", ("swap",)), moved("hardened", ("equal",)),
         moved("mongoose", ("near_zero",)), moved("mongoose", ("wrapped",), ("swap",))],
    ),
    "03.3": (
        [race(58.98), race(58.96, design="mongoose"), race(58.99, design="cc3200")],
        [race(5.0), race(58.9), race(59.0), race(80.0), race(58.98, temper="hangs")],
    ),
    "04.1": (
        [{"updated", "update-lost"}, ["update-lost", "updated", "updated"], ("updated", "update-lost")],
        [{"updated"}, {"update-lost"}, set(), {"updated", "update-lost", "bricked"}, {"updated", "rolled-back"}],
    ),
    "04.2": (
        [("fewer", "bricked"), ["fewer", "bricked"], ("Fewer", " bricked")],
        [("more", "bricked"), ("fewer", "stuck"), ("bricked", "fewer"), ("fewer", "update-lost"), ("fewer",)],
    ),
    "05.1": (
        ["torn-erase", "zeroed-erase", "all"],
        ["atomic", "weak-erase", "torn-program", "crc16", None],
    ),
    "05.2": (
        [replace(WITHOUT_TRY, trial="one-try", record="complete"),
         replace(WITHOUT_TRY, name="x", trial="one-try", record="complete"),
         changed("mongoose", guard="crc32", record="complete", trial="one-try")],
        [WITHOUT_TRY, replace(WITHOUT_TRY, trial="one-try"), replace(WITHOUT_TRY, trial="one try", record="complete"),
         replace(WITHOUT_TRY, image_check="crc32"), load_design("hardened")],
    ),
    "06.2": (
        [lamp(flips=(1.0, 0.0)), lamp(flips=(1, 0)), lamp(flips=(Fraction(1), Fraction(0)))],
        [lamp(), lamp(flips=(0.5, 0.5)), lamp(flips=(0.0, 0.0)), lamp(flips=(1.0, 1.0)), lamp(faults="torn-program")],
    ),
    "07.1": (
        [lamp(design={"trial": "timer"}), lamp(design={"trial": "timer", "write": "once"}),
         lamp(design={"trial": "timer", "image_check": "none"})],
        [lamp(), lamp(design={"write": "once"}), lamp(design={"records": 2}), lamp(design={"image_check": "none"}),
         lamp(design={"trial": "never"})],
    ),
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
    "09.2": (
        [changed("cc3200", **BESIDE), changed("cc3200", **BESIDE, interval_in="record"),
         replace(load_design("cc3200"), **BESIDE)],
        [load_design("cc3200"), changed("cc3200", guard="crc32"), changed("cc3200", store="atomic-replace"),
         changed("cc3200", record="complete", guard="crc32"), changed("hardened", store="bare")],
    ),
    "10.1": (
        [replace(PAGE, trial="one-try"), replace(PAGE, name="mine", trial="one-try"),
         replace(PAGE, trial="one-try", image_check="crc32")],
        [PAGE, replace(PAGE, records=1, trial="one-try"), replace(PAGE, trial="one try"),
         replace(PAGE, image_check="crc32"), load_design("hardened")],
    ),
    "10.2": (
        [replace(MINE, guard="crc16"), replace(load_design("mongoose"), name="own", guard="crc16"),
         PAGE],
        [load_design("hardened"), MINE, replace(load_design("single-record"), name="other"), "mine.toml", None],
    ),
    "11.1": (
        [copier(NOTED, APP, FILES, CLEAR), copier(NOTED, FILES, APP, CLEAR), copier(NOTED, APP, FILES, DONE)],
        [copier(WHOLE), copier(NOTED, APP, CLEAR, FILES), copier(NOTED, CLEAR, FILES, APP),
         Made(lambda: typed_in("11", "lamp")), "the copier"],
    ),
    "11.2": (
        [of_code("lamp", "atomic", "crashes"), of_code("lamp", "atomic", "hangs"),
         of_code("lamp", "torn-program", "crashes")],
        [of_code("lamp", "atomic"), of_code("lamp", "torn-program"),
         Made(lambda: check_design("mongoose", "atomic", "crashes", "tiny", budget=60, app_size=3000)),
         "crashes", None],
    ),
}  # fmt: skip


# Each of these searches a graph, or several.
SEARCHING = {"04.2", "05.1", "05.2", "06.2", "07.1", "09.2", "10.1", "11.1", "11.2"}


def asked(which):
    """
    Return every answer with its exercise; those that search are left out of a quick run of the tests.
    """
    found = []
    for name, answers in ANSWERS.items():
        for count, answer in enumerate(answers[which]):
            marks = [pytest.mark.slow] * (name in SEARCHING) + [needs_cc] * name.startswith("11.")
            found.append(pytest.param(name, answer, marks=marks, id=f"{name}-{count}"))
    return found


def given(answer):
    return answer.made() if isinstance(answer, Made) else answer


@pytest.mark.parametrize(("number", "answer"), asked(0))
def test_a_right_answer_is_right_in_any_form(number, answer):
    """
    A number may be of any kind, a list a tuple, a rule written as one likes.
    """
    checked = check(number, given(answer))

    assert checked, checked


@pytest.mark.parametrize(("number", "answer"), asked(1))
def test_a_wrong_answer_is_not_yet_right(number, answer):
    """
    Off by one, of another rule, of another unit, under another name, or no design that a page could hold.
    """
    assert not check(number, given(answer))


def test_each_has_three_and_five():
    """
    The table is what it says, and has every exercise.
    """
    assert {(3, 5)} == {(len(right), len(wrong)) for right, wrong in ANSWERS.values()}
    assert set(EXERCISES) == set(ANSWERS)


@pytest.mark.parametrize(
    ("choice", "value", "said"),
    [("trial", "one try", "boot.trial 'one try' is unknown; one of: "), ("tries", 0, "boot.tries must be a number"),
     ("tries", "one", "boot.tries must be a number")],
)  # fmt: skip
def test_a_value_that_no_choice_has_is_told_wherever_a_design_is_taken(choice, value, said):
    """
    `replace` asks nothing, so the first that takes the design does: it was a fault of the lab, with a history.
    """
    with pytest.raises(BadInput, match=re.escape(said)):
        set_up(changed("mongoose", **{choice: value}), "tiny")

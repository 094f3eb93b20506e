"""Judges: whatever form a right answer has, it is right; what is nearly right is not."""

import re
import tempfile
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from course import typed_in
from own_code import needs_cc

from otalab import check_design, load_design, set_up
from otalab.bench.layout_import import imported_layout
from otalab.course import FieldReport, check
from otalab.course.exercises import EXERCISES
from otalab.course.field_return import PRODUCT, product, product_board
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


def of_copier(faults="atomic", image="healthy", noted="first"):
    """
    What was found of the loader of notebook 12 that copies an image to where it runs.
    """
    design = changed("mcuboot-overwrite", noted=noted)
    return Made(lambda: check_design(design, faults, image, "tiny", budget=60, app_size=3000))


WITHOUT_TRY = changed("mongoose", guard="crc32")
BESIDE = {"record": "complete", "guard": "crc32", "placing": "beside"}

# The lamp of the final project: what killed it, in the words of the exercises.
DIED = {"record": 1, "effect": "erase", "phase": "commit", "slot": 0}
LED = "towpath/tiny/zeroed-erase/healthy/until-taken/"
WORDS = f"We set records.guard to crc32. {'It is proved for any number of cuts, and costs four bytes. ' * 3}"
PAGE_OF_13 = str(PRODUCT / "towpath.toml")


def board_of_13():
    """
    The page of the board, as notebook 13 makes it of the partition table.
    """
    folder = Path(tempfile.mkdtemp())
    page = folder / "towpath-board.toml"
    page.write_text(imported_layout("towpath.csv", (PRODUCT / "partitions.csv").read_bytes()).toml())
    return str(page)


def sold(rate="11/day", fleet=25_000, **changes):
    """
    The weight of that lamp, and what is otherwise in it.
    """
    return Made(weight_of_13, (rate, fleet), tuple(changes.items()))


def weight_of_13(rate="11/day", fleet=25_000, *, design=None, **changes):
    options = {"board": product_board(), "part": "IS25LX128", "faults": "zeroed-erase", "app_size": 3000} | changes
    weighed = study(design or product(), rate, **options)
    return weighed, fleet * weighed.weighed.ends["bricked"]


def handed_in(**changes):
    def made():
        parts = {"diagnosis": DIED, "history": f"{LED}-,-.6.zeros-back-3,-", "words": WORDS}
        return FieldReport(
            **{**parts, "mended": replace(product(), guard="crc32"), "weight": weight_of_13(), **changes}
        )

    return Made(made)


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
    "12.1": (
        [of_copier(), of_copier("torn-program"), of_copier("all", "flaky")],
        [of_copier(noted="behind"), of_copier(image="hangs"), of_copier("atomic", "crashes"),
         Made(lambda: check_design("mongoose", "all", "healthy", "tiny", budget=60, app_size=3000)), "early"],
    ),
    "12.2": (
        [["hardened", "esp-idf"], ("esp-idf", "hardened"), {"hardened", "esp-idf"}],
        [["hardened"], ["hardened", "esp-idf", "mcuboot-overwrite"], ["hardened", "esp-idf", "esp8266"],
         ["esp-idf", "hardened", "mcuboot"], []],
    ),
    "13.1": (
        [DIED, dict(reversed(DIED.items())), DIED | {"record": np.int64(1), "because": "zeros"}],
        [DIED | {"record": 0}, DIED | {"effect": "program"}, DIED | {"phase": "rollback"}, DIED | {"slot": 255},
         {"record": 1}],
    ),
    "13.2": (
        [f"{LED}-,-.6.zeros-back-3,-", f"{LED.replace('zeroed-erase', 'all')}-,-.6.zeros-back-3,-",
         Made(lambda: UpdatePlayer(PAGE_OF_13, board_of_13(), app_size=3000, faults="zeroed-erase",
                                   cuts=[[1, 6, "zeros-back-3"]]))],
        [f"{LED}-,-", f"{LED}-,-.6.zeros-back-2,-", f"{LED}-.136.zeros-back-1,-", f"{LED}-,-.6.zeros-back-3",
         f"{LED}-.20.before,-,-.6.zeros-back-3,-"],
    ),
    "13.3": (
        [replace(product(), guard="crc32"), replace(product(), store="atomic-replace"),
         replace(product(), name="mine", summary="guarded", guard="crc32")],
        [product(), replace(product(), order="at-once"), replace(product(), guard="crc16"),
         replace(product(), guard="crc32", write="read-back"), load_design("hardened")],
    ),
    "13.4": (
        [sold(), sold(within=0.5), sold(budget=60)],
        [sold(fleet=1), sold(part="W25Q16JV"), sold(rate="us-2022"), sold(board="tiny"),
         sold(design=replace(product(), guard="crc32"))],
    ),
    "13.5": (
        [handed_in(), handed_in(words=WORDS.upper().replace("RECORDS.GUARD", "records.guard")),
         handed_in(mended=replace(product(), store="atomic-replace"), words=f"{WORDS} records.store")],
        [handed_in(words="records.guard"), handed_in(words=WORDS.replace("records.guard", "it")),
         handed_in(diagnosis=DIED | {"slot": 1}), handed_in(mended=product()), WORDS],
    ),
}  # fmt: skip


# Each of these searches a graph, or several.
SEARCHING = {
    "13.2",
    "13.3",
    "13.4",
    "13.5",
    "04.2",
    "05.1",
    "05.2",
    "06.2",
    "07.1",
    "09.2",
    "10.1",
    "11.1",
    "11.2",
    "12.1",
    "12.2",
}


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

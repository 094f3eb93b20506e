"""The exercises: one check for all, which takes what is right and refuses, with a line that helps, what is not."""

import re

import pytest
from course import EXERCISES_MET, NOTEBOOKS, exercises_of

from otalab.course import checking as lessons
from otalab.course import exercises
from otalab.course.checking import check
from otalab.course.exercise import Exercise
from otalab.errors import BadInput


def test_what_is_right_is_true_and_says_so():
    """
    A check can stand in an `assert`, and shown in a notebook it is its own line.
    """
    assert check("01.1", lambda old, new: old & new == new)
    assert "06.1: right." == repr(check("06.1", 2_995_732))


@pytest.mark.parametrize(
    "number, answer, helps",
    [
        ("00.1", ..., "in place of the dots: a number of effects"),
        ("00.1", 140, "a wait and a question change no flash"),
        ("00.2", 8, "slot 255"),
        ("00.2", 80, "not all of them"),
        ("01.1", lambda old, new: new <= old, "from 00000010 a program cannot make 00000001"),
        ("01.2", 0.0004, "as soon as its erase begins"),
        ("04.2", ("more", "bricked"), "once the loader has halted"),
        ("05.1", "torn-program", "open"),
        ("06.1", 10**9, "fewer would do"),
        ("07.3", 0.5, "sooner, not later"),
    ],
)
def test_what_is_wrong_is_refused_with_one_line_that_helps(number, answer, helps):
    """
    It is false, and raises nothing: a notebook with unsolved exercises runs to its end.
    """
    checked = check(number, answer)

    assert not checked
    assert helps.lower() in checked.hint.lower()
    assert re.fullmatch(rf"{number}: not yet\. [A-Z0-9'].*[.?]", repr(checked))


@pytest.mark.parametrize("number", sorted(exercises.EXERCISES))
@pytest.mark.parametrize("answer", [None, "?", -1, [], object()], ids=["nothing", "text", "number", "list", "thing"])
def test_an_answer_of_another_kind_is_told_what_is_wanted(number, answer):
    """
    Whatever is given, the answer is one line.
    """
    checked = check(number, answer)

    assert not checked
    assert 1 == len(repr(checked).splitlines())


def test_a_fault_of_the_lab_is_not_the_learners(monkeypatch):
    """
    What no answer can cause is raised.
    """

    def broken(_answer):
        raise AssertionError("the lab is wrong")

    monkeypatch.setitem(lessons.EXERCISES, "99.1", Exercise("99.1", "anything", broken))
    with pytest.raises(AssertionError, match="the lab is wrong"):
        check("99.1", 1)


def test_an_exercise_that_is_not_there_is_refused():
    """
    The way out is in the message.
    """
    with pytest.raises(BadInput, match=r"no exercise '03.9'; one of: .*03.1, 03.2, 03.3"):
        check("03.9", 1)


def test_every_exercise_is_in_its_notebook_and_in_order():
    """
    The table and the notebooks know the same ones, once each, counted from 1 as they are met.
    """
    assert sorted(exercises.EXERCISES) == EXERCISES_MET


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_has_two_exercises_or_more(name):
    """
    Each is announced by its number, checked below, and answered in the fold that follows.
    """
    found = exercises_of(name)

    assert 2 <= len(found)
    for one in found:
        assert f"**Exercise {one.number}.**" in one.asked
        assert one.check.startswith(f'check("{one.number}", ')
        assert one.answer
        assert one.wrong

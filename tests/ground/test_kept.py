"""Answers kept beside values."""

from __future__ import annotations

from dataclasses import dataclass

from otalab.kept import kept_beside


@dataclass(frozen=True)
class Value:
    number: int

    def __hash__(self):
        raise AssertionError("its fields are looked at")

    __eq__ = __hash__


def twice(value):
    return [2 * value.number]


def test_the_same_value_has_the_same_answer():
    """
    The very same answer, and nobody hashes or compares the value.
    """
    kept, value = kept_beside(8)(twice), Value(3)

    assert kept(value) == [6]
    assert kept(value) is kept(value)


def test_no_value_has_the_answer_of_another():
    """
    However many there were, and though those that nobody else holds would give their identities away.
    """
    kept = kept_beside(8)(twice)

    assert [[2 * number] for number in range(100)] == [kept(Value(number)) for number in range(100)]


def test_what_is_cleared_is_made_anew():
    """
    A function behind a choice's name may have changed.
    """
    kept, value = kept_beside(8)(twice), Value(3)
    before = kept(value)
    kept.cache_clear()

    assert before is not kept(value)

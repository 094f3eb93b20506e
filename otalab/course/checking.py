"""What the notebooks share: one check for every exercise.

    check("01.2", mine)

says whether the answer is right, and if not, one line that helps.
An answer that is wrong is no error: a notebook with unsolved exercises runs to its end.
What was said is kept where the course has a folder of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from otalab.course import attempts
from otalab.course.exercises import EXERCISES
from otalab.course.hints import HINTS
from otalab.errors import BadInput, OtalabError
from otalab.views.style import GREEN, THEME, VERMILION

# What an answer of another kind than the wanted one makes a judge stumble over; a fault of the lab is not among it.
MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, OtalabError)


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of an answer; true if it is right. Shown in a notebook, it is its own line."""

    number: str
    hint: str | None

    def __bool__(self) -> bool:
        return self.hint is None

    def __repr__(self) -> str:
        return f"{self.number}: " + ("right." if self else f"not yet. {self.hint}")

    def _repr_html_(self) -> str:
        """Return the same with a sign, and with a second hint for whoever unfolds it."""
        # What is seen on light ground and on dark, at 3 to 1; the words have the theme's own ink.
        edge = GREEN if self else VERMILION
        frame = f"border-left: 4px solid {edge}; padding-left: 0.6em; max-width: 46em"
        said = f"<strong>✓ {self.number}: right.</strong>" if self else f"<strong>✗ {self.number}: not yet.</strong>"
        more = HINTS.get(self.number, "")
        fold = f"<details><summary>A second hint</summary>{escape(more)}</details>" if more and not self else ""
        return f'<div role="status" style="{frame}; color: {THEME["ink"]}">{said} {escape(self.hint or "")}{fold}</div>'


def check(number: str, answer: Any) -> Checked:
    """Say whether an answer to the exercise of this number is right, and if not, what helps."""
    if number not in EXERCISES:
        raise BadInput(f"there is no exercise {number!r}; one of: {', '.join(sorted(EXERCISES))}")
    exercise = EXERCISES[number]
    if answer is ...:
        return Checked(number, _sentence(f"put your answer in place of the dots: {exercise.wanted}"))
    try:
        hint = exercise.judge(answer)
    except MISFITS as error:
        hint = f"wanted is {exercise.wanted} ({type(error).__name__}: {error})"
    checked = Checked(number, hint and _sentence(hint))
    attempts.keep(number, checked.hint, Path.cwd())
    return checked


def _sentence(hint: str) -> str:
    return hint[0].upper() + hint[1:] + ("" if hint.endswith("?") else ".")

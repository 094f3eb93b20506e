"""The exercises of the notebooks: what each one asks for, and how an answer is judged."""

from __future__ import annotations

from otalab.course import final_exercises, first_exercises, later_exercises
from otalab.course.exercise import Exercise

EXERCISES: dict[str, Exercise] = first_exercises.EXERCISES | later_exercises.EXERCISES | final_exercises.EXERCISES

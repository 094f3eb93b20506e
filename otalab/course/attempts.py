"""Attempts: what `check` said in a folder of the course, kept there, a line of JSON each; a teacher gathers them.

Only a folder that `otalab lab` has made has them: in a checkout nothing is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from otalab.course.folder import DELIVERED
from otalab.errors import BadInput
from otalab.files import read_text

FILE = "attempts.jsonl"
LARGEST = 1 << 24  # bytes; a year of attempts is a thousandth of that


@dataclass(frozen=True, slots=True)
class ExerciseProgress:
    """How far one learner has come: attempts by exercise, those that came out right, and lines that are none."""

    folder: str
    attempts: dict[str, int]
    right: frozenset[str]
    unreadable: int

    @property
    def stuck(self) -> str:
        """The exercise with the most attempts of those that are not right yet; empty where there is none."""
        open_ones = {number: count for number, count in sorted(self.attempts.items()) if number not in self.right}
        return max(open_ones, key=open_ones.__getitem__, default="")


def keep(number: str, hint: str | None, here: Path) -> None:
    """Note an attempt in the course's folder that this one is, or lies in; elsewhere note nothing.

    What gets the same answer as the attempt before is none: *Run All* runs every check again.
    """
    place = next((folder / FILE for folder in (here, here.parent) if (folder / DELIVERED).is_file()), None)
    if place is None:
        return
    attempt = {"exercise": number, "right": hint is None, "said": hint or ""}
    # A folder that cannot be written to ends no lesson.
    with suppress(OSError, BadInput):
        before = [line for line, _ in _read(read_text(place))] if place.exists() else []
        last: dict[str, Any] = next((line for line in reversed(before) if line["exercise"] == number), {})
        if {name: last.get(name) for name in attempt} != attempt:
            with place.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**attempt, "at": datetime.now(UTC).isoformat(timespec="seconds")}) + "\n")


def gathered(folder: Path) -> list[ExerciseProgress]:
    """Return how far each learner has come whose folder lies in this one, or is this one."""
    places = sorted(folder.rglob(FILE)) if folder.is_dir() else []
    if not places:
        raise BadInput(f"{folder}: no {FILE} in it; `otalab lab FOLDER` makes folders in which attempts are kept")
    return [_progress(place.parent.relative_to(folder).as_posix(), _lines(place)) for place in places]


def _lines(place: Path) -> str:
    if place.stat().st_size > LARGEST:
        raise BadInput(f"{place}: is larger than {LARGEST} bytes, and no file of attempts")
    return read_text(place)


def _progress(folder: str, text: str) -> ExerciseProgress:
    attempts: dict[str, int] = {}
    right, unreadable = set(), 0
    for line, whole in _read(text):
        if not whole:
            unreadable += 1
            continue
        attempts[line["exercise"]] = attempts.get(line["exercise"], 0) + 1
        if line["right"]:
            right.add(line["exercise"])
    return ExerciseProgress(folder, attempts, frozenset(right), unreadable)


def _read(text: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield each line and whether it is one of ours; of what is none, an attempt at nothing."""
    for line in filter(None, text.splitlines()):
        try:
            attempt = json.loads(line)
        except (ValueError, RecursionError):
            attempt = None
        whole = isinstance(attempt, dict) and (
            isinstance(attempt.get("exercise"), str) and isinstance(attempt.get("right"), bool)
        )
        yield (attempt if whole else {"exercise": ""}), whole


def rows(learners: Iterable[ExerciseProgress]) -> list[tuple[str, int, int, int, str, int]]:
    """Return one row a learner: folder, exercises right, exercises tried, attempts, where it is stuck, lines lost."""
    return [
        (each.folder, len(each.right), len(each.attempts), sum(each.attempts.values()), each.stuck, each.unreadable)
        for each in learners
    ]

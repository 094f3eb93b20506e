"""Guesses: what learners thought before they ran a cell, kept in their folder; a class compares them.

No guess is judged: what many of them have in common is what a teacher wants to hear.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from otalab.course.folder import DELIVERED
from otalab.errors import BadInput
from otalab.files import read_text

FILE = "guesses.jsonl"
LONGEST = 200  # characters of a guess


@dataclass(frozen=True, slots=True)
class Guess:
    """What became of a guess; shown in a notebook, it is its own line."""

    number: str
    said: str

    def __repr__(self) -> str:
        return f"Guess {self.number}: {self.said}"


def guess(number: str, said: object) -> Guess:
    """Keep a guess in the folder of the course, if this is one, and say whether it was kept."""
    if said is ...:
        return Guess(number, "put yours in place of the dots, before you run the next cell.")
    here, text = Path.cwd(), " ".join(str(said).split())[:LONGEST]
    place = next((folder / FILE for folder in (here, here.parent) if (folder / DELIVERED).is_file()), None)
    kept = False
    if place is not None:
        # A folder that cannot be written to ends no lesson.
        with suppress(OSError), place.open("a", encoding="utf-8") as file:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            file.write(json.dumps({"guess": number, "said": text, "at": now}) + "\n")
            kept = True
    return Guess(number, f"{text}, kept." if kept else f"{text}; kept nowhere, as this is no folder of the course.")


def compared(folder: Path) -> list[tuple[str, str, int]]:
    """Return each guess of the learners whose folders lie here, what was said, and by how many; the last counts."""
    places = sorted(folder.rglob(FILE)) if folder.is_dir() else []
    if not places:
        raise BadInput(f"{folder}: no {FILE} in it; `otalab course release` makes notebooks that ask for guesses")
    said = Counter(pair for place in places for pair in _last(read_text(place)).items())
    return [(number, text, count) for (number, text), count in sorted(said.items(), key=_often)]


def _often(entry: tuple[tuple[str, str], int]) -> tuple[str, int, str]:
    (number, text), count = entry
    return number, -count, text


def _last(text: str) -> dict[str, str]:
    return dict(_read(filter(None, text.splitlines())))


def _read(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        try:
            kept_line = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if (
            isinstance(kept_line, dict)
            and isinstance(kept_line.get("guess"), str)
            and isinstance(kept_line.get("said"), str)
        ):
            # As people mean it: `Three` is `three`.
            yield kept_line["guess"], kept_line["said"].strip().casefold()

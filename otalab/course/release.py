"""A release of the course: for learners without answers, for who teaches with them, and for nbgrader.

Each learner may have numbers of their own; the table of what is right for whom goes to the teacher.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any

from otalab.bench.setup import set_up
from otalab.bench.trace import run
from otalab.course.field_return import lamp_of
from otalab.course.folder import DELIVERED
from otalab.course.notebook import (
    GUESS,
    answers_of,
    code_cell,
    exercise_in,
    notebook_bytes,
    read_notebook,
    slide_types,
    without_answers,
)
from otalab.course.variant import COMMON, FILE, Variant, changes
from otalab.hardware.effects import Erase, Program
from otalab.hardware.part import part
from otalab.numbers.stats import zero_failure_runs

LEARNERS, TEACHER, NBGRADER = "learners", "teacher", "nbgrader/source"
FOR_TEACHERS = "docs/instructors_guide.md"
SCHEMA = 3  # of nbgrader's metadata


def released(files: dict[str, bytes], learners: Sequence[str] = (), seed: str = "") -> dict[str, bytes]:
    """Return every file of a release by its name; with names of learners, a folder for each with its own numbers."""
    notebooks = {name: read_notebook(text) for name, text in files.items() if _is(name)}
    others = {name: text for name, text in files.items() if not _is(name)}
    out: dict[str, bytes] = {}
    variants = {learner: Variant.of(f"{seed}/{learner}") for learner in learners} or {"": COMMON}
    for learner, variant in variants.items():
        place = PurePosixPath(LEARNERS, learner)
        for name, notebook in notebooks.items():
            out[str(place / name)] = notebook_bytes(_varied(name, _asking(name, notebook), variant))
        out |= {str(place / name): text for name, text in others.items() if name != FOR_TEACHERS}
        # It marks a folder of the course, and vouches for no file: nothing here is replaced by one with answers.
        out[str(place / DELIVERED)] = b"{}"
        if learner:
            out[str(place / FILE)] = variant.json().encode()
    for name, notebook in notebooks.items():
        stem = PurePosixPath(name).stem
        out[f"{TEACHER}/{name}"] = notebook_bytes(_tagged(notebook))
        out[f"{NBGRADER}/{stem}/{stem}.ipynb"] = notebook_bytes(_graded(notebook))
    out |= {f"{TEACHER}/{name}": text for name, text in others.items()}
    if learners:
        out[f"{TEACHER}/variants.csv"] = _right(variants).encode()
    return out


def _is(name: str) -> bool:
    return name.endswith(".ipynb")


def _tagged(notebook: Any) -> Any:
    """Return a copy whose cells say where they stand in a talk."""
    tagged = deepcopy(notebook)
    for cell, kind in zip(tagged.cells, list(slide_types(notebook)), strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind}
    return tagged


def _asking(name: str, notebook: Any) -> Any:
    """Return a copy without answers that asks for each guess in a cell of its own."""
    number, count, cells = PurePosixPath(name).name.partition("_")[0], 0, []
    bare = without_answers(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace(
                "from otalab.course import check", "from otalab.course import check, guess"
            )
        cells.append(cell)
        if cell.cell_type == "markdown" and GUESS in cell.source:
            count += 1
            cells.append(code_cell(f'guess("{number}-{count}", ...)', f"guess-{count}"))
    bare.cells = cells
    return bare


def _varied(name: str, notebook: Any, variant: Variant) -> Any:
    for number, old, new in changes(variant) if variant != COMMON else ():
        if PurePosixPath(name).name.startswith(f"{number}_"):
            for cell in notebook.cells:
                cell.source = cell.source.replace(old, new)
    return notebook


def _graded(notebook: Any) -> Any:
    """Return a copy for nbgrader: an answer is between its marks, and a locked cell that asks the lab judges it."""
    graded, answers = without_answers(notebook), answers_of(notebook)
    graded.cells = [made for cell in graded.cells for made in _graded_cells(cell, answers)]
    return graded


def _graded_cells(cell: Any, answers: dict[str, str]) -> Iterator[Any]:
    number = exercise_in(cell)
    if not number:
        yield cell
        return
    lines = cell.source.split("\n")
    named = number.replace(".", "-")
    marks = ("### BEGIN SOLUTION", answers[number], "### END SOLUTION")
    cell.source = "\n".join([*lines[:-1], *marks])
    cell.metadata["nbgrader"] = _cell(f"exercise-{named}", solution=True)
    yield cell
    judged = code_cell(f"assert {lines[-1]}, {lines[-1]}", f"check-{named}")
    judged.metadata["nbgrader"] = _cell(f"check-{named}", grade=True, locked=True) | {"points": 1}
    yield judged


def _cell(name: str, *, grade: bool = False, solution: bool = False, locked: bool = False) -> dict[str, Any]:
    return {
        "grade": grade, "grade_id": name, "locked": locked, "schema_version": SCHEMA, "solution": solution,
        "task": False,
    }  # fmt: skip


def _right(variants: dict[str, Variant]) -> str:
    """Return as CSV what is right for whom."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("learner", "app_size", "00.1", "part", "01.2", "one_in", "06.1", "lamp", "13.1", "13.2"))
    for learner, variant in variants.items():
        steps = run(set_up("hardened", "tiny", app_size=variant.app_size)).steps
        changing = sum(isinstance(step.effect, Erase | Program) for step in steps)
        flash = part(variant.part)
        window = flash.erase_seconds() + flash.program_seconds(80)
        lamps = zero_failure_runs(1 / variant.one_in)
        lamp = lamp_of(variant.lamp)
        died = f"record {lamp.record}, {lamp.effect}, {lamp.phase}, slot {lamp.slot}"
        history = ",".join(leg.text for leg in lamp.legs)
        numbers = (variant.app_size, changing, variant.part, f"{window:.6g}", variant.one_in, lamps)
        table.writerow((learner, *numbers, variant.lamp, died, history))
    return text.getvalue()

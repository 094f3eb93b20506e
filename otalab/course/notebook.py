"""Notebooks of the course as values: which cell asks, what is folded below it, and where a new slide begins.

An exercise is a cell with its number in its metadata; the text below it that unfolds is its answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import nbformat

FOLD = re.compile(r"<details>.*?</details>\n*", re.DOTALL)
ANSWER = re.compile(r"<details><summary>.+?</summary>\n\n```python\n(?P<code>.+?)\n```\n.*?</details>\n*", re.DOTALL)
GUESS = "**Guess"
# What tools that make slides read; a tag that a cell has already is left as it is.
SLIDE, SUBSLIDE, ON, SKIP = "slide", "subslide", "-", "skip"


def read_notebook(text: bytes) -> Any:
    """Return a notebook as it is stored."""
    return nbformat.reads(text.decode(), as_version=4)


def notebook_bytes(notebook: Any) -> bytes:
    """Return what is stored of a notebook."""
    return (nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n").encode()


def code_cell(source: str, name: str) -> Any:
    """Return a new cell of code; its name is unique in its notebook."""
    return nbformat.v4.new_code_cell(source, id=name)


def exercise_in(cell: Any) -> str:
    """Return the number of the exercise that this cell asks; empty where it asks none."""
    return str(cell.metadata.get("otalab", {}).get("exercise", ""))


def title_of(notebook: Any) -> str:
    """Return number and short title, as in `01 NOR flash`."""
    head = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    return " ".join(head.partition(":")[0].split())


def answers_of(notebook: Any) -> dict[str, str]:
    """Return the folded answer to each exercise, as code."""
    answers, exercise = {}, ""
    for cell in notebook.cells:
        answer = ANSWER.match(cell.source) if cell.cell_type == "markdown" else None
        if exercise and answer:
            answers[exercise] = answer["code"]
        exercise = exercise_in(cell)
    return answers


def without_answers(notebook: Any) -> Any:
    """Return a copy in which nothing is folded, and no cell knows a wrong answer either."""
    bare = deepcopy(notebook)
    kept = []
    for cell in bare.cells:
        if cell.cell_type == "markdown":
            cell.source = FOLD.sub("", cell.source).rstrip("\n")
        if number := exercise_in(cell):
            cell.metadata["otalab"] = {"exercise": number}
        if cell.source:
            kept.append(cell)
    bare.cells = kept
    return bare


def slide_types(notebook: Any) -> Iterator[str]:
    """Yield for each cell where it stands in a talk: a heading begins a slide, and an answer is not on its question's.

    What is folded is not shown.
    """
    guessed = False
    for cell in notebook.cells:
        text, tag = cell.source, cell.metadata.get("slideshow", {}).get("slide_type")
        if tag:
            yield str(tag)
        elif cell.cell_type == "markdown" and not FOLD.sub("", text).strip():
            yield SKIP
        elif cell.cell_type == "markdown" and text.startswith(("# ", "## ")):
            yield SLIDE
        elif guessed or GUESS in text or "**Exercise" in text:
            yield SUBSLIDE
        else:
            yield ON
        guessed = GUESS in text


def slides_of(notebook: Any) -> list[list[Any]]:
    """Return the cells of each slide."""
    slides: list[list[Any]] = [[]]
    for cell, tag in zip(notebook.cells, slide_types(notebook), strict=True):
        if tag == SKIP:
            continue
        if tag in (SLIDE, SUBSLIDE) and slides[-1]:
            slides.append([])
        slides[-1].append(cell)
    return [cells for cells in slides if cells]


def with_cells(notebook: Any, cells: list[Any]) -> Any:
    """Return a copy that has these cells and no others."""
    return nbformat.v4.new_notebook(cells=deepcopy(cells), metadata=notebook.metadata)

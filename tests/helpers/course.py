"""The notebooks as a course: their order, their exercises, and one run of each."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
from held import HELD
from nbclient import NotebookClient

from otalab.own.code import CodeFirmware
from otalab.own.page import Page
from otalab.own.typed import typed

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
SECONDS_PER_CELL = 120
NOT_SHOWN = "## What we have not shown"
FOLD = re.compile(r"<details><summary>.+?</summary>\n\n```python\n(.+?)\n```\n.*?</details>", re.DOTALL)


@dataclass(frozen=True)
class Met:
    """
    An exercise as a notebook has it; `wrong` is a wrong answer, kept beside the cell where no learner looks.
    """

    number: str
    asked: str
    check: str
    answer: str
    wrong: str


@cache
def read(name):
    """
    Return a notebook as it is stored.
    """
    return nbformat.read(FOLDER / name, as_version=nbformat.NO_CONVERT)


def texts(name):
    return [cell.source for cell in read(name).cells if cell.cell_type == "markdown"]


def title(name):
    """
    Return the number and the short title: `01 NOR flash`.
    """
    return " ".join(texts(name)[0].splitlines()[0].removeprefix("# ").partition(":")[0].split())


def exercises_of(name):
    """
    Return the exercises of a notebook, in order; what is missing of one is empty.
    """
    cells = read(name).cells
    found = []
    for place, cell in enumerate(cells):
        if "otalab" in cell.metadata:
            kept, after = cell.metadata["otalab"], next(iter(cells[place + 1 :]), None)
            fold = FOLD.search(after.source) if after is not None and after.cell_type == "markdown" else None
            asked = next(one.source for one in reversed(cells[:place]) if one.cell_type == "markdown")
            line = cell.source.splitlines()[-1]
            found.append(Met(kept["exercise"], asked, line, fold[1] if fold else "", kept["wrong"]))
    return found


@cache
def typed_in(number, name):
    """
    Return the firmware that a cell of this notebook makes, compiled.
    """
    notebook = next(one for one in NOTEBOOKS if one.startswith(number))
    head = f"%%firmware {name}"
    cell = next(one for one in read(notebook).cells if one.source.split("\n")[0].startswith(head))
    return CodeFirmware(Page.load(typed(name, cell.source.partition("\n")[2])))


EXERCISES_MET = [one.number for name in NOTEBOOKS for one in exercises_of(name)]


def with_held(cells, held):
    """
    Return the cells and, once the code below a text has run, one that asks for each of its numbers that are held.
    """
    found, waiting = [], []
    for cell in cells:
        if cell.cell_type == "markdown":
            found += waiting
            waiting = [_asked(phrase, held[phrase]) for phrase in held if phrase in cell.source]
        found.append(cell)
    return found + waiting


def _asked(phrase, condition):
    source = f"from otalab.numbers import stats\nassert {condition}"
    return nbformat.v4.new_code_cell(source, metadata={"held": phrase, "tags": ["raises-exception"]})


@cache
def executed(name):
    """
    Return a notebook after a run from top to bottom, with a cell for each folded answer and each wrong one, and for
    each number of its prose that is held.
    """
    notebook = nbformat.read(FOLDER / name, as_version=4)
    notebook.cells = with_held(notebook.cells, HELD.get(name, {}))
    for one in exercises_of(name):
        for word, source in (("", one.answer), ("not ", one.wrong)):
            cell = nbformat.v4.new_code_cell(f"{source}\nassert {word}{one.check}", metadata={"exercise": one.number})
            # It tells of itself; the others are asked all the same.
            cell.metadata["tags"] = ["raises-exception"]
            # Behind all of it: an exercise is done when the notebook has been run.
            notebook.cells.append(cell)
    here = {"metadata": {"path": str(FOLDER)}}

    # Saved widget state would swell the notebook in memory, and nobody looks at it here.
    return NotebookClient(notebook, timeout=SECONDS_PER_CELL, store_widget_state=False, resources=here).execute()


def errors(cell):
    return [output.evalue or output.ename for output in cell.outputs if output.output_type == "error"]


def minutes(name):
    """
    Return how long a notebook takes somebody who reads all of it: 130 words a minute, one for each guess, half a one
    for each code cell, five for each exercise. A table is looked up and a fold unfolded by whoever needs it.
    """
    cells, said = read(name).cells, "\n".join(texts(name))
    words = len(re.sub(r"<details>.*?</details>|^\|[^\n]*", "", said, flags=re.DOTALL | re.MULTILINE).split())
    coded = sum(cell.cell_type == "code" for cell in cells)
    return words / 130 + said.count("**Guess") + coded / 2 + 5 * len(exercises_of(name))

"""The notebooks: stored clean, run from top to bottom, and one course."""

import re

import nbformat
import pytest
from course import (
    EXERCISES_MET,
    FOLDER,
    NOT_SHOWN,
    NOTEBOOKS,
    errors,
    executed,
    exercises_of,
    minutes,
    read,
    texts,
    title,
)  # fmt: skip
from held import GIVEN, HELD, unheld

GLOSSARY = FOLDER.parent / "docs" / "glossary.md"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
MINUTES = re.compile(r"about (\d+) minutes")

each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


@pytest.mark.skipif(not NOTEBOOKS, reason="there is no notebook yet")
def test_the_first_notebook_is_there():
    """
    `lab.py run` opens it.
    """
    assert "00_start_here.ipynb" in NOTEBOOKS


@each_notebook
def test_is_stored_clean(name):
    """
    A change of a notebook shows what was written, not what was computed.
    """
    notebook = read(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    nbformat.validate(notebook)
    assert [] == [cell.id for cell in code if cell.outputs or cell.execution_count is not None]
    assert "widgets" not in notebook.metadata
    assert "python3" == notebook.metadata.kernelspec.name


@pytest.mark.slow
@each_notebook
def test_runs_from_top_to_bottom(name):
    """
    No cell fails, and none waits for a hand; an exercise is not solved by running its cell.
    """
    asked = {"exercise", "held"}
    cells = [cell for cell in executed(name).cells if cell.cell_type == "code" and not asked & set(cell.metadata)]

    assert [] == [error for cell in cells for error in errors(cell)]
    for cell in cells:
        if "otalab" in cell.metadata:
            assert "not yet" in cell.outputs[-1].data["text/plain"]


@pytest.mark.slow
@each_notebook
def test_folded_answers_are_right_and_wrong_ones_are_refused(name):
    """
    What unfolds below an exercise passes its check, and the check is no rubber stamp.
    """
    asked = [cell for cell in executed(name).cells if "exercise" in cell.metadata]

    assert 2 * len(exercises_of(name)) == len(asked)
    assert {} == {cell.source: errors(cell) for cell in asked if errors(cell)}


@pytest.mark.slow
@pytest.mark.parametrize("name", HELD)
def test_the_numbers_in_its_prose_are_those_of_its_cells(name):
    """
    Where a sentence has a number, the notebook's own kernel comes to it.
    """
    asked = [cell for cell in executed(name).cells if "held" in cell.metadata]

    assert sorted(HELD[name]) == sorted(cell.metadata["held"] for cell in asked)
    assert {} == {cell.metadata["held"]: errors(cell) for cell in asked if errors(cell)}


@pytest.mark.parametrize("name", HELD)
def test_no_number_stands_in_its_prose_that_nobody_holds(name):
    """
    Digits and number words, by force: each is in a sentence that is asked for, or that poses or cites it.
    """
    phrases, said = [*HELD[name], *GIVEN[name]], "\n\n".join(texts(name))

    assert [] == unheld(said, phrases)
    assert [] == [phrase for phrase in phrases if phrase not in said]
    assert ["17", "nine", "2,5"] == unheld(f"{said}\nIn 17 s nine of `8` die, 2,5 on the average.", phrases)


@each_notebook
def test_asks_before_it_answers(name):
    """
    A question of its own first, then guesses; at the end, what was not shown.
    """
    said = texts(name)

    assert re.search(r"^\*[^*].+\?\*$", said[0], re.MULTILINE)
    assert 3 <= sum("**Guess" in text for text in said)
    assert 1 == sum(text.count(NOT_SHOWN) for text in said)
    assert any(text.startswith(NOT_SHOWN) for text in said[-2:])


@each_notebook
def test_its_cells_are_short(name):
    """
    Ten lines at most, but for a list of imports and a boot loader, and none so long that it runs out of a narrow page.
    """
    code = [cell.source for cell in read(name).cells if cell.cell_type == "code"]
    long = [source for source in code if len(source.split("\n")) > 10 and "import" not in source]

    assert [] == [source for source in long if not source.startswith("%%firmware") or len(source.split("\n")) > 60]
    assert [] == [line for source in code for line in source.split("\n") if len(line) > 100]


@each_notebook
def test_leads_to_its_neighbours(name):
    """
    Below the title: the notebook before, the map, the next one, and the time it takes.
    """
    place = NOTEBOOKS.index(name)
    links = ["[the map](#The-course)" if place == 0 else "[the map](00_start_here.ipynb#The-course)"]
    if place:
        links.insert(0, f"[← {title(NOTEBOOKS[place - 1])}]({NOTEBOOKS[place - 1]})")
    if place + 1 < len(NOTEBOOKS):
        links.append(f"[{title(NOTEBOOKS[place + 1])} →]({NOTEBOOKS[place + 1]})")

    line = texts(name)[0].splitlines()[2]
    assert " · ".join(links) == line.rpartition(" · ")[0]
    assert MINUTES.fullmatch(line.rpartition(" · ")[2])


@each_notebook
def test_is_on_the_map_with_the_same_time(name):
    """
    The table below the first title has a row for each.
    """
    rows = [row.split("|") for row in texts(NOTEBOOKS[0])[1].splitlines() if row.startswith("|")]
    minutes = {row[1].strip(): row[3].strip() for row in rows}
    here = title(name) if name == NOTEBOOKS[0] else f"[{title(name)}]({name})"

    assert MINUTES.search(texts(name)[0])[1] == minutes[here]


@each_notebook
def test_its_time_is_computed_from_what_is_in_it(name):
    """
    What reading, guessing, running and the exercises take, rounded to five minutes.
    """
    said = int(MINUTES.search(texts(name)[0])[1])

    assert 5 * round(minutes(name) / 5) == said


def test_the_map_and_the_guide_add_up():
    """
    What a talk, half a day and a review are said to take is the sum of their parts.
    """
    lines = texts(NOTEBOOKS[0])[1].splitlines()
    head = next(line for line in lines if line.startswith("| notebook"))
    rows = [line.split("|") for line in lines if re.match(r"\| \[?\d\d ", line)]
    talk, half, review = (
        sum(int(found[0]) for row in rows if (found := re.findall(r"^ *(\d+)", row[column]))) for column in (4, 5, 6)
    )
    guide = (FOLDER.parent / "docs" / "instructors_guide.md").read_text(encoding="utf-8")

    assert f"a talk, {talk} minutes" in head
    assert f"a design review, {review} minutes" in head
    assert f": {half} minutes, and two breaks." in lines[-2]
    second = sum(int(row[3]) for row in rows if re.match(r" \[?0[67] ", row[1]))
    for words in (f"| {talk} |", f"| {half} and two breaks |", f"| {second} and a break |", f"| {review} |"):
        assert words in guide


@each_notebook
def test_its_links_lead_somewhere(name):
    """
    Every file that is linked is there.
    """
    links = {link for text in texts(name) for link in LINK.findall(text) if "://" not in link}

    assert "../docs/glossary.md" in links
    assert [] == [link for link in links if not (FOLDER / link).is_file()]


@each_notebook
def test_its_words_are_in_the_glossary(name):
    """
    What a first page explains is explained to those who look it up.
    """
    known = {row.split("|")[1].strip() for row in GLOSSARY.read_text().splitlines() if row.startswith("| ")}
    words = re.findall(r"\*\*([^*]+)\*\*", "\n".join(line for line in texts(name)[0].splitlines() if line[:2] == "- "))

    assert words
    assert [] == [word for word in words if word not in known]


def test_a_folded_answer_is_found_and_a_check_that_takes_anything_is_not_enough():
    """
    The extraction above is not empty: the exercises have answers, and their wrong ones differ.
    """
    met = [one for name in NOTEBOOKS for one in exercises_of(name)]

    assert len(EXERCISES_MET) == len(set(EXERCISES_MET)) == len(met) >= 2 * len(NOTEBOOKS)
    assert all(one.answer != one.wrong for one in met)

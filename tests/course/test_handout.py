"""A handout: pages that open anywhere, with pictures, without answers; and slides that keep an answer for later."""

import re

import pytest
from course import FOLDER, NOTEBOOKS, exercises_of, read
from nbclient.exceptions import CellExecutionError

from otalab.cli.main import main
from otalab.course.folder import course
from otalab.course.handout import handout, names_of, run
from otalab.course.notebook import ANSWER, answers_of, exercise_in, slides_of, title_of, without_answers
from otalab.errors import BadInput, OtalabError

FILES = course()
SOME = [f"notebooks/{name}" for name in (NOTEBOOKS[0], NOTEBOOKS[9])]


def unrun(name):
    """
    A notebook as if it had been run: each cell has shown a word and a picture.
    """
    notebook = without_answers(read(name.removeprefix("notebooks/")))
    shown = {"text/plain": "=> plain", "text/html": "<p>as a page</p>", "application/vnd.jupyter.widget-view+json": {}}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not exercise_in(cell):
            cell.outputs = [{"output_type": "display_data", "data": shown, "metadata": {}}]
    return notebook


@pytest.fixture(scope="module")
def pages():
    few = ("docs/glossary.md", "docs/flash_parts.md", "docs/flash_map.png")
    return handout({name: text for name, text in FILES.items() if name in few or name in SOME}, SOME, unrun)


def test_pages_ask_for_nothing(pages):
    """
    No script, no style, no picture is fetched; what they link to is there, or somewhere else by intent.
    """
    for name, text in pages.files.items():
        if name.endswith(".html"):
            page = text.decode()
            assert [] == re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)[^"]*"', page)
            links = {link.partition("#")[0] for link in re.findall(r'href="([^"]*)"', page)}
            place = FOLDER / name
            there = {(FOLDER / other).resolve() for other in pages.files}
            assert [] == [
                one for one in links if one and "://" not in one and (place.parent / one).resolve() not in there
            ]


def test_pages_have_what_was_shown_and_no_answer(pages):
    """
    The picture beside a widget, and nothing that was folded.
    """
    for name in SOME:
        page = pages.files[f"{name.removeprefix('notebooks/').removesuffix('.ipynb')}.html"].decode()
        assert "<p>as a page</p>" in page
        assert "<details" not in page
        assert title_of(read(name.removeprefix("notebooks/"))) in page
        for one in exercises_of(name.removeprefix("notebooks/")):
            assert one.wrong.splitlines()[-1] not in page or one.wrong.splitlines()[-1] in one.asked
            assert f"Exercise {one.number}" in page
    assert len(SOME) == pages.whole.count("<article>")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_an_answer_is_not_on_the_slide_of_its_question(name):
    """
    Every cell that is not folded is on one slide; a guess is the last thing on its own.
    """
    slides = slides_of(without_answers(read(name)))
    shown = [cell.id for cells in slides for cell in cells]

    assert [cell.id for cell in without_answers(read(name)).cells] == shown
    assert [] == [cells for cells in slides for cell in cells[:-1] if "**Guess" in cell.source]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_without_answers_is_without_each_of_them(name):
    """
    The folds and the wrong answers are gone, and all else is there.
    """
    whole, bare = read(name), without_answers(read(name))

    assert {one.number: one.answer for one in exercises_of(name)} == answers_of(whole)
    assert not any(ANSWER.search(cell.source) or "wrong" in cell.metadata.get("otalab", {}) for cell in bare.cells)
    code = [cell.source for cell in whole.cells if cell.cell_type == "code"]
    assert code == [cell.source for cell in bare.cells if cell.cell_type == "code"]


def test_slides_are_a_page_of_sections():
    """
    Each as high as the window.
    """
    page = handout({}, SOME[:1], unrun, slides=True).files["00_start_here.html"].decode()

    assert len(slides_of(unrun(SOME[0]))) == page.count('<section class="slide">')


@pytest.mark.slow
def test_the_shortest_notebook_is_run_and_handed_out(tmp_path):
    """
    From the command line, with a kernel; what is there already is not touched.
    """
    out = tmp_path / "out"

    assert 0 == main(["course", "handout", str(out), "--notebook", "01"])
    page = (out / "01_nor_flash.html").read_text(encoding="utf-8")
    assert "ff ff ff ff" in page
    assert "not yet" not in page
    assert 2 == main(["course", "handout", str(out), "--notebook", "01"])


def test_a_cell_that_fails_is_told_in_a_line(tmp_path, monkeypatch):
    """
    With the notebook's name; whoever asks for a notebook that is not there is told which are.
    """

    def fails(self, **words):
        raise CellExecutionError("long\ntraceback", "ValueError", "nothing to show")

    monkeypatch.setattr("otalab.course.handout.NotebookClient.execute", fails)
    with pytest.raises(OtalabError, match=r"01_nor_flash\.ipynb: a cell fails with ValueError: nothing to show"):
        run("notebooks/01_nor_flash.ipynb", FILES["notebooks/01_nor_flash.ipynb"], tmp_path)
    with pytest.raises(BadInput, match="there is no notebook '99'; one of: 00, 01"):
        names_of(FILES, ["99"])

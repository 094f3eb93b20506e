"""A release: without answers, with them, for nbgrader; numbers of one's own, which the judges know; guesses."""

import csv
import io
import json

import nbformat
import pytest
from course import NOTEBOOKS, exercises_of, read
from hypothesis import given
from hypothesis import strategies as st

from otalab.cli.main import main
from otalab.course import check, guess
from otalab.course.folder import DELIVERED, course
from otalab.course.release import released
from otalab.course.variant import COMMON, FILE, Variant, changes, variant_here
from otalab.errors import BadInput

CLASS = ("anna", "ben", "cleo")


@pytest.fixture(scope="module")
def release():
    return released(course(), CLASS, "7")


def cells(release, name):
    return nbformat.reads(release[name].decode(), as_version=4).cells


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_learners_get_no_answer_and_teachers_get_all(release, name):
    """
    Nothing is folded for learners; the guide is the teacher's.
    """
    theirs = "\n".join(cell.source + str(cell.metadata) for cell in cells(release, f"learners/anna/notebooks/{name}"))
    ours = "\n".join(cell.source for cell in cells(release, f"teacher/notebooks/{name}"))

    assert "<details>" not in theirs
    for one in exercises_of(name):
        assert f"Exercise {one.number}" in theirs
        assert one.answer in ours
    assert "learners/anna/docs/instructors_guide.md" not in release
    assert "teacher/docs/instructors_guide.md" in release


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_nbgrader_finds_what_to_clear_and_what_to_grade(release, name):
    """
    Its metadata, version 3: a solution between marks, then a locked cell that asks the lab, worth a point.
    """
    stem = name.removesuffix(".ipynb")
    marked = [cell for cell in cells(release, f"nbgrader/source/{stem}/{name}") if "nbgrader" in cell.metadata]
    solved, graded = marked[::2], marked[1::2]

    names = [cell.metadata.nbgrader.grade_id for cell in marked]
    assert len(names) == len(set(names)) == 2 * len(exercises_of(name))
    for one, solution, judged in zip(exercises_of(name), solved, graded, strict=True):
        assert solution.source.endswith(f"### BEGIN SOLUTION\n{one.answer}\n### END SOLUTION")
        assert f"assert {one.check}, {one.check}" == judged.source
        assert {"grade": False, "solution": True, "locked": False}.items() <= solution.metadata.nbgrader.items()
        assert {"grade": True, "locked": True, "points": 1}.items() <= judged.metadata.nbgrader.items()
        assert {3} == {cell.metadata.nbgrader.schema_version for cell in (solution, judged)}


@pytest.mark.parametrize("number, old", [(number, old) for number, old, _ in changes(COMMON)])
def test_what_differs_is_in_its_notebook(number, old):
    """
    A number that nobody poses any more cannot differ.
    """
    name = next(name for name in NOTEBOOKS if name.startswith(number))

    assert any(old in cell.source for cell in read(name).cells)


@given(st.text())
def test_a_seed_has_one_variant_and_the_file_tells_it(tmp_path_factory, seed):
    """
    What a release writes, a judge reads.
    """
    folder = tmp_path_factory.mktemp("learner")
    (folder / FILE).write_text(Variant.of(seed).json())

    assert Variant.of(seed) == variant_here(folder) == variant_here(folder / "notebooks")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"app_size": 9e99, "part": "x", "one_in": 1}', "[" * 9999])
def test_numbers_that_nobody_released_are_refused(tmp_path, text):
    """
    In a line that names the file, or the part.
    """
    (tmp_path / FILE).write_text(text)

    with pytest.raises(BadInput):
        variant_here(tmp_path)


def test_the_judges_know_whose_numbers_they_judge(release, tmp_path, monkeypatch):
    """
    What the teacher's table says is right for each is right there, and what is right for a neighbour is not.
    """
    table = list(csv.DictReader(io.StringIO(release["teacher/variants.csv"].decode())))
    assert list(CLASS) == [row["learner"] for row in table]
    for row in table:
        place = tmp_path / row["learner"]
        place.mkdir()
        (place / FILE).write_bytes(release[f"learners/{row['learner']}/{FILE}"])
        monkeypatch.chdir(place)
        for number, kind in (("00.1", int), ("01.2", float), ("06.1", int)):
            for other in table:
                assert (row[number] == other[number]) == bool(check(number, kind(other[number])))
        first = "\n".join(cell.source for cell in cells(release, f"learners/{row['learner']}/notebooks/{NOTEBOOKS[0]}"))
        assert f"app_size={row['app_size']}" in first
        assert "app_size=3000" not in first


def test_guesses_are_kept_and_compared(release, tmp_path, monkeypatch, capsys):
    """
    The last one of each learner, as people mean it; dots are none, and elsewhere nothing is kept.
    """
    said = {"anna": ("two", ..., " Three"), "ben": ("three",), "cleo": ("seven",)}
    for learner, answers in said.items():
        place = tmp_path / learner / "notebooks"
        place.mkdir(parents=True)
        (place.parent / DELIVERED).write_bytes(release[f"learners/{learner}/{DELIVERED}"])
        monkeypatch.chdir(place)
        for answer in answers:
            assert ("kept." in repr(guess("05-1", answer))) == (answer is not ...)
    kept = tmp_path / "anna" / "guesses.jsonl"
    kept.write_text(kept.read_text() + "{\n[]\n")

    assert 0 == main(["course", "progress", str(tmp_path), "--guesses", "--json"])
    rows = json.loads(capsys.readouterr().out)["guesses"]
    assert [("three", 2), ("seven", 1)] == [(row["said"], row["by"]) for row in rows]
    monkeypatch.chdir(tmp_path)
    assert "kept nowhere" in repr(guess("05-1", "two"))
    assert "in place of the dots" in repr(guess("05-1", ...))


def test_every_guess_has_a_cell_in_the_learners_notebooks(release):
    """
    Right below its question, and the notebook has the name.
    """
    for name in NOTEBOOKS:
        met = cells(release, f"learners/ben/notebooks/{name}")
        asked = [n for n, cell in enumerate(met) if cell.cell_type == "markdown" and "**Guess" in cell.source]
        assert [f'guess("{name[:2]}-{n}", ...)' for n in range(1, len(asked) + 1)] == [met[n + 1].source for n in asked]
        assert any("from otalab.course import check, guess" in cell.source for cell in met)


def test_the_command_writes_where_nothing_is(tmp_path, capsys):
    """
    Folders by the names in a file; what is no name of a folder, and what is there already, is refused in a line.
    """
    names, out = tmp_path / "names.txt", tmp_path / "out"
    names.write_text("anna\n\nben\n")
    assert 0 == main(["course", "release", str(out), "--learners", str(names), "--seed", "7"])
    assert (out / "learners" / "ben" / FILE).is_file()
    assert 2 == main(["course", "release", str(out)])
    assert "is not empty" in capsys.readouterr().err
    for wrong in ("../anna", "", "anna\nAnna"):
        names.write_text(wrong)
        assert 2 == main(["course", "release", str(tmp_path / "other"), "--learners", str(names)])
    assert 2 == main(["course", "release", str(tmp_path / "other"), "--seed", "7"])
    assert not (tmp_path / "other").exists()

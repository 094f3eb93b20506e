"""Attempts: kept in a folder of the course, gathered by a teacher; and what a check looks like on a page."""

import json
import re

import pytest
from course import EXERCISES_MET

from otalab.cli.main import main
from otalab.course import check
from otalab.course.attempts import FILE, gathered
from otalab.course.folder import DELIVERED
from otalab.course.hints import HINTS
from otalab.errors import BadInput


@pytest.fixture
def learner(tmp_path, monkeypatch):
    """
    Where a learner of a class sits: among the notebooks of a folder of the course.
    """
    notebooks = tmp_path / "class" / "anna" / "notebooks"
    notebooks.mkdir(parents=True)
    (notebooks.parent / DELIVERED).write_text("{}")
    monkeypatch.chdir(notebooks)
    return notebooks.parent


def test_attempts_are_kept_and_gathered(learner):
    """
    What is asked again with the same answer is not counted again, as Run All does; dots are no attempt.
    """
    for answer in (..., 8, 8, 1, 9, 9):
        check("00.2", answer)
    check("00.1", 12)

    (anna,) = gathered(learner.parent)
    assert ("anna", {"00.2": 2, "00.1": 1}, {"00.2"}, 0) == (anna.folder, anna.attempts, anna.right, anna.unreadable)
    assert "00.1" == anna.stuck


def test_elsewhere_nothing_is_kept(tmp_path, monkeypatch):
    """
    A checkout stays as it is.
    """
    monkeypatch.chdir(tmp_path)
    check("00.2", 9)

    assert [] == [*tmp_path.iterdir()]
    with pytest.raises(BadInput, match=r"no attempts\.jsonl in it; `otalab lab FOLDER` makes"):
        gathered(tmp_path)


def test_a_folder_that_cannot_be_written_to_ends_no_lesson(learner):
    """
    The check says what it says.
    """
    (learner / FILE).mkdir()

    assert check("00.2", 9)


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"exercise": 5, "right": true}', '{"exercise": "00.1"}', "[" * 9999])
def test_a_line_that_is_none_is_counted_and_harms_nobody(learner, line):
    """
    Somebody's editor, or a disk that was full: the other attempts count, and later ones are kept.
    """
    check("00.2", 8)
    with (learner / FILE).open("a") as file:
        file.write(f"{line}\n")
    check("00.2", 9)

    (anna,) = gathered(learner.parent)
    assert ({"00.2": 2}, {"00.2"}, 1) == (anna.attempts, anna.right, anna.unreadable)


def test_the_command_prints_a_row_for_each_learner(learner, capsys):
    """
    As a table, as JSON, as CSV; a folder's name is text.
    """
    check("00.2", 8)
    other = learner.parent / "=b\x1b[2J"
    other.mkdir()
    (other / FILE).write_text((learner / FILE).read_text().replace("false", "true"))

    assert 0 == main(["course", "progress", str(learner.parent), "--json"])
    rows = json.loads(capsys.readouterr().out)["learners"]
    assert [0, 1] == sorted(row["right"] for row in rows)
    assert 0 == main(["course", "progress", str(learner.parent)])
    assert "\x1b" not in capsys.readouterr().out
    assert 0 == main(["course", "progress", str(learner.parent), "--format", "csv"])
    assert "\n'=b" in capsys.readouterr().out


def test_a_check_on_a_page_has_a_sign_words_and_a_second_hint():
    """
    What is right needs none; nothing that was typed is taken for markup.
    """
    wrong, right = check("00.2", 8)._repr_html_(), check("00.2", 9)._repr_html_()

    assert "✗ 00.2: not yet." in wrong
    assert "<details><summary>A second hint</summary>Byte 8" in wrong
    assert "✓ 00.2: right." in right
    assert "<details>" not in right
    assert not re.search("<(?!/?(div|strong|details|summary)\\b)", check("05.1", "<b>")._repr_html_())


def test_every_exercise_has_a_second_hint_of_its_own():
    """
    One sentence or more, and no two alike.
    """
    assert EXERCISES_MET == list(HINTS)
    assert len(HINTS) == len(set(HINTS.values()))

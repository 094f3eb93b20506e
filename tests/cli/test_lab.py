"""`otalab lab`: the course in a folder of one's own, from a package that was installed from a wheel."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from otalab.cli.main import main
from otalab.course.folder import DELIVERED, FIRST, course

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+\.(?:md|ipynb|csv|png))(?:#[^)]*)?\)")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mine"


def put(folder, capsys):
    """
    Put the course there; return what was said.
    """
    assert 0 == main(["lab", str(folder), "--no-open"])
    return capsys.readouterr().err


def test_puts_the_course_into_a_folder(folder, capsys):
    """
    Every notebook, and every file that one links to.
    """
    assert f"{len(course())} files written" in put(folder, capsys)
    assert course() == {name: (folder / name).read_bytes() for name in course()}

    for notebook in (folder / "notebooks").iterdir():
        links = LINK.findall(notebook.read_text(encoding="utf-8"))
        assert links
        assert [] == [link for link in links if not (notebook.parent / link).is_file()]


def test_never_writes_over_what_was_changed(folder, capsys):
    """
    What a learner has changed stays and is named, now and when the course changes too; all else is put there again.
    """
    put(folder, capsys)
    (folder / FIRST).write_text("mine", encoding="utf-8")
    (folder / "notebooks" / "01_nor_flash.ipynb").unlink()
    (folder / "notes.txt").write_text("mine too", encoding="utf-8")

    for written in (1, 0):
        said = put(folder, capsys)
        assert f"{written} files written" in said
        assert said.endswith(f"left as you have changed them: {FIRST.as_posix()}\n")
    assert ["mine", "mine too"] == [(folder / name).read_text(encoding="utf-8") for name in (FIRST, "notes.txt")]


def test_a_newer_course_replaces_what_nobody_has_touched(folder, capsys, monkeypatch):
    """
    What was changed in one of them stays; a file that was there before the course is nobody's to replace.
    """
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "glossary.md").write_text("mine", encoding="utf-8")
    put(folder, capsys)
    (folder / FIRST).write_text("mine", encoding="utf-8")
    newer = {name: contents + b"\n" for name, contents in course().items()}
    monkeypatch.setattr("otalab.course.folder.course", lambda: newer)
    said = put(folder, capsys)

    assert f"{len(newer) - 2} files written" in said
    assert {"docs/glossary.md", FIRST.as_posix()} == {
        name for name in newer if (folder / name).read_bytes() != newer[name]
    }


@pytest.mark.parametrize("noise", [b"", b"[1]", b"\xff", b'{"a": '])
def test_a_list_that_cannot_be_read_vouches_for_nothing(folder, capsys, noise):
    """
    Then every file that is not the course's own counts as changed.
    """
    put(folder, capsys)
    (folder / DELIVERED).write_bytes(noise)
    (folder / FIRST).write_text("mine", encoding="utf-8")

    assert "left as you have changed them" in put(folder, capsys)
    assert "mine" == (folder / FIRST).read_text(encoding="utf-8")


def test_a_place_that_is_none_is_one_line(tmp_path, capsys):
    """
    With the way out, and status 2.
    """
    (tmp_path / "file").touch()

    assert 2 == main(["lab", str(tmp_path / "file"), "--no-open"])
    said = capsys.readouterr().err
    assert (1, True) == (said.count("\n"), str(tmp_path / "file") in said)


@pytest.mark.slow
def test_a_wheel_opens_the_course(tmp_path):
    """
    Built, installed where no checkout is in sight, put into a folder, and a notebook of it runs from there.
    """
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")  # what pip does with a wheel of Python alone
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}

    def python(*words):
        ran = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert 0 == ran.returncode, ran.stderr
        return ran

    where = Path(python("-c", "import otalab; print(otalab.__file__)").stdout.strip())
    assert tmp_path / "site" in where.parents
    assert (
        f"otalab-course: the course; {len(course())} files written" in python("-m", "otalab", "lab", "--no-open").stderr
    )
    assert course() == {name: (tmp_path / "otalab-course" / name).read_bytes() for name in course()}
    notebook = tmp_path / "otalab-course" / "notebooks" / "01_nor_flash.ipynb"
    python("-m", "nbconvert", "--execute", "--to", "notebook", "--inplace", str(notebook))
    assert "left as you have changed them" in python("-m", "otalab", "lab", "--no-open").stderr

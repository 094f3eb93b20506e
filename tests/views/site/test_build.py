"""The site as files: all that a page asks for is there, and the same lab makes the same files."""

import json
import re
from zipfile import ZipFile

import pytest

from otalab.cli.main import main
from otalab.hardware.board import boards, load_board
from otalab.views.site.build import build
from otalab.views.site.runtime import INTEGRITY, RUNTIME_FILES, VERSION


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """
    A site with a runtime of nothing but names.
    """
    runtime, out = tmp_path_factory.mktemp("runtime"), tmp_path_factory.mktemp("site")
    for name in RUNTIME_FILES:
        (runtime / name).write_bytes(name.encode())
    build(out, runtime)
    return out


def test_every_file_that_is_named_is_there(site):
    """
    By a link, a script, a style, a module or a worker; and nothing is asked of another server.
    """
    for path in site.glob("*.*"):
        if path.suffix not in (".html", ".js"):
            continue
        text = path.read_text(encoding="utf-8")
        named = re.findall(
            r'(?:href|src)="(?!data:|#)([\w./-]+)"|(?:\bimport|Worker|fetch|register)\("\.?/?([\w./-]+)"', text
        )
        assert [] == [name for pair in named for name in pair if name and not (site / name).is_file()]
        assert "://" not in re.sub(r"http://www\.w3\.org/\S+", "", text)
    assert {"base": "runtime/", "integrity": {}} == json.loads((site / "runtime.json").read_text())
    assert set(RUNTIME_FILES) == {path.name for path in (site / "runtime").iterdir()}


def test_boards_with_littlefs_are_shown_and_cannot_be_chosen(site):
    """
    All others can.
    """
    text = (site / "check.html").read_text(encoding="utf-8")
    for name in boards():
        (attributes,) = re.findall(rf'<option value="{name}"([^>]*)>', text)
        assert (load_board(name).file_system == "littlefs") == ("disabled" in attributes)


def test_the_lab_of_a_tab_has_no_floor_that_needs_a_package(site):
    """
    And the same one is packed the same way each time.
    """
    with ZipFile(site / "lab.zip") as archive:
        names = archive.namelist()
    assert {"otalab/graph/check.py", "otalab/_data/designs/hardened.toml", "traitlets/__init__.py"} <= set(names)
    assert [] == [name for name in names if name.startswith(("otalab/wire/", "otalab/numbers/", "otalab/cli/"))]


def test_without_a_runtime_its_version_and_its_hashes_are_named(tmp_path, capsys):
    """
    So that another server can only send what is meant.
    """
    assert 0 == main(["site", str(tmp_path / "out")])
    assert "python -m http.server" in capsys.readouterr().out
    named = json.loads((tmp_path / "out" / "runtime.json").read_text())
    assert (INTEGRITY, f"@{VERSION}/") == (named["integrity"], named["base"][-len(VERSION) - 2 :])
    assert not (tmp_path / "out" / "runtime").exists()


def test_a_folder_that_is_no_runtime_is_refused_before_anything_is_written(tmp_path, capsys):
    """
    In one line that says where one is to be had.
    """
    assert 2 == main(["site", str(tmp_path / "out"), "--runtime", str(tmp_path)])
    assert "npm pack pyodide" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_course_stands_beside_it_and_is_named_only_then(site, tmp_path):
    """
    In a folder of its own, with a way there on every page.
    """
    build(tmp_path, course={"index.html": b"the course", "docs/glossary.html": b"words"})
    assert b"words" == (tmp_path / "course" / "docs" / "glossary.html").read_bytes()
    for name in ("index", "check"):
        assert "course/index.html" in (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert "course/" not in (site / f"{name}.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_notebook_is_run_and_leads_back(tmp_path, capsys):
    """
    The one that was asked for.
    """
    assert 0 == main(["site", str(tmp_path), "--notebook", "01"])
    assert "look at it" in capsys.readouterr().out
    page = (tmp_path / "course" / "01_nor_flash.html").read_text(encoding="utf-8")
    assert '<a href="../index.html">otalab</a>' in page
    assert '<div class="output_' in page or 'class="output ' in page  # what its cells have said
    assert 2 == main(["site", str(tmp_path), "--notebook", "77"])

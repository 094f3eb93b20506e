"""What documents, notebooks and docstrings call `otalab.…` is there under that name."""

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import otalab

ROOT = Path(__file__).parents[2]
# The header that code includes is no module.
NAME = re.compile(r"\botalab(?!\.h\b)(?:\.[A-Za-z_]\w*)+")

IMPORT = re.compile(r"^\s*(?:from|import) otalab.*$", re.MULTILINE)


def words():
    """
    Every text that somebody reads, by its place.
    """
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        yield path.name, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        yield path.name, "\n".join("".join(cell["source"]) for cell in cells)
    for path in sorted((ROOT / "otalab").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if not NAME.search(IMPORT.sub("", source)):  # most modules name nothing, and to parse them takes a second
            continue
        tree = ast.parse(source)
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        docs = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds))
        yield str(path.relative_to(ROOT)), "\n".join(filter(None, docs))


def is_there(name):
    """
    Import as much of a name as is a module, and look the rest up.
    """
    parts = name.split(".")
    for last in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:last]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[last:]:
                thing = getattr(thing, part)
        except AttributeError:
            return False
        return True
    return False


NAMED = sorted({(place, name) for place, text in words() for name in NAME.findall(text)})


@pytest.mark.parametrize("place, name", NAMED)
def test_a_name_that_is_told_can_be_imported(place, name):
    """
    Nobody is sent to a module that has moved.
    """
    assert is_there(name), f"{place} names {name}"


@pytest.mark.parametrize("name", ["otalab.design.CHOICES", "otalab.graph_figures", "otalab.set_up.nothing"])
def test_a_name_that_is_gone_is_seen(name):
    """
    The rule can fail.
    """
    assert not is_there(name)


@pytest.mark.parametrize("name", otalab.__all__)
def test_no_module_has_the_name_of_a_thing_of_the_face(name):
    """
    `otalab.repair` is the function, whatever was imported before.
    """
    assert not (ROOT / "otalab" / f"{name}.py").exists()
    assert not (ROOT / "otalab" / name).is_dir()


def test_the_package_alone_opens_no_floor():
    """
    What a command or a worker pays for is what it uses.
    """
    opened = "import otalab, sys; print([name for name in sys.modules if name.startswith('otalab.')])"
    assert "[]\n" == subprocess.check_output([sys.executable, "-c", opened], text=True, cwd=ROOT)


def test_the_face_is_offered_whole_and_nothing_beside_it():
    """
    What lies in the face's module only because it imports it is no name of the package.
    """
    assert {*otalab.__all__} <= {*dir(otalab)}
    assert [] == [name for name in otalab.__all__ if getattr(otalab, name) is not getattr(otalab.face, name)]
    with pytest.raises(AttributeError, match="module 'otalab' has no attribute 'nothing'"):
        otalab.nothing  # noqa: B018  # to look is the deed


def test_names_that_scripts_rely_on_stay():
    """
    The contract names two functions by their path.
    """
    there = [importlib.import_module(name).absorption for name in ("otalab.numbers.markov", "otalab.markov")]
    assert there[0] is there[1]

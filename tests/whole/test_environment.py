"""pyproject.toml, environment.yml and requirements.lock name the same things."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT_TEXT = (ROOT / "environment.yml").read_text()
ENVIRONMENT = yaml.safe_load(ENVIRONMENT_TEXT)
LOCKS = sorted({*ROOT.glob("*.lock"), *ROOT.glob("requirements*")} - {ROOT / "uv.lock"})

# The name on conda-forge where it is another one; None: not there, pip brings it with the lab itself.
CONDA_NAMES = {
    "axe-playwright-python": None,  # its tests are skipped where it is missing
    "littlefs-python": None,
    "matplotlib": "matplotlib-base",  # the same without a Qt window
    "playwright": "playwright-python",
}


def of_pyproject():
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    wanted = [Requirement(line) for line in [*PROJECT["dependencies"], *extras]]
    named = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in wanted}
    named.pop(None, None)
    return named | {"python": SpecifierSet(PROJECT["requires-python"]), "pip": SpecifierSet()}


def of_environment():
    lines = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
    parts = [re.fullmatch(r"([a-z0-9-]+) ?(.*)", line).groups() for line in lines]
    return {name: SpecifierSet(specifier) for name, specifier in parts}


def test_both_files_ask_for_the_same():
    """
    Names, floors and the Python floor are equal.
    """
    assert of_pyproject() == of_environment()


def test_no_name_is_asked_for_twice():
    """
    One line a package.
    """
    lines = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]

    assert len(of_environment()) == len(lines)


@pytest.mark.parametrize("name", ["ipywidgets", "jupyterlab", "matplotlib", "pandas"])
def test_what_the_notebooks_stand_on_is_always_installed(name):
    """
    The four are dependencies, not an extra.
    """
    assert name in {Requirement(line).name for line in PROJECT["dependencies"]}


def test_conda_leaves_to_pip_only_the_lab():
    """
    Last comes the package itself, editable; conda-forge alone brings the rest.
    """
    assert {"pip": ["-e ."]} == ENVIRONMENT["dependencies"][-1]
    assert ["conda-forge", "nodefaults"] == ENVIRONMENT["channels"]


def test_the_file_owns_up_to_not_having_been_solved():
    """
    Parsed and compared is less than solved, and the file says which.
    """
    assert "never solved" in ENVIRONMENT_TEXT


def test_the_lock_has_every_dependency():
    """
    Whatever pyproject.toml asks for is pinned, at a version that it accepts.
    """
    pins = [Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]

    for wanted in map(Requirement, [*PROJECT["dependencies"], *extras]):
        versions = [next(iter(pin.specifier)).version for pin in pins if pin.name == wanted.name]
        assert versions, wanted.name
        assert all(version in wanted.specifier for version in versions), wanted


def test_there_is_a_lock():
    """
    The next test would be empty without one.
    """
    assert ROOT / "requirements.lock" in LOCKS


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_index(lock):
    """
    Names and versions, and nothing of where they were fetched from.
    """
    text = lock.read_text()

    assert "://" not in text
    assert "--" not in text

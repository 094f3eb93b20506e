"""The house is in order: style, types, and the two commands that everybody is told."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lab

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("tool", ["ruff check", "ruff format --check", "mypy"])
def test_has_nothing_to_say(tool):
    """
    The tool is content with the whole tree.
    """
    ran = subprocess.run([sys.executable, "-m", *tool.split()], cwd=ROOT, capture_output=True, text=True, check=False)

    assert 0 == ran.returncode, ran.stdout + ran.stderr


def test_the_readme_gives_commands_that_exist():
    """
    Whoever reads it can open the lab and test it, in the words of the launcher.
    """
    known = set(re.findall(r"python3 lab\.py (\w+)", lab.__doc__))
    told = set(re.findall(r"python3 lab\.py (\w+)", (ROOT / "README.md").read_text()))

    assert {"run", "test"} <= told <= known


def test_ci_runs_what_the_readme_says():
    """
    The tests of the CI are the tests of the reader.
    """
    assert "\nexec python3 lab.py test\n" in (ROOT / ".ci" / "run").read_text()


def test_the_launcher_refuses_what_it_does_not_know(capsys):
    """
    It then says what it knows, and touches nothing.
    """
    assert 2 == lab.main(["tset"])
    assert "python3 lab.py test" in capsys.readouterr().out

"""The house is in order: style, types, and the two commands that everybody is told."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import lab

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("tool", ["ruff check", "ruff format --check", pytest.param("mypy", marks=pytest.mark.slow)])
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
    The tests of the CI are the tests of the reader, and it tells the slowest twenty.
    """
    assert '\nexec python3 lab.py test --durations=20 "$@"\n' in (ROOT / ".ci" / "run").read_text()


def test_the_readme_names_every_notebook():
    """
    One row each, in order.
    """
    told = re.findall(r"^\| `(\d\d_\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")) == told


def test_the_pythons_that_are_told_are_those_that_are_tried():
    """
    By the second script, by the public CI, and from the oldest on that the package allows.
    """
    script, readme = ((ROOT / name).read_text(encoding="utf-8") for name in (".ci/pythons", "README.md"))
    tried = re.search(r"^versions=\((.+)\)$", script, re.MULTILINE)[1].split()
    public = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    quick = public["jobs"]["quick"]["strategy"]["matrix"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert f"Python {', '.join(tried[:-1])} and {tried[-1]}" in readme
    assert f">={tried[0]}" == project["requires-python"]
    assert (tried, ["locked", "newest"]) == (quick["python"], quick["packages"])
    assert {"ubuntu", "windows", "macos"} == {name.partition("-")[0] for name in quick["system"]}


def test_the_launcher_refuses_what_it_does_not_know(capsys):
    """
    It then says what it knows, and touches nothing.
    """
    assert 2 == lab.main(["tset"])
    assert "python3 lab.py test" in capsys.readouterr().out


def test_who_ends_the_launcher_ends_what_it_started():
    """
    The tests, the lab or a device do not go on without it: nobody holds its pipe afterwards.
    """
    waits = "import time; print('here', flush=True); time.sleep(600)"
    launcher = subprocess.Popen(
        [sys.executable, "-c", f"import lab, sys; lab.start([sys.executable, '-c', {waits!r}])"],
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert b"here\n" == launcher.stdout.readline()
    launcher.terminate()

    assert b"" == launcher.communicate(timeout=60)[0]

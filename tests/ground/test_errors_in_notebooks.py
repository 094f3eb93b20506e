"""Whoever types something wrong in a notebook reads one line, and no list of frames."""

import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from otalab.errors import BadInput, BundleFault, InternalFault, OtalabError, OutOfTable


@pytest.fixture
def shown(capsys):
    """Run a cell, and return what stands below it."""
    shell = InteractiveShell.instance()

    def show(source):
        shell.run_cell(source)
        return capsys.readouterr().out

    yield show
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    "source, line",
    [
        ("import otalab; otalab.load_design('hardend')", "hardend"),
        ("import otalab; otalab.set_up('hardened', 'lab-9M')", "lab-9M"),
        ("from otalab.views.player import UpdatePlayer; UpdatePlayer('mongoose', 'tiny', cuts=[[0, 160, 'prefix-99']])",
         "has no tear 'prefix-99' under the fault model all; near it: prefix-79, prefix-78"),
        ("from otalab.course import check; check('99.9', 1)", "there is no exercise '99.9'"),
    ],
)  # fmt: skip
def test_what_was_typed_wrong_is_told_in_one_line(shown, source, line):
    """
    The line says what, and the way out.
    """
    said = shown(source).strip()

    assert 1 == len(said.splitlines()), said
    assert said.startswith("BadInput: ")
    assert line in said


@pytest.mark.parametrize("kind", [OtalabError, BadInput, OutOfTable, BundleFault])
def test_every_kind_of_misuse_is_one_line(kind):
    """
    They are all what somebody can put right.
    """
    assert [f"{kind.__name__}: no such thing"] == kind("no such thing")._render_traceback_()


def test_a_fault_of_the_lab_shows_where_it_happened():
    """
    Its frames are what mends it.
    """
    assert not hasattr(InternalFault("oh"), "_render_traceback_")


def test_a_program_has_its_frames():
    """
    Outside of a notebook nothing is left out.
    """
    ran = subprocess.run(
        [sys.executable, "-c", "import otalab; otalab.load_design('hardend')"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" in ran.stderr

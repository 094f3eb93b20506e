"""The reference page is what the docstrings say today."""

import importlib
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

make_reference = importlib.import_module("make_reference")


def test_the_page_is_what_the_docstrings_make():
    """
    Nobody edits it by hand: `python docs/make_reference.py`.
    """
    assert make_reference.page() == make_reference.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("face", make_reference.FACES)
def test_every_public_name_is_on_it(face):
    """
    And has a sentence of its own, or is a table whose keys are told.
    """
    text = make_reference.PAGE.read_text(encoding="utf-8")
    part = text.partition(f"## `{face}`")[2].partition("\n## ")[0]
    for name in importlib.import_module(face).__all__:
        told = part.partition(f"### `{name}`\n")[2].partition("\n### ")[0]
        assert told.strip(), name

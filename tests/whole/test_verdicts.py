"""The page of verdicts is up to date: it has every cell, and what is made again quickly is made again."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from otalab.faults.models import SIX
from otalab.firmware.catalogue import designs

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))  # last: names of the helpers go first
import verdicts

QUICK = 16
"""So many of a design's quickest cells may be made again."""
ROWS = verdicts.stored()


def test_every_cell_is_there() -> None:
    """Design, start, fault model and image, in their order; none is missing and none is left over."""
    assert list(verdicts.every_key(designs())) == [tuple(row[name] for name in verdicts.KEY) for row in ROWS]


def test_the_page_is_what_the_table_makes() -> None:
    """Nobody edits it by hand."""
    assert verdicts.page(ROWS) == verdicts.PAGE.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("design", designs())
def test_a_cell_that_is_quick_to_make_is_as_it_was(design: str) -> None:
    """Verdict, ends, states and history of six cells."""
    quick = sorted((row for row in ROWS if row["design"] == design), key=lambda row: float(row["seconds"]))[:QUICK]
    for row in random.Random(design).sample(quick, 6):
        key = row["design"], row["start"], row["faults"], row["image"]
        assert row | {"seconds": ""} == verdicts.cell(key) | {"seconds": ""}


def test_a_union_is_no_better_than_its_members() -> None:
    """Where a member of `all` is unsafe, `all` is not safe; where `all` is safe, every member is."""
    by_key = {tuple(row[name] for name in verdicts.KEY): row["verdict"] for row in ROWS}
    for (design, start, faults, image), verdict in by_key.items():
        if faults == "all" and verdict == "safe":
            assert {"safe"} == {by_key[design, start, one, image] for one in SIX}

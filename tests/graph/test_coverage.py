"""An open cell says how much it has covered, by kind of tear, and what stands in the way."""

from __future__ import annotations

from functools import cache

import pytest
from plain import Thin, small

from otalab.cli.check import tell
from otalab.faults.tear import kind_of
from otalab.graph.check import Cell, check_design
from otalab.graph.coverage import covered, sentences
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of

FAULTS = Thin(prefixes=(9, 40, 80), fronts=(2,))


@cache
def open_cell() -> Cell:
    return check_design("cc3200", "unstable", "healthy", "tiny", budget=40)


def test_a_closed_graph_has_covered_all_that_it_met():
    """Of every kind of tear, all were followed, by count and by probability."""
    explorer = Explorer(small("hardened"), FAULTS)
    explorer.explore()
    rows = covered(graph_of(explorer))

    assert {"before", "after"} <= {row.kind for row in rows}
    assert all(row.share == 1.0 and row.followed == row.tears > 0 for row in rows)


@pytest.mark.parametrize("budget", [2, 4, 6])
def test_what_is_followed_is_part_of_what_was_met(budget):
    """A search that is broken off has shares between none and all, and the same kinds as it has labels."""
    explorer = Explorer(small("hardened"), FAULTS, budget=budget)
    explorer.explore()
    graph = graph_of(explorer)
    rows = covered(graph)

    assert not graph.closed
    assert {row.kind for row in rows} == {kind_of(label) for label in graph.labels} - {"cut", "reset"}
    assert all(0 <= row.followed <= row.tears and 0 <= row.share <= 1 for row in rows)
    assert sum(row.tears for row in rows) <= graph.wrecks


def test_an_open_cell_names_the_sector_in_the_way():
    """On the board's own words: where contents are told apart that are too many."""
    cell = open_cell()

    assert "open" == cell.verdict
    assert "different contents of sector" in cell.graph.obstacle
    assert "40 nodes" in cell.graph.obstacle
    assert list(sentences(cell.graph))[-1] == f"what stands in the way: {cell.graph.obstacle}"


def test_the_command_tells_it_and_json_has_it(capsys):
    """Whoever reads the answer of an open cell is told; a cell that is decided has none of it."""
    cell = open_cell()
    tell(cell)
    decided = check_design("hardened", "atomic", "healthy", "tiny")

    assert "what stands in the way" in capsys.readouterr().out
    assert {"ended_by", "followed", "kinds", "in_the_way"} == set(cell.as_object()["coverage"])
    assert "coverage" not in decided.as_object()

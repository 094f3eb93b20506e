"""A search that runs out of nodes, seconds or memory keeps what it has found, and says what it ran out of."""

from __future__ import annotations

import json
from itertools import count
from math import inf, nan

import pytest
from own_code import example, needs_cc

from otalab.cli import main as cli
from otalab.errors import BadInput
from otalab.graph import budget
from otalab.graph.budget import BUDGET, Budget
from otalab.graph.check import check_design
from otalab.graph.coverage import sentences

SMALL = {"faults": "torn-program", "board": "tiny", "app_size": 3000}
WHOLE = 40000  # looks at the clock, more than this search takes


@pytest.fixture
def ticking(monkeypatch):
    """
    A clock that is a second later whenever somebody looks at it, and a process that is a byte larger.
    """
    seconds, memory = count(), count()
    monkeypatch.setattr(budget.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(budget, "held", lambda: next(memory))


@pytest.mark.parametrize("most", ["seconds", "memory"])
@pytest.mark.parametrize("many", [1, 2, 7, 20])
@pytest.mark.parametrize("design", ["hardened", "single-record"])
def test_what_was_found_by_then_stays_found(ticking, design, many, most):
    """
    Never safe, no end that the whole graph does not have, and a history that breaks a design breaks it.
    """
    whole = check_design(design, **SMALL).graph
    cell = check_design(design, budget=Budget(**{most: many}), **SMALL)
    graph = cell.graph

    assert whole.closed
    assert graph.verdict in ("open", whole.verdict)
    assert {*graph.ends} <= {*whole.ends}
    assert graph.ends == whole.ends if graph.closed else graph.verdict != "safe"
    assert not (many == 1 and graph.closed)
    if graph.verdict == "open":
        assert most == graph.ended_by == cell.as_object()["coverage"]["ended_by"]
        assert f"the {most} of the search" in next(sentences(graph))


@pytest.mark.parametrize("design", ["hardened", "single-record"])
def test_a_limit_that_is_not_reached_changes_nothing(ticking, design):
    """
    The same graph as without one.
    """
    whole = check_design(design, **SMALL).graph
    for most in (Budget(seconds=WHOLE), Budget(memory=WHOLE), Budget(BUDGET, WHOLE, WHOLE)):
        graph = check_design(design, budget=most, **SMALL).graph
        assert (whole.verdict, True, "") == (graph.verdict, graph.closed, graph.ended_by)
        assert (whole.nodes, whole.ends, whole.wrecks) == (graph.nodes, graph.ends, graph.wrecks)


def test_who_asks_for_seconds_has_any_number_of_nodes():
    """
    Unless both are told: then whichever is reached first.
    """
    assert BUDGET == Budget().begin().nodes
    assert BUDGET < Budget(seconds=60).begin().nodes == Budget(memory=1e9).begin().nodes
    assert (7, "nodes") == (Budget(7, 60).begin().nodes, Budget(7, 60).begin().spent(7))
    assert Budget(7) == Budget.of(7)


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"seconds": nan}, {"memory": -1}, {"memory": "2G"}, {"nodes": 0}])
def test_what_is_no_budget_is_refused(wrong):
    """
    With its value, before anything is searched.
    """
    [value] = wrong.values()
    with pytest.raises(BadInput, match=f"{value!r}: a"):
        Budget(**wrong)


def test_a_process_knows_how_much_memory_it_holds():
    """
    More than Python itself needs.
    """
    assert 1e6 < budget.held() < inf


@needs_cc
def test_code_is_searched_for_so_long(ticking, tmp_path, capsys):
    """
    As a design is: the answer is open, with how far it came.
    """
    folder = example(tmp_path, "hardened").page.folder
    words = ["check", "--firmware", str(folder), "--board", "tiny", "--faults", "torn-program", "--seconds", "20"]
    assert 1 == cli.main([*words, "--json"])
    [cell] = json.loads(capsys.readouterr().out)["results"]

    assert ("open", "seconds") == (cell["verdict"], cell["coverage"]["ended_by"])
    assert cell["wrecks"] > 0

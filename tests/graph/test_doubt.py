"""A second opinion lives hostile histories on plain contents, and finds a proof out that is wrong."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest
from plain import small

from otalab.bench.setup import set_up
from otalab.cli.main import main
from otalab.faults.models import fault_model
from otalab.graph import doubt
from otalab.graph.check import LostCell, check_design
from otalab.graph.doubt import DEEPEST, Doubter, second_opinion
from otalab.graph.history import ending, play

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))  # last: names of the helpers go first
import verdicts

SAFE = [row for row in verdicts.stored() if row["verdict"] == "safe"]
QUICK = ["check", "hardened", "--board", "tiny", "--faults", "atomic"]


def lived(row, histories, seed=1):
    """Return what became of so many histories of a cell of the table."""
    scenario = set_up(row["design"], "tiny", image=row["image"], used=row["start"] == "used")
    doubter = Doubter(scenario, fault_model(row["faults"]), seed)
    return doubter.doubt(row["ends"].split(), lambda so_far: so_far.histories < histories)


@pytest.mark.parametrize("row", random.Random(7).sample(SAFE, 6), ids=lambda row: "-".join(list(row.values())[:4]))
def test_no_history_at_random_ends_as_a_safe_cell_says_that_none_does(row):
    """The law of every safe cell, on some of them; a seed makes it the same ones each time."""
    found = lived(row, 6)

    assert (6, None) == (found.histories, found.strange)
    assert found.cuts >= found.deepest > 0


@pytest.mark.slow
def test_no_history_at_random_ends_as_any_safe_cell_says_that_none_does():
    """On every safe cell of the table."""
    assert [] == [row for row in SAFE if row["design"] not in ("mgos-boot", "mgos-boot-both") and lived(row, 1).strange]


def test_a_design_that_breaks_is_found_out_and_the_history_plays():
    """Where the graph would have hidden the end, a history finds it, and the plain firmware comes to it."""
    scenario, faults = set_up("mongoose", "tiny"), fault_model("torn-program")
    found = Doubter(scenario, faults).doubt(["updated", "update-lost"], lambda so_far: so_far.histories < 400)

    assert found.strange is not None
    assert found.strange.end == ending(scenario, list(play(scenario, faults, found.strange.legs))).name


def test_the_same_seed_draws_the_same_histories():
    """And another one draws others; each has at least one cut that fired."""
    first, again, other = (Doubter(small("hardened"), fault_model("all"), seed) for seed in (1, 1, 2))
    histories = [doubter.history(DEEPEST) for doubter in (first, again, other)]

    assert histories[0] == histories[1] != histories[2]
    assert all(history.cuts for history in histories)


def test_a_proof_that_is_wrong_is_an_internal_fault_with_the_history(monkeypatch):
    """An end that the closed graph does not have: the cell has no answer, and the id is there to be played."""
    cell = check_design("single-record", "atomic", "healthy", "tiny")
    monkeypatch.setattr(type(cell.graph), "ends", property(lambda _graph: ["updated"]))
    kept, found = second_opinion(cell, 60)

    assert isinstance(kept, LostCell)
    assert kept.fault.what.startswith("the search is wrong: a history drawn at random ends")
    assert kept.fault.history == cell.case.identity(found.strange)


@pytest.mark.parametrize("seconds", ["0", "-3", "nan", "inf"])
def test_seconds_that_are_none_are_refused(capsys, seconds):
    """One line, with the way out."""
    assert 2 == main([*QUICK, f"--doubt={seconds}"])
    assert "more than 0, is needed" in capsys.readouterr().err


def test_the_command_tells_what_was_lived(monkeypatch, capsys):
    """In words and in JSON: how many histories and cuts, and the most in one."""
    moments = iter(range(100))
    monkeypatch.setattr(doubt.time, "monotonic", lambda: next(moments))
    assert 0 == main([*QUICK, "--doubt", "3", "--json"])
    (result,) = json.loads(capsys.readouterr().out)["results"]

    assert {"histories", "cuts", "deepest", "strange"} == set(result["doubt"])
    assert 0 < result["doubt"]["deepest"] <= result["doubt"]["cuts"]
    assert result["doubt"]["strange"] is None

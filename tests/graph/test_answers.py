"""Answers come as they are known, in their order, from one process or several; and a cheap member answers for all."""

import json
import signal
import subprocess

import pytest
from places import OTALAB

from otalab import check_design, fault_model, set_up
from otalab.cli import main as cli
from otalab.cli.progress import bar
from otalab.errors import BadInput, OtalabError
from otalab.graph.answers import answers
from otalab.graph.asked import questions
from otalab.graph.case import Case
from otalab.graph.check import check

DESIGNS = ("hardened", "single-record", "in-place")
QUICK = ("--board", "tiny", "--faults", "atomic")


def test_several_processes_say_what_one_says():
    """In the same order, bit for bit but for the seconds."""

    def told(jobs):
        every = questions(DESIGNS, ("atomic",), board="tiny")
        return [cell.as_object() | {"seconds": 0} for cell in answers(every, jobs)]

    assert told(1) == told(2)


def test_so_many_processes_are_not_possible():
    """One at least, and no more than a machine may have."""
    for jobs in (0, -1, 257, 1.5):
        with pytest.raises(BadInput, match="jobs"):
            list(answers(questions(DESIGNS, ("atomic",), board="tiny"), jobs))


def test_a_cell_is_told_before_the_next_one_is_known(capsys, monkeypatch):
    """With its number among all; the matrix comes last."""
    seen = []
    monkeypatch.setattr("otalab.cli.check.tell", lambda cell, which: seen.append((which, cell.case.design)))
    assert 1 == cli.main(["check", *DESIGNS, *QUICK])
    assert [f"cell {n} of 3, " for n in (1, 2, 3)] == [which for which, _ in seen]
    assert sorted(DESIGNS) == [design for _, design in seen]
    assert "verdict" in capsys.readouterr().out


def test_what_a_pipe_reads_has_no_bars():
    """Nobody watches there; what is asked for is on standard output."""
    ran = subprocess.run([*OTALAB, "check", *DESIGNS, *QUICK], capture_output=True, text=True, check=False)
    assert (1, "") == (ran.returncode, ran.stderr)
    assert "cell 3 of 3, " in ran.stdout
    assert bar().disable


@pytest.mark.slow
def test_an_interrupt_ends_the_other_processes_too():
    """What was told stays told, the status says that it is not all, and no process is left behind."""
    words = [*OTALAB, "check", *DESIGNS, "--faults", "all", "--image", "each", "--budget", "5000", "--jobs", "2"]
    ran = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        first = ran.stdout.readline()  # it holds until somebody lets go: there is no end of file before
        ran.send_signal(signal.SIGINT)
        rest, err = ran.communicate()
    finally:
        ran.kill()
    assert (130, True) == (ran.returncode, "interrupted" in err), err
    assert "cell 1 of 12, " in first
    assert "cell 12 of 12" not in rest


def breaks(design, budget):
    try:
        return "unsafe" == check_design(design, "atomic", board="tiny", budget=budget).verdict
    except OtalabError:
        return False  # with one node no cut is followed


@pytest.mark.parametrize("design", ["single-record", "in-place"])
def test_all_is_unsafe_where_a_cheap_member_is(design):
    """However few nodes the search of all may have; the history is one of all, and it is played under it."""
    least = next(n for n in range(1, 200) if breaks(design, n))
    found = check_design(design, "all", board="tiny", budget=least)

    assert ("unsafe", "all") == (found.verdict, found.case.faults)
    assert found.graph.counterexample is not None


@pytest.mark.slow
def test_what_a_member_says_is_not_closed():
    """Of the others it says nothing; where all of them were followed, what these say counts."""
    least = next(n for n in range(1, 200) if breaks("single-record", n))
    assert not check_design("single-record", "all", board="tiny", budget=least).graph.closed
    assert check_design("single-record", "all", board="tiny").graph.closed


@pytest.mark.parametrize("design, verdict", [("single-record", "unsafe"), ("hardened", "open")])
def test_cheap_members_are_asked_before_the_long_search(design, verdict):
    """Whoever interrupts the search of all has their answer."""
    asked = []

    def impatient(explorer):
        asked.append(explorer.faults.name)
        if explorer.faults.name == "all" and "atomic" in asked:
            raise KeyboardInterrupt

    scenario, faults = set_up(design, "tiny"), fault_model("all")
    cell = check(Case.of(scenario, design, "tiny", "all"), scenario, faults, budget=100, progress=impatient)
    assert verdict == cell.verdict
    assert ("all", True, "all") == (asked[0], "atomic" in asked, asked[-1])


@pytest.mark.slow
def test_what_closes_with_few_nodes_asks_no_member():
    """The proof of the default design costs what it costs, and no more."""
    asked = set()
    scenario, faults = set_up("hardened"), fault_model("all")
    cell = check(
        Case.of(scenario, "hardened", "lab-1M", "all"),
        scenario,
        faults,
        progress=lambda one: asked.add(one.faults.name),
    )
    assert ("safe", {"all"}) == (cell.verdict, asked)


def test_a_recording_is_explored_with_a_budget(capsys, tmp_path, monkeypatch):
    """As a check is; and one object is what JSON gets."""
    monkeypatch.chdir(tmp_path)
    cli.main(["trace", "hardened", "--board", "tiny", "--record", "update.csv"])
    capsys.readouterr()
    words = ["explore-recording", "update.csv", "--design", "hardened", *QUICK, "--json"]
    assert 1 == cli.main([*words, "--budget", "2"])
    assert "open" == json.loads(capsys.readouterr().out)["results"][0]["verdict"]
    assert 2 == cli.main([*words, "--budget", "0"])

"""Interrupts: status 130, whatever was under way, and what is known by then is said to be no result."""

import json
import shutil
import signal
import threading
from random import Random

import pytest

from otalab.bench.recording import write_recording
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli import main as cli
from otalab.cli.interrupts import pressed, remembered, until_interrupted
from otalab.graph.explorer import Explorer

QUICK = ("--board", "tiny", "--faults", "atomic")
COMMANDS = {
    "check": ("check", "mongoose", "hardened", *QUICK, "--json"),
    "explore-recording": ("explore-recording", "update.csv", "--design", "hardened", *QUICK, "--json"),
    "repair": ("repair", "single-record", *QUICK, "--json"),
    "risk": ("risk", "hardened", *QUICK, "--rate", "1", "--json"),
    "campaign": ("campaign", "hardened", *QUICK, "--rate", "1", "--devices", "10", "--out", "out", "--json"),
    "report": ("report", "single-record", *QUICK, "-o", "page.html"),
}


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Have somebody press Ctrl-C when a search has followed so many nodes."""
    monkeypatch.chdir(tmp_path)
    write_recording(life(set_up("hardened", "tiny")), "update.csv")
    explored = {}
    monkeypatch.setattr("otalab.numbers.study._explored", explored)
    left, connect = [0], Explorer._connect

    def followed(explorer, node):
        left[0] -= 1
        if not left[0]:
            signal.raise_signal(signal.SIGINT)
        return connect(explorer, node)

    def after(nodes):
        left[0] = nodes
        explored.clear()
        monkeypatch.setattr(Explorer, "_connect", followed)
        return left

    return after


@pytest.mark.parametrize("nodes", [1, 2, 5])
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_an_interrupt_is_no_result(capsys, tmp_path, interrupted, words, nodes):
    """Status 130 and one line that says so; what was found by then is printed whole, or nothing is."""
    interrupted(nodes)
    assert 130 == cli.main([*words])
    said = capsys.readouterr()
    assert "interrupted" in said.err.splitlines()[-1]
    assert not said.out or json.loads(said.out)
    assert {"update.csv"} == {one.name for one in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_ten_random_moments(capsys, tmp_path, interrupted, words):
    """Wherever in its searches a command is: 130, whole JSON or none, and no file that was not there."""
    met = interrupted(10**9)
    cli.main([*words])
    seen = 10**9 - met[0]
    for one in tmp_path.iterdir():
        shutil.rmtree(one) if one.is_dir() else one.name == "update.csv" or one.unlink()
    for nodes in Random(19).choices(range(1, seen + 1), k=10):
        capsys.readouterr()
        interrupted(nodes)
        assert 130 == cli.main([*words]), nodes
        said = capsys.readouterr()
        assert "interrupted" in said.err.splitlines()[-1]
        assert not said.out or json.loads(said.out)
        assert {"update.csv"} == {one.name for one in tmp_path.iterdir()}


def test_what_was_known_is_told_and_nothing_is_begun_after_it(capsys, interrupted):
    """Two cells were asked for: the first is told as far as it went, the second is not begun."""
    interrupted(5)
    assert 130 == cli.main([*COMMANDS["check"]])
    said = capsys.readouterr()
    (cell,) = json.loads(said.out)["results"]
    assert ("hardened", "open") == (cell["design"], cell["verdict"])
    assert "interrupted: what is printed is what was known by then, and decides nothing else" in said.err


def test_a_handler_is_as_before():
    """Whoever calls the command line from Python keeps his own."""
    before = signal.getsignal(signal.SIGINT)
    assert 0 == cli.main(["designs", "--json"])
    assert before is signal.getsignal(signal.SIGINT)


def test_a_thread_can_run_a_command(capsys):
    """It gets no interrupts, and sets no handler."""
    thread = threading.Thread(target=cli.main, args=(["designs", "--json"],))
    thread.start()
    thread.join()
    assert '"designs"' in capsys.readouterr().out


def test_an_interrupt_between_two_results_keeps_the_first():
    """And one before the first is the caller's."""

    def results(count):
        yield from range(count)
        signal.raise_signal(signal.SIGINT)

    with remembered():
        assert [0, 1] == until_interrupted(results(2))
        assert pressed()
    with remembered():
        assert not pressed()
        with pytest.raises(KeyboardInterrupt):
            until_interrupted(results(0))

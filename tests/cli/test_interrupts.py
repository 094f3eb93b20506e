"""Interrupts: status 130, whatever was under way, and what is known by then is said to be no result."""

import asyncio
import dis
import importlib
import inspect
import json
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

import otalab
from otalab.__main__ import main as entry
from otalab.bench.recording import write_recording
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli import designs, fleet
from otalab.cli import main as cli
from otalab.cli.interrupts import pressed, remembered, until_interrupted
from otalab.graph.explorer import Explorer
from otalab.wire.device import flash_file

PACKAGE = str(Path(otalab.__file__).parent)
QUICK = ("--board", "tiny", "--faults", "atomic")
COMMANDS = {
    "check": ("check", "mongoose", "hardened", *QUICK, "--json"),
    "explore-recording": ("explore-recording", "update.csv", "--design", "hardened", *QUICK, "--json"),
    "repair": ("repair", "single-record", *QUICK, "--json"),
    "risk": ("risk", "hardened", *QUICK, "--rate", "1", "--json"),
    "campaign": ("campaign", "hardened", *QUICK, "--rate", "1", "--devices", "10", "--out", "out", "--json"),
    "rollout": ("rollout", "hardened", *QUICK, "--rate", "1", "--devices", "10", "--repeats", "2", "--json"),
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


# Of a report what does not vary is left out: one image, one part; the search is interrupted above.
ANYWHERE = COMMANDS | {
    "report": (*COMMANDS["report"], "--json", "--image", "healthy", "--repair", "0", "--parts", "W25Q16JV")
}


def goes_on(frame):
    """
    Say whether a generator is resumed, perhaps only to be closed: there no signal is looked at, and none is lost.
    """
    code = frame.f_code
    return code.co_flags & inspect.CO_GENERATOR and frame.f_lasti > 2 * code.co_code[::2].index(dis.opmap["RESUME"])


def calls(words, moment):
    """Run a command with somebody pressing Ctrl-C at this call of a function of the lab; return status and calls."""
    met, before = 0, signal.getsignal(signal.SIGINT)

    def called(frame, event, _arg):
        nonlocal met
        if event == "call" and PACKAGE in frame.f_code.co_filename and not goes_on(frame):
            met += 1
            if met >= moment > 0 and signal.getsignal(signal.SIGINT) is not before:  # it has begun, and is not over
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)

    sys.setprofile(called)
    try:
        return cli.main([*words]), met
    finally:
        sys.setprofile(None)


@pytest.mark.slow
@pytest.mark.parametrize("words", ANYWHERE.values(), ids=ANYWHERE)
def test_ten_random_moments(capsys, tmp_path, interrupted, words):
    """Wherever a command is: 130, whole JSON or none, and a file of the whole run or none."""
    interrupted(10**9)
    status, seen = calls(words, 0)
    whole = {one.name: one.stat().st_size for one in tmp_path.iterdir()}
    for moment in Random(19).choices(range(1, seen), k=10):
        for one in tmp_path.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.name == "update.csv" or one.unlink()
        capsys.readouterr()
        interrupted(10**9)
        ended, met = calls(words, moment)
        assert ended == (130 if met >= moment else status), (
            moment
        )  # what is remembered of the first run is not done again
        said = capsys.readouterr()
        assert ended == status or "interrupted" in said.err.splitlines()[-1]
        assert not said.out or json.loads(said.out)
        left = {one.name: one.stat().st_size for one in tmp_path.iterdir() if one.is_file()}
        assert left.items() <= whole.items()


def test_what_was_known_is_told_and_nothing_is_begun_after_it(capsys, interrupted):
    """Two cells were asked for: the first is told as far as it went, the second is not begun."""
    interrupted(5)
    assert 130 == cli.main([*COMMANDS["check"]])
    said = capsys.readouterr()
    (cell,) = json.loads(said.out)["results"]
    assert ("hardened", "open") == (cell["design"], cell["verdict"])
    assert "interrupted: what is printed is what was known by then, and decides nothing else" in said.err


def test_a_file_of_before_stays(tmp_path, interrupted):
    """What an interrupted search has takes no file's place, neither of a graph nor of a counterexample."""
    words = ("check", "single-record", *QUICK, "--graph", "graph.npz", "--save", "found.json")
    assert 1 == cli.main([*words])
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    interrupted(2)
    assert 130 == cli.main([*words])
    assert before == {one.name: one.read_bytes() for one in tmp_path.iterdir()}


def raises_interrupt(*_what):
    raise KeyboardInterrupt


def test_a_command_that_is_still_loaded_is_interrupted_alike(monkeypatch, capsys):
    """The parts of the command, and the command line itself."""
    monkeypatch.setitem(cli.COMMANDS, "check", cli.COMMANDS["check"]._replace(open=raises_interrupt))
    assert (130, "otalab check: interrupted\n") == (cli.main(["check"]), capsys.readouterr().err)
    monkeypatch.delitem(sys.modules, "otalab.cli.main")
    monkeypatch.setattr(importlib.machinery.PathFinder, "find_spec", raises_interrupt)
    assert (130, "otalab: interrupted\n") == (entry(), capsys.readouterr().err)


def test_a_command_that_is_over_is_interrupted_no_more():
    """What Python does between the result and its own end has no result to lose, and nothing to say."""
    pressed_at_the_end = "import atexit, signal, sys; atexit.register(signal.raise_signal, signal.SIGINT)"
    entered = "from otalab.__main__ import main; sys.argv[1:] = ['designs', '--json']; sys.exit(main())"
    ran = subprocess.run(
        [sys.executable, "-c", f"{pressed_at_the_end}; {entered}"], capture_output=True, text=True, check=False
    )
    assert (0, "") == (ran.returncode, ran.stderr)


def test_the_package_itself_loads_nothing():
    """Before the command there is nothing of the lab's to interrupt."""
    ran = subprocess.run(
        [sys.executable, "-c", "import sys; had = {*sys.modules}; import otalab; print({*sys.modules} - had)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "{'otalab'}\n" == ran.stdout


def test_whatever_fails_after_an_interrupt_fails_of_it(monkeypatch, capsys):
    """Half a search lacks what the rest of a command counts on: that is no fault of the lab."""

    def run(_chosen):
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise KeyError("seconds")

    monkeypatch.setattr(designs, "run", run)
    assert (130, "otalab designs: interrupted\n") == (cli.main(["designs"]), capsys.readouterr().err)


@pytest.mark.parametrize("write", range(1, 7))
def test_a_fleet_that_is_still_being_made_is_interrupted(monkeypatch, capsys, tmp_path, write):
    """Each flash file that is there is whole, with its notebook, and whoever begins again goes on with it."""
    words = ["fleet", "serve", "--devices", "3", "--board", "tiny", "--broker", "127.0.0.1:1", "--flash-dir", "lamps"]
    left, write_at = [write], flash_file._write_at

    def written(*what):
        left[0] -= 1
        if not left[0]:
            signal.raise_signal(signal.SIGINT)
        return write_at(*what)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flash_file, "_write_at", written)
    assert (130, "otalab fleet: interrupted\n") == (cli.main(words), capsys.readouterr().err)
    whole = set_up("mongoose", "tiny").flash.geometry.size
    assert {whole} == {one.stat().st_size for one in (tmp_path / "lamps").glob("*.bin")}
    made = {one.name: one.read_bytes() for one in (tmp_path / "lamps").iterdir() if one.suffix in (".bin", ".images")}

    async def at_once(*_tasks):
        await asyncio.sleep(0)

    monkeypatch.setattr(fleet, "first_of", at_once)
    assert 0 == cli.main(words)
    assert [whole] * 3 == [one.stat().st_size for one in (tmp_path / "lamps").glob("*.bin")]
    assert made == {name: (tmp_path / "lamps" / name).read_bytes() for name in made}
    assert len(made) == 2 * len([name for name in made if name.endswith(".bin")])


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

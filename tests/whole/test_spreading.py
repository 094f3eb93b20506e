"""The tests themselves: spread over processes without losing one, and leaving nothing when they are ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from spreading import SHARE_NOTHING, long_ones_first, piece

import lab

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds for what must come; only a failure waits so long
STARTS = """
import subprocess, sys, time
from pathlib import Path
from otalab.wire.live.device import LiveDevice

def test_that_never_ends(tmp_path):
    idle = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"], start_new_session=True)
    device = LiveDevice(tmp_path / "flash.bin", board="tiny", no_sync=True).start()
    Path(__file__).with_suffix(".draft").write_text(f"{idle.pid} {device.process_id}")
    Path(__file__).with_suffix(".draft").rename(Path(__file__).with_suffix(".pids"))
    time.sleep(3600)
"""


class Named:
    """A test as far as the order needs it."""

    def __init__(self, nodeid, *marks):
        self.nodeid, self.marks = nodeid, marks

    def get_closest_marker(self, name):
        return name if name in self.marks else None


def test_a_file_is_a_piece_and_so_is_a_notebook():
    """What shares a fixture stays together; of a file that shares nothing every test is one."""
    assert "tests/a.py" == piece("tests/a.py::test_b[1]") == piece("tests/a.py::TestC::test_d")
    assert (
        "08_live.ipynb" == piece("tests/a.py::test_runs[08_live.ipynb]") == piece("tests/a.py::test_d[08_live.ipynb]")
    )
    assert f"{SHARE_NOTHING[0]}::test_b" == piece(f"{SHARE_NOTHING[0]}::test_b")
    assert [] == [file for file in SHARE_NOTHING if not (ROOT / file).is_file()]


def test_long_pieces_come_first_and_none_is_lost():
    """A piece keeps its order, and is as long as its longest test."""
    names = [("a::1",), ("b::1",), ("b::2", "slow"), ("c::1", "slow", "browser"), ("a::2",), ("b::3",)]
    ordered = long_ones_first(Named(*name) for name in names)

    assert ["c::1", "b::1", "b::2", "b::3", "a::1", "a::2"] == [test.nodeid for test in ordered]


@pytest.mark.parametrize(
    "arguments, one_process",
    [([], False), (["-m", "not slow"], False), (["-x", "--durations=20"], False)]
    + [([name], True) for name in ("tests/graph", "tests/whole/test_spreading.py::test_one")],
)
def test_the_launcher_spreads_what_is_more_than_a_file(monkeypatch, arguments, one_process):
    """On every core that it may use and two processes more, since many tests wait; but for what is named."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3)), raising=False)

    assert ([] if one_process else ["-n", "5"]) == lab.everywhere(arguments)


def test_on_one_core_nothing_is_spread(monkeypatch):
    """A second process would only be in the way."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)

    assert [] == lab.everywhere([])


def pytest_in(folder, *words, before=(), **environment):
    """Begin to run the tests of a folder as those of the lab are run."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    paths = [ROOT, ROOT / "tests", ROOT / "tests" / "helpers"]
    places = {"PYTHONPATH": os.pathsep.join(map(str, paths))} | environment
    command = [*before, sys.executable, "-m", "pytest", "-p", "conftest", *words]
    return subprocess.Popen(
        command, cwd=folder, env=os.environ | places, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.mark.slow
@pytest.mark.parametrize("processes", [0, 2])
@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_whoever_ends_the_tests_ends_all_that_they_have_started(tmp_path, processes, end):
    """Devices and other processes, of pytest itself or of those over which it has spread the tests."""
    files = [tmp_path / f"test_{number}.pids" for number in range(processes or 1)]
    for file in files:
        file.with_suffix(".py").write_text(STARTS)
    with pytest_in(tmp_path, "-n", str(processes)) as running:
        end_of_patience = time.monotonic() + PATIENCE
        while not all(file.exists() for file in files):
            assert running.poll() is None and time.monotonic() < end_of_patience
            time.sleep(0.02)
        started = [psutil.Process(int(number)) for file in files for number in file.read_text().split()]
        started += psutil.Process(running.pid).children(recursive=True)
        getattr(running, end)()
        running.stdout.read()
    left = psutil.wait_procs(started, timeout=PATIENCE)[1]

    assert 3 * len(files) <= len(set(started))
    assert [] == left


def test_a_program_that_must_be_there_is_not_skipped_for(tmp_path):
    """Where it is missing the tests do not begin."""
    (tmp_path / "test_it.py").write_text("def test_it(): ...")
    with pytest_in(tmp_path, OTALAB_MUST_HAVE="curl mosquitto_pub", PATH=str(tmp_path)) as running:
        said = running.communicate()[0].decode()

    assert 4 == running.returncode
    assert "missing: curl, mosquitto_pub" in said


@pytest.mark.skipif(not shutil.which("sh"), reason="no shell to ignore a signal by")
def test_what_is_started_in_the_background_can_be_interrupted(tmp_path):
    """A shell has such a process ignore Ctrl-C, and so would all that the tests start and interrupt."""
    asks = "import signal\ndef test_it(): assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    (tmp_path / "test_it.py").write_text(asks)
    ignoring = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
    with pytest_in(tmp_path, before=ignoring) as running:
        said = running.communicate()[0].decode()

    assert 0 == running.returncode, said

"""Processes for notebooks and tests: started, listened to, killed, and never left behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.request

import pytest

from otalab.errors import BadInput, OtalabError
from otalab.wire.device.in_process import switched_on
from otalab.wire.live.device import LiveDevice
from otalab.wire.live.process import NO_CURL, LiveCommand, LiveFolder, LiveProcess, curl, flags

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'otalab[net]'")
TINY = {"board": "tiny", "time_scale": 0, "no_sync": True}


def test_options_become_words():
    """`True` is a bare flag, `False` is nothing, and a list gives the option several times."""
    options = {"no_sync": True, "json": False, "time_scale": 0, "key": ["0=a", "1=b"]}
    assert ["--no-sync", "--time-scale", "0", "--key", "0=a", "--key", "1=b"] == flags(options)


def test_a_folder_is_on_the_web_until_it_is_stopped(tmp_path):
    """Started again it is there again; stopping twice is stopping."""
    (tmp_path / "fw.zip").write_bytes(b"bundle")
    folder = LiveFolder(tmp_path)
    for _ in range(2):
        with folder:
            assert b"bundle" == urllib.request.urlopen(f"{folder.url}/fw.zip", timeout=10).read()  # noqa: S310  # our own
            with pytest.raises(OtalabError, match="runs already"):
                folder.start()
        assert not folder.runs
    folder.stop()
    with pytest.raises(OtalabError, match="does not run"):
        folder.process_id  # noqa: B018  # the question is the test


def test_a_command_that_does_not_start_says_why(tmp_path):
    """In one line, its own."""
    with pytest.raises(OtalabError, match="the device did not start: otalab serve: --time-scale -1"):
        LiveDevice(tmp_path / "flash.bin", time_scale=-1.0).start()
    with pytest.raises(OtalabError, match="shadow-service did not start"):
        LiveCommand("shadow-service", ready="shadows are served", broker="a b").start()


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "raise SystemExit", "1 / 0"])
def test_nothing_outlives_whoever_started_it(tmp_path, end):
    """Killed, ended or failed: what a notebook has started ends with its kernel."""
    lines = [
        "import os, signal, sys",
        "from otalab.wire.live.process import LiveFolder",
        "print(LiveFolder(sys.argv[1]).start().process_id, flush=True)",
        end,
    ]
    command = [sys.executable, "-c", "\n".join(lines), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    server = int(ran.stdout)
    end_of_patience = time.monotonic() + 120
    while alive(server):
        assert time.monotonic() < end_of_patience
        time.sleep(0.02)


def alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    # Where nobody reaps what has lost its parent, its entry stays.
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False)
    return not state.stdout.startswith("Z")


def test_an_interrupted_cell_does_not_reach_the_device(tmp_path):
    """A kernel's interrupt goes to its whole group; what it has started is in none of it."""
    with LiveFolder(tmp_path) as folder:
        assert os.getpgid(folder.process_id) != os.getpgid(0)
        assert folder.process_id == os.getsid(folder.process_id)


def test_lines_of_the_run_before_are_not_taken_for_this_one(tmp_path):
    """Killed and started at once, three times: the device can be reached each time."""
    device = LiveDevice(tmp_path / "flash.bin", **TINY)
    for _ in range(3):
        device.start()
        assert "1" == device.status()["version"]
        device.kill()
    assert 3 == sum("Starting version 1" in line for line in device.log)


def test_a_phase_is_waited_for_from_a_line_on(tmp_path):
    """The trial of an earlier update is past; one that never comes is an error that says where the device is."""
    with LiveDevice(tmp_path / "flash.bin", **TINY) as device:
        device.wait_for_phase("boot")
        with pytest.raises(OtalabError, match="did not come to the phase 'boot'"):
            device.wait_for_phase("boot", since=len(device.log), seconds=0.1)
        with pytest.raises(OtalabError, match="did not say 'no such line'"):
            device.wait_for_line("no such line", seconds=0.1)
        assert {"state": "running", "version": "1", "active_slot": 0, "committed": True} == {
            key: device.settled()[key] for key in device.brief()
        }


def test_without_curl_there_is_one_line(monkeypatch):
    """And nothing is raised, so that a notebook goes on."""
    monkeypatch.setenv("PATH", "")
    assert NO_CURL == curl("http://127.0.0.1:1/")


WRONG = [
    ({"colour": "red"}, "colour: no option of a device; it has board, design,"),
    ({"port": 80}, "port: no option of a device"),
    ({"time_scale": float("nan")}, "--time-scale nan: a number of 0 or more"),
    ({"time_scale": "fast"}, "--time-scale fast: a number of 0 or more"),
    ({"commit": "later"}, "--commit later: one of auto, cloud, manual"),
    ({"board": "moon"}, "moon"),
    ({"image": "tired"}, "tired"),
    ({"part": "none"}, "none"),
    ({"key": "9=k.pem"}, "--key 9=k.pem: I=FILE is needed"),
    ({"sig_req_mask": 256}, "--sig-req-mask 256: a number from -1 to 255"),
]


@pytest.mark.parametrize("options, said", WRONG, ids=[next(iter(options)) for options, _ in WRONG])
def test_a_device_of_ones_own_refuses_what_it_does_not_know(tmp_path, options, said):
    """In one line, and before it makes a file."""
    with pytest.raises(BadInput, match=said):
        switched(tmp_path, **options)
    assert [] == list(tmp_path.iterdir())


def test_a_device_of_ones_own_is_switched_on(tmp_path):
    """By the options that `serve` has for a device."""
    assert "1" == switched(tmp_path, **TINY)


def switched(tmp_path, **options):
    async def story():
        async with switched_on(tmp_path / "flash.bin", **options) as ota:
            return ota.status.version

    return asyncio.run(story())


class Deaf(LiveProcess):
    """A process that does not end politely."""

    def command(self):
        lines = [
            "import signal, time",
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
            "print('up')",
            "time.sleep(60)",
        ]
        return [sys.executable, "-u", "-c", "\n".join(lines)]


def test_what_hangs_is_killed_and_says_so(monkeypatch):
    """After half a minute; here after less."""
    monkeypatch.setattr("otalab.wire.live.process.END_SECONDS", 0.4)
    deaf = Deaf("deaf", ready="up").start()
    number = deaf.process_id
    with pytest.raises(OtalabError, match="deaf did not end within 0 s and was killed"):
        deaf.stop()
    assert not alive(number)

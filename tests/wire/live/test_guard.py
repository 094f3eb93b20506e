"""Whoever starts a live process may end in any way: nothing that he has started is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from otalab.wire.live import guard
from otalab.wire.live.broker import mosquitto

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'otalab[net]'")
PATIENCE = 120  # seconds for what must come; only a failure waits so long
IDLE = "idle = [sys.executable, '-S', '-c', 'import signal; signal.pause()']"
BEGIN = ["import os, signal, subprocess, sys", "from otalab.wire.live import guard", IDLE]
SAY = "print(*numbers, guard.GUARD._process.pid, flush=True)"
ENDS = {
    "SIGTERM": lambda starter: starter.terminate(),
    "SIGKILL": lambda starter: starter.kill(),
    "SIGINT to the group": lambda starter: os.killpg(starter.pid, signal.SIGINT),
    "SIGTERM to the group": lambda starter: os.killpg(starter.pid, signal.SIGTERM),
    "SIGKILL to the group": lambda starter: os.killpg(starter.pid, signal.SIGKILL),
}


def start(folder, *lines, then="signal.pause()"):
    """Run a starter in a group of its own until it has said whom it has started; its guard is the last."""
    command = [sys.executable, "-c", "\n".join([*BEGIN, *lines, SAY, then])]
    starter = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder, start_new_session=True
    )
    with starter.stdout:
        return starter, [psutil.Process(int(number)) for number in starter.stdout.readline().split()]


def runs(process):
    """An entry that nobody reaps is not a process that runs."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def still_there(processes):
    """Return those that have not ended after a long while."""
    end_of_patience = time.monotonic() + PATIENCE
    while any(map(runs, processes)) and time.monotonic() < end_of_patience:
        time.sleep(0.01)
    return [process for process in processes if runs(process)]


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_nothing_outlives_whoever_started_it(tmp_path, end):
    """A device, a broker and a shadow service, whose starter, or his whole group, is ended by a signal."""
    if mosquitto() is None:
        pytest.skip("no mosquitto; on Debian: apt install mosquitto")
    starter, started = start(
        tmp_path,
        "from otalab.wire.live.broker import LiveCloud",
        "from otalab.wire.live.device import LiveDevice",
        "cloud, device = LiveCloud().start(), LiveDevice('flash.bin', board='tiny', no_sync=True).start()",
        "numbers = [cloud.process_id, cloud.service.process_id, device.process_id]",
    )
    assert [True] * 4 == [runs(process) for process in started]

    ENDS[end](starter)
    starter.wait(PATIENCE)

    assert [] == still_there(started)


@pytest.mark.parametrize("end", ["raise SystemExit", "1 / 0", "os._exit(0)", "os.abort()"])
def test_nothing_outlives_an_end_from_within(tmp_path, end):
    """An exit, a failure, an exit without farewell, a crash."""
    starter, started = start(tmp_path, "numbers = [guard.guarded(idle).pid]", then=end)
    starter.wait(PATIENCE)

    assert 2 == len(started)
    assert [] == still_there(started)


def test_after_a_farewell_all_has_ended(tmp_path):
    """A starter that comes to its end by itself is gone only when what it has left behind is."""
    starter, started = start(tmp_path, "numbers = [guard.guarded(idle).pid]", then="")
    starter.wait(PATIENCE)

    assert [False, False] == [runs(process) for process in started]


def test_what_a_started_one_has_started_ends_too(tmp_path):
    """Though it has a session and a starter of its own that is gone already."""
    starter, started = start(
        tmp_path,
        "middle = 'import subprocess, sys; "
        "print(subprocess.Popen(sys.argv[1:], start_new_session=True).pid, flush=True)'",
        "words = [sys.executable, '-c', middle, *idle]",
        "process = guard.guarded(words, stdout=subprocess.PIPE)",
        "numbers = [int(process.stdout.readline())]",
        "process.wait()",
    )
    assert runs(started[0])
    starter.kill()
    starter.wait(PATIENCE)

    assert [] == still_there(started)


def test_everything_is_covered_on_request(tmp_path):
    """By whatever means it is started: also without the guard's own door."""
    starter, started = start(tmp_path, "guard.cover()", "numbers = [subprocess.Popen(idle).pid]")
    starter.kill()
    starter.wait(PATIENCE)

    assert [] == still_there(started)


def test_each_starter_has_its_own(tmp_path):
    """Within a started process that is a starter, too: what it has started ends with the outermost."""
    inner = [*BEGIN, "print(guard.guarded(idle).pid, guard.GUARD._process.pid, flush=True)", "signal.pause()"]
    starter, started = start(
        tmp_path,
        f"words = [sys.executable, '-c', {chr(10).join(inner)!r}]",
        "process = guard.guarded(words, stdout=subprocess.PIPE)",
        "numbers = [*map(int, process.stdout.readline().split()), process.pid]",
    )
    assert 4 == len(started)
    starter.kill()
    starter.wait(PATIENCE)

    assert [] == still_there(started)


@pytest.mark.parametrize("now", [False, True])
def test_a_kernel_that_is_restarted_leaves_nothing(tmp_path, now):
    """IPython's farewell ends all that is in the kernel's group: the guard is in another, and does its work."""
    lines = [*BEGIN, "print(guard.guarded(idle).pid, guard.GUARD._process.pid)"]
    manager, client = start_new_kernel(cwd=tmp_path)
    said = []
    client.execute_interactive(
        "\n".join(lines), output_hook=lambda message: said.append(message["content"].get("text"))
    )
    started = [psutil.Process(int(number)) for number in "".join(filter(None, said)).split()]
    assert [True, True] == [runs(process) for process in started]
    manager.restart_kernel(now=now)
    left = still_there(started)
    client.stop_channels()
    manager.shutdown_kernel(now=True)

    assert [] == left


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_that_lives_on_holds_nobody_back(tmp_path):
    """It has the starter's pipes; but what the starter started ends, and what the fork starts ends with the fork."""
    starter, started = start(
        tmp_path,
        "numbers = [guard.guarded(idle).pid]",
        "guards, (ear, mouth) = guard.GUARD._process.pid, os.pipe()",
        "if not os.fork():",
        "    os.setsid()",
        "    own = guard.guarded(idle)",
        "    os.write(mouth, b'%d %d %d' % (own.pid, guard.GUARD._process.pid, os.getpid()))",
        "    signal.pause()",
        "numbers = [*map(int, os.read(ear, 99).split()), *numbers]",
    )
    own, second_guard, fork, child, first_guard = started
    starter.kill()
    starter.wait(PATIENCE)

    assert [] == still_there([child, first_guard])
    assert [True] * 3 == [runs(process) for process in (own, second_guard, fork)]
    fork.kill()
    assert [] == still_there([own, second_guard, fork])


def test_a_guard_that_was_ended_has_a_successor(tmp_path):
    """Which knows those of its predecessor by their mark."""
    starter, started = start(
        tmp_path,
        "first = guard.guarded(idle)",
        "guard.GUARD._process.kill(); guard.GUARD._process.wait()",
        "numbers = [first.pid, guard.guarded(idle).pid]",
    )
    starter.kill()
    starter.wait(PATIENCE)

    assert [] == still_there(started)


@pytest.mark.parametrize("lines", random.Random(15).sample(range(1, 40), 4))
def test_a_starter_may_be_killed_at_any_moment(tmp_path, lines):
    """In the middle of starting, too: nobody with a mark of its is left."""
    loop = ["while True:", "    print(guard.guarded(idle).pid, guard.GUARD._process.pid, guard.GUARD.mark, flush=True)"]
    command = [sys.executable, "-c", "\n".join([*BEGIN, *loop])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as starter:
        said = [starter.stdout.readline().split() for _ in range(lines)]
        guarding = psutil.Process(int(said[0][1]))
        starter.kill()

    assert [] == still_there([guarding])
    assert set() == guard.marked(said[0][2])
    assert [False] * lines == [psutil.pid_exists(int(one)) and runs(psutil.Process(int(one))) for one, *_ in said]

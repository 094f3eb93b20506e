"""The guard of live processes: whoever started one may end in any way, and it ends too.

The guard is a process in a session of its own, so that no signal to its starter's group reaches it; its standard input
is a pipe that only the starter holds, so that it sees the starter's end however that came.  Then it ends every process
whose number it was told, and every one that bears its mark in the environment: those that were started too late to be
told of, and what they have started themselves.  There is one for each process that starts something.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

import psutil

MARK = "OTALAB_GUARD"


def guarded(words: Sequence[str], env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[Any]:
    """Start a process that ends when we do, in a session of its own; options are those of `Popen`."""
    with GUARD.lock:
        GUARD.ready()
    environment = {**(os.environ if env is None else env), MARK: GUARD.mark}
    process: subprocess.Popen[Any] = subprocess.Popen(words, env=environment, **apart(), **options)
    GUARD.told(process.pid)
    return process


def cover() -> None:
    """Let everything that is started from here on end when we do, by whatever means it is started."""
    with GUARD.lock:
        GUARD.ready()
    os.environ[MARK] = GUARD.mark


def apart() -> dict[str, Any]:
    """Return the options of `Popen` by which a signal to our group is not one to the new process."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


class Guard:
    """Our end of the pipe."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin with no guard and a mark of our own."""
        self.lock = threading.Lock()
        self.mark = secrets.token_hex(8)
        self._process: subprocess.Popen[bytes] | None = None

    def ready(self) -> None:
        """Start the guard, unless it is there."""
        if self._process is not None and self._process.poll() is None:
            return
        # Its own mark would end a guard together with what it guards, or before.
        environment = {name: value for name, value in os.environ.items() if name != MARK}
        # By its path: the package around it takes longer to import than what is guarded may live.
        command = [sys.executable, "-P", __file__, self.mark]
        self._process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment, **apart(),
        )  # fmt: skip

    def told(self, number: int) -> None:
        """Tell it of a process; one that it cannot be told of still bears the mark."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(b"%d\n" % number)

    def leave(self) -> None:
        """Close the pipe, and wait until what we have left behind has ended."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()

    def forked(self) -> None:
        """Let go of the pipe in a process that was forked: it may outlive us, and needs a guard of its own."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.poll()  # not our child: this makes it known
        self.begin()


GUARD = Guard()
atexit.register(GUARD.leave)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=GUARD.forked)


def watch(numbers: IO[str], mark: str) -> None:
    """Wait for the starter's end, then end what it has started."""
    processes = set()
    for number in numbers:
        with contextlib.suppress(psutil.Error):
            processes.add(psutil.Process(int(number)))
    ended: set[psutil.Process] = set()
    left = processes | marked(mark)
    # Whoever was about to start another one has done so or is dead: so we look until nothing new is there.
    while left:
        for process in left:
            # A number that has become another process's since then is left alone, by psutil.
            with contextlib.suppress(psutil.Error):
                process.kill()
        ended |= left
        left = marked(mark) - ended


def marked(mark: str) -> set[psutil.Process]:
    """Return the processes that bear a mark."""
    return {process for process in psutil.process_iter() if mark_of(process) == mark}


def mark_of(process: psutil.Process) -> str | None:
    """Return the mark of a process, `None` where there is none or none can be read."""
    try:
        environment: dict[str, str] = process.environ()
    except (psutil.Error, OSError):
        return None
    return environment.get(MARK)


if __name__ == "__main__":
    watch(sys.stdin, sys.argv[1])

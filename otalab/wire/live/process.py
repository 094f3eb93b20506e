"""A process that serves, for notebooks, tests and measurements: started, listened to, killed, and never left behind.

It has a session of its own, so that an interrupted cell does not reach it, and is guarded: whoever started it may end
in any way, and it ends too.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from otalab.errors import OtalabError
from otalab.wire.live.guard import guarded

# Where SIGTERM ends a process at once, as on Windows, one with a group of its own is asked by Ctrl-Break.
POLITELY: int = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM)
AT_ONCE: int = getattr(signal, "SIGKILL", signal.SIGTERM)
START_SECONDS, END_SECONDS = 60.0, 30.0
NO_CURL = "curl is not installed, so nothing was sent; apt-get install curl"


class LiveProcess:
    """A command in a process of its own; `ready` is in the line by which it says that it serves."""

    def __init__(self, name: str, ready: str) -> None:
        self.name, self.ready = name, ready
        self.log: list[str] = []
        self.environment: Mapping[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._serves = threading.Event()
        self._listener: threading.Thread | None = None

    def command(self) -> list[str]:
        """Return what to run."""
        raise NotImplementedError

    def start(self) -> Self:
        """Start it, and wait until it serves."""
        if self._process is not None:
            raise OtalabError(f"{self.name} runs already; kill() or stop() it first")
        self._serves.clear()
        self._process = guarded(
            self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace", env=os.environ | self.environment,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, args=[self._process], daemon=True)
        self._listener.start()
        if not self.came_up(START_SECONDS):
            self.kill()
            raise OtalabError(f"{self.name} did not start: {self.log[-1] if self.log else 'it said nothing'}")
        return self

    def came_up(self, seconds: float) -> bool:
        """Wait until it serves, and say whether it does."""
        return self._serves.wait(seconds) and self.runs

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def heard(self, line: str) -> None:
        """Take note of a line that it says."""
        self.log.append(line)
        if self.ready in line:
            self._serves.set()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.heard(line.rstrip("\n"))
        process.wait()
        self._serves.set()

    def wait_for_line(self, text: str, times: int = 1, seconds: float = 90.0) -> None:
        """Wait until it has said a line with this text, so many times since it was first started."""
        end = time.monotonic() + seconds
        while sum(text in line for line in self.log) < times:
            if time.monotonic() > end or not self.runs:
                last = self.log[-1] if self.log else ""
                raise OtalabError(f"{self.name} did not say {text!r}; its last line is {last!r}")
            time.sleep(0.02)

    @property
    def process_id(self) -> int:
        """The process to watch, or to send a signal."""
        if self._process is None:
            raise OtalabError(f"{self.name} does not run")
        return self._process.pid

    def kill(self) -> None:
        """End it wherever it is, by `kill -9`: for a device, a power cut."""
        self._end(AT_ONCE)

    def stop(self) -> None:
        """End it politely."""
        self._end(POLITELY)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise OtalabError(f"{self.name} did not end within {END_SECONDS:.0f} s and was killed") from None
        finally:
            # What it still had to say must not be taken for the next one's.
            if self._listener is not None:
                self._listener.join(END_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()


class LiveCommand(LiveProcess):
    """An `otalab` command that serves: `LiveCommand("shadow-service", ready=…, broker=…)`; options are keywords."""

    def __init__(self, *words: str, ready: str, **options: Any) -> None:
        super().__init__(words[0], ready)
        self.words, self.options = words, options

    def command(self) -> list[str]:
        """Return the command as one would type it."""
        return [sys.executable, "-m", "otalab", *self.words, *flags(self.options)]


class LiveFolder(LiveProcess):
    """A folder on the web, by Python's own server on loopback: `url` is where it is."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__("http.server", "Serving HTTP")
        self.folder, self.url = Path(folder), ""

    def command(self) -> list[str]:
        """Return the command; it takes a free port."""
        return [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", str(self.folder)]

    def heard(self, line: str) -> None:
        """Take the address out of the first line."""
        if self.ready in line:
            self.url = f"http://127.0.0.1:{line.split(' port ')[1].split(maxsplit=1)[0]}"
        super().heard(line)


def flags(options: Mapping[str, Any]) -> list[str]:
    """Return options as the words of a command: `True` is a bare flag, `False` none; a list gives one several times."""
    words: list[str] = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        for item in value if isinstance(value, list) else [value]:
            words += [flag] if item is True else [] if item is False else [flag, str(item)]
    return words


def curl(*arguments: object, seconds: float = 60.0) -> str:
    """Run the real curl, and return what it says; where there is none, return that in one line."""
    if shutil.which("curl") is None:
        return NO_CURL
    words: Sequence[str] = ["curl", "-sS", "--max-time", str(seconds), *map(str, arguments)]
    ran = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False)
    return (ran.stdout + ran.stderr).strip()

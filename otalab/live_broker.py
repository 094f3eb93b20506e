"""A broker and the lab's own services as processes, for notebooks, tests and measurements.

The broker is mosquitto with the least that the lab needs: one listener on loopback, nobody asked for a name, nothing
kept; so a restart forgets every session and every message, and whoever was connected must come back by himself.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from otalab.errors import OtalabError

START_SECONDS = 60.0
PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"  # where a mosquitto that is not on the path may be
MISSING = "mosquitto is not installed; apt-get install mosquitto mosquitto-clients"


def mosquitto() -> str | None:
    """Return the broker's program, or `None` where there is none."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=PLACES)


class LiveBroker:
    """A mosquitto on a free port of loopback, which can be stopped and started again on the same port."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="otalab-broker-")
        self._process: subprocess.Popen[bytes] | None = None

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> LiveBroker:
        """Start it, and wait until it answers."""
        program = mosquitto()
        if program is None:
            raise OtalabError(MISSING)
        settings = Path(self._folder.name, "mosquitto.conf")
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "persistence false", "log_type error"]
        settings.write_text("\n".join([*lines, ""]))
        self._process = subprocess.Popen(
            [program, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.05)
        self.stop()
        raise OtalabError(f"mosquitto did not start on {self}")

    def stop(self) -> None:
        """End it; every connection breaks."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _k: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.stop()
        self._folder.cleanup()


class LiveCommand:
    """An `otalab` command that serves, in a process of its own: `LiveCommand("shadow-service", broker=…)`.

    `ready` is in the line by which it says that it serves; options are given as keywords.
    """

    def __init__(self, *words: str, ready: str, **options: Any) -> None:
        self.words, self.ready, self.options = words, ready, options
        self.log: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._serves = threading.Event()

    def start(self) -> LiveCommand:
        """Start it, and wait until it serves."""
        self._serves.clear()
        command = [sys.executable, "-m", "otalab.cli", *self.words]
        for name, value in self.options.items():
            flag = f"--{name.replace('_', '-')}"
            command += [flag] if value is True else [] if value is False else [flag, str(value)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        if not self._serves.wait(START_SECONDS) or self._process.poll() is not None:
            self.kill()
            raise OtalabError(f"{self.words[0]} did not start: {self.log[-1] if self.log else 'it said nothing'}")
        return self

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.log.append(line.rstrip("\n"))
                if self.ready in line:
                    self._serves.set()
        process.wait()
        self._serves.set()

    @property
    def process_id(self) -> int:
        """The process to watch."""
        if self._process is None:
            raise OtalabError(f"{self.words[0]} does not run")
        return self._process.pid

    def kill(self) -> None:
        """End it wherever it is: for devices, a power cut."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it politely."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=30)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _k: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.stop()


def free_port() -> int:
    """Return a port of loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""A broker as a process, for notebooks, tests and measurements.

It is mosquitto with the least that the lab needs: one listener on loopback, nobody asked for a name, nothing kept; so
a restart forgets every session and every message, and whoever was connected must come back by himself.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from otalab.errors import OtalabError
from otalab.files import read_text, write_whole
from otalab.wire.live.process import LiveCommand, LiveProcess

PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"  # where a mosquitto that is not on the path may be
MISSING = "mosquitto is not installed; apt-get install mosquitto mosquitto-clients"


def mosquitto() -> str | None:
    """Return the broker's program, or `None` where there is none."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=PLACES)


class LiveBroker(LiveProcess):
    """A mosquitto on a free port of loopback, which can be stopped and started again on the same port."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__("mosquitto", ready="")
        self.port = port or free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="otalab-broker-")

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Write its settings, and return the command."""
        program = mosquitto()
        if program is None:
            raise OtalabError(MISSING)
        settings = Path(self._folder.name, "mosquitto.conf")
        write_whole(settings, "\n".join([*self.settings(), ""]), sync=False)
        return [program, "-c", str(settings)]

    def settings(self) -> list[str]:
        """Return the lines of its configuration."""
        return [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "persistence false", "log_type error"]

    def came_up(self, seconds: float) -> bool:
        """Wait until it answers; what it says differs from version to version."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.runs:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            time.sleep(0.05)
        return False

    def stop(self) -> None:
        """End it; every connection breaks."""
        self.kill()

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._folder.cleanup()


class LiveCloud(LiveBroker):
    """A broker and the lab's shadow service on it: a cloud of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Path(self._folder.name, "shadows.json")
        self.service = LiveCommand("shadow-service", ready="shadows are served", broker=self, state=self.state)

    def start(self) -> Self:
        """Start both, and wait until shadows are served."""
        super().start()
        self.service.start()
        return self

    def kill(self) -> None:
        """End both."""
        self.service.stop()
        super().kill()

    def desire(self, desired: dict[str, Any]) -> str:
        """Merge this into the desired state of every device, as `otalab shadow-service --set-desired` does."""
        command = [sys.executable, "-m", "otalab", "shadow-service", "--broker", str(self)]
        words = [*command, "--set-desired", json.dumps(desired)]
        ran = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
        return (ran.stdout + ran.stderr).strip()

    def shadow(self, device: str) -> dict[str, Any]:
        """Return the state of a device's shadow, an empty one where there is none yet."""
        things = json.loads(read_text(self.state))["things"] if self.state.exists() else {}
        state: dict[str, Any] = things.get(device, {}).get("state", {})
        return state

    def wait_for(self, device: str, seconds: float = 90.0, **wanted: Any) -> dict[str, Any]:
        """Wait until a device has reported these values of its `ota`, such as `fw_version="2"`, and return all."""
        end = time.monotonic() + seconds
        while True:
            reported: dict[str, Any] = self.shadow(device).get("reported", {}).get("ota", {})
            if wanted.items() <= reported.items():
                return reported
            if time.monotonic() > end:
                raise OtalabError(f"after {seconds} s {device} has reported {reported}, not {wanted}")
            time.sleep(0.05)


def free_port() -> int:
    """Return a port of loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

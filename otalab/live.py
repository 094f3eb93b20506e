"""A live device: `otalab serve` in a process of its own, for notebooks and campaigns.

Killing it is a power cut, so nothing here tidies up after it: what is in the flash file is what there is.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from otalab.digest_auth import authorization
from otalab.errors import OtalabError

START_SECONDS = 30.0


class LiveDevice:
    """A virtual device that can be started, talked to, killed and started again.

    `flash` is its flash file; every other option is one of `otalab serve`, as a keyword:
    `LiveDevice("lamp.bin", design="hardened", time_scale=0.1, no_sync=True)`; a list gives an option several times.
    A `password` goes to the device by its environment, and answers for whoever uses this object.
    """

    def __init__(self, flash: str | Path, *, password: str = "", **options: Any) -> None:
        self._password = password
        self.flash = Path(flash)
        self.options = {"port": 0} | options
        self.log: list[str] = []
        self.phase = ""
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()

    def start(self) -> LiveDevice:
        """Switch the power on and wait until the device can be reached."""
        self._ready.clear()
        command = [sys.executable, "-m", "otalab.cli", "serve", "--flash", str(self.flash)]
        for name, value in self.options.items():
            flag = f"--{name.replace('_', '-')}"
            for one in value if isinstance(value, list) else [value]:
                command += [flag] if one is True else [] if one is False else [flag, str(one)]
        # Not the caller's own password: a device is as open or as closed as it was asked for.
        environment = os.environ | {"OTALAB_PASSWORD": self._password}
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        if not self._ready.wait(START_SECONDS) or not self.url:
            self.kill()
            raise OtalabError(f"the device did not start: {self.log[-1] if self.log else 'it said nothing'}")
        return self

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self.url = ""
        for line in process.stderr:
            self.log.append(line.rstrip("\n"))
            if line.startswith("phase "):
                self.phase = line.split()[1]
            if found := re.search(r" on (http://\S+)/$", line.rstrip()):
                self.url = found[1]
                self._ready.set()
        process.stderr.close()
        self._ready.set()

    def kill(self) -> None:
        """Cut the power: `kill -9`, wherever the firmware is."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process politely."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=10)
            self._process = None

    @property
    def process_id(self) -> int:
        """The process to watch, or to send a signal."""
        if self._process is None:
            raise OtalabError("the device is switched off")
        return self._process.pid

    def status(self) -> dict[str, Any]:
        """Return what the device tells of itself."""
        told: dict[str, Any] = json.loads(self._ask("/status")[1])
        return told

    def update(self, bundle: bytes | str | Path, commit_timeout: int = 60) -> tuple[int, str]:
        """Send an update, as raw body; return the HTTP status and the device's words."""
        data = bundle if isinstance(bundle, bytes) else Path(bundle).read_bytes()
        return self._ask(f"/update?commit_timeout={commit_timeout}", data)

    def commit(self) -> tuple[int, str]:
        """Commit the running firmware by hand."""
        return self._ask("/update/commit", b"")

    def revert(self) -> tuple[int, str]:
        """Give the running firmware up by hand."""
        return self._ask("/update/revert", b"")

    def wait_for(self, seconds: float = 90.0, **wanted: Any) -> dict[str, Any]:
        """Wait until the status has these values, such as `version="2", committed=True`, and return it."""
        end = time.monotonic() + seconds
        while True:
            told = self.status()
            if all(told[key] == value for key, value in wanted.items()):
                return told
            if time.monotonic() > end:
                seen = {key: told[key] for key in wanted}
                raise OtalabError(f"after {seconds} s the device has {seen}, not {wanted}")
            time.sleep(0.05)

    def _ask(self, path: str, data: bytes | None = None) -> tuple[int, str]:
        """Ask, and answer the challenge if there is one; before that no body is sent that would be refused."""
        if not self._password:
            return self._once(path, data)[:2]
        code, text, challenge = self._once(path, None if data is None else b"")
        if not challenge:
            return code, text
        user, method = self.options.get("user", "admin"), "GET" if data is None else "POST"
        return self._once(path, data, authorization(challenge, user, self._password, method, path))[:2]

    def _once(self, path: str, data: bytes | None, known: str = "") -> tuple[int, str, str]:
        headers = {"Authorization": known} if known else {}
        if data is not None:
            headers["Content-Type"] = "application/octet-stream"
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310  # our own device, on loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310  # the same
                return reply.status, reply.read().decode().strip(), ""
        except urllib.error.HTTPError as refused:
            with refused:
                challenge = refused.headers.get("WWW-Authenticate", "") if refused.code == 401 else ""
                return refused.code, refused.read().decode().strip(), challenge
        except OSError as error:
            raise OtalabError(f"the device does not answer: {error}") from error

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

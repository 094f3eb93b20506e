"""A live device: `otalab serve` in a process of its own, for notebooks and campaigns.

Killing it is a power cut, so nothing here tidies up after it: what is in the flash file is what there is.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from otalab.errors import OtalabError
from otalab.files import read_bytes
from otalab.wire.auth.digest import authorization
from otalab.wire.live.process import LiveCommand

RAW = "application/octet-stream"


class LiveDevice(LiveCommand):
    """A virtual device that can be started, talked to, killed and started again.

    `flash` is its flash file; every other option is one of `otalab serve`, as a keyword:
    `LiveDevice("lamp.bin", design="hardened", time_scale=0.1, no_sync=True)`; a list gives an option several times.
    A `password` goes to the device by its environment, and answers for whoever uses this object.
    """

    def __init__(self, flash: str | Path, *, password: str = "", **options: Any) -> None:
        super().__init__("serve", ready=" on http://", **{"flash": flash, "port": 0} | options)
        # Not the caller's own password: a device is as open or as closed as it was asked for.
        self.environment = {"OTALAB_PASSWORD": password}
        self._password = password
        self.name, self.flash = "the device", Path(flash)
        self.phase = self.url = ""

    def heard(self, line: str) -> None:
        """Take note of the phase that it is in, and of the address that it has."""
        if line.startswith("phase "):
            self.phase = line.split()[1]
        if address := re.search(r" on (http://\S+)/$", line):
            self.url = address[1]
        super().heard(line)

    def status(self) -> dict[str, Any]:
        """Return what the device tells of itself."""
        answer: dict[str, Any] = json.loads(self._ask("/status")[1])
        return answer

    def brief(self) -> dict[str, Any]:
        """Return of that what matters most: the state, what runs, from where, and is it committed."""
        status = self.status()
        return {key: status[key] for key in ("state", "version", "active_slot", "committed")}

    def update(self, bundle: bytes | str | Path, commit_timeout: int = 60) -> tuple[int, str]:
        """Send an update, as a form; return the HTTP status and the device's words."""
        data = bundle if isinstance(bundle, bytes) else read_bytes(bundle)
        return self._ask("/update", *form(data, commit_timeout))

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
            status = self.status()
            if all(status[key] == value for key, value in wanted.items()):
                return status
            if time.monotonic() > end:
                shown = {key: status[key] for key in wanted}
                raise OtalabError(f"after {seconds} s the device has {shown}, not {wanted}")
            time.sleep(0.05)

    def settled(self, seconds: float = 90.0) -> dict[str, Any]:
        """Wait until no update and no trial goes on, and return the status."""
        return self.wait_for(seconds, state="running", committed=True)

    def wait_for_phase(self, phase: str, since: int = 0, seconds: float = 90.0) -> None:
        """Wait until the firmware has come to a phase, such as `"switch"`; what it said before line `since` is past."""
        end = time.monotonic() + seconds
        while f"phase {phase}" not in self.log[since:]:
            if time.monotonic() > end or not self.runs:
                raise OtalabError(f"the device did not come to the phase {phase!r}; it is in {self.phase!r}")
            time.sleep(0.001)

    def _ask(self, path: str, data: bytes | None = None, kind: str = RAW) -> tuple[int, str]:
        """Ask, and answer the challenge if there is one; before that no body is sent that would be refused."""
        if not self._password:
            return self._once(path, data, kind)[:2]
        code, text, challenge = self._once(path, None if data is None else b"", kind)
        if not challenge:
            return code, text
        user, method = self.options.get("user", "admin"), "GET" if data is None else "POST"
        return self._once(path, data, kind, authorization(challenge, user, self._password, method, path))[:2]

    def _once(self, path: str, data: bytes | None, kind: str, known: str = "") -> tuple[int, str, str]:
        headers = {"Authorization": known} if known else {}
        if data is not None:
            headers["Content-Type"] = kind
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


def form(bundle: bytes, commit_timeout: int) -> tuple[bytes, str]:
    """Return the body that curl sends for `-F file=@fw.zip -F commit_timeout=…`, and its type."""
    # No bundle holds its own digest, so this ends none of its parts.
    mark = hashlib.sha256(bundle).hexdigest()
    parts = (b'"file"; filename="fw.zip"', bundle), (b'"commit_timeout"', b"%d" % commit_timeout)
    begin = b"--%s\r\nContent-Disposition: form-data; name=" % mark.encode()
    body = b"".join(b"%s%s\r\n\r\n%s\r\n" % (begin, name, data) for name, data in parts)
    return body + b"--%s--\r\n" % mark.encode(), f"multipart/form-data; boundary={mark}"

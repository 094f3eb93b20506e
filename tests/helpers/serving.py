"""A device served to real programs: tiny, quick, and what is sent to it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys

import pytest

from otalab import set_up
from otalab.bench.contents import default_bundle

TINY = set_up("hardened", "tiny", app_size=500)
FAST = {"board": "tiny", "design": "hardened", "time_scale": 0, "no_sync": True}


def tiny_bundle(version: str) -> bytes:
    return default_bundle(TINY.device.board, version, 500)


def curl(*arguments: str) -> tuple[int, str]:
    """Run the real curl; return the HTTP status and the body, without its line end."""
    if not shutil.which("curl"):
        pytest.skip("no curl on this machine")
    command = ["curl", "-s", "-o", "-", "-w", "\n%{http_code}", *arguments]
    body, _, code = subprocess.run(command, capture_output=True, text=True, check=False).stdout.rpartition("\n")
    return int(code), body.strip()


GOOD = tiny_bundle("2")


def half_an_upload(url: str) -> socket.socket:
    """Begin an upload by hand and leave it standing in the middle of the file."""
    host, port = re.fullmatch(r"http://([^:]+):(\d+)", url).groups()
    link = socket.create_connection((host, int(port)))
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="fw.zip"\r\n\r\n'
    kind = f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(part + GOOD) + 9}"
    link.sendall(f"POST /update HTTP/1.1\r\nHost: x\r\n{kind}\r\n\r\n".encode() + part + GOOD[:9000])
    return link


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `otalab serve` where it should refuse."""
    command = [sys.executable, "-m", "otalab", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

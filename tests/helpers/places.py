"""Places where nothing can be written, and people who may not; for tests of readers and writers."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def a_pipe(place: Path) -> None:
    os.mkfifo(place)


def a_socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(place))


def a_device(place: Path) -> None:
    if not ROOT:
        pytest.skip("only root makes device nodes")
    os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # as /dev/null is


def a_circle(place: Path) -> None:
    place.symlink_to(place.name)


# Each makes what is no ordinary file, and what a complaint calls it.
NOT_FILES = {
    "a folder": Path.mkdir,
    "a pipe": a_pipe,
    "a socket": a_socket,
    "a device": a_device,
    "a link that leads in a circle": a_circle,
}


@contextmanager
def somebody() -> Iterator[Path]:
    """Be an ordinary user for a while, with a folder that belongs to somebody else; root is nobody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "others")
        folder.mkdir()
        Path(name).chmod(0o755)
        (folder / "theirs").write_bytes(b"theirs")
        (folder / "secret").write_bytes(b"secret")
        (folder / "theirs").chmod(0o444)
        (folder / "secret").chmod(0)
        folder.chmod(0o555)
        if ROOT:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            if ROOT:
                os.seteuid(0)
            folder.chmod(0o755)


def unprivileged(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command that may do no more than its user may: root keeps its name, and loses what makes it root here."""
    lost = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if ROOT else []
    if lost and not shutil.which(lost[0]):
        pytest.skip("root loses no privilege without setpriv")
    return subprocess.run([*lost, *command], capture_output=True, text=True, check=False)


def on_a_small_disk(command: Sequence[str], kilobytes: int = 64) -> subprocess.CompletedProcess[str]:
    """Run a command in an empty disk of its own, and list what it left there after what it said."""
    inside = (
        f'mount -t tmpfs -o size={kilobytes}k tmpfs "$0" && cd "$0" && "$@"; status=$?; echo left:; ls -A; exit $status'
    )
    if not shutil.which("unshare") or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("only root gets a disk of its own")
    with tempfile.TemporaryDirectory() as folder:
        words = ["unshare", "--mount", "sh", "-c", inside, folder, *command]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)


OTALAB = [sys.executable, "-m", "otalab"]

"""A fleet in one process: what the system allows it, told before a file is made."""

from __future__ import annotations

import subprocess
import sys

import pytest

from otalab.cli.fleet import FILES_BESIDES, FILES_EACH, _raise_limit

resource = pytest.importorskip("resource", reason="no such limits on this system")
pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'otalab[net]'")
LIMITED = """
import resource, sys
from otalab.cli.main import main
resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
sys.exit(main(sys.argv[1:]))
"""


def test_more_devices_than_open_files_are_refused_with_the_number(tmp_path):
    """So many each, and those of the process; the folder is not even made."""
    folder = tmp_path / "lamps"
    words = ["fleet", "serve", "--broker", "127.0.0.1:1", "--devices", "1000", "--flash-dir", str(folder)]
    ran = subprocess.run([sys.executable, "-c", LIMITED, *words], capture_output=True, text=True, check=False)
    needed, most = 1000 * FILES_EACH + FILES_BESIDES, (1000 - FILES_BESIDES) // FILES_EACH
    assert 2 == ran.returncode, ran.stderr
    assert f"--devices 1000: {needed} open files are needed, this system allows 1000 (ulimit -Hn)" in ran.stderr
    assert f"take {most} devices" in ran.stderr
    assert not folder.exists()


def test_the_limit_is_raised_as_far_as_is_needed():
    """And no further, and never lowered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = FILES_BESIDES + 10
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
        _raise_limit(20)
        assert (20 * FILES_EACH + FILES_BESIDES, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
        _raise_limit(1)
        assert (20 * FILES_EACH + FILES_BESIDES, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

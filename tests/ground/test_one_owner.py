"""One owner for a file or a folder: who it is, and that nothing is left behind."""

import os
import subprocess
import sys

import pytest

from otalab.errors import BadInput
from otalab.one_owner import owned

HOLD = """
import sys
from pathlib import Path
from otalab.one_owner import owned
with owned(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("folder", [True, False])
def test_whoever_comes_second_is_told_who_holds_it(tmp_path, folder):
    """Until that one ends, by `kill -9` too; and neither leaves anything there."""
    what = tmp_path / "thing"
    if folder:
        what.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert "mine\n" == other.stdout.readline()
        with (
            pytest.raises(BadInput, match=rf"thing: is held by process {other.pid}: -c .*thing; wait for it"),
            owned(what),
        ):
            pass
        other.kill()
    for _ in range(2):
        with owned(what):
            pass
    assert [] == list((what if folder else tmp_path).iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody read what somebody else has claimed")
def test_a_link_is_not_followed(tmp_path):
    """Or somebody else's file would be written to."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".thing.owner").symlink_to(tmp_path / "victim")
    with pytest.raises(BadInput), owned(tmp_path / "thing"):
        pass
    assert "mine" == (tmp_path / "victim").read_text()

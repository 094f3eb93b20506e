"""Files that stand open: whoever trusts them, or keeps a secret in them, is told."""

import os
from pathlib import Path

import pytest
from serving import serve, tiny_bundle

from otalab.cli.main import main
from otalab.cli.options.careless import warn
from otalab.wire.keys import new_pair

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a mode says nothing of who may")


@pytest.mark.parametrize(
    "mode, trusted, secret",
    [(0o600, "", ""), (0o644, "", "read"), (0o640, "", ""), (0o622, "write", "write"), (0o666, "write", "write")],
)
def test_a_file_that_stands_open_is_told(tmp_path, capsys, mode, trusted, secret):
    """To write, what is trusted; to read as well, what is secret."""
    path = tmp_path / "file"
    path.write_text("x")
    path.chmod(mode)
    for given, may in ((([path], []), trusted), (([], [path]), secret)):
        warn(*given)
        said = capsys.readouterr().err
        assert bool(may) == bool(said)
        assert f"every user of this machine may {may}" in said if may else True


def test_so_is_a_folder_where_all_may_put_another(tmp_path, capsys):
    """Unless it is one in which everybody has what is his, as /tmp is."""
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "p0.pem").write_text("x")
    for mode, said in ((0o755, False), (0o1777, False), (0o777, True)):
        folder.chmod(mode)
        warn([folder / "p0.pem", folder / "missing", None])
        assert said == ("another file in its place" in capsys.readouterr().err)


def test_every_command_that_is_given_one_says_so(tmp_path, capsys):
    """Keys of a device, keys to sign and to verify with, a password."""
    private, public = new_pair()
    for name, data in (("k.pem", private), ("p.pem", public), ("w", b"word\n")):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o666)
    bundle, signed = str(tmp_path / "fw.zip"), str(tmp_path / "signed.zip")
    Path(bundle).write_bytes(tiny_bundle("2"))
    for words in (
        ["bundle", "sign", bundle, "-o", signed, "--key", f"0={tmp_path / 'k.pem'}"],
        ["bundle", "verify", signed, "--key", f"0={tmp_path / 'p.pem'}"],
    ):
        capsys.readouterr()
        assert 0 == main(words)
        assert 1 == capsys.readouterr().err.count("warning: ")
    options = ["--key", f"0={tmp_path / 'p.pem'}", "--password-file", str(tmp_path / "w"), "--part", "none"]
    assert 2 == serve("--flash", str(tmp_path / "f"), *options).stderr.count("warning: ")

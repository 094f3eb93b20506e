"""Names out of a bundle are shown, and no terminal obeys them."""

import json
import zipfile

import pytest
from serving import FAST, tiny_bundle

from otalab.cli.main import main
from otalab.wire.live import LiveDevice

VERSION = "3\x1b[31m.0\n"
NAME = "\x1b]0;TITLE\x07\x1b[31mRED\x1b[0m\nCommitted"


@pytest.fixture
def hostile(tmp_path):
    """
    A bundle whose manifest speaks to a terminal.
    """
    good, path = tmp_path / "good.zip", tmp_path / "fw.zip"
    good.write_bytes(tiny_bundle("2"))
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("manifest.json"):
                data = json.dumps(json.loads(data) | {"name": NAME, "build_id": NAME, "version": VERSION}).encode()
            target.writestr(name, data)
    return path


@pytest.mark.parametrize("command", [["trace", "hardened", "--board", "tiny", "--bundle"], ["bundle", "inspect"]])
def test_a_command_shows_them(hostile, capsys, command):
    """
    No escape code, and no line that the name has made.
    """
    main([*command, str(hostile)])
    said = "".join(capsys.readouterr())
    assert "\x1b" not in said
    assert r"\x1b[31m" in said
    assert not any(line.startswith("Committed") and "RED" in said.splitlines()[number - 1]
                   for number, line in enumerate(said.splitlines()) if number)  # fmt: skip


def test_a_device_shows_them(tmp_path, hostile):
    """
    On its standard error, in its status, and so on its page.
    """
    with LiveDevice(tmp_path / "flash.bin", **FAST) as device:
        device.update(hostile.read_bytes())
        device.wait_for(state="running", version=VERSION)
        status = device.status()
    assert not any("\x1b" in line or "\n" in line for line in [*device.log, *status["log"]])
    assert any(r"\x1b[31m" in line for line in status["log"])


def test_a_page_with_such_a_name_is_refused(tmp_path, capsys):
    """
    With its line; a design is written by a person, who can call it otherwise.
    """
    page = tmp_path / "mine.toml"
    page.write_text('name = "\\u001b[31mred"\nsummary = "x"\n', encoding="utf-8")
    assert 2 == main(["check", str(page), "--board", "tiny"])
    said = capsys.readouterr().err
    assert 1 == len(said.splitlines())
    assert "\x1b" not in said
    assert "mine.toml:1: name:" in said

"""A file that cannot be read is named in the complaint, whichever command and option it was given to."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from otalab import set_up
from otalab.bench.recording import write_recording
from otalab.bench.trace import life
from otalab.cli import main as cli

OFFERED = ("check", "trace", "repair", "report", "risk", "campaign", "rollout")
BESIDES = {
    "report": ("-o", "page.html"),
    "risk": ("--rate", "1"),
    "campaign": ("--rate", "1", "--devices", "10", "--out", "out"),
    "rollout": ("--rate", "1", "--devices", "10"),
}
WHY = {
    "empty.bin": "the bundle is cut off: its 0 bytes end before its manifest",
    "two.bin": "the bundle is cut off: its 2 bytes end before its manifest",
    "cut.bin": "the bundle is cut off: its 3000 bytes end in its part app",
    "list.bin": "the bundle is refused: Malformed archive",
}
OTHERS = (
    "explore-recording {} --design hardened --board tiny",
    "explore-recording update.csv --design hardened --board tiny --image-file {}",
    "inspect {}",
    "inspect --board lab-1M {}",
    "replay {}",
    "board import {}",
    "files list {}",
    "files extract {} --folder out",
    "bundle sign {} -o signed.zip --key 0=key.pem",
    "bundle verify fw.zip --key 0={}",
    "campaign hardened --rate 1 --devices 10 --out out --fleet {}",
    "rollout hardened --rate 1 --devices 10 --fleet {}",
    "serve --check --board tiny --flash {}",
    "shadow-service --broker 127.0.0.1:1 --state {}",
    "designs --show {}",
    "check {}",
    "check hardened --board {}",
)
NONE = ("list.bin", "cut.bin", "list.toml", "cut.toml")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Files that are no bundles, nor anything else."""
    folder, shipped = tmp_path_factory.mktemp("given"), set_up("hardened", "tiny")
    for ending in ("bin", "toml"):
        (folder / f"cut.{ending}").write_bytes(shipped.bundle[:3000])
        (folder / f"list.{ending}").write_text("[1, 2, 3]\n")
    (folder / "two.bin").write_bytes(shipped.bundle[:2])
    (folder / "empty.bin").write_bytes(b"")
    (folder / "fw.zip").write_bytes(shipped.bundle)
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_recording(life(shipped), str(folder / "update.csv"))
    return folder


def complaint(capsys, *words):
    try:
        status = cli.main([*words])
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()
    assert (2, "") == (status, said.out)
    (line,) = said.err.splitlines()
    return line


@pytest.mark.parametrize("board", ["lab-1M", "esp8266-4M", "tiny"])
@pytest.mark.parametrize("command", OFFERED)
def test_a_bundle_that_cannot_be_read_is_named(given, capsys, monkeypatch, command, board):
    """And what is wrong with it is said, before anything is searched."""
    monkeypatch.chdir(given)
    words = (command, "hardened", *BESIDES.get(command, ()), "--board", board)
    for file, why in WHY.items():
        assert f"otalab {command}: {file}: {why}" in complaint(capsys, *words, "--bundle", file)


def test_every_command_that_offers_a_bundle_is_among_them():
    """A command that is new is asked here too; `replay` knows its bundle by a digest, and says so."""
    commands = cli.parser()._subparsers._group_actions[0].choices
    offering = {name for name, one in commands.items() if "--bundle" in one._option_string_actions}
    assert {*OFFERED, "replay"} == offering


@pytest.mark.parametrize("words", OTHERS)
def test_any_other_file_is_named(given, capsys, monkeypatch, words):
    """Recordings, dumps, layouts, images, keys, fleets, shadows, designs and boards."""
    monkeypatch.chdir(given)
    for file in NONE:
        assert file in complaint(capsys, *words.format(file).split())

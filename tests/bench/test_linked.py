"""Addresses in a manifest beside the slots of a board, and what a device with flash encryption keeps encrypted."""

import json
from pathlib import Path

import pytest

from otalab.bench.linked import compared, encrypted, made_for, require_linked, runs_nowhere
from otalab.bench.setup import set_up
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.formats.bundle.build import PartSource, bundle_bytes
from otalab.formats.bundle.manifest import Manifest
from otalab.graph.check import check_design
from otalab.hardware.board import boards, load_board

ESP8266 = [one for one in boards() if load_board(one).platform == "esp8266"]
FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"


def manifest(platform: str, app: dict[str, object], fs: dict[str, object]) -> Manifest:
    said = {"name": "lamp", "platform": platform, "version": "2", "build_id": "1"}
    return Manifest.parse(
        json.dumps({**said, "parts": {"app": {"src": "a", **app}, "fs": {"src": "f", **fs}}}).encode()
    )


def bundle(platform: str, **extra: object) -> bytes:
    app = PartSource("fw", "app", "fw.bin", b"a" * 64, extra)
    files = PartSource("fs", "fs", "fs.img", b"\xff" * 4096, {})
    return bundle_bytes(name="lamp", platform=platform, version="2", build_id="1", parts=(app, files))


@pytest.mark.parametrize("named", boards())
def test_what_is_linked_for_a_board_is_made_for_it(named: str) -> None:
    """The addresses of its own slots agree with it, and with no other board that has others."""
    board = load_board(named)
    first, second = board.slots[:2]
    own = manifest(
        board.platform,
        {"addr": first.app.address, "addr1": second.app.address, "size": first.app.size},
        {"addr": first.fs.address, "size": first.fs.size},
    )
    assert [] == list(compared(own, board))
    assert named in made_for(own)
    alike = {one for one in boards() if load_board(one).slots[:2] == board.slots[:2]}
    assert {named} == {one for one in made_for(own) if load_board(one).platform == board.platform} - (alike - {named})


@pytest.mark.parametrize(
    ("linked", "runs"),
    [
        (0x8000, False),
        (0x100000, True),
        (0x300000, True),
        (0x301000, False),
        (None, True),
        ("0x8000", True),
        (-1, True),
    ],
)
def test_code_of_an_esp8266_runs_at_its_place_in_a_megabyte(linked: object, runs: bool) -> None:
    """Which megabyte it is does not matter, and an address that is none says nothing."""
    there = manifest("esp8266", {} if linked is None else {"addr": linked}, {})
    assert runs == ("" == runs_nowhere(there, load_board("esp8266-4M")))
    assert "" == runs_nowhere(manifest("esp32", {"addr": linked}, {}), load_board("esp32-4M"))


def test_what_cannot_run_is_told_and_nothing_is_proved_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names part, addresses, board and the way out; a trace shows what the device does all the same."""
    data, place = bundle("esp8266", addr=0x100000), tmp_path / "fw.zip"
    place.write_bytes(data)
    with pytest.raises(
        BadInput, match="fw is linked for 0x100000, and the slots of esp8266-2M begin at 0x8000, 0x108000"
    ):
        check_design("mongoose", board="esp8266-2M", bundle=data, faults="atomic")
    require_linked(set_up("mongoose", "esp8266-4M", bundle=data))
    require_linked(set_up("mongoose", "lab-1M", bundle=data))  # which refuses it by its platform
    assert 0 == main(["trace", "mongoose", "--board", "esp8266-2M", "--bundle", str(place), "--summary"])
    assert "take the board that it was built for" in capsys.readouterr().err
    assert 1 == main(["bundle", "inspect", str(place), "--board", "esp8266-2M"])
    assert "but       fw is linked for 0x100000" in capsys.readouterr().out


def test_what_is_too_large_or_elsewhere_is_told() -> None:
    """Of application and files alike; a board without places for files has none to compare."""
    board = load_board("esp8266-2M")
    one = manifest("esp8266", {"addr": 0x8000, "size": 0xD3001}, {"addr": 0x8000, "size": 0x40000})
    assert [
        "app has 864257 bytes, and its largest place on esp8266-2M has 864256",
        "fs is for 0x8000, and esp8266-2M has its places at 0xdb000, 0x1db000",
        "fs has 262144 bytes, and its largest place on esp8266-2M has 131072",
    ] == list(compared(one, board))
    assert "it is for esp32, and esp8266-2M is esp8266" == next(compared(manifest("esp32", {}, {}), board))


def test_flash_encryption_is_named() -> None:
    """Of the parts that bring bytes and say so; nothing else is taken for it."""
    assert "app: encrypted in the flash of a device" in encrypted(
        manifest("esp32", {"encrypt": True}, {"encrypt": False})
    )
    assert "" == encrypted(manifest("esp32", {"encrypt": "yes"}, {}))


@pytest.mark.parametrize(
    ("name", "board", "kept"),
    [
        ("esp32-demo-js-1.0.zip", "esp32-4M", "app, boot, otadata, pt: encrypted"),
        ("esp8266-mel-ac-homekit-1.0.4.zip", "esp8266-4M", ""),
    ],
)
def test_a_real_bundle_names_its_board(name: str, board: str, kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In words and in JSON."""
    if not (FIXTURES / name).is_file():
        pytest.skip(f"no {name} in {FIXTURES.name}/ beside the checkout")
    assert 0 == main(["bundle", "inspect", str(FIXTURES / name), "--json", "--board", board])
    told = json.loads(capsys.readouterr().out)
    assert ([board], []) == (told["made_for"], told["elsewhere"])
    assert told["encrypted"].startswith(kept)
    assert 0 == main(["bundle", "inspect", str(FIXTURES / name)])
    assert f"made for  the slots of {board}\n" in capsys.readouterr().out


@pytest.mark.parametrize(("named", "board"), [("esp32", "lab-1M"), ("lab", "esp32-4M"), ("esp8266", "tiny")])
def test_a_bundle_for_another_platform_is_refused_in_one_line(
    named: str, board: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written, so nothing is cut, and a check says why instead of a verdict; a risk beside its ends."""
    (tmp_path / "fw.zip").write_bytes(bundle(named))
    assert 2 == main(["check", "hardened", "--board", board, "--bundle", str(tmp_path / "fw.zip")])
    told = capsys.readouterr()
    assert ("", 1) == (told.out, len(told.err.splitlines()))
    here = load_board(board).platform
    why = f"the device refuses it by its platform, as it is for {named} and {board} is {here}"
    assert why in told.err
    risk = ["risk", "hardened", "--board", board, "--bundle", str(tmp_path / "fw.zip"), "--rate", "1/day"]
    assert 0 == main(risk)
    assert f"Nothing of the update on offer is written: {why}" in " ".join(capsys.readouterr().out.split())
    assert 0 == main([*risk, "--json"])
    assert json.loads(capsys.readouterr().out)["refused"].startswith(why)


def test_what_else_a_device_refuses_is_told_too() -> None:
    """In its own words, out of its log."""
    app = PartSource("app", "app", "a.bin", b"a" * 64, {})
    data = bundle_bytes(name="lamp", platform="lab", version="2", build_id="1", parts=(app,))
    with pytest.raises(BadInput, match="no moment to cut: the device refuses it: "):
        check_design("hardened", bundle=data)

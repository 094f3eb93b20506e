"""Every option of every command is read by somebody, or is refused where nobody reads it."""

import argparse
import asyncio

import pytest
from serving import tiny_bundle

from otalab.bench.recording import write_recording
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli import fleet, serve, shadow_service
from otalab.cli import main as cli
from otalab.settings import EXAMPLES
from otalab.wire.keys import new_pair

TINY = ("--board", "tiny")
PARTITIONS = """\
nvs, data, nvs, 0x9000, 0x5000
otadata, data, ota, 0xe000, 0x2000
app0, app, ota_0, 0x10000, 0x80000
app1, app, ota_1, , 0x80000
"""
QUICK = (*TINY, "--faults", "atomic")
SERVED = ("serve", "--flash", "lamp.bin", *TINY, "--port", "0", "--time-scale", "0")
# Each command, as it is typed most and in each of the ways in which it leaves something out.
WAYS = {
    "designs": ("designs",),
    "designs --show": ("designs", "--show", "mongoose"),
    "designs --choices": ("designs", "--choices"),
    "designs --schema": ("designs", "--schema"),
    "boards": ("boards",),
    "parts": ("parts",),
    "faults": ("faults",),
    "rates": ("rates",),
    "completion": ("completion", "bash"),
    "help": ("help", "check"),
    "lab": ("lab", "course", "--no-open"),
    "board import": ("board", "import", "partitions.csv"),
    "board import -o": ("board", "import", "partitions.csv", "-o", "mine.toml"),
    "board import --json": ("board", "import", "partitions.csv", "--json"),
    "firmware new": ("firmware", "new", "loader"),
    "firmware build": ("firmware", "build", str(EXAMPLES / "hardened")),
    "new": ("new", "mine.toml"),
    "trace": ("trace", "mongoose"),
    "trace --board": ("trace", "mongoose", "--board", "esp8266-4M"),
    "trace --json": ("trace", "mongoose", *TINY, "--json"),
    "check": ("check", "single-record", *QUICK),
    "check --firmware": ("check", "--firmware", str(EXAMPLES / "hardened"), *QUICK),
    "check --explain-faults": ("check", "--explain-faults"),
    "repair": ("repair", "single-record", *QUICK),
    "replay": ("replay", "single-record/tiny/atomic/healthy/until-taken/-.5.before,-"),
    "replay --json": ("replay", "single-record/tiny/atomic/healthy/until-taken/-.5.before,-", "--json"),
    "explore-recording": ("explore-recording", "update.csv", "--design", "hardened", *QUICK),
    "risk": ("risk", "single-record", *TINY, "--faults", "torn-bits", "--rate", "1"),
    "risk of two": ("risk", "single-record", "hardened", *QUICK, "--rate", "1"),
    "risk --format csv": ("risk", "single-record", *QUICK, "--rate", "1", "--format", "csv"),
    "campaign": ("campaign", "single-record", *QUICK, "--rate", "1", "--devices", "2", "--out", "out"),
    "rollout": ("rollout", "single-record", *QUICK, "--rate", "1", "--devices", "2"),
    "rollout --stop": ("rollout", "single-record", *QUICK, "--rate", "1", "--devices", "2", "--stop", "0.5"),
    "rollout --repeats": ("rollout", "single-record", *QUICK, "--rate", "1", "--devices", "2", "--repeats", "2"),
    "serve": SERVED,
    "serve --check": (*SERVED, "--check"),
    "serve --check --json": (*SERVED, "--check", "--json"),
    "serve --host": (*SERVED, "--host", "0.0.0.0", "--insecure"),  # noqa: S104  # it ends before anybody knocks
    "fleet serve": ("fleet", "serve", "--devices", "1", *TINY, "--broker", "127.0.0.1:1", "--flash-dir", "lamps"),
    "shadow-service": ("shadow-service", "--broker", "127.0.0.1:1"),
    "inspect": ("inspect", "dump.bin"),
    "inspect --json": ("inspect", "dump.bin", "--json"),
    "inspect of records": ("inspect", "a.cfg", "b.cfg"),
    "files list": ("files", "list", "fs.img"),
    "files extract": ("files", "extract", "fs.img", "--folder", "fs", "--force"),
    "files make": ("files", "make", "new.img", "--folder", "fs", "--size", "0x8000"),
    "bundle build": ("bundle", "build", "out.zip", "--app", "a.bin", "--fs", "fs", *TINY, "--version", "2"),
    "bundle inspect": ("bundle", "inspect", "fw.zip"),
    "bundle verify": ("bundle", "verify", "fw.zip"),
    "bundle sign": ("bundle", "sign", "fw.zip", "-o", "signed.zip", "--key", "0=key.pem"),
}  # fmt: skip


class Read(argparse.Namespace):
    """What was chosen, and which of it somebody asked for."""

    def __init__(self, chosen):
        super().__init__(**vars(chosen))
        object.__setattr__(self, "read", set())

    def __getattribute__(self, name):
        if not name.startswith("_") and name != "read":
            object.__getattribute__(self, "read").add(name)
        return super().__getattribute__(name)


@pytest.fixture
def given(tmp_path, monkeypatch):
    """What the commands read; whoever serves ends at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("otalab.numbers.study._explored", {})
    scenario = set_up("hardened", "tiny")
    write_recording(life(scenario), "update.csv")
    (tmp_path / "partitions.csv").write_text(PARTITIONS)
    (tmp_path / "fs").mkdir()
    (tmp_path / "fs" / "conf.json").write_text("{}")
    records = [scenario.flash.read(place.address, 4096) for place in scenario.device.board.records]
    for name, data in {
        "dump.bin": scenario.flash.image, "a.cfg": records[0], "b.cfg": records[1], "a.bin": bytes(100),
        "fw.zip": tiny_bundle("2"), "key.pem": new_pair()[0],
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    assert 0 == cli.main(["files", "make", "fs.img", "--folder", "fs", "--size", "0x10000"])

    async def at_once(*_tasks):
        await asyncio.sleep(0)  # what was begun takes its first step

    for module in (serve, fleet, shadow_service):
        monkeypatch.setattr(module, "first_of", at_once)


def options(words):
    """Return the options of a command, each as it would be typed, by where it is kept."""
    parser = cli.parser(words[0])
    for word in words[:2]:
        several = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
        parser = several[0].choices[word] if several else parser
    found = {one.dest: one for one in parser._actions if one.option_strings and one.dest not in ("help", "version")}
    return {dest: [one.option_strings[-1], *([_value(one)] if one.nargs != 0 else [])] for dest, one in found.items()}


def _value(action):
    return str(action.default or (next(iter(action.choices)) if action.choices else "1"))


def status_of(words):
    try:
        return cli.main(words)
    except SystemExit as ended:
        return ended.code


@pytest.mark.parametrize("words", WAYS.values(), ids=WAYS)
def test_an_option_is_read_or_refused(given, capsys, monkeypatch, words):
    """What nobody asked for while the command ran is refused where it is typed, by its name and with the reason."""
    chosen = cli.parser(words[0]).parse_args([*words])
    watched, every = Read(chosen), options(words)
    assert 0 <= chosen.func(watched) <= 1
    idle = every.keys() - watched.read - {name for name in every if every[name][0] in chosen.typed}
    for name in sorted(idle):
        capsys.readouterr()
        assert 2 == status_of([*words, *every[name]]), every[name]
        assert every[name][0] in capsys.readouterr().err

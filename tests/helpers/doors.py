"""Doors: each way in which a file, a message or a name comes from outside, with what is made for it from a seed.

What is behind a door takes it, or refuses it in one line; whatever else happens is a fault of the lab.
Tests and `benchmarks/fuzz.py` have it in common; the doors on a wire are in `mutators`.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from bundles import archive, described, entry
from mutators import ODD, SHADOW_TOPICS, mutated, mutated_bundle, odd_or_not, rpc_frame, shadow_document, twisted

from otalab.bench.inspection import inspect_dump, inspect_records
from otalab.bench.recorded import recorded_scenario
from otalab.bench.recording import read_recording, recording
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli.main import main
from otalab.errors import OtalabError
from otalab.firmware.catalogue import designs, load_design
from otalab.formats.bundle.held_files import FilesReader, held_in, lines
from otalab.formats.bundle.reader import bundle_events
from otalab.formats.filesystems.kinds import SIZES, build_image, geometry, read_files
from otalab.hardware.board import load_board
from otalab.numbers.campaigns.campaign import Campaign, run_campaign
from otalab.numbers.study import study
from otalab.settings import DATA
from otalab.wire.cloud.service import ALL, Shadows, undone
from otalab.wire.device.known_images import KnownImages
from otalab.wire.device.open import open_device
from otalab.wire.device.options import DeviceOptions
from otalab.wire.rpc.frames import BadFrame, parsed

REFUSED = (OtalabError, BadFrame)
DESIGNS = ("mongoose", "hardened", "esp32", "esp8266", "cc3200", "mgos-boot", "esp-idf")


@dataclass(frozen=True)
class Door:
    """What comes in, as bytes from chance, and what takes it; it has a folder of its own to work in."""

    made: Callable[[random.Random], bytes]
    taken: Callable[[bytes, Path], None]

    def passed(self, data: bytes, folder: Path) -> bool:
        """Let it come in; return whether it was taken, and not refused in one line."""
        said = ""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self.taken(data, folder)
        except REFUSED as error:
            said = str(error)
        assert "\n" not in said, f"a refusal of several lines: {said}"
        return not said


@lru_cache(maxsize=16)  # megabytes each: with an end, so that whoever looks for growth can let go of them
def scenario(design: str = "hardened", board: str = "tiny") -> Scenario:
    """Return the usual scenario, once."""
    return set_up(design, board)


def run_command(*words: str) -> None:
    """Run a command; a fault of the lab itself is raised."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            status = main(words)
        except SystemExit as stopped:
            status = stopped.code
    assert status in (0, 1, 2), said.getvalue()
    assert status != 2 or said.getvalue().count("\n") <= 1 or "usage:" in said.getvalue(), said.getvalue()


# Bundles


def a_bundle(chance: random.Random) -> bytes:
    return mutated_bundle(chance, scenario().bundle)


def a_manifest(chance: random.Random) -> bytes:
    """Return a whole bundle whose manifest says odd things, geometries of file systems among them."""
    image, app = build_image({"a.txt": b"hello"}, 8 * 4096), chance.randbytes(64)
    sizes = geometry("littlefs", len(image)) | {
        key: chance.choice([0, 64, 256, 300, 4096, 8192, 2**31]) for key in chance.sample(SIZES, chance.randrange(3))
    }
    parts = {"app": {"type": "app", "src": "app.bin"}, "fs": {"type": "fs", "src": "fs.img"} | sizes}
    said = json.loads(described(parts, platform="otalab"))
    for _ in range(chance.randrange(3)):
        said = twisted(chance, said)
    said = json.dumps(said).encode()
    if chance.random() < 0.3:
        said = mutated(chance, said)
    return archive(entry("app.bin", app), entry("fs.img", image), manifest=said)


def look_into(data: bytes, _folder: Path) -> None:
    looking = FilesReader()
    pieces = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    for event in bundle_events(pieces):
        looking.see(event)
    json.dumps(looking.objects)
    for held in looking.held.values():
        list(lines(held))


def update_with(data: bytes, _folder: Path) -> None:
    """Offer a bundle to each firmware: it is refused, or goes in; the device lives on."""
    for design in DESIGNS[: 1 + len(data) % len(DESIGNS)][-1:]:
        lived = life(set_up(design, bundle=data))
        assert lived.log


# File systems, dumps, records


@cache
def images() -> tuple[bytes, ...]:
    files = {"a.txt": b"hello", "b.bin": bytes(range(256)) * 40}
    return tuple(build_image(files, 16 * 4096, kind=kind) for kind in ("littlefs", "spiffs"))


def a_file_system(chance: random.Random) -> bytes:
    return blown(chance, chance.choice(images()))


def blown(chance: random.Random, data: bytes) -> bytes:
    """Return contents with a few of their bytes, or a whole page, made others; now and then cut."""
    spoilt = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8, 40])):
        # Where something is written already there is something to break.
        at = chance.randrange(len(spoilt))
        if chance.random() < 0.7 and spoilt[at] == 0xFF:
            at = next((n for n in range(at, len(spoilt)) if spoilt[n] != 0xFF), chance.randrange(64))
        match chance.randrange(5):
            case 0:
                spoilt[at] ^= 1 << chance.randrange(8)
            case 1:
                spoilt[at] = chance.randrange(256)
            case 2:
                spoilt[at : at + 4] = chance.choice([bytes(4), b"\xff" * 4, b"\x00\x00\x00\x80", chance.randbytes(4)])
            case 3:
                start, page = at & ~255, chance.randrange(0, len(spoilt), 256)
                spoilt[start : start + 256] = spoilt[page : page + 256].ljust(256, b"\xff")
            case _:
                spoilt[at : at + 2] = chance.randbytes(2)
    return bytes(spoilt[: chance.randrange(len(spoilt))]) if chance.random() < 0.05 else bytes(spoilt[: len(data)])


def read_file_system(data: bytes, _folder: Path) -> None:
    held = held_in(data, {})
    json.dumps(list(lines(held)))
    for kind in ("littlefs", "spiffs"):
        read_files(data, 4096, kind)


def a_dump(chance: random.Random) -> bytes:
    what = scenario(
        chance.choice(DESIGNS), chance.choice(("lab-1M", "esp8266-4M") if chance.random() < 0.1 else ("lab-1M",))
    )
    flash = life(what).runs[-1].flash if chance.random() < 0.02 else what.flash
    spoilt = bytearray(flash.image)
    board = what.device.board
    for region in board.records:
        spoilt[region.address : region.address + region.size] = blown(
            chance, bytes(spoilt[region.address : region.address + region.size])
        )
    return bytes(spoilt)


def inspect(data: bytes, _folder: Path) -> None:
    found = inspect_dump("dump.bin", data, load_board("lab-1M") if len(data) == 2**20 else None)
    json.dumps(found.as_object())
    list(found.rows())


def records(chance: random.Random) -> bytes:
    """Return one or two record files, with a byte in front that says where the second one begins."""
    what = scenario(chance.choice(designs()), "lab-1M")
    if what.device.records is None:
        return b""
    places = [what.flash.read(one.address, min(one.size, 512)) for one in what.device.board.records]
    return b"".join(blown(chance, one) for one in places[:2])


def inspect_files(data: bytes, _folder: Path) -> None:
    half = len(data) // 2
    for files in ([("a", data)], [("a", data[:half]), ("b", data[half:])]):
        with contextlib.suppress(OtalabError):
            json.dumps(inspect_records(files).as_object())


# Text


@cache
def pages(what: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((DATA / what).glob("*.toml")))


VALUES = [
    b"0", b"-1", b"4096", b"1e9", b"inf", b"nan", b'""', b"true", b"[]", b"{}", b"9" * 5000, b"2**31", b"0x7fffffff",
    b"[1, 2]", b'"\\u0000"', b"1979-05-27", b"'../../x'", b'"littlefs"', b'"both"', b"0xffffffffffffffffffff",
]  # fmt: skip


def a_page(what: str) -> Callable[[random.Random], bytes]:
    def made(chance: random.Random) -> bytes:
        rows = chance.choice(pages(what)).split(b"\n")
        for _ in range(chance.choice([0, 1, 1, 2])):
            at = chance.randrange(len(rows))
            key, equals, _ = rows[at].partition(b"=")
            rows[at] = chance.choice(
                [key + equals + b" " + chance.choice(VALUES), b"", rows[at] * 2, b"[[" + key + b"]]"]
            )
        return mutated(chance, b"\n".join(rows)) if chance.random() < 0.4 else b"\n".join(rows)

    return made


def a_design(data: bytes, folder: Path) -> None:
    (folder / "own.toml").write_bytes(data)
    load_design(str(folder / "own.toml"))
    if len(data) % 5 == 0:
        life(set_up(str(folder / "own.toml")))


def a_board(data: bytes, folder: Path) -> None:
    (folder / "own.toml").write_bytes(data)
    board = load_board(str(folder / "own.toml"))
    # Each has some hundred lines to write and megabytes to fill: every fifth one is also put to work.
    if len(data) % 5 == 0:
        set_up("mongoose", board)


IDS = (
    b"hardened/tiny/atomic/healthy/until-taken/-,-.1.after,-",
    b"mongoose/lab-1M/all/healthy/until-taken/-.0.before,-",
    b"single-record/tiny:part=W25Q16JV:max/torn-bits/hangs/until-taken:used:2/-.3.prefix-1,01.4.cut,-",
    b"own@123456789abc/own/atomic/ill/again/-",
)


def an_id(chance: random.Random) -> bytes:
    text = mutated(chance, chance.choice(IDS))
    for _ in range(chance.randrange(2)):
        fields = text.split(b"/")
        odd = [b"", b"-", b"9" * 5000, b"x" * 300, "\u00b2".encode(), b"-.\xc2\xb2.", b"..", b"-.99999999.cut", b"all"]
        fields[chance.randrange(len(fields))] = chance.choice(odd)
        text = b"/".join(fields)
    # The system takes no zero in an argument, and no argument that is not text.
    return text.replace(b"\0", b"").decode(errors="replace").encode()


def replay(data: bytes, _folder: Path) -> None:
    run_command("replay", "--", data.decode())


def saved_histories(chance: random.Random) -> bytes:
    one = {"id": IDS[0].decode(), "files": {"board": "own.toml"}, "design": "hardened"}
    return mutated(chance, odd_or_not(chance, {"counterexamples": [one, twisted(chance, one)]}))


def replay_file(data: bytes, folder: Path) -> None:
    (folder / "saved.json").write_bytes(data)
    run_command("replay", str(folder / "saved.json"))


@cache
def recorded_lines() -> tuple[bytes, ...]:
    return tuple(recording(life(scenario())).encode().split(b"\n"))


def a_recording(chance: random.Random) -> bytes:
    rows = list(recorded_lines())
    for _ in range(chance.choice([0, 1, 1, 3])):
        at = chance.randrange(len(rows))
        match chance.randrange(5):
            case 0:
                rows[at] = mutated(chance, rows[at])
            case 1:
                del rows[at]
            case 2:
                rows.insert(at, chance.choice(rows))
            case 3:
                cells = rows[at].split(b",")
                cells[chance.randrange(len(cells))] = chance.choice(
                    [b"", b"-1", b"nan", b"inf", b"1e999", b"9" * 5000, b'"']
                )
                rows[at] = b",".join(cells)
            case _:
                rows.insert(at, json.dumps(twisted(chance, {"op": "erase", "address": 0, "size": 4096})).encode())
    return b"\n".join(rows)


def read_recorded(data: bytes, folder: Path) -> None:
    (folder / "update.csv").write_bytes(data)
    found = read_recording(folder / "update.csv")
    recorded_scenario(found, "hardened", "tiny")


# Campaigns


@cache
def small_campaign() -> Campaign:
    return Campaign.of(study("hardened", 60.0, board="tiny", faults="atomic"), 40)


@cache
def its_files(made_in: Path) -> dict[str, bytes]:
    run_campaign(small_campaign(), made_in)
    return {name: (made_in / name).read_bytes() for name in ("campaign.json", "devices/000000.parquet")}


def a_chunk(chance: random.Random) -> bytes:
    """Return where a chunk is to be damaged: the bytes themselves belong to the folder it is in."""
    return chance.randbytes(8)


def go_on(data: bytes, folder: Path) -> None:
    """Damage a chunk, or what says whose it is, and go on: refused, or the rows are what they were."""
    files, chance = its_files(folder.parent / "its"), random.Random(data)
    out = folder / "out"
    (out / "devices").mkdir(parents=True, exist_ok=True)
    for name, contents in files.items():
        (out / name).write_bytes(contents)
    name = chance.choice([*files, "devices/000000.parquet"])
    spoilt = bytearray(mutated(chance, files[name]))
    if chance.random() < 0.2 and spoilt:
        del spoilt[chance.randrange(len(spoilt)) :]
    (out / name).write_bytes(spoilt)
    run_campaign(small_campaign(), out)
    assert (out / "devices/000000.parquet").is_file()


# The cloud, and what a device keeps beside its flash


def a_message(chance: random.Random) -> bytes:
    """Return a topic and a payload, a zero in between."""
    topic = chance.choice([*SHADOW_TOPICS, "update", "update", "get", "delete"])
    if chance.random() < 0.2:
        asked = odd_or_not(chance, {"things": chance.choice(["*", "lamp-*", "[", "*" * 40]), "desired": {"a": 1}})
        return ALL.encode() + b"\0" + mutated(chance, asked)
    name = f"$aws/things/lamp-{chance.randrange(3)}/shadow/{topic}".encode()
    return name + b"\0" + mutated(chance, shadow_document(chance, topic))


_SHADOWS = Shadows()


def tell_shadows(data: bytes, _folder: Path) -> None:
    topic, _, payload = data.partition(b"\0")
    for said in (_SHADOWS.handle(topic.decode(), payload, 5), undone(topic.decode(), payload, 5)):
        json.dumps(said, allow_nan=False)


def a_state(chance: random.Random) -> bytes:
    times = {"desired": {"a": {"timestamp": 5}}}
    thing = {"state": {"desired": {"a": 1}}, "metadata": times, "version": 3, "timestamp": 5, "exists": True}
    return mutated(chance, odd_or_not(chance, {"things": {"lamp-1": thing, "lamp-2": twisted(chance, thing)}}))


def load_state(data: bytes, folder: Path) -> None:
    (folder / "shadows.json").write_bytes(data)
    shadows = Shadows(folder / "shadows.json")
    json.dumps(list(shadows.deltas()), allow_nan=False)
    shadows.handle("$aws/things/lamp-1/shadow/get", b"", 5)
    shadows.handle("$aws/things/lamp-2/shadow/update", b'{"state": {"reported": {"a": 2}}}', 5)
    shadows.save()


def a_frame(chance: random.Random) -> bytes:
    return mutated(chance, rpc_frame(chance, scenario().bundle))


def read_frame(data: bytes, _folder: Path) -> None:
    parsed(data)


@cache
def its_notebook(made_in: Path) -> bytes:
    made_in.mkdir(exist_ok=True)
    open_device(DeviceOptions(flash=made_in / "lamp.bin", board="tiny", design="hardened", no_sync=True)).file.close()
    return KnownImages(made_in / "lamp.bin").path.read_bytes()


def a_notebook(chance: random.Random) -> bytes:
    return chance.randbytes(8)


def open_with(data: bytes, folder: Path) -> None:
    """Damage the notebook of a device, or its flash, and switch it on."""
    chance, notebook = random.Random(data), its_notebook(folder.parent / "lamp")
    flash = folder / "lamp.bin"
    contents = (folder.parent / "lamp" / "lamp.bin").read_bytes()
    flash.write_bytes(blown(chance, contents) if chance.random() < 0.3 else contents)
    rows = notebook.splitlines(keepends=True)
    rows.insert(chance.randrange(len(rows) + 1), json.dumps(chance.choice(ODD)).encode() + b"\n")
    spoilt = b"".join(rows) if chance.random() < 0.3 else mutated(chance, notebook)
    KnownImages(flash).path.write_bytes(spoilt)
    open_device(DeviceOptions(flash=flash, board="tiny", design="hardened", no_sync=True)).file.close()


DOORS: dict[str, Door] = {
    "zip": Door(a_bundle, look_into),
    "manifest": Door(a_manifest, look_into),
    "update": Door(a_manifest, update_with),
    "file system": Door(a_file_system, read_file_system),
    "dump": Door(a_dump, inspect),
    "records": Door(records, inspect_files),
    "design": Door(a_page("designs"), a_design),
    "board": Door(a_page("boards"), a_board),
    "id": Door(an_id, replay),
    "saved history": Door(saved_histories, replay_file),
    "recording": Door(a_recording, read_recorded),
    "chunk": Door(a_chunk, go_on),
    "shadow": Door(a_message, tell_shadows),
    "shadows' file": Door(a_state, load_state),
    "frame": Door(a_frame, read_frame),
    "notebook": Door(a_notebook, open_with),
}

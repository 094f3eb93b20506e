"""Every fault of a bundle has its message, leaves the boot records as they were, and blocks no later update."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import new

import pytest

from otalab.bench.contents import noise
from otalab.bench.scenario import PIECE_SIZE, Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.firmware.controller import Controller
from otalab.firmware.device import power_on
from otalab.firmware.outcome import Running
from otalab.firmware.requests import Lost, Offer, Options, Report
from otalab.firmware.updater import APPLIED, SAME_VERSION, UNCOMMITTED
from otalab.formats.bundle.build import PartSource, bundle_bytes
from otalab.hardware.effects import Ask
from otalab.hardware.flash import Flash

APP, FS = noise("app", 500), noise("fs", 600)


@cache
def shipped(board: str = "tiny") -> Scenario:
    return set_up("hardened", board, app_size=500)


def parts(app: bytes = APP, fs: bytes = FS) -> list[PartSource]:
    return [PartSource("app", "app", "app.bin", app), PartSource("fs", "fs", "fs.img", fs)]


def bundle(**changes: object) -> bytes:
    """Return a bundle with something else in place of the usual."""
    usual = {"name": "lamp", "platform": "lab", "version": "9", "build_id": "b9", "parts": parts()}
    return bundle_bytes(**usual | changes)  # type: ignore[arg-type]


def header(data: bytes, number: int) -> int:
    """Return where the n-th local header begins."""
    at = -1
    for _ in range(number + 1):
        at = data.index(b"PK\x03\x04", at + 1)
    return at


def poked(offset: int, value: bytes, *, file: int = 1) -> Callable[[], bytes]:
    """Return a bundle whose header of one file (0 is the manifest) has other bytes at an offset."""

    def poke() -> bytes:
        data = bytearray(bundle())
        at = header(data, file) + offset
        data[at : at + len(value)] = value
        return bytes(data)

    return poke


def swapped(old: bytes, new: bytes) -> Callable[[], bytes]:
    """Return a bundle with bytes of the same length exchanged, and no CRC to notice it."""

    def swap() -> bytes:
        assert len(old) == len(new)
        data = bundle().replace(old, new, 1)
        at = header(data, 0)
        return data[: at + 14] + bytes(4) + data[at + 18 :]

    return swap


def wrong_digest() -> bytes:
    """Return a bundle whose application is another one, and no CRC to notice it."""
    data = bundle().replace(APP, noise("other", len(APP)))
    at = header(data, 1)
    return data[: at + 14] + bytes(4) + data[at + 18 :]


def without_last_file(data: bytes) -> bytes:
    """Return the bundle without its last file, the archive's end in its place."""
    return data[: header(data, 2)] + data[data.index(b"PK\x01\x02") :]


FAULTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "not a ZIP": ("Malformed archive (invalid file header)", lambda: b"hello" * 100),
    "compressed": ("Cannot handle compressed .zip", poked(8, b"\x08\0")),
    "sizes differ": ("Malformed archive", poked(18, struct.pack("<I", 7))),
    "wrong CRC": ("Invalid CRC", poked(14, b"\1\2\3\4")),
    "wrong CRC of the manifest": ("Invalid CRC", poked(14, b"\1\2\3\4", file=0)),
    "wrong digest": ("Checksum mismatch", wrong_digest),
    "second header spoiled": ("Malformed archive (invalid file header)", poked(0, b"XX")),
    "first file is not the manifest": ("Manifest missing", swapped(b"lamp-9/manifest.json", b"lamp-9/manifesto.jsn")),
    "manifest is not JSON": ("Failed to parse manifest", swapped(b'{\n  "name"', b'[\n  "name"')),
    "no version": ("Required manifest field missing", swapped(b'"version"', b'"versiom"')),
    "no platform": ("Required manifest field missing", swapped(b'"platform"', b'"platfork"')),
    "no build id": ("Required manifest field missing", swapped(b'"build_id"', b'"build_ie"')),
    "no parts": ("Required manifest field missing", swapped(b'"parts"', b'"partz"')),
    "digest is no digest": ("Invalid checksum format", swapped(new("sha1", APP).hexdigest().encode(), b"x" * 40)),
    "huge manifest": ("Manifest too large", poked(18, struct.pack("<II", 70000, 70000), file=0)),
    "wrong platform": ("Wrong platform", lambda: bundle(platform="esp32")),
    "too big": ("Image too big", lambda: bundle(parts=parts(app=noise("big", 9000)))),
    "no fs part": ("Incomplete update package", lambda: bundle(parts=parts()[:1])),
    "no app part": ("Incomplete update package", lambda: bundle(parts=parts()[1:])),
    "file of a part absent": ("Missing fs part", lambda: without_last_file(bundle())),
    "long version": ("Version too long", lambda: bundle(version="9" * 25)),
    "long build id": ("Build id too long: 129 characters, at most 128", lambda: bundle(build_id="9" * 129)),
    "parent folder": ("Bad file name", swapped(b"lamp-9/app.bin", b"lamp-9/../.bin")),
    "empty": ("Update aborted", lambda: b""),
}


def offered(data: bytes, flash: Flash | None = None) -> tuple[list[str], Flash, object]:
    """Run the device on one offer of these bytes; return its reports, its flash, and how it ended."""
    what = replace(shipped(), bundle=data)
    chip = Controller(what.device.board, what.flash if flash is None else flash)
    routine, answer, reports, offers = power_on(chip, what.device), None, [], [Offer(), None]
    while True:
        try:
            effect = routine.send(answer)
        except StopIteration as end:
            return reports, chip.flash, end.value
        answer = None
        match effect:
            case Ask("request"):
                answer = offers.pop(0)
            case Ask("piece", position):
                answer = data[position : position + PIECE_SIZE]
            case Ask("options"):
                answer = Options(60)
            case Ask("report", Report(_, message)):
                reports.append(message)
        chip.apply(effect)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_its_message_and_does_no_harm(fault: str) -> None:
    """One clear line; the boot records untouched; the old version runs on; the next good update goes in."""
    message, make = FAULTS[fault]
    what = shipped()
    reports, flash, outcome = offered(make())

    assert [True] == [report.startswith(message) for report in reports], reports
    assert "\n" not in reports[0]
    assert what.flash.sectors[1:3] == flash.sectors[1:3]
    assert Running(0, "1", True) == outcome
    assert Running(1, "2", True) == life(what, flash).last.outcome


@pytest.mark.parametrize("kept", [1, 29, 30, 100, 700, 1200, 1800])
def test_a_download_that_ends_early_is_aborted(kept: int) -> None:
    """A bundle that is cut anywhere before its directory is not applied."""
    reports, flash, outcome = offered(bundle()[:kept])

    assert ["Update aborted"] == reports
    assert shipped().flash.sectors[1:3] == flash.sectors[1:3]
    assert Running(0, "1", True) == outcome


def answers(what: Scenario, *requests: object, piece: object = None) -> list[Report]:
    """Run the device on these requests, with this answer to every piece; return its reports."""
    chip = Controller(what.device.board, what.flash)
    routine, answer, reports, queue = power_on(chip, what.device), None, [], [*requests, None]
    while True:
        try:
            effect = routine.send(answer)
        except StopIteration:
            return reports
        answer = None
        match effect:
            case Ask("request"):
                answer = queue.pop(0)
            case Ask("piece", int(position)):
                answer = what.bundle[position : position + PIECE_SIZE] if piece is None else piece
            case Ask("options"):
                answer = Options(60)
            case Ask("report", Report() as report):
                reports.append(report)
        chip.apply(effect)


def test_a_lost_download_reports_why() -> None:
    """The trigger's reason is the device's."""
    assert [Report(False, "Update timed out")] == answers(shipped(), Offer(), piece=Lost("Update timed out"))


def test_the_same_version_is_refused_only_when_asked_to() -> None:
    """Nothing is written for it; an HTTP POST does not ask, so it flashes the same version again."""
    what = shipped()
    same = replace(what, bundle=bundle(version="1", build_id="1/factory"))

    assert [Report(False, SAME_VERSION)] == answers(same, Offer(ignore_same_version=True))
    assert [Report(True, APPLIED)] == answers(same, Offer())


def test_no_update_while_the_running_image_is_uncommitted() -> None:
    """One update at a time: first this one must prove itself; by hand it is committed or given up, once."""
    what = shipped()
    new = replace(what.new, commits="by hand")
    trial = replace(what, flash=life(replace(what, commit_timeout=0)).runs[0].flash)
    trial = replace(trial, device=replace(what.device, images=(what.old, new)))

    assert [Report(False, UNCOMMITTED)] == answers(trial, Offer())
    assert [Report(True, "Ok"), Report(False, "Error"), Report(False, "Error")] == answers(
        trial, "commit", "commit", "revert"
    )
    assert [Report(True, "Ok")] == answers(trial, "revert")


def test_what_lies_in_the_slot_is_what_the_bundle_held() -> None:
    """Byte for byte, also where the last page is begun and not filled."""
    _, flash, _ = offered(bundle())
    slot = shipped().device.board.slots[1]

    assert APP == flash.read(slot.app.address, len(APP))
    assert FS == flash.read(slot.fs.address, len(FS))


@pytest.mark.parametrize("design", ["mongoose", "hardened", "cc3200", "mgos-boot", "esp8266", "esp32", "esp-idf"])
def test_a_version_is_as_long_as_the_record_has_room_for(design: str) -> None:
    """24 bytes where the record holds it; the formats of real loaders hold none, and ask for no more than the log."""
    what = set_up(design, "tiny", app_size=500)
    lab = what.device.board.platform
    ends = {}
    for size in (24, 25, 128, 129):
        data = bundle(version="9" * size, platform=lab)
        lived = life(replace(what, bundle=data))
        ends[size] = not any("Version too long" in line for line in lived.log)
    held = design in ("mongoose", "hardened")
    assert {24: True, 25: not held, 128: not held, 129: False} == ends

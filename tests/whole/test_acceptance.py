"""The acceptance table: every row once, the page of the rows decided differently, and the bundle's own rows."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from dataclasses import replace

import pytest
from acceptance import DIFFERENT, NOT_MODELLED, NUMBERS, PAGE, Rows, page
from bundles import CENTRAL, entry

from otalab.bench.contents import application, brought_files, file_system
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.firmware.outcome import Running
from otalab.hardware.effects import Erase, Program
from tests.whole import test_acceptance_boot, test_acceptance_wire

rows = Rows()
WHAT = set_up("mgos-boot", "tiny", app_size=500)
BOARD = WHAT.device.board
APP = application("2", 500)
FILES = file_system(BOARD, BOARD.slots[1], "2", brought_files("2", BOARD.slots[1].fs.size))
PARTS = {
    "app": {"type": "app", "src": "lamp.bin", "cs_sha1": hashlib.sha1(APP, usedforsecurity=False).hexdigest()},
    "fs": {"type": "fs", "src": "fs.img", "cs_sha1": hashlib.sha1(FILES, usedforsecurity=False).hexdigest()},
}
APP_ENTRY, FILES_ENTRY = entry("lamp-2/lamp.bin", APP), entry("lamp-2/fs.img", FILES)


def manifest(**fields: object) -> bytes:
    """Return the first entry of a bundle: a manifest with other fields; one that is None is left out."""
    said = {"name": "lamp", "platform": "lab", "version": "2", "build_id": "2/lab", "parts": PARTS} | fields
    return entry(
        "lamp-2/manifest.json", json.dumps({key: one for key, one in said.items() if one is not None}).encode()
    )


def offered(*entries: bytes, what: Scenario = WHAT) -> tuple[str, str]:
    """Offer a bundle to a device; return the version that runs in the end, and why the update was aborted."""
    lived = life(replace(what, bundle=b"".join(entries) + CENTRAL))
    assert isinstance(lived.last.outcome, Running)
    assert lived.last.outcome.committed
    said = [line.removeprefix("Update aborted: ") for line in lived.log if line.startswith("Update aborted")]
    return lived.last.outcome.version, "".join(said)


def whole(**fields: object) -> tuple[bytes, bytes, bytes]:
    """Return the entries of a bundle."""
    return manifest(**fields), APP_ENTRY, FILES_ENTRY


def on(platform: str) -> Scenario:
    """Return the update on a board of another platform."""
    return replace(WHAT, device=replace(WHAT.device, board=replace(BOARD, platform=platform)))


@rows("A37")
def _() -> None:
    """A manifest for esp32c3 is taken by an esp32, which looks no further than its own name is long."""
    assert ("2", "") == offered(*whole(platform="esp32c3"), what=on("esp32"))
    assert ("2", "") == offered(*whole(platform="ESP32"), what=on("esp32"))


@rows("A38")
def _() -> None:
    """One for esp8266 is not."""
    assert ("1", "Wrong platform") == offered(*whole(platform="esp8266"), what=on("esp32"))
    assert ("1", "Wrong platform") == offered(*whole(platform="esp3"), what=on("esp32"))


@rows("A39")
def _() -> None:
    """A manifest needs no name; without a build id, a platform, a version or parts a field is missing."""
    assert ("2", "") == offered(*whole(name=None))
    for field in ("build_id", "platform", "version", "parts"):
        assert ("1", "Required manifest field missing") == offered(*whole(**{field: None}))


@rows("A40")
def _() -> None:
    """The manifest comes first, or there is none."""
    said = offered(entry("lamp-2/app.bin", APP), *whole())
    assert ("1", "Manifest missing: the archive begins with app.bin") == said


@rows("A41")
def _() -> None:
    """Nothing that is compressed is taken."""
    packed = zlib.compress(APP)[2:-4]
    deflated = entry("lamp-2/lamp.bin", packed, method=8, crc=zlib.crc32(APP), size=len(APP))
    assert ("1", "Cannot handle compressed .zip") == offered(manifest(), deflated, FILES_ENTRY)


@rows("A42")
def _() -> None:
    """After the first slash a name may have 49 bytes, and no more."""
    for length, said in ((49, ("2", "")), (50, ("1", "Too long file name"))):
        name = "a" * (length - 4) + ".bin"
        parts = PARTS | {"app": {"type": "app", "src": name}}
        assert said == offered(manifest(parts=parts), entry(f"lamp-2/{name}", APP), FILES_ENTRY)


def damaged(data: bytes) -> bytes:
    """Return data with one bit wrong, in the middle of a file's contents."""
    at = data.index(brought_files("2", len(data))["assets.bin"][:16]) + 8
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@rows("A43")
def _() -> None:
    """A CRC of 0 is no check: damaged data is taken, where the manifest has no digest of it either."""
    assert zlib.crc32(damaged(FILES)) != zlib.crc32(FILES)
    bare = {name: {"type": part["type"], "src": part["src"]} for name, part in PARTS.items()}
    assert ("2", "") == offered(manifest(parts=bare), APP_ENTRY, entry("lamp-2/fs.img", damaged(FILES), crc=0))


@rows("A44")
def _() -> None:
    """Damaged data under a right CRC is found when all of it is in the slot; nothing else has been touched by then."""
    spoilt = entry("lamp-2/fs.img", damaged(FILES), crc=zlib.crc32(FILES))
    assert ("1", "Invalid CRC") == offered(manifest(), APP_ENTRY, spoilt)
    lived = life(replace(WHAT, bundle=manifest() + APP_ENTRY + spoilt + CENTRAL))
    touched = {
        BOARD.owner_of(effect.sector if isinstance(effect, Erase) else effect.address // BOARD.geometry.sector_size)
        for step in lived.last.steps
        if isinstance(effect := step.effect, Erase | Program)
    }
    assert {"slot 1 app", "slot 1 files"} == touched


@rows("A46")
def _() -> None:
    """A file that no part names is skipped, and must be whole."""
    readme = b"read me"
    assert ("2", "") == offered(manifest(), entry("lamp-2/readme.txt", readme), APP_ENTRY, FILES_ENTRY)
    spoilt = entry("lamp-2/readme.txt", readme, crc=zlib.crc32(readme) ^ 1)
    assert ("1", "Invalid CRC") == offered(manifest(), spoilt, APP_ENTRY, FILES_ENTRY)


@rows("A60")
def _() -> None:
    """With only key 0's signature: a mask of 3 refuses, 1 and -1 take it, and 0 takes nothing at all."""
    for mask, version in ((3, "1"), (1, "2"), (-1, "2"), (0, "1")):
        lived = life(replace(WHAT, device=replace(WHAT.device, sig_req_mask=mask), sig_mask=1))
        assert isinstance(lived.last.outcome, Running)
        assert version == lived.last.outcome.version


@rows("A64")
def _() -> None:
    """Whatever the application is called, it is taken."""
    assert ("2", "") == offered(*whole(name="toaster"))


@pytest.mark.parametrize("number", rows)
def test_a_row_of_the_acceptance_table(number: str) -> None:
    """What is given leads to what the table says."""
    rows[number]()


def test_every_row_is_there_once() -> None:
    """Each is asserted in one of the files, or said to be out of the model; none is both, twice or unknown."""
    asserted = Counter([*rows, *test_acceptance_boot.rows, *test_acceptance_wire.rows])

    assert Counter(NUMBERS) == asserted + Counter(list(NOT_MODELLED))
    assert set(DIFFERENT) <= asserted.keys()


def test_the_page_is_what_the_table_makes() -> None:
    """Nobody edits it by hand."""
    assert page() == PAGE.read_text()

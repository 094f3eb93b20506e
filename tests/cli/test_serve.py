"""The virtual device: real curl, real kill -9."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest
from mutators import mutated_bundle
from serving import FAST, GOOD, TINY, curl, half_an_upload, serve, tiny_bundle

from otalab import judge, life, set_up
from otalab.bench.contents import default_bundle, noise
from otalab.bench.observer import damaged_files
from otalab.firmware.updater import APPLIED, BUSY, UNCOMMITTED
from otalab.hardware.flash import Flash
from otalab.wire.live.device import LiveDevice

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"
REAL = {
    "esp8266-4M": "esp8266-mel-ac-homekit-1.0.4.zip",
    "esp32-4M": "esp32-demo-js-1.0.zip",
}


@pytest.fixture
def device(tmp_path):
    """A running tiny device whose waits take no time; it must not have said anything ugly."""
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        yield running
    assert not any("Traceback" in line for line in running.log), running.log


@pytest.mark.slow
@pytest.mark.parametrize("design", ["hardened", "mongoose"])
@pytest.mark.parametrize("board", REAL)
def test_a_real_bundle_by_real_curl(tmp_path, board, design):
    """200, the new version runs from the other partition and commits, and the slot holds the bundle's bytes."""
    path = FIXTURES / REAL[board]
    if not path.is_file():
        pytest.skip(f"no {path.name} beside the checkout")
    what = set_up(design, board, bundle=path.read_bytes())
    flash = tmp_path / "flash.bin"
    with LiveDevice(flash, board=board, design=design, time_scale=0, no_sync=True) as running:
        assert (200, APPLIED) == curl("-F", f"file=@{path}", "-F", "commit_timeout=60", running.url + "/update")
        told = running.wait_for(version=what.new.version, committed=True)

    assert (1, 60) == (told["active_slot"], told["commit_timeout"])
    assert life(what).last.flash.image == flash.read_bytes()
    with zipfile.ZipFile(path) as archive:
        files = {Path(name).name: archive.read(name) for name in archive.namelist()}
    parts = json.loads(files["manifest.json"])["parts"]
    app = files[parts["fw" if "fw" in parts else "app"]["src"]]
    lies = what.device.board.slots[1].app.address
    assert app == flash.read_bytes()[lies : lies + len(app)]


@pytest.mark.parametrize("board", REAL)
def test_a_real_bundle_without_digests_by_real_curl(tmp_path, board):
    """400 in the words of its platform, before anything is written."""
    path, flash, stripped = FIXTURES / REAL[board], tmp_path / "flash.bin", tmp_path / "fw.zip"
    if not path.is_file():
        pytest.skip(f"no {path.name} beside the checkout")
    data = path.read_bytes().replace(b'"cs_sha1"', b'"cs_none"')
    # Its CRC would notice; 0 is none.
    stripped.write_bytes(data[:14] + bytes(4) + data[18:])
    with LiveDevice(flash, board=board, design=board.split("-")[0], time_scale=0, no_sync=True) as running:
        before = flash.read_bytes()
        assert (400, "Incomplete update package") == curl("-F", f"file=@{stripped}", running.url + "/update")
        assert before == flash.read_bytes()


def test_the_wire_and_the_trace_leave_the_same_flash(tmp_path):
    """There is one firmware: driven by curl it leaves, bit for bit, what the trace leaves."""
    what = set_up("hardened")
    bundle, flash = tmp_path / "fw.zip", tmp_path / "flash.bin"
    bundle.write_bytes(what.bundle)
    with LiveDevice(flash, design="hardened", time_scale=0, no_sync=True) as running:
        assert 200 == curl("-F", f"file=@{bundle}", "-F", "commit_timeout=60", running.url + "/update")[0]
        running.wait_for(version="2", committed=True)

    assert life(what).last.flash.image == flash.read_bytes()
    assert "updated" == judge(what, life(what)).name


@pytest.mark.slow
@pytest.mark.parametrize("design", ["hardened", "mongoose"])
def test_an_image_that_hangs_is_rolled_back_by_the_clock_on_the_wall(tmp_path, design):
    """With a short timeout: the old version runs again, and the next update works."""
    options = FAST | {"design": design}
    bundle = tmp_path / "fw.zip"
    bundle.write_bytes(GOOD)
    with LiveDevice(tmp_path / "flash.bin", image="hangs", **options) as running:
        assert (200, APPLIED) == curl("-F", f"file=@{bundle}", "-F", "commit_timeout=1", running.url + "/update")
        running.wait_for_line("Starting version 2")
        running.wait_for(version="1", committed=True, state="running")
    with LiveDevice(tmp_path / "flash.bin", **options) as running:
        assert (200, APPLIED) == running.update(tiny_bundle("3"))
        running.wait_for(version="3", committed=True)


def test_what_hangs_is_not_updated(tmp_path):
    """As long as its trial lasts, the next update is refused."""
    with LiveDevice(tmp_path / "flash.bin", image="hangs", **FAST) as running:
        assert (200, APPLIED) == running.update(GOOD, commit_timeout=3600)
        running.wait_for(version="2", committed=False, state="running")
        assert (409, UNCOMMITTED) == running.update(tiny_bundle("3"))


def test_a_commit_by_hand(tmp_path):
    """Until it, no update; after it, no way back."""
    with LiveDevice(tmp_path / "flash.bin", commit="manual", **FAST) as running:
        running.update(tiny_bundle("2"))
        running.wait_for(version="2", committed=False, state="running")
        assert (409, UNCOMMITTED) == running.update(tiny_bundle("3"))
        assert (200, "Ok") == running.commit()
        assert (400, "Error") == running.commit()
        assert (400, "Error") == running.revert()
        assert (200, APPLIED) == running.update(tiny_bundle("3"))
        running.wait_for(version="3", committed=False, state="running")
        assert (200, "Ok") == running.revert()
        running.wait_for(version="2", committed=True)


@pytest.fixture(scope="module")
def lone_device(tmp_path_factory):
    """One device for all requests that should not harm it."""
    with LiveDevice(tmp_path_factory.mktemp("lone") / "flash.bin", **FAST) as running:
        yield running
    assert not any("Traceback" in line for line in running.log), running.log


def edited(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


SECOND = GOOD.index(b"PK\x03\x04", 4)
BAD = {
    "not a ZIP": ("Malformed archive (invalid file header)", b"hello" * 1000),
    "empty": ("Update aborted", b""),
    "cut": ("Update aborted", GOOD[:9000]),
    "cut before its directory": ("Update aborted", GOOD[: GOOD.index(b"PK\x01\x02")]),
    "compressed": ("Cannot handle compressed .zip", edited(GOOD, SECOND + 8, b"\x08")),
    "wrong CRC": ("Invalid CRC", edited(GOOD, SECOND + 14, b"abcd")),
    "huge manifest": ("Manifest too large", edited(GOOD, 18, b"\0\0\2\0\0\0\2\0")),
    "wrong platform": ("Wrong platform", default_bundle(set_up("hardened", "esp32-4M").device.board, "2", 500)),
    "too large": ("Image too big", default_bundle(TINY.device.board, "2", 9000)),
    "path": ("Bad file name", GOOD.replace(b"lamp-2/lamp.bin", b"lamp-2/../a.bin")),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_bundle_gets_400_and_one_line(device, fault, tmp_path):
    """The record is untouched, the device runs what it ran, and takes the next update."""
    message, data = BAD[fault]
    bundle = tmp_path / "fw.zip"
    bundle.write_bytes(data)
    before = device.status()["records"]
    code, said = curl("-F", f"file=@{bundle}", "-F", "commit_timeout=60", device.url + "/update")

    assert (400, 1) == (code, len(said.splitlines()))
    assert said.startswith(message)
    assert before == device.wait_for(state="running")["records"]
    assert (200, APPLIED) == device.update(GOOD)
    device.wait_for(version="2", committed=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-d", "a=b"],
        ["-F", "a=b"],
        ["-H", "Content-Type: multipart/form-data", "-d", "x"],
        ["-H", "Content-Type: multipart/form-data; boundary=x", "-d", "no boundary here"],
        ["-H", "Content-Type: text/plain", "-d", "x"],
        ["-F", "commit_timeout=soon", "-F", "file=@-;filename=fw.zip"],
        ["-F", "commit_timeout=-1", "-F", "file=@-;filename=fw.zip"],
        ["-F", f"commit_timeout={'9' * 100}", "-F", "file=@-;filename=fw.zip"],
    ],
)
def test_a_request_that_is_no_update_gets_400_and_one_line(lone_device, arguments):
    """Not multipart, no file, or a field that is not a number."""
    code, said = curl(*arguments, lone_device.url + "/update")

    assert (400, 1) == (code, len(said.splitlines()))
    assert "running" == lone_device.status()["state"]


def test_a_bad_field_after_the_file_stops_the_update_before_the_switch(device, tmp_path):
    """curl sends the field last: the file is in the slot by then, and no record says so."""
    bundle = tmp_path / "fw.zip"
    bundle.write_bytes(GOOD)
    before = device.status()["records"]
    code, said = curl("-F", f"file=@{bundle}", "-F", "commit_timeout=soon", device.url + "/update")

    assert (400, "commit_timeout is not a number of seconds: 'soon'") == (code, said)
    assert before == device.status()["records"]


def test_an_upload_that_stalls_is_aborted(tmp_path):
    """408 after `update.timeout`, and the next update may come: it is looked at."""
    with LiveDevice(tmp_path / "flash.bin", update_timeout=0.5, **FAST) as running:
        with half_an_upload(running.url) as link:
            reply = link.recv(4096).decode()
        assert "408" in reply.splitlines()[0]
        assert "Update timed out" in reply
        assert (400, "Malformed archive (invalid file header)") == running.update(b"hello" * 100)


def test_an_upload_that_is_dropped_is_aborted(device):
    """The device notices, goes on, and takes the next one."""
    with half_an_upload(device.url):
        device.wait_for(state="updating")
        assert (409, BUSY) == device.update(GOOD)
    device.wait_for(state="running", version="1")
    assert (200, APPLIED) == device.update(GOOD)
    device.wait_for(version="2", committed=True)


@pytest.mark.parametrize(
    "part", [b"", b'Content-Disposition: form-data; name="a"\r\n', b"Content-Type: text/plain\r\n"]
)
def test_each_part_of_a_form_counts(device, part):
    """Named or not: two megabytes of them are refused at the seventeenth, and others are answered meanwhile."""
    body = b"--B\r\n" + part + b"\r\nx\r\n"
    sent = device.flash.with_name("form")
    sent.write_bytes(body * 40_000)
    kind = "Content-Type: multipart/form-data; boundary=B"
    code, text = curl("-H", kind, "-H", "Expect:", "--data-binary", f"@{sent}", device.url + "/update")
    assert 400 == code
    assert "more than 16 fields" in text
    assert "running" == device.status()["state"]


def test_the_dialect_of_2017_closes_where_it_did(tmp_path):
    """No reply at all to an update that comes before the commit; 400 with the message otherwise."""
    with LiveDevice(tmp_path / "flash.bin", commit="manual", dialect="2017", **FAST) as running:
        assert closes_with_a_line(f"{running.url}/update/commit")
        assert (400, "Malformed archive (invalid file header)") == running.update(b"hello" * 100)
        assert (200, APPLIED) == running.update(GOOD)
        running.wait_for(version="2", state="running")
        bundle = tmp_path / "fw.zip"
        bundle.write_bytes(GOOD)
        assert 0 == curl("-F", f"file=@{bundle}", running.url + "/update")[0]


@pytest.mark.parametrize("what", ["commit", "revert"])
def test_a_decision_by_hand_is_a_line_that_closes(lone_device, what):
    """`Error` and CR LF, as HTML, and no second request over the same connection."""
    assert closes_with_a_line(f"{lone_device.url}/update/{what}")


def closes_with_a_line(url: str) -> bool:
    """Say whether a device with nothing to decide answers as the real one does."""
    code, text = curl("-i", url)
    head, _, body = text.lower().partition("\n\n")
    said = {"content-length: 7", "connection: close", "content-type: text/html; charset=utf-8"} <= set(head.split("\n"))
    return said and (400, "error") == (code, body)


def test_the_status_has_the_shape_that_others_rely_on(device):
    """Names and kinds of the contract."""
    told = device.status()

    assert {
        "board", "platform", "design", "state", "active_slot", "revert_slot", "committed", "commit_timeout",
        "version", "slots", "records", "files", "log",
    } <= set(told)  # fmt: skip
    assert {"slot", "version", "whole"} == set(told["slots"][0])
    assert {"valid", "sequencer", "active_slot", "committed", "selected"} <= set(told["records"][0])
    assert [True, False] == [record["selected"] for record in told["records"]]
    assert {"conf9.json", "calibration.bin", "index.html"} == set(told["files"])
    assert b"<title>otalab virtual device" in curl(device.url + "/")[1].encode()


@pytest.mark.slow
def test_what_cannot_be_served_is_one_line_and_status_2(tmp_path, device):
    """A file of the wrong size, one in use, a port in use, a folder, numbers out of bounds."""
    wrong = tmp_path / "wrong.bin"
    wrong.write_bytes(b"x" * 100)
    port = device.url.rpartition(":")[2]
    fresh = str(tmp_path / "fresh.bin")
    cases = {
        "has 100 bytes": ["--flash", str(wrong)],
        "in use by another device": ["--flash", str(device.flash), "--board", "tiny"],
        "cannot be had": ["--flash", fresh, "--port", port],
        "is a folder": ["--flash", str(tmp_path)],
        "--time-scale nan": ["--flash", fresh, "--time-scale", "nan"],
        "--port 70000": ["--flash", fresh, "--port", "70000"],
        "board 'no' is unknown": ["--flash", fresh, "--board", "no"],
    }
    for complaint, arguments in cases.items():
        ran = serve(*arguments)
        assert (2, "", complaint) == (ran.returncode, ran.stdout, complaint if complaint in ran.stderr else ran.stderr)
        assert 1 == len([line for line in ran.stderr.splitlines() if line.startswith("otalab")])
        assert "Traceback" not in ran.stderr
        # The port is asked for before the flash is made.
        assert not (tmp_path / "fresh.bin").exists()
    assert b"x" * 100 == wrong.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(tmp_path, number):
    """Also in the middle of an upload, which it does not wait for."""
    running = LiveDevice(tmp_path / "flash.bin", **FAST).start()
    process = running._process
    with half_an_upload(running.url):
        running.wait_for(state="updating")
        process.send_signal(number)
        assert 0 == process.wait(timeout=300)  # an upload may stand for ten minutes
    assert not any("Traceback" in line for line in running.log)


@pytest.mark.slow
def test_a_kill_is_a_power_cut_that_the_hardened_device_survives(tmp_path):
    """The short form of `benchmarks/kills.py`: wherever it is killed, it boots a whole image and takes the update."""
    what = set_up("hardened", "tiny", app_size=None)
    for number, phase in enumerate(["download", "merge", "switch", "boot", "trial", "commit"]):
        flash = tmp_path / f"{number}.bin"
        running = LiveDevice(flash, board="tiny", design="hardened", time_scale=0.1).start()
        before = len(running.log)
        sender = subprocess.Popen(
            ["curl", "-s", "--data-binary", "@-", "-H", "Content-Type: application/zip", running.url + "/update"],
            stdin=subprocess.PIPE,
        )
        sender.stdin.write(what.bundle)
        sender.stdin.close()
        running.wait_for_phase(phase, since=before)
        running.kill()
        sender.wait()
        with LiveDevice(flash, **FAST) as running:
            told = running.wait_for(state="running", committed=True)
            assert told["slots"][told["active_slot"]]["whole"]
            if told["version"] == "1":
                running.update(what.bundle)
            told = running.wait_for(version="2", committed=True)
        left = Flash.of(what.flash.geometry, flash.read_bytes())
        assert "" == damaged_files(what, left, told["active_slot"], "2")


def test_a_foreign_flash_is_adopted(tmp_path):
    """Without the notebook of known images, what fits the record's length and check is an image."""
    flash = tmp_path / "flash.bin"
    flash.write_bytes(TINY.flash.image)
    with LiveDevice(flash, **FAST) as running:
        assert running.status()["slots"][0] == {"slot": 0, "version": "1", "whole": True}
        assert (200, APPLIED) == running.update(GOOD)


def test_mutated_bundles_are_refused_or_installed_whole(device):
    """The short form of `benchmarks/mutations.py`."""
    chance = random.Random(2)
    for _ in range(40):
        code, said = device.update(mutated_bundle(chance, GOOD))
        assert code in (200, 400), said
        told = device.wait_for(state="running", committed=True)
        assert told["slots"][told["active_slot"]]["whole"]
    assert 200 == device.update(tiny_bundle("7"))[0]
    device.wait_for(version="7", committed=True)


def test_noise_is_not_a_device(tmp_path):
    """A flash without a valid record is a brick that can still be asked for its status."""
    flash = tmp_path / "flash.bin"
    flash.write_bytes(noise("nothing", TINY.flash.geometry.size))
    with LiveDevice(flash, **FAST) as running:
        assert "bricked" == running.wait_for(state="bricked")["state"]
        assert (503, "The device is bricked") == running.update(GOOD)
        assert (503, "The device is bricked") == running.commit()
    assert flash.stat().st_size == TINY.flash.geometry.size

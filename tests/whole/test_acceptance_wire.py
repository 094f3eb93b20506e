"""The acceptance table, wire: triggers, timers and the shadow, in the dialect of 2017."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest
from acceptance import Rows
from devices import by_leaps, told, with_device
from serving import curl, half_an_upload

from otalab.bench.contents import application, brought_files, default_bundle, file_system
from otalab.bench.setup import set_up
from otalab.firmware.requests import Keep
from otalab.firmware.updater import APPLIED, SAME_VERSION
from otalab.formats.bundle.build import PartSource, bundle_bytes
from otalab.wire.cloud.remembered import Remembered
from otalab.wire.cloud.thing import ShadowDevice
from otalab.wire.device import ota as ota_module
from otalab.wire.device.ota import Bytes, Committed, Progress, UpdateOptions
from otalab.wire.device.status import file_contents, status
from otalab.wire.dialect import DIALECTS
from otalab.wire.live.device import LiveDevice
from otalab.wire.rpc.service import RpcError, RpcService
from otalab.wire.sources.poller import Poller

web = pytest.importorskip("web")

rows = Rows()
REAL = ("cc3200", "esp8266", "esp32", "mgos-boot")
BOARD = set_up("cc3200", "tiny", app_size=500).device.board


def tiny_bundle(version: str, build_id: str | None = None) -> bytes:
    """Return a bundle for the tiny board."""
    fs = file_system(BOARD, BOARD.slots[0], version, brought_files(version, BOARD.slots[0].fs.size))
    parts = [
        PartSource("app", "app", "lamp.bin", application(version, 500, own_check=True), {}),
        PartSource("fs", "fs", "fs.img", fs, {}),
    ]
    build_id = f"{version}/lab" if build_id is None else build_id
    return bundle_bytes(name="lamp", platform="lab", version=version, build_id=build_id, parts=parts)


class Lamp:
    """A running CC3200 whose images are committed by hand, and the web server that it fetches from."""

    def __init__(self, device: LiveDevice, server: web.Web, folder) -> None:
        self.device, self.server, self.folder = device, server, folder
        self._made = 1

    def bundle(self) -> bytes:
        """Return a bundle of a version that was never there before."""
        self._made += 1
        return tiny_bundle(f"v{self._made:03}")

    def posted(self, data: bytes, *fields: str) -> tuple[int, str]:
        """Upload a bundle with the real curl; `fields` come before it where they begin with `<`."""
        path = self.folder / "fw.zip"
        path.write_bytes(data)
        before = [word for one in fields if one.startswith("<") for word in ("-F", one[1:])]
        after = [word for one in fields if not one.startswith("<") for word in ("-F", one)]
        return curl(*before, "-F", f"file=@{path}", *after, f"{self.device.url}/update")

    def fetched(self, path: str) -> tuple[int, str]:
        """Have the device fetch its update from a place of the server."""
        return curl("-G", "-d", f"url={self.server.address}/{path}", f"{self.device.url}/update")

    def rpc(self, method: str, **args: object) -> tuple[int, object]:
        """Call a method."""
        code, text = curl("-d", json.dumps(args), f"{self.device.url}/rpc/{method}")
        return code, json.loads(text)

    def settled(self) -> dict:
        """Wait until the device runs."""
        return self.device.wait_for(state="running")

    def tidied(self) -> None:
        """Commit what a row left on trial."""
        if not self.settled()["committed"]:
            self.device.commit()
            self.device.wait_for(committed=True, state="running")


@pytest.fixture(scope="module")
def shared_lamp(tmp_path_factory) -> Iterator[Lamp]:
    """The one device and the one server that most rows share."""
    folder = tmp_path_factory.mktemp("lamp")
    options = {"board": "tiny", "design": "cc3200", "time_scale": 0, "no_sync": True}
    options |= {"dialect": "2017", "commit": "manual", "update_commit_timeout": 77, "update_timeout": 2}
    with web.Web() as server, LiveDevice(folder / "flash.bin", **options) as device:
        yield Lamp(device, server, folder)
    assert not any("Traceback" in line for line in device.log), device.log


@pytest.fixture
def lamp(shared_lamp) -> Iterator[Lamp]:
    """That device, committed before and after."""
    shared_lamp.server.files["fw.zip"] = shared_lamp.bundle()
    yield shared_lamp
    shared_lamp.tidied()


# Commit and revert.


@rows("A19")
def _(tmp_path) -> None:
    """The interval is in the new file system after the merge, and in what GetBootState says."""

    async def story(ota, _events):
        report = await ota.update(Bytes(tiny_bundle("v2")), UpdateOptions(commit_timeout=300))
        assert report.fine
        await runs(ota, "v2")
        said = await RpcService(ota, DIALECTS["2017"]).get_boot_state({})
        kept = file_contents(ota.device, BOARD.slots[1].fs, "updater.dat")
        wire = status(ota.device)
        return said, kept, (wire["active_slot"], wire["committed"], wire["commit_timeout"], wire["version"])

    for design in REAL:
        said, kept, wire = with_device(
            tmp_path, story, flash=tmp_path / f"{design}.bin", design=design, commit="manual"
        )
        assert bytes.fromhex("2c010000") == kept
        assert {"active_slot": 1, "is_committed": False, "revert_slot": 0, "commit_timeout": 300} == said
        assert (1, False, 300, "v2") == wire


async def runs(ota, version: str) -> None:
    """Wait until a version runs."""
    while ota.status is None or ota.status.version != version or not ota.device.up.is_set():  # noqa: ASYNC110  # no event
        await asyncio.sleep(0.005)


def refused_when_committed(tmp_path, method: str) -> None:
    """Ask a committed device to commit or to revert, in each of the three ways."""

    async def story(ota, _events):
        await ota.ask(Keep("updater.dat", b"\x2c\x01\0\0"))
        before, chip, service = ota.device.chip.flash, ota.device.chip, RpcService(ota, DIALECTS["2017"])
        report = await ota.ask(method)
        with pytest.raises(RpcError) as error:
            await service.methods[f"OTA.{method.title()}"]({})
        return report.fine, report.message, error.value.code, before == ota.device.chip.flash, chip is ota.device.chip

    for design in REAL:
        flash = tmp_path / f"{method} {design}.bin"
        assert (False, "Error", -1, True, True) == with_device(tmp_path, story, flash=flash, design=design)


@rows("A24")
def _(tmp_path, lamp) -> None:
    """A second commit is an error, and takes no file away."""
    refused_when_committed(tmp_path, "commit")
    assert (400, "Error") == curl(f"{lamp.device.url}/update/commit")
    assert (500, {"code": -1}) == lamp.rpc("OTA.Commit")


@rows("A25")
def _(tmp_path, lamp) -> None:
    """A revert after the commit is an error, and changes nothing."""
    refused_when_committed(tmp_path, "revert")
    assert (400, "Error") == curl(f"{lamp.device.url}/update/revert")
    assert (500, {"code": -1}) == lamp.rpc("OTA.Revert")


# Who may begin, and with what interval.


@rows("A26")
def _(lamp) -> None:
    """On trial: a POST is closed without a reply, a GET and a call are told that there is no context."""
    assert (200, APPLIED) == lamp.posted(lamp.bundle(), "commit_timeout=60")
    lamp.device.wait_for(committed=False, state="running")
    assert (0, "") == lamp.posted(lamp.bundle())
    assert (409, "Failed to create updater context.") == lamp.fetched("plain/fw.zip")
    url = f"{lamp.server.address}/plain/fw.zip"
    assert (500, {"code": -1, "message": "Failed to init updater"}) == lamp.rpc("OTA.Update", url=url)


@rows("A27")
def _(lamp) -> None:
    """While an update comes in, a POST is closed without a reply."""
    with half_an_upload(lamp.device.url):
        lamp.device.wait_for(state="updating")
        assert (0, "") == lamp.posted(lamp.bundle())


@rows("A28")
def _(lamp) -> None:
    """And a GET is told so."""
    with half_an_upload(lamp.device.url):
        lamp.device.wait_for(state="updating")
        assert (409, "Another update is in progress.") == lamp.fetched("plain/fw.zip")


@rows("A29")
def _(tmp_path, lamp) -> None:
    """A POST that names no interval asks for 0, whatever is configured; a fetched update takes what is."""
    assert (200, APPLIED) == lamp.posted(lamp.bundle())
    lamp.device.wait_for(committed=False, state="running")
    assert 0 == lamp.rpc("OTA.GetBootState")[1]["commit_timeout"]
    lamp.tidied()
    assert (200, f"(1) {APPLIED}") == lamp.fetched("plain/fw.zip")
    lamp.device.wait_for(committed=False, state="running")
    assert 77 == lamp.rpc("OTA.GetBootState")[1]["commit_timeout"]

    async def story(ota, events):
        await ota.update(Bytes(tiny_bundle("v2")), UpdateOptions())
        return await told(events, Committed)

    assert Committed("v2") == with_device(tmp_path, story, design="cc3200")


@rows("A30")
def _(lamp) -> None:
    """The field may come after the file, as it may before it."""
    for field, seconds in (("commit_timeout=61", 61), ("<commit_timeout=62", 62)):
        assert (200, APPLIED) == lamp.posted(lamp.bundle(), field)
        lamp.device.wait_for(committed=False, state="running")
        assert seconds == lamp.rpc("OTA.GetBootState")[1]["commit_timeout"]
        lamp.tidied()


@rows("A31")
def _(lamp) -> None:
    """A POST of the version that runs is flashed again, into the other slot."""
    data = lamp.bundle()
    slots = []
    for _ in range(2):
        assert (200, APPLIED) == lamp.posted(data)
        slots.append(lamp.device.wait_for(committed=False, state="running")["active_slot"])
        lamp.tidied()
    assert slots[0] == 1 - slots[1]


# The poller.


def polled(tmp_path, path: str, running: bytes | None = None, **files: bytes) -> tuple[int, str, bool]:
    """Poll once; return the result, the message, and whether the device restarts."""

    async def story(ota, events):
        if running:
            await ota.update(Bytes(running))
            await told(events, Committed)
        chip = ota.device.chip
        with web.Web() as server:
            server.files = files
            fetched = await Poller(ota, f"{server.address}/{path}", 0).poll()
        return fetched.result, fetched.message, ota.device.state == "rebooting" or chip is not ota.device.chip

    return with_device(tmp_path, story, design="cc3200")


@rows("A32")
def _(tmp_path) -> None:
    """The version that runs: a success without a restart."""
    data = tiny_bundle("v2")
    assert (1, SAME_VERSION, False) == polled(tmp_path, "plain/fw", data, fw=data)


@rows("A33")
def _(tmp_path) -> None:
    """304: likewise."""
    assert (1, "Not Modified", False) == polled(tmp_path, "304/fw")


@rows("A34")
def _(tmp_path) -> None:
    """404: its code below zero."""
    assert (-404, "Invalid HTTP response code", False) == polled(tmp_path, "404/fw")


@rows("A35")
def _(tmp_path) -> None:
    """1.1 is the same as the 1.10 that runs, if the build is: the manifest's length rules, and so not the reverse."""
    short, long = tiny_bundle("1.1", "b7"), tiny_bundle("1.10", "b7")
    assert (1, SAME_VERSION, False) == polled(tmp_path, "plain/fw", long, fw=short)
    (tmp_path / "lamp.bin").unlink()
    assert (1, APPLIED, True) == polled(tmp_path, "plain/fw", short, fw=long)


@rows("A36")
def _(tmp_path) -> None:
    """Another build of the same version is taken."""
    one, other = tiny_bundle("v2", "b7"), tiny_bundle("v2", "b8")
    assert (1, APPLIED, True) == polled(tmp_path, "plain/fw", one, fw=other)


# What breaks off, and what goes somewhere else.


@rows("A45")
def _(lamp) -> None:
    """A stream that ends before the archive's directory is not applied."""
    before = lamp.settled()["records"]
    whole = lamp.bundle()
    cut = whole[: whole.index(b"PK\x01\x02")]
    assert (400, "Update aborted") == lamp.posted(cut)
    lamp.server.files["cut.zip"] = cut
    assert (500, "(-1) Update failed") == lamp.fetched("plain/cut.zip")
    assert before == lamp.settled()["records"]


@rows("A47")
def _(lamp) -> None:
    """An upload that is dropped in the middle changes neither what runs nor a record."""
    before = lamp.settled()
    with half_an_upload(lamp.device.url):
        lamp.device.wait_for(state="updating")
    after = lamp.settled()
    for what in ("active_slot", "version", "records", "committed"):
        assert before[what] == after[what]


@rows("A48")
def _(lamp) -> None:
    """A redirect is followed, and one that leads back to itself not for ever."""
    assert (500, "(-1) More than 10 redirects") == lamp.fetched("round/fw.zip")
    lamp.server.seen.clear()
    assert (200, f"(1) {APPLIED}") == lamp.fetched("moved/fw.zip")
    assert ["/moved/fw.zip", "/plain/fw.zip"] == [request.path for request in lamp.server.seen]


# Progress, and the time limit that it sets back.


class Slow(Bytes):
    """A source that takes its time for the first few pieces."""

    async def read(self) -> bytes:
        if self._at < 6 * self.piece:
            await asyncio.sleep(0.1)
        return await super().read()


@rows("A61")
def _(tmp_path, monkeypatch) -> None:
    """At the first bytes, then after 50000 more, or after so many seconds; what comes slowly is in time."""
    data = default_bundle(set_up("cc3200", "lab-1M").device.board, "2", 150_000)

    def heard(limit: float, source: type[Bytes]) -> list[int]:
        monkeypatch.setattr(ota_module, "PROGRESS_SECONDS", limit)

        async def story(ota, events):
            assert (await ota.update(source(data), UpdateOptions(timeout=0.4))).fine
            return [event.received for event in events if isinstance(event, Progress)]

        return by_leaps(tmp_path, story, flash=tmp_path / f"{limit}.bin", board="lab-1M", design="cc3200")

    steps = heard(5.0, Bytes)
    assert 4096 == steps[0]
    assert all(50_000 <= after - before < 50_000 + 4096 for before, after in pairwise(steps))
    assert len(steps) == 1 + (steps[-1] - steps[0]) // 50_000 > 3
    assert [4096, 8192, 12288] == heard(0.05, Slow)[:3]


@rows("A62")
def _(lamp) -> None:
    """Without progress for `update.timeout` the connection is closed, and a new update may start."""
    with half_an_upload(lamp.device.url) as link:
        lamp.device.wait_for(state="updating")
        link.settimeout(20)
        assert b"" == received(link)
    assert any("Update timed out" in line for line in lamp.settled()["log"])
    assert (200, APPLIED) == lamp.posted(lamp.bundle())


def received(link: socket.socket) -> bytes:
    """Return what comes until the other side closes, however it does that."""
    try:
        return link.recv(4096)
    except ConnectionResetError:
        return b""


# The shadow.


@rows("A63")
def _(tmp_path) -> None:
    """A delta with the URL that is remembered starts nothing; another one does, and is remembered first."""

    async def story(ota, _events):
        with web.Web() as server:
            server.files["fw.zip"] = tiny_bundle("v2")
            one, other = (f"{server.address}/{path}/fw.zip" for path in ("404", "plain"))
            shadow = answered(ota)
            assert (await shadow.state.write(Remembered(one))).fine
            serving = asyncio.create_task(shadow.run())
            await shadow.connected()
            for url in (one, one, other):
                delta(shadow, url)
                while shadow._poke.is_set():  # until it has been looked at
                    await asyncio.sleep(0)
                    assert not serving.done()
            await runs(ota, "v2")
            serving.cancel()
            return [request.path for request in server.seen], shadow.state.read().url == other

    assert (["/plain/fw.zip"], True) == with_device(tmp_path, story, design="cc3200")


def answered(ota) -> ShadowDevice:
    """Return a shadow client whose every message is taken and answered at once."""

    async def publish(topic: str, _payload: bytes) -> bool:
        reply = {"state": {}, "clientToken": shadow.token}
        asyncio.get_running_loop().call_soon(shadow.received, f"{topic}/accepted", json.dumps(reply).encode())
        return True

    return (shadow := ShadowDevice(ota, publish, dialect=DIALECTS["2017"]))


def delta(shadow: ShadowDevice, url: str) -> None:
    """Tell a device that another URL is desired, as the service of 2017 did."""
    shadow.received(f"{shadow.prefix}update/delta", json.dumps({"state": {"ota_url": url}}).encode())


@pytest.mark.parametrize("number", rows)
def test_a_row_of_the_acceptance_table(number: str, request) -> None:
    """What is given leads to what the table says."""
    check = rows[number]
    names = check.__code__.co_varnames[: check.__code__.co_argcount]
    check(*(request.getfixturevalue(name) for name in names))

"""The device's side of its shadow without a broker: what is remembered, and what cannot harm it."""

from __future__ import annotations

import asyncio
import json
import random
from itertools import accumulate

import pytest
from devices import BUNDLE, told, with_device
from mutators import SHADOW_TOPICS, mutated, rpc_frame, shadow_document

from otalab.bench.setup import set_up
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash
from otalab.wire.cloud.remembered import NAME, OtaState, Remembered
from otalab.wire.device.flash_file import FlashFile, SectorPool
from otalab.wire.device.in_process import switched_on
from otalab.wire.device.ota import Applied, Begin, Bytes, Committed, Failed, UpdateOptions
from otalab.wire.dialect import DIALECTS, STRICT

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'otalab[net]'")
from otalab.wire.cloud.broker import Broker
from otalab.wire.cloud.device import MqttDevice
from otalab.wire.cloud.thing import TAKEN_SECONDS
from otalab.wire.rpc.frames import Rpc

web = pytest.importorskip("web")

TINY = {"board": "tiny", "design": "hardened", "time_scale": 0.0, "no_sync": True, "seed": 1}


class Deaf(MqttDevice):
    """A device whose broker is this test: it takes every message, and the service's answer is always the same."""

    def __init__(self, ota, desired, turns=None, dialect=STRICT):
        super().__init__(ota, Broker("127.0.0.1", 1), Rpc(ota), turns=turns, dialect=dialect)
        self.desired, self.sent = desired, []

    async def _publish(self, topic, payload):
        self.sent.append((topic, payload))
        kind = topic.removeprefix(self.shadow.prefix)
        reply = {"state": {"desired": self.desired}, "clientToken": self.shadow.token}
        asyncio.get_running_loop().call_soon(self.received, f"{topic}/accepted", json.dumps(reply).encode())
        return kind in ("get", "update")


@pytest.mark.parametrize("board", ["tiny", "esp8266-4M"])
def test_what_is_remembered_is_in_the_flash(tmp_path, board):
    """A file of its own file system; one that is damaged is nothing remembered."""

    async def story(ota, _events):
        state = OtaState(ota)
        assert Remembered() == state.read()
        for what in (Remembered("u", begun=True), Remembered("v")):
            assert (await state.write(what)).fine
            assert what == state.read()
        assert [] == list(tmp_path.glob(f"*{NAME}*"))
        for broken in (b"", b"{", b"[]", b'{"url": 1}', b"\xff"):
            state._bytes = lambda broken=broken: broken
            assert Remembered() == state.read()

    with_device(tmp_path, story, board=board)


@pytest.mark.parametrize("board", ["tiny", "esp8266-4M"])
def test_an_update_takes_along_what_is_remembered(tmp_path, board):
    """The merge carries the file over, on littlefs and on SPIFFS."""
    bundle = set_up("hardened", board, app_size=500).bundle

    async def story(ota, events):
        state = OtaState(ota)
        await state.write(Remembered("u", begun=True))
        await ota.update(Bytes(bundle), UpdateOptions())
        await told(events, Committed)
        return state.read()

    assert Remembered("u", begun=True) == with_device(tmp_path, story, board=board)


@pytest.mark.parametrize("design", ["cc3200", "esp32"])
def test_what_is_remembered_on_trial_is_with_the_image_that_runs(tmp_path, design):
    """Also where flash names the old image until the commit."""
    bundle = set_up(design, "tiny", app_size=500).bundle

    async def story(ota, events):
        state = OtaState(ota)
        await state.write(Remembered("old"))
        await ota.update(Bytes(bundle), UpdateOptions(commit_timeout=60))
        while ota.status.version != "2":  # noqa: ASYNC110  # the device has no event
            await asyncio.sleep(0.005)
        carried = state.read()
        await state.write(Remembered("new"))
        return carried, state.read(), ota.status.committed

    told = with_device(tmp_path, story, design=design, commit="manual")
    assert (Remembered("old"), Remembered("new"), False) == told


@pytest.mark.parametrize("dialect", ["strict", "2017"])
def test_another_url_of_what_runs_is_an_update_in_2017_alone(tmp_path, dialect):
    """Its client never asked for the version to be another one; and it told of no URL as of an empty one."""

    async def story(ota, events):
        await ota.update(Bytes(BUNDLE), UpdateOptions())
        await told(events, Committed)
        events.clear()
        with web.Web() as server:
            server.files["fw.zip"] = BUNDLE
            device = Deaf(ota, {}, dialect=DIALECTS[dialect])
            first = device.shadow.reported()
            serving = asyncio.create_task(device.shadow.run())
            await device.shadow.connected()
            device.shadow.received(
                f"{device.shadow.prefix}update/delta",
                json.dumps({"state": {"ota_url": f"{server.address}/plain/fw.zip"}}).encode(),
            )
            ended = await told(events, Failed | Applied)
            serving.cancel()
            return first.get("ota_url"), type(ended)

    assert {"strict": (None, Failed), "2017": ("", Applied)}[dialect] == with_device(tmp_path, story)


def test_mutated_messages_do_no_harm(tmp_path):
    """Two thousand frames and documents: no exception, no update, and then a good one goes in."""
    chance, lines = random.Random(3), []

    async def story(ota, events):
        ota.device.tell = lines.append
        with web.Web() as server:
            server.files["fw.zip"] = BUNDLE
            device = Deaf(ota, {})
            serving = asyncio.create_task(device.shadow.run())
            await device.shadow.connected()
            for number in range(1000):
                await asyncio.sleep(0)
                device.received(device.frames, mutated(chance, rpc_frame(chance, BUNDLE)))
                topic = chance.choice(SHADOW_TOPICS)
                device.received(device.shadow.prefix + topic, mutated(chance, shadow_document(chance, topic)))
                assert not serving.done(), number
            before = [event for event in events if isinstance(event, Committed)]
            delta = {"state": {"ota": {"url": f"{server.address}/plain/fw.zip", "commit_timeout": 60}}}
            device.received(f"{device.shadow.prefix}update/delta", json.dumps(delta).encode())
            committed = await told(events, Committed)
            serving.cancel()
            return before, committed

    before, committed = with_device(tmp_path, story)

    assert [] == before
    assert "2" == committed.version
    assert not any("Traceback" in line or "Error" in line for line in lines)


def test_a_password_in_a_url_is_told_to_nobody(tmp_path):
    """The update comes, once; neither a report, nor the flash, nor a line has the password."""
    lines = []

    async def story(ota, events):
        ota.device.tell = lines.append
        with web.Web() as server:
            server.files["fw.zip"] = BUNDLE
            url = f"{server.address}/plain/fw.zip"
            device = Deaf(ota, {"ota": {"url": url.replace("//", "//me:sesame@")}})
            serving = asyncio.create_task(device.shadow.run())
            await device.shadow.connected()
            await told(events, Committed)
            await device.shadow.connected()
            while not any(b"committed" in payload for _, payload in device.sent):  # noqa: ASYNC110  # a list
                await asyncio.sleep(0.005)
            serving.cancel()
            asked = [request.headers.get("Authorization", "") for request in server.seen]
            return url, asked, OtaState(ota).read().url, device.sent, ota.device.chip.flash.image

    url, asked, remembered, sent, flash = with_device(tmp_path, story)

    assert (1, True) == (len(asked), asked[0].startswith("Basic "))
    assert url == remembered
    assert any(url.encode() in payload for _, payload in sent)
    assert not any(b"sesame" in data for data in (flash, *(payload for _, payload in sent)))
    assert not any("sesame" in line for line in lines)


def test_whoever_is_not_answered_asks_less_and_less_often(tmp_path):
    """From some seconds to a minute, never all devices at the same moment; the same device always the same."""

    async def story(ota, _events):
        devices = []
        for name in ("lamp-1", "lamp-1", "lamp-2"):
            ota.device.name = name
            devices.append(Deaf(ota, {}).shadow)
        return [[one._patience(TAKEN_SECONDS, times) for times in (*range(5), 1000)] for one in devices]

    one, same, other = with_device(tmp_path, story)
    for waits in (one, other):
        for wait, longest in zip(waits, (5, 10, 20, 40, 60, 60), strict=True):
            assert longest / 2 <= wait <= longest
    assert one == same
    assert not set(one) & set(other)


def test_devices_take_turns(tmp_path):
    """Of those that share one turn only one takes an update in at a time, and all of them get there."""
    under_way, most = [], []

    async def story(ota, events):
        turns = asyncio.Semaphore(1)
        with web.Web() as server:
            server.files["fw.zip"] = BUNDLE
            desired = {"ota": {"url": f"{server.address}/plain/fw.zip"}}
            async with switched_on(tmp_path / "other.bin", **TINY) as second:
                both = []
                for one in (ota, second):
                    one.on(lambda event, one=one: watch(event, one))
                    device = Deaf(one, desired, turns)
                    both.append(asyncio.create_task(device.shadow.run()))
                    await device.shadow.connected()
                seen = []
                second.on(seen.append)
                await asyncio.gather(told(events, Committed), told(seen, Committed))
                for task in both:
                    task.cancel()

    def watch(event, one):
        if isinstance(event, Begin):
            under_way.append(one)
        elif isinstance(event, Applied):
            most.append(len(under_way))
            under_way.remove(one)

    with_device(tmp_path, story)
    assert [1, 1] == most


def test_devices_hold_what_they_have_in_common_once(tmp_path):
    """Two flash files with the same contents share every sector, and go on doing so; what differs is their own."""
    flash, pool = set_up("hardened", "tiny").flash, SectorPool()
    one, other = (FlashFile(tmp_path / name, flash.geometry, flash, sync=False, pool=pool) for name in "ab")
    changed = pool.shared(Flash.of(flash.geometry, b"x" + flash.image[1:]))
    lives = [Erase(0), Program(0, b"lamp"), Program(4, b"on"), Erase(1)]
    after, same = (list(accumulate(lives, file.after, initial=file.flash)) for file in (one, other))
    one.close(), other.close()

    assert all(mine is theirs for mine, theirs in zip(one.flash.sectors, other.flash.sectors, strict=True))
    assert flash == one.flash
    assert changed.sectors[0] is not one.flash.sectors[0]
    assert changed.sectors[1] is one.flash.sectors[1]
    assert all(mine is theirs for mine, theirs in zip(after, same, strict=True))
    assert list(accumulate(lives, Flash.after, initial=flash)) == after

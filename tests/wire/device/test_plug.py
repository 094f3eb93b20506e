"""The plug of a virtual device: what is pulled in the middle, what is left, and who hears of it."""

import asyncio

from devices import BUNDLE, leaping_clock

from otalab.wire.device.flash_map import flash_map
from otalab.wire.device.open import open_device
from otalab.wire.device.options import DeviceOptions
from otalab.wire.device.ota import Bytes, Ota
from otalab.wire.device.plug import Plug
from otalab.wire.device.status import status


class Pulling(Bytes):
    """A source whose plug is pulled when half of it has gone, and which then has no more to say."""

    plug: Plug
    pulled: asyncio.Task[None] | None = None

    async def read(self) -> bytes:
        if self.pulled is None and self._at > len(self.data) // 2:
            self.pulled = asyncio.create_task(self.plug.pull())
            await asyncio.Event().wait()
        return await super().read()


def plugged(tmp_path, story, **chosen):
    """
    Have a device with a plug for as long as a story lasts, by a clock that leaps.
    """
    usual = {"board": "tiny", "design": "hardened", "time_scale": 0.0, "no_sync": True, "seed": 1} | chosen
    device = open_device(DeviceOptions.of(tmp_path / "lamp.bin", usual))

    async def lived():
        cut = []
        plug = Plug(device, lambda: cut.append(device.state))
        living = asyncio.create_task(plug.live())
        try:
            await device.up.wait()
            return await story(plug, Ota(device), cut)
        finally:
            living.cancel()
            await asyncio.wait([living])
            device.file.close()

    with leaping_clock() as loops, asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(lived())


def test_in_the_middle_of_an_update_the_old_image_stays(tmp_path):
    """Its sender is told, nobody else is answered, and with power again it takes the same update to its end."""

    async def story(plug, ota, cut):
        source = Pulling(BUNDLE)
        source.plug = plug
        report = await ota.update(source)
        await source.pulled
        off = status(ota.device)
        refused = await ota.update(Bytes(BUNDLE)), await ota.ask("commit")
        plug.put_in()
        await ota.device.up.wait()
        again = status(ota.device)
        good = await ota.update(Bytes(BUNDLE))
        return report, cut, off, refused, again, good

    report, cut, off, refused, again, good = plugged(tmp_path, story)

    assert (False, "The device has no power") == (report.fine, report.message)
    assert ["updating"] == cut
    assert ("off", "1", None) == (off["state"], off["version"], off["progress"])
    assert "Power off: the plug is pulled" == off["log"][-1]
    assert ["The device has no power"] * 2 == [one.message for one in refused]
    assert ("running", "1", True) == (again["state"], again["version"], again["committed"])
    assert good.fine


def test_what_is_in_flash_is_what_is_in_the_file(tmp_path):
    """Whatever the plug was pulled in, as with a `kill`."""

    async def story(plug, ota, _cut):
        source = Pulling(BUNDLE)
        source.plug = plug
        await ota.update(source)
        await source.pulled
        return ota.device.chip.flash.image

    assert plugged(tmp_path, story) == (tmp_path / "lamp.bin").read_bytes()


def test_pulled_twice_it_is_pulled_once_and_a_bricked_device_stays_one(tmp_path):
    """With power again it fails as before, and waits for the plug."""

    async def story(plug, ota, cut):
        device = ota.device
        for area in device.device.board.records:
            device.chip.flash = device.chip.flash.patched(area.address, b"\xff" * area.size)
        for _ in range(2):
            await asyncio.gather(plug.pull(), plug.pull())
            plug.put_in()
            await device.down.wait()
            while device.state != "bricked":  # noqa: ASYNC110  # no event tells of it
                await asyncio.sleep(0.01)
        return cut, device.reason

    assert (["running", "bricked"], "no valid boot record") == plugged(tmp_path, story)


def test_the_map_tells_what_a_download_has_written_from_what_is_left_over(tmp_path):
    """Half a download is no rest of an earlier run, until a power-on finds it."""

    def states(device, owner):
        told = flash_map(device)
        area = next(one for one in told["owners"] if one["name"] == owner)
        names = [*told["states"]]
        return [names[state] for state in told["sectors"][area["first"] :][: area["count"]]]

    async def story(plug, ota, _cut):
        source = Pulling(BUNDLE)
        source.plug = plug
        await ota.update(source)
        before = states(ota.device, "slot 0 app"), states(ota.device, "slot 1 app")
        await source.pulled
        plug.put_in()
        await ota.device.up.wait()
        return *before, states(ota.device, "slot 1 app")

    running, during, after = plugged(tmp_path, story)

    assert {"whole"} == {*running}
    assert "stale" not in during
    assert {"erased"} != {*during}
    assert "stale" in after

"""The API of updates: a source of ten lines, events for whoever wants to know, a veto before anything is written."""

from __future__ import annotations

import asyncio

import pytest
from devices import BUNDLE, by_leaps, told

from otalab import designs, set_up
from otalab.firmware.requests import Report
from otalab.wire.device.ota import (
    Applied,
    Begin,
    Broken,
    Bytes,
    Committed,
    Delay,
    Failed,
    Progress,
    RolledBack,
    UpdateOptions,
    Veto,
)
from otalab.wire.device.virtual import VirtualDevice

pytest.importorskip("aiohttp")
BUNDLES = {design: set_up(design, "tiny").bundle for design in designs()}


def test_an_update_tells_its_story(tmp_path):
    """Begin, progress, applied, and committed after the restart."""

    async def story(ota, events):
        report = await ota.update(Bytes(BUNDLE, "a test"), UpdateOptions(commit_timeout=60))
        await told(events, Committed)
        return report, events

    report, events = by_leaps(tmp_path, story)

    assert report.fine
    assert ("a test", "2") == (events[0].source, events[0].manifest.version)
    assert isinstance(events[0], Begin)
    assert [Applied("2", "Update applied, finalizing"), Committed("2")] == events[-2:]
    assert all(isinstance(event, Progress) and event.size == len(BUNDLE) for event in events[1:-2])
    assert events[1].received <= 4096


def test_a_rollback_is_told_too(tmp_path):
    """Which version runs again, and which was given up."""

    async def story(ota, events):
        await ota.update(Bytes(BUNDLE), UpdateOptions(commit_timeout=1))
        return await told(events, RolledBack)

    assert RolledBack("1", "2") == by_leaps(tmp_path, story, image="hangs")


def test_a_veto_comes_before_anything_is_written(tmp_path):
    """The handler's reason is the report, and the flash is as it was."""

    async def story(ota, events):
        before = ota.device.chip.flash
        ota.on(lambda event: Veto("not on a Friday") if isinstance(event, Begin) else None)
        report = await ota.update(Bytes(BUNDLE))
        return report, events[-1], before == ota.device.chip.flash

    report, last, same = by_leaps(tmp_path, story)

    assert (False, "not on a Friday", True) == (report.fine, report.message, same)
    assert Failed("not on a Friday") == last


def test_a_delay_is_asked_again(tmp_path):
    """Until the handler has nothing against it; it may be a coroutine."""
    answers = [Delay(0.01), Delay(0.01), None]

    async def patient(event):
        return answers.pop(0) if isinstance(event, Begin) else None

    async def story(ota, _events):
        ota.on(patient)
        return await ota.update(Bytes(BUNDLE))

    assert by_leaps(tmp_path, story).fine
    assert [] == answers


def test_a_handler_that_fails_stops_nothing(tmp_path):
    """Its error is a line for people."""
    lines = []

    async def story(ota, _events):
        ota.device.tell = lines.append
        ota.on(lambda event: 1 / 0)
        return await ota.update(Bytes(BUNDLE))

    assert by_leaps(tmp_path, story).fine
    assert any("handler of Begin: ZeroDivisionError" in line for line in lines)


def test_one_update_at_a_time(tmp_path):
    """The second one is told so, and the first one goes on."""

    async def story(ota, _events):
        return await asyncio.gather(ota.update(Bytes(BUNDLE)), ota.update(Bytes(BUNDLE)))

    first, second = by_leaps(tmp_path, story)

    assert (True, False, "Update already in progress") == (first.fine, second.fine, second.message)


def test_a_source_that_breaks_or_stalls_is_a_failure(tmp_path):
    """With its own reason, or that of the clock; and a good update goes in afterwards."""

    class Half(Bytes):
        async def read(self):
            if self._at > len(self.data) // 2:
                raise Broken("the server went away")
            return await super().read()

    class Stalled(Bytes):
        async def read(self):
            await asyncio.sleep(60)

    async def story(ota, _events):
        broken = await ota.update(Half(BUNDLE))
        stalled = await ota.update(Stalled(BUNDLE), UpdateOptions(timeout=0.05))
        return broken.message, stalled.message, (await ota.update(Bytes(BUNDLE))).fine

    assert ("the server went away", "Update timed out", True) == by_leaps(tmp_path, story)


def test_the_same_version_can_be_ignored(tmp_path):
    """As a poller asks for; an HTTP POST does not."""

    async def story(ota, events):
        await ota.update(Bytes(BUNDLE), UpdateOptions(commit_timeout=60))
        await told(events, Committed)
        again = await ota.update(Bytes(BUNDLE), UpdateOptions(ignore_same_version=True))
        return again.message

    assert "Version is the same as current" == by_leaps(tmp_path, story)


@pytest.mark.parametrize("wanted", ["commit", "revert", "reboot"])
def test_what_is_asked_of_one_image_does_not_meet_the_next(tmp_path, wanted):
    """Asked while an update comes in, it waits for its end; if that is a restart, it is answered and forgotten."""

    async def story(ota, _events):
        class Slow(Bytes):
            async def commit_timeout(self):
                asked.append(asyncio.create_task(ota.ask(wanted)))
                await asyncio.sleep(1)

        asked = []
        await ota.update(Slow(BUNDLE), UpdateOptions(commit_timeout=60))
        report = await asked[0]
        await ota.device.up.wait()
        await asyncio.sleep(10)
        return report, ota.status.version, ota.status.committed

    report, *left = by_leaps(tmp_path, story, commit="manual")

    assert Report(False, "The device has restarted") == report
    assert ["2", False] == left


@pytest.mark.parametrize("design", designs())
def test_a_device_says_that_it_runs_only_while_an_image_is_up(tmp_path, monkeypatch, design):
    """Not while it starts, carries files over or is about to restart: what is asked then would meet another one."""
    seen = []

    async def looked_at(device, effect):
        seen.append((device.phase, device.state))
        await apply(device, effect)

    async def story(ota, events):
        report = await ota.update(Bytes(BUNDLES[design]), UpdateOptions(commit_timeout=60))
        seen.append(("applied", ota.device.state))
        await told(events, Committed)
        seen.append(("committed", ota.device.state))
        return report

    apply = VirtualDevice._apply
    monkeypatch.setattr(VirtualDevice, "_apply", looked_at)
    assert by_leaps(tmp_path, story, design=design).fine
    assert [("applied", "rebooting"), ("committed", "running")] == [
        one for one in seen if one[0] in ("applied", "committed")
    ]
    assert {"commit", "applied", "committed"} >= {phase for phase, state in seen if state == "running"}
    assert {"updating"} == {state for phase, state in seen if phase in ("download", "switch")}

"""The RPC dispatcher, without a network: frames in, frames out, in both dialects."""

from __future__ import annotations

import asyncio
import base64
import json
import random

import pytest
from devices import by_leaps, told
from mutators import mutated, rpc_frame

from otalab.bench.contents import default_bundle
from otalab.bench.setup import set_up
from otalab.firmware.boot_state import changed, startable
from otalab.firmware.requests import BootState
from otalab.formats.records.record import BootConfig, SlotFacts
from otalab.wire.device.name import device_id, field, mac
from otalab.wire.device.ota import Bytes, Committed, RolledBack, UpdateOptions
from otalab.wire.dialect import DIALECTS
from otalab.wire.rpc.formats import FORMATS
from otalab.wire.rpc.frames import BadFrame, Rpc

pytest.importorskip("aiohttp")
TINY = set_up("hardened", "tiny", app_size=500)
GOOD = default_bundle(TINY.device.board, "2", 500)


def with_rpc(tmp_path, story, *, dialect="strict", **chosen):
    """Switch a device on, let a story of its RPC happen, and return what the story returns."""

    async def by_rpc(ota, events):
        return await story(Rpc(ota, DIALECTS[dialect], update_timeout=30.0), events)

    return by_leaps(tmp_path, by_rpc, **chosen)


async def restarted(rpc, chip):
    while rpc.device.chip is chip or rpc.device.state != "running":  # noqa: ASYNC110  # the device has no event
        await asyncio.sleep(0.005)


async def call(rpc, method, **args):
    return await rpc.call(method, args, "test")


def chunk(data, offset, size=512):
    return {"offset": offset, "data": base64.b64encode(data[offset : offset + size]).decode()}


async def pushed(rpc, data, **begin):
    """Push an update as `mos ota` does; return the reply to its end."""
    assert {"result": None} == await call(rpc, "OTA.Begin", size=len(data), **begin)
    for offset in range(0, len(data), 512):
        assert {"result": None} == await call(rpc, "OTA.Write", **chunk(data, offset))
    return await call(rpc, "OTA.End")


# Frames


@pytest.mark.parametrize("dialect", ["strict", "2017"])
@pytest.mark.parametrize(
    "asked, reply",
    [
        ({"id": 7, "method": "OTA.Commit"}, {"id": 7, "error": {"code": -1}}),
        ({"id": "7", "method": "ota.commit"}, {"id": 7, "error": {"code": -1}}),
        ({"id": "a", "src": "me", "method": "OTA.Revert"}, {"id": "a", "dst": "me", "error": {"code": -1}}),
        ({"id": -1, "tag": "t", "method": "OTA.Revert"}, {"id": "-1", "tag": "t", "error": {"code": -1}}),
        ({"id": 1, "method": "No.Such"}, {"id": 1, "error": {"code": 404, "message": "No handler for No.Such"}}),
        ({"id": 1, "method": "OTA.SetBootState"}, {"id": 1, "error": {"code": -2}}),
        ({"id": 1, "method": "OTA.SetBootState", "params": [1]}, {"id": 1, "error": {"code": -2}}),
        ({"id": 1, "method": "OTA.SetBootState", "args": {"active_slot": 7}}, {"id": 1, "error": {"code": -3}}),
        (
            {"id": 1, "method": "Sys.Reboot", "args": {"delay_ms": -1}},
            {"id": 1, "error": {"code": 400, "message": "invalid delay value"}},
        ),
        ({"id": 1, "method": "OTA.Update"}, {"id": 1, "error": {"code": -1, "message": "Malformed request"}}),
        (
            {"id": 1, "method": "OTA.Update", "params": {"url": 5}},
            {"id": 1, "error": {"code": -1, "message": "Malformed request"}},
        ),
    ],
)
def test_frames_are_answered_as_the_real_device_does(tmp_path, dialect, asked, reply):
    """An id of digits is a number; `src` is the device, `dst` who asked; `strict` alone says why of all."""

    async def story(rpc, _events):
        return rpc.id, await rpc.frame(json.dumps(asked).encode(), "test"), await rpc.frame(asked, "test")

    name, from_bytes, from_dict = with_rpc(tmp_path, story, dialect=dialect)

    if dialect == "strict" and "message" not in reply["error"]:
        # The real service leaves these with a bare code; the lab says why.
        assert from_bytes["error"].pop("message") == from_dict["error"].pop("message") != ""
    assert reply | {"src": name} == from_bytes == from_dict


def test_what_wants_no_reply_gets_none(tmp_path):
    """A request without an id is carried out all the same, and a reply to nothing is dropped."""

    async def story(rpc, _events):
        silent = await rpc.frame({"method": "OTA.SetBootState", "params": {"commit_timeout": 77}}, "test")
        await rpc.frame({"id": 9, "result": 1}, "test")
        return silent, (await call(rpc, "OTA.GetBootState"))["result"]["commit_timeout"]

    assert (None, 77) == with_rpc(tmp_path, story)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 4000,
        b'{"id": NaN, "method": "RPC.List"}',
        b'{"id": 1}',
        b'{"id": 1, "method": 5}',
        b'{"id": [], "method": "RPC.List"}',
        b'{"id": true, "method": "RPC.List"}',
        b'{"id": 1, "dst": "other", "method": "RPC.List"}',
        b"\xff\xfe",
        b'{"id":1,"method":"RPC.List","params":"' + b"x" * 5000 + b'"}',
    ],
)
def test_what_is_no_frame_is_said_to_be_none(tmp_path, junk):
    """The channel decides what becomes of the connection."""

    async def story(rpc, _events):
        with pytest.raises(BadFrame):
            await rpc.frame(junk, "test")
        return (await rpc.frame(b'{"id": 1, "method": "RPC.List"}', "test"))["id"]

    assert 1 == with_rpc(tmp_path, story)


def test_a_method_says_what_it_takes(tmp_path):
    """In the words of the real parser, for every method, by its exact name; and a ping says where it came from."""

    async def story(rpc, _events):
        told = {name: (await call(rpc, "RPC.Describe", name=name))["result"] for name in rpc.methods}
        unknown = [await call(rpc, "RPC.Describe", name=name) for name in ("rpc.list", 1, None)]
        return told, unknown, await call(rpc, "RPC.Ping")

    told, unknown, ping = with_rpc(tmp_path, story)
    assert {"name": "RPC.Describe", "args_fmt": "{name: %T}"} == told["RPC.Describe"]
    assert {"name": "OTA.Commit", "args_fmt": ""} == told["OTA.Commit"]
    assert set(FORMATS) <= set(told)
    errors = [{"code": 404, "message": "name not found"}, *[{"code": 400, "message": "name is required"}] * 2]
    assert errors == [reply["error"] for reply in unknown]
    assert {"result": {"channel_info": ""}} == ping


def test_the_device_says_who_it_is(tmp_path):
    """Its id is its platform and the end of its address, and a frame for it may say so."""

    async def story(rpc, _events):
        frame = {"id": 1, "dst": rpc.id, "method": "Sys.GetInfo"}
        return rpc.device, (await rpc.frame(frame, "test"))["result"], (await call(rpc, "RPC.List"))["result"]

    device, info, methods = with_rpc(tmp_path, story)

    board = TINY.device.board
    assert {
        "id": device_id(device),
        "mac": mac(device),
        "fw_version": "1",
        "arch": board.platform,
    }.items() <= info.items()
    assert "RPC.List" == methods[-1]
    assert {"OTA.Update", "OTA.Commit", "OTA.Revert", "OTA.Status", "OTA.Begin", "OTA.Write", "OTA.End"} <= set(methods)
    assert "-" == field("")
    assert "1.0?X:?1" == field("1.0\nX: 1")


# Commit, revert, boot state, snapshot


def test_commit_and_revert(tmp_path):
    """Null where there was something to do, -1 without words where there was not."""

    async def story(rpc, _events):
        await rpc.service.ota.update(Bytes(GOOD))
        replies, chip = [], rpc.device.chip
        await restarted(rpc, chip)
        replies += [await call(rpc, "OTA.Commit"), await call(rpc, "OTA.Commit")]
        chip = rpc.device.chip
        await rpc.service.ota.update(Bytes(default_bundle(TINY.device.board, "3", 500)))
        await restarted(rpc, chip)
        replies += [await call(rpc, "OTA.Update", url="http://127.0.0.1:1/"), await call(rpc, "OTA.Begin")]
        chip = rpc.device.chip
        replies += [await call(rpc, "OTA.Revert")]
        await restarted(rpc, chip)
        return [*replies, (await call(rpc, "OTA.Revert")), (await call(rpc, "Sys.GetInfo"))["result"]["fw_version"]]

    done = {"error": {"code": -1, "message": "there is nothing to commit: no image is on trial"}}
    gone = {"error": {"code": -1, "message": "there is nothing to revert: no image is on trial"}}
    busy = {"error": {"code": -1, "message": "Failed to init updater"}}
    expected = [{"result": None}, done, busy, busy, {"result": None}, gone, "2"]
    assert expected == with_rpc(tmp_path, story, commit="manual")


@pytest.mark.parametrize("design", ["hardened", "mongoose"])
def test_the_boot_state_is_told_and_set(tmp_path, design):
    """Any of the four, and the rest stays; it is the firmware that writes it, as a new boot record."""

    async def story(rpc, _events):
        before = (await call(rpc, "OTA.GetBootState"))["result"]
        done = await call(rpc, "OTA.SetBootState", commit_timeout="30", is_committed=False)
        return before, done, (await call(rpc, "OTA.GetBootState"))["result"]

    before, done, after = with_rpc(tmp_path, story, design=design)

    assert {"active_slot": 0, "is_committed": True, "revert_slot": 0, "commit_timeout": 0} == before
    assert ({"result": None}, before | {"is_committed": False, "commit_timeout": 30}) == (done, after)


def test_a_boot_state_that_could_not_start_is_refused_where_the_design_checks_images(tmp_path):
    """-3: the loader of the hardened design would halt at it; the published design takes any slot there is."""

    async def story(rpc, _events):
        return [await call(rpc, "OTA.SetBootState", active_slot=slot) for slot in (1, 2, -1)]

    why = "Failed to set boot state: it names a slot that could not be started"
    refused, none = ({"error": {"code": -3, "message": one}} for one in (why, "a slot is a number of 0 or more"))
    assert [refused, refused, none] == with_rpc(tmp_path, story)
    (tmp_path / "old").mkdir()
    assert [{"result": None}, refused, none] == with_rpc(tmp_path / "old", story, design="mongoose")


def test_a_dirty_state_must_name_two_slots_that_start():
    """A committed one only its own; a slot that the board has not is none, wherever it stands."""
    config = BootConfig(0, True, (SlotFacts(), SlotFacts()))

    class Chip:
        board = TINY.device.board

    design = set_up("mongoose", "tiny").device.design
    assert startable(Chip, design, changed(config, BootState(1)))
    assert not startable(Chip, design, changed(config, BootState(revert_slot=2)))
    assert changed(config, BootState(1, False, 0, 9)) == BootConfig(1, False, config.slots, 0, interval=9, first=True)


def test_a_snapshot_is_a_copy_that_can_be_started(tmp_path):
    """Slot 1 holds what slot 0 holds, and the device starts it when it is told to."""

    async def story(rpc, _events):
        made = await call(rpc, "OTA.CreateSnapshot")
        board, chip = rpc.device.device.board, rpc.device.chip
        one, two = (rpc.device.chip.flash.read(slot.fs.address, slot.fs.size) for slot in board.slots)
        await call(rpc, "OTA.SetBootState", active_slot=1)
        await call(rpc, "Sys.Reboot")
        await restarted(rpc, chip)
        return (
            made,
            one == two,
            rpc.device.device.image_in(rpc.device.chip, 1).version,
            (await call(rpc, "OTA.GetBootState"))["result"]["active_slot"],
        )

    assert ({"result": {"slot": 1}}, True, "1", 1) == with_rpc(tmp_path, story)


@pytest.mark.parametrize("design", ["esp8266", "esp32", "esp-idf"])
def test_a_slot_is_copied_whole_where_the_record_has_no_length(tmp_path, design):
    """The loader reads none either; both slots hold the same bytes then, and either can be started."""

    async def story(rpc, _events):
        made = await call(rpc, "OTA.CreateSnapshot")
        flash, slots = rpc.device.chip.flash, rpc.device.device.board.slots
        one, two = (flash.read(slot.app.address, slot.app.size) for slot in slots)
        return made, one == two, set(one) != {0xFF}

    assert ({"result": {"slot": 1}}, True, True) == with_rpc(tmp_path, story, design=design)


def test_a_snapshot_that_cannot_be_made_says_why(tmp_path):
    """A record that says nothing of length and check leaves nothing to copy by."""

    async def story(rpc, _events):
        return await call(rpc, "OTA.CreateSnapshot")

    refused = with_rpc(tmp_path, story, design="cc3200")["error"]
    assert (-1, True) == (refused["code"], refused["message"].startswith("Failed to create snapshot: "))


@pytest.mark.parametrize("design", ["hardened", "hardened-plus", "single-record"])
def test_a_snapshot_set_as_revert_runs_unless_committed(tmp_path, design):
    """After the next restart the copy runs, committed; in an uncommitted state there is no second snapshot."""

    async def story(rpc, _events):
        made = await call(rpc, "OTA.CreateSnapshot", set_as_revert=True, commit_timeout=60)
        again, chip = await call(rpc, "OTA.CreateSnapshot"), rpc.device.chip
        await call(rpc, "Sys.Reboot", delay_ms=0)
        await restarted(rpc, chip)
        return made, again, (await call(rpc, "OTA.GetBootState"))["result"]

    made, again, state = with_rpc(tmp_path, story, design=design)

    refused = {"code": -1, "message": "Cannot create snapshots in uncommitted state"}
    assert ({"result": {"slot": 1}}, {"error": refused}) == (made, again)
    assert (1, True) == (state["active_slot"], state["is_committed"])


# A pushed update


def test_a_pushed_update_with_commit(tmp_path):
    """As `mos ota` does it: begin, chunks of 512 bytes, end; then the new version runs and is committed."""

    async def story(rpc, events):
        states = [(await call(rpc, "OTA.Status"))["result"]["state"]]
        await call(rpc, "OTA.Begin", size=len(GOOD), commit_timeout=60)
        states.append((await call(rpc, "OTA.Status"))["result"]["state"])
        await call(rpc, "OTA.Abort")
        states.append((await call(rpc, "OTA.Status"))["result"]["state"])
        ended = await pushed(rpc, GOOD, commit_timeout=60, timeout=30)
        states.append((await call(rpc, "OTA.Status"))["result"]["state"])
        await told(events, Committed)
        states.append((await call(rpc, "OTA.Status"))["result"]["state"])
        return ended, states, (await call(rpc, "Sys.GetInfo"))["result"]["fw_version"]

    assert ({"result": None}, [0, 1, 2, 3, 0], "2") == with_rpc(tmp_path, story, time_scale=0.5)


def test_a_pushed_update_with_rollback(tmp_path):
    """An image that hangs is given up by the timer."""

    async def story(rpc, events):
        await pushed(rpc, GOOD, commit_timeout=1)
        return await told(events, RolledBack)

    assert RolledBack("1", "2") == with_rpc(tmp_path, story, image="hangs")


def test_a_chunk_may_come_again(tmp_path):
    """Every one of them thrice, two at the same moment, changes nothing; one out of order is an error and no end."""

    async def story(rpc, events):
        await call(rpc, "OTA.Begin", size=len(GOOD))
        for offset in range(0, len(GOOD), 512):
            write = chunk(GOOD, offset)
            await asyncio.gather(call(rpc, "OTA.Write", **write), call(rpc, "OTA.Write", **write))
            assert {"result": None} == await call(rpc, "OTA.Write", **write)
        wrong = [await call(rpc, "OTA.Write", offset=offset, data="AAAA") for offset in (0, 10**6)]
        await call(rpc, "OTA.End")
        await told(events, Committed)
        return [reply["error"]["code"] for reply in wrong]

    assert [-1, -1] == with_rpc(tmp_path, story)


def test_writes_that_are_none(tmp_path):
    """No session, no number, no base64, more than was said: -1, and the session goes on."""

    async def story(rpc, _events):
        none = [await call(rpc, name, offset=0, data="") for name in ("OTA.Write", "OTA.End", "OTA.Abort")]
        await call(rpc, "OTA.Begin", size=4)
        bad = [
            await call(rpc, "OTA.Write", **args)
            for args in ({}, {"offset": True, "data": ""}, {"offset": 0, "data": "?"}, {"offset": 0, "data": "é"})
        ]
        bad.append(await call(rpc, "OTA.Write", offset=0, data="AAAAAAAA"))
        again = await call(rpc, "OTA.Begin")
        await call(rpc, "OTA.Abort")
        return none, bad, again, await pushed(rpc, GOOD)

    none, bad, again, good = with_rpc(tmp_path, story)

    assert [{"error": {"code": -1, "message": "No update in progress"}}] * 3 == none
    assert [{"error": {"code": -1, "message": "Malformed request"}}] * 4 == bad[:4]
    assert "6 bytes, and the update was said to have 4" == bad[4]["error"]["message"]
    assert ({"error": {"code": -1, "message": "Failed to init updater"}}, {"result": None}) == (again, good)


def test_a_pushed_update_that_is_bad_says_so(tmp_path):
    """At the write that shows it, and at the end of one that is not whole; the next one goes in."""

    async def story(rpc, _events):
        await call(rpc, "OTA.Begin")
        at_write = await call(rpc, "OTA.Write", **chunk(b"hello" * 20, 0))
        afterwards = await call(rpc, "OTA.Write", **chunk(b"hello" * 20, 0))
        await call(rpc, "OTA.Begin")
        await call(rpc, "OTA.Write", **chunk(GOOD, 0))
        at_end = await call(rpc, "OTA.End")
        await call(rpc, "OTA.Begin", timeout=1)
        await asyncio.sleep(2)
        stalled = await call(rpc, "OTA.Write", **chunk(GOOD, 0))
        return at_write, afterwards, at_end, stalled, await pushed(rpc, GOOD)

    *bad, good = with_rpc(tmp_path, story)

    malformed = "Malformed archive (invalid file header)"
    assert [malformed, malformed, "Update aborted", "Update timed out"] == [reply["error"]["message"] for reply in bad]
    assert {"result": None} == good


def test_the_end_of_a_bundle_is_not_yet_the_switch(tmp_path):
    """All bytes are in the slot; without `OTA.End` no record says so."""

    async def story(rpc, _events):
        await call(rpc, "OTA.Begin")
        for offset in range(0, len(GOOD), 512):
            await call(rpc, "OTA.Write", **chunk(GOOD, offset))
        state = (await call(rpc, "OTA.GetBootState"))["result"]
        await call(rpc, "OTA.Abort")
        return state["active_slot"], (await call(rpc, "Sys.GetInfo"))["result"]["fw_version"]

    assert (0, "1") == with_rpc(tmp_path, story)


def test_a_fuzzed_dispatcher_still_takes_an_update(tmp_path):
    """Four hundred mutated frames, seeded: a reply or `BadFrame`, nothing else, and then a good update."""
    chance = random.Random(7)

    async def story(rpc, events):
        seen = set()
        for _ in range(400):
            try:
                reply = await rpc.frame(mutated(chance, rpc_frame(chance, GOOD)), "fuzz")
                seen.add("none" if reply is None else "error" if "error" in reply else "result")
                json.dumps(reply)
            except BadFrame:
                seen.add("bad")
        await call(rpc, "OTA.Abort")
        await call(rpc, "OTA.SetBootState", is_committed=True)
        ended = await pushed(rpc, GOOD, commit_timeout=60)
        await told(events, Committed)
        return seen, ended

    assert ({"none", "error", "result", "bad"}, {"result": None}) == with_rpc(tmp_path, story)


def test_a_restart_that_was_asked_for_does_not_outlive_a_restart(tmp_path):
    """Its timer is in memory: whoever restarts meanwhile has taken it along, and an image on trial is left alone."""

    async def story(rpc, _events):
        for delay in (3000, 700, 5000):
            await call(rpc, "Sys.Reboot", delay_ms=delay)
        chip = rpc.device.chip
        await rpc.service.ota.update(Bytes(GOOD), UpdateOptions(commit_timeout=60))
        await restarted(rpc, chip)
        await asyncio.sleep(10)
        return rpc.device.log.count("Power on"), rpc.service.ota.status.version

    assert (2, "2") == with_rpc(tmp_path, story, commit="manual")


def test_of_many_restarts_the_soonest_counts(tmp_path):
    """A thousand of them are one, and leave nothing behind."""

    async def story(rpc, _events):
        chip, before = rpc.device.chip, len(asyncio.all_tasks())
        for delay in (60_000, *[50_000] * 1000, 200, 70_000):
            await call(rpc, "Sys.Reboot", delay_ms=delay)
        await asyncio.sleep(0)
        more = len(asyncio.all_tasks()) - before
        await restarted(rpc, chip)
        await asyncio.sleep(100)
        return more, rpc.device.log.count("Power on")

    assert (1, 2) == with_rpc(tmp_path, story)


def test_options_are_whole_numbers(tmp_path):
    """Text of digits is one; `strict` says of anything else that it is malformed, `2017` takes the default."""

    async def story(rpc, _events):
        replies = []
        for value in ("60", 60, "soon", 1.5, True, [1]):
            replies.append((await call(rpc, "OTA.Begin", commit_timeout=value)).get("error", {}).get("message"))
            await call(rpc, "OTA.Abort")
        return replies

    assert [None, None, *["Malformed request"] * 4] == with_rpc(tmp_path, story)
    (tmp_path / "old").mkdir()
    assert [None, None, None, None] == with_rpc(tmp_path / "old", story, dialect="2017")[:4]


def test_the_state_of_2017_forgets_an_error(tmp_path):
    """Idle, even right after a failed update; `strict` says what went wrong, until the restart."""

    async def story(rpc, _events):
        await rpc.service.ota.update(Bytes(b"hello" * 20), UpdateOptions())
        told = (await call(rpc, "OTA.Status"))["result"]
        return told["state"], told["message"]

    assert (2, "Malformed archive (invalid file header)") == with_rpc(tmp_path, story)
    (tmp_path / "old").mkdir()
    assert 0 == with_rpc(tmp_path / "old", story, dialect="2017")[0]

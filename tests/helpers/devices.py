"""A virtual device in this very process, for tests that talk to it without a wire."""

import asyncio

from otalab import set_up
from otalab.wire.device.in_process import switched_on

BUNDLE = set_up("hardened", "tiny").bundle


def with_device(tmp_path, story, **chosen):
    """
    Switch a device on, let a story happen to it, and return what the story returns.
    """
    usual = {"board": "tiny", "design": "hardened", "time_scale": 0.0, "no_sync": True, "seed": 1} | chosen

    async def lived():
        async with switched_on(usual.pop("flash", tmp_path / "lamp.bin"), **usual) as ota:
            events = []
            ota.on(events.append)
            return await asyncio.wait_for(story(ota, events), 40)

    return asyncio.run(lived())


async def told(events, kind):
    """
    Wait for an event of a kind, and return it.
    """
    while not any(isinstance(event, kind) for event in events):  # noqa: ASYNC110  # a list, likewise
        await asyncio.sleep(0.005)
    return next(event for event in events if isinstance(event, kind))

"""A virtual device in this very process, for tests that talk to it without a wire."""

import asyncio
from argparse import Namespace

from otalab.ota import Ota
from otalab.serve_cli import open_device


def with_device(tmp_path, story, **chosen):
    """
    Switch a device on, let a story happen to it, and return what the story returns.
    """
    usual = {"flash": tmp_path / "lamp.bin", "board": "tiny", "design": "hardened", "part": None, "image": "healthy"}
    usual |= {"commit": "auto", "time_scale": 0.0, "no_sync": True, "seed": 1, "key": [], "sig_req_mask": -1}

    async def lived():
        device = open_device(Namespace(**usual | chosen))
        ota, events = Ota(device), []
        ota.on(events.append)
        power = asyncio.create_task(device.live())
        try:
            while device.state != "running":  # noqa: ASYNC110  # the device has no event
                await asyncio.sleep(0.005)
            return await asyncio.wait_for(story(ota, events), 40)
        finally:
            power.cancel()
            device.file.close()

    return asyncio.run(lived())


async def told(events, kind):
    """
    Wait for an event of a kind, and return it.
    """
    while not any(isinstance(event, kind) for event in events):  # noqa: ASYNC110  # a list, likewise
        await asyncio.sleep(0.005)
    return next(event for event in events if isinstance(event, kind))

"""A virtual device in this very process, for tests that talk to it without a wire."""

import asyncio
import selectors
import time
from contextlib import contextmanager
from unittest.mock import patch

from otalab import set_up
from otalab.wire.device.in_process import switched_on

BUNDLE = set_up("hardened", "tiny").bundle


PATIENCE = 120  # seconds for what must come; only a failure waits so long


class Leaps(selectors.DefaultSelector):
    """What a loop waits with, where nobody outside has a say: when all wait, the next timer's moment is now."""

    now = 0.0

    def select(self, timeout=None):
        ready = super().select(0 if timeout else timeout)
        if timeout and not ready:
            self.now += timeout
        return ready


@contextmanager
def leaping_clock():
    """
    Yield a maker of loops whose time passes only while all in them wait, and then at once.
    """
    leaps = Leaps()
    with patch.object(time, "monotonic", lambda: leaps.now):
        yield lambda: asyncio.SelectorEventLoop(leaps)


def by_leaps(tmp_path, story, **chosen):
    """
    Do the same by a clock that leaps: for stories in which all happens in this loop.
    """
    with leaping_clock() as loops:
        return with_device(tmp_path, story, loops, **chosen)


def with_device(tmp_path, story, loops=None, **chosen):
    """
    Switch a device on, let a story happen to it, and return what the story returns.
    """
    usual = {"board": "tiny", "design": "hardened", "time_scale": 0.0, "no_sync": True, "seed": 1} | chosen

    async def lived():
        async with switched_on(usual.pop("flash", tmp_path / "lamp.bin"), **usual) as ota:
            events = []
            ota.on(events.append)
            return await asyncio.wait_for(story(ota, events), PATIENCE)

    with asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(lived())


async def told(events, kind):
    """
    Wait for an event of a kind, and return it.
    """
    while not any(isinstance(event, kind) for event in events):  # noqa: ASYNC110  # a list, likewise
        await asyncio.sleep(0.005)
    return next(event for event in events if isinstance(event, kind))

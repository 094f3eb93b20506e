"""The plug of a virtual device: pulled, its firmware stops where it is; what is in flash is all that is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from otalab.wire.device.virtual import VirtualDevice


class Plug:
    """The plug of one device; `cut_off` closes the connections that its firmware had."""

    def __init__(self, device: VirtualDevice, cut_off: Callable[[], None] = lambda: None) -> None:
        self.device, self._cut_off = device, cut_off
        self._in, self._out = asyncio.Event(), asyncio.Event()
        self._in.set()
        self._life: asyncio.Task[None] | None = None

    async def live(self) -> None:
        """Have the device live whenever it has power; bricked or silent, it waits for the plug to be pulled."""
        while True:
            await self._in.wait()
            self._out.clear()
            life = self._life = asyncio.create_task(self.device.live())
            try:
                await asyncio.wait([life])
                if not life.cancelled():
                    life.result()
                await self._out.wait()
            finally:
                life.cancel()
                await asyncio.wait([life])

    async def pull(self) -> None:
        """Take the power away in the middle of whatever the firmware does."""
        if not self._in.is_set():
            return
        self._in.clear()
        # First of all: a device without power says nothing more to anybody.
        self._cut_off()
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])
        self.device.power_lost()
        self._out.set()

    def put_in(self) -> None:
        """Give it power again."""
        self._in.set()

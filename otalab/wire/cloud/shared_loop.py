"""Many tasks on one loop, none of which takes long: what they do in one round of the loop has an end."""

from __future__ import annotations

import asyncio
import time

SLICE_SECONDS = 0.005  # before whoever else is on the loop has a turn


class SharedLoop:
    """Tasks that `turn` before each step do `SLICE_SECONDS` of it in a round of the loop, and go on in the next one."""

    def __init__(self) -> None:
        self._ends: float | None = None

    async def turn(self) -> None:
        """Wait until this round has time left."""
        while self._ends is not None and time.monotonic() > self._ends:  # noqa: ASYNC110  # the round is the event
            await asyncio.sleep(0)
        if self._ends is None:
            self._ends = time.monotonic() + SLICE_SECONDS
            asyncio.get_running_loop().call_soon(self._next_round)

    def _next_round(self) -> None:
        self._ends = None

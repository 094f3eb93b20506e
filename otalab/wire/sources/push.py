"""A source that is pushed: `OTA.Begin`, `OTA.Write` and `OTA.End` of a client that has the bundle at hand.

A write is answered when the firmware has taken its bytes, so that the client cannot run ahead of the flash.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from otalab.firmware.requests import Report
from otalab.wire.device.ota import ABORTED, Broken, Ota, UpdateOptions

# A merge may take longer than a client waits for a reply; past this a write is answered, and the next one tells.
PATIENCE = 5.0
ENDED = "No update in progress"


class BadWrite(Exception):
    """A write that does not fit what was written before, and why."""


@dataclass(slots=True)
class Pushed:
    """The bytes of one update as they are pushed, one chunk at a time."""

    size: int | None = None
    name: str = "RPC push"
    position: int = 0
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    broken: Broken | None = None
    _chunks: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(1))
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _full: bool = False

    async def read(self) -> bytes:
        """Say that more is wanted, and wait for it; an empty chunk is the end."""
        self.wanted.set()
        chunk = await self._chunks.get()
        if self.broken:
            raise self.broken
        return chunk

    async def commit_timeout(self) -> None:
        """Wait for `OTA.End`: a bundle that has been written is not yet one that is to be started."""
        self._full = True
        self.wanted.set()
        await self._ended.wait()
        if self.broken:
            raise self.broken

    async def give(self, chunk: bytes) -> None:
        """Hand a chunk on; what follows the archive is dropped, as on a real device."""
        if self._full:
            return
        self.wanted.clear()
        await self._chunks.put(chunk)

    def end(self) -> None:
        """Let the firmware go on to the switch."""
        self._ended.set()


class PushSession:
    """One pushed update, from its begin to its report."""

    def __init__(self, ota: Ota, options: UpdateOptions, size: int | None) -> None:
        self.source = Pushed(size)
        self.task = asyncio.ensure_future(ota.update(self.source, options))
        self._last = (-1, b"")
        self._one_at_a_time = asyncio.Lock()

    @property
    def open(self) -> bool:
        """Whether the update still goes on."""
        return not self.task.done()

    async def begun(self) -> Report | None:
        """Wait until the firmware asks for the first bytes, and return its report if it does not."""
        await self._settled()
        return self._report()

    async def write(self, offset: int, data: bytes) -> Report | None:
        """Take one chunk in; return the report if the update is over.  The same chunk once more changes nothing."""
        async with self._one_at_a_time:
            if not self.open or (offset, data) == self._last:
                return self._report()
            here = self.source.position
            if offset != here:
                raise BadWrite(f"offset {offset} is out of order: the next byte is {here}")
            if self.source.size is not None and here + len(data) > self.source.size:
                raise BadWrite(f"{here + len(data)} bytes, and the update was said to have {self.source.size}")
            if data:
                # Before it is handed on: a retry that comes while the flash is at work must find it taken.
                self._last, self.source.position = (offset, data), here + len(data)
                await self._either(self.source.give(data))
                await self._settled()
            return self._report()

    async def end(self) -> Report:
        """End the data and return the report; what is not whole is refused by the firmware."""
        async with self._one_at_a_time:
            self.source.end()
            await self._either(self.source.give(b""))
        return await asyncio.shield(self.task)

    async def abort(self) -> Report:
        """Give the update up."""
        self.source.broken = Broken(ABORTED)
        return await self.end()

    def _report(self) -> Report | None:
        return self.task.result() if self.task.done() else None

    async def _settled(self) -> None:
        """Wait until more is wanted, or the update is over, or a client would lose patience."""
        await self._either(self.source.wanted.wait(), PATIENCE)

    async def _either(self, what: object, seconds: float | None = None) -> None:
        doing = asyncio.ensure_future(what)  # type: ignore[call-overload]
        await asyncio.wait((doing, self.task), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        doing.cancel()

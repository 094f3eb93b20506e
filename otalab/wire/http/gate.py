"""The gate: how many connections a device has at once, how long one may say nothing, and who goes when it is full.

A newcomer is always let in, and what is needed least goes in its place: first whoever has asked nothing yet or has
been answered, then whoever is slow to send what it began, then whoever waits for an answer; of each kind the oldest.
The connection that brings an update, and a lasting one, keep their seats.
So a request that comes at once is answered at once, whatever the others do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import ClientError, web
from aiohttp.http import HttpProcessingError

MOST = 200
AT_ONCE = 32  # taken in before those taken in before them are listened to
WAITING = 1024  # in the kernel
IDLE_SECONDS = 20.0  # without a whole head of a request
UNSENT_SECONDS = 30.0  # with an answer that nobody takes
DRAINED, DRAIN_SECONDS, FOUND_SECONDS = 256 * 1024, 1.0, 0.3
HEADERS = 64  # in one request
# What the library raises where a body is none, or its sender has gone: before the read, RuntimeError is all it says.
UNREADABLE = (
    *(ClientError, ConnectionError, HttpProcessingError, EOFError, ValueError, AssertionError, RuntimeError),
    TimeoutError,
)
WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]
IDLE, ASKING, ANSWERING = range(3)


class Seat(web.RequestHandler):
    """One connection, and what it is doing."""

    __slots__ = ("gate", "kept", "request", "since", "stuck")

    def __init__(self, gate: Gate, server: web.Server, logger: Any) -> None:
        self.gate, self.kept = gate, False
        self.request: web.Request | None = None
        self.since, self.stuck = asyncio.get_running_loop().time(), 0.0
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=logger,
            access_log=None,  # type: ignore[arg-type]  # none is what it understands as none
            max_headers=HEADERS,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=0,
            # A few bytes could be made a gigabyte otherwise.
            auto_decompress=False,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a seat; where there is none, somebody has to go."""
        super().connection_made(transport)
        self.gate.enter(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave it."""
        self.gate.seats.pop(self, None)
        super().connection_lost(exc)

    @property
    def stage(self) -> int:
        """How far its request has come."""
        if self.request is None:
            return IDLE
        return ANSWERING if self.request.content.is_eof() else ASKING

    def leave(self) -> None:
        """Close at once, whatever is still to be sent."""
        self.gate.seats.pop(self, None)
        if self.transport is not None:
            self.transport.abort()


class Gate:
    """The seats of one device."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.seats: dict[Seat, None] = {}

    def enter(self, seat: Seat) -> None:
        """Let a connection in."""
        while len(self.seats) >= self.most and (out := min(self._others(), key=_worth, default=None)):
            out.leave()
        self.seats[seat] = None

    def _others(self) -> list[Seat]:
        return [seat for seat in self.seats if not seat.kept]

    @contextmanager
    def keeping(self, request: web.Request) -> Iterator[None]:
        """Keep the seat of a request that must not be dropped."""
        seat = request.protocol
        if not isinstance(seat, Seat):
            yield
            return
        seat.kept = True
        try:
            yield
        finally:
            seat.kept = False

    def hang_up(self, but: Collection[str]) -> None:
        """Close every connection, but for those that ask for one of these paths, or for nothing yet."""
        for seat in [*self.seats]:
            if seat.request is not None and seat.request.path not in but:
                seat.leave()

    async def serving(self, request: web.Request, handler: WebHandler) -> web.StreamResponse:
        """Carry a request out and note that its connection is at work; leave unread what is not wanted of its body."""
        seat = request.protocol if isinstance(request.protocol, Seat) else None
        loop = asyncio.get_running_loop()
        if seat:
            seat.request, seat.since = request, loop.time()
        try:
            response = await handler(request)
            if not request.content.is_eof() and request.transport is not None:
                await _refuse(request, response)
            return response
        finally:
            if seat:
                seat.request, seat.since = None, loop.time()

    async def watch(self) -> None:
        """Close, for ever, the connections that say nothing or take nothing."""
        while True:
            await asyncio.sleep(1.0)
            now = asyncio.get_running_loop().time()
            for seat in [*self.seats]:
                if self._dead(seat, now):
                    seat.leave()

    def _dead(self, seat: Seat, now: float) -> bool:
        unsent = seat.transport is not None and seat.transport.get_write_buffer_size() > 0
        seat.stuck = (seat.stuck or now) if unsent else 0.0
        if seat.stuck and now - seat.stuck > UNSENT_SECONDS:
            return True
        return seat.stage == IDLE and not seat.kept and now - seat.since > IDLE_SECONDS


def _worth(seat: Seat) -> tuple[int, float]:
    return seat.stage, seat.since


async def _refuse(request: web.Request, response: web.StreamResponse) -> None:
    """Answer before the body is there, and close; a little of it is read, so that the answer is not lost with it."""
    response.force_close()
    with contextlib.suppress(OSError):
        if not response.prepared:
            await response.prepare(request)
        await response.write_eof()
    taken = 0
    with contextlib.suppress(*UNREADABLE):
        async with asyncio.timeout(DRAIN_SECONDS):
            while piece := await request.content.readany():
                if (taken := taken + len(piece)) > DRAINED:
                    # Nothing more is read, so whoever still sends must wait, and finds the answer.
                    await asyncio.sleep(FOUND_SECONDS)
                    return

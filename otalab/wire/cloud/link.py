"""A connection to a broker that comes back: with back-off while the broker is away, and with chance in the back-off."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import aiomqtt

from otalab.wire.cloud.broker import SECONDS, Broker

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
ABANDON_SECONDS = 2.0  # for a connection that is not wanted any more to come about, so that it can be closed
MOST_PENDING = 100_000  # a whole fleet is answered at once; below that the library need not warn
TOPIC_LIMIT = 128


Received = Callable[[str, bytes], None]


@dataclass(slots=True)
class Link:
    """One client's connection: what it subscribes to, what is told of a message and of each new connection."""

    broker: Broker
    name: str
    topics: Sequence[str]
    received: Received
    connected: Callable[[], Awaitable[None]]
    tell: Callable[[str], None] = lambda _line: None
    chance: random.Random = field(default_factory=random.Random)
    failures: int = 0
    _client: aiomqtt.Client | None = None
    _listens: bool = False
    _sending: set[asyncio.Timeout] = field(default_factory=set)  # how long each may wait for the broker

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        while True:
            try:
                await self._session()
            except (aiomqtt.MqttError, OSError) as error:
                if (task := asyncio.current_task()) and task.cancelling():
                    raise asyncio.CancelledError from error  # which a failing farewell has covered
                if self.failures < 2:
                    self.tell(f"MQTT: {self.broker}: {error}; trying again")
                self.failures += 1
            finally:
                self._client = None
            await asyncio.sleep(self.pause())

    def pause(self) -> float:
        """Return how long to wait: twice as long each time, less a random half: a fleet must not come as one."""
        return min(SHORTEST_PAUSE * 2.0 ** min(self.failures, 30), LONGEST_PAUSE) * self.chance.uniform(0.5, 1)

    async def _session(self) -> None:
        client = self.broker.client(self.name, self._hand)
        client.pending_calls_threshold = MOST_PENDING
        opening = asyncio.ensure_future(self._open(client))
        self._listens = True
        try:
            # Shielded: the library, cancelled while it connects, leaves its connection behind or goes on regardless.
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._listens = False
            await asyncio.wait([opening], timeout=ABANDON_SECONDS)
            if not opening.cancel() and not opening.cancelled() and opening.exception() is None:
                await _close(client)
            raise
        try:
            await self._talk(client)
        finally:
            await _close(client)

    async def _open(self, client: aiomqtt.Client) -> None:
        await client.__aenter__()
        try:
            await client.subscribe([(topic, 1) for topic in self.topics])
        except BaseException:
            await _close(client)
            raise

    async def _talk(self, client: aiomqtt.Client) -> None:
        self._client, self.failures = client, 0
        self.tell(f"MQTT: connected to {self.broker} as {self.name}")
        greeting = asyncio.create_task(self._greet())
        try:
            async for _ in client.messages:
                pass  # they were handed on: what ends this is the end of the connection
        except aiomqtt.MqttError as error:
            self.tell(f"MQTT: connection lost: {error}")
        finally:
            self._client, self._listens = None, False
            for waiting in self._sending:
                # The library would wait its whole time for a connection that is gone.
                if not waiting.expired():
                    waiting.reschedule(0)
            greeting.cancel()

    def _hand(self, message: aiomqtt.Message) -> None:
        if self._listens:
            self.received(str(message.topic), _bytes(message.payload))

    async def _greet(self) -> None:
        try:
            await self.connected()
        except aiomqtt.MqttError as error:
            self.tell(f"MQTT: {error}")

    async def publish(self, topic: str, payload: bytes) -> bool:
        """Publish once; return whether the broker has taken it."""
        if self._client is None:
            return False
        waiting = asyncio.timeout(SECONDS)
        try:
            async with waiting:
                self._sending.add(waiting)
                # Its own timeout takes a task for every message.
                await self._client.publish(topic, payload, qos=1, timeout=inf)
        except (TimeoutError, aiomqtt.MqttError, RuntimeError, ValueError):
            return False
        finally:
            self._sending.discard(waiting)
        return True


def topic_name(text: Any) -> bool:
    """Say whether text that came from outside may stand in the topic of an answer."""
    return isinstance(text, str) and re.fullmatch(r"[\w.:/-]+", text, re.ASCII) is not None and len(text) <= TOPIC_LIMIT


async def _close(client: aiomqtt.Client) -> None:
    await client.__aexit__(None, None, None)


def _bytes(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else b""

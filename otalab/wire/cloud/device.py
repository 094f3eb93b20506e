"""A virtual device on a broker: its shadow and its RPC over one connection, as long as one run of the firmware lasts.

RPC frames come to `DEVICE/rpc`, and replies go to `SOURCE/rpc`, as in `mongoose-os-libs/rpc-mqtt`.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from otalab.json_text import json_text
from otalab.wire.cloud.broker import Broker
from otalab.wire.cloud.link import Link, topic_name
from otalab.wire.cloud.thing import COMMIT_TIMEOUT, ShadowDevice
from otalab.wire.device.ota import Ota
from otalab.wire.dialect import STRICT, Dialect
from otalab.wire.rpc.frames import BadFrame, Rpc

MOST_CALLS = 16


class MqttDevice:
    """One device on one broker."""

    def __init__(
        self,
        ota: Ota,
        broker: Broker,
        rpc: Rpc,
        *,
        dialect: Dialect = STRICT,
        update_timeout: float = 600.0,
        commit_timeout: int = COMMIT_TIMEOUT,
        autocommit: bool = True,
        turns: asyncio.Semaphore | None = None,
    ) -> None:
        self.ota, self.device, self.rpc = ota, ota.device, rpc
        self.shadow = ShadowDevice(
            ota,
            self._publish,
            dialect=dialect,
            commit_timeout=commit_timeout,
            update_timeout=update_timeout,
            autocommit=autocommit,
            turns=turns,
        )
        self.frames = f"{rpc.id}/rpc"
        self.link = Link(
            broker,
            rpc.id,
            [self.frames, *self.shadow.topics],
            self.received,
            self.shadow.connected,
            self.device.tell,
            random.Random(rpc.id),
        )
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Stay connected while the firmware runs; a reset takes the connection along."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.shadow.run())
            while True:
                await self.device.up.wait()
                linked = tasks.create_task(self.link.run())
                await self.device.down.wait()
                self.shadow.greeted = False
                linked.cancel()
                await asyncio.wait([linked])

    def received(self, topic: str, payload: bytes) -> None:
        """Hand a message to whom it is for."""
        if topic != self.frames:
            self.shadow.received(topic, payload)
        elif len(self._calls) < MOST_CALLS:
            call = asyncio.create_task(self._call(payload))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        else:
            self.device.tell(f"RPC via MQTT: more than {MOST_CALLS} calls at once, one is dropped")

    async def _call(self, payload: bytes) -> None:
        try:
            reply = await self.rpc.frame(payload, "MQTT")
        except BadFrame as error:
            self.device.tell(f"RPC via MQTT: not a frame: {error}")
            return
        if reply is not None and topic_name(to := reply.get("dst")):
            await self._reply(f"{to}/rpc", reply)

    async def _reply(self, topic: str, reply: dict[str, Any]) -> None:
        """Send a reply; one that outlives its connection is sent over the next one."""
        data = json_text(reply).encode()
        for _ in range(100):
            if await self.link.publish(topic, data):
                return
            await asyncio.sleep(0.1)

    async def _publish(self, topic: str, payload: bytes) -> bool:
        return await self.link.publish(topic, payload)

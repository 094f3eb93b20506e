"""How long one request holds the loop of a device, or of the shadow service: its longest stall, beside one at rest.

python benchmarks/stalls.py [--board esp32-4M] [--things 1000] [--times 3]

The loop of the process counts how late it comes to a timer that is due every 2 ms; so a stall is what everybody else
has to wait, timers of the commit included.
Each of the heaviest requests is sent alone, several times, to a device that stands still otherwise.
Printed: the longest stall of each in ms, by the clock and in time of the processor, of which other processes take
none, and those of a loop at rest; over 50 ms of the processor's are a failure.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt

from otalab.bench.contents import default_bundle
from otalab.cli.main import main as otalab
from otalab.hardware.board import Board, load_board
from otalab.wire.live.broker import LiveBroker, free_port

BEAT = 0.002
MOST_MS = 50.0
Worst = Any  # an array of the two, shared with the process
Stall = tuple[float, float]  # ms by the clock, and of the processor
SHADOW = "$aws/things/{}/shadow/{}"


class Watched(asyncio.DefaultEventLoopPolicy):
    """Loops that note how late they are."""

    def __init__(self, worst: Worst) -> None:
        super().__init__()
        self.worst = worst

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return a loop with a timer that is due again and again."""
        loop = super().new_event_loop()

        def beat(due: float, spent: float) -> None:
            self.worst[0] = max(self.worst[0], loop.time() - due)
            self.worst[1] = max(self.worst[1], time.thread_time() - spent)
            loop.call_later(BEAT, beat, loop.time() + BEAT, time.thread_time())

        loop.call_soon(beat, loop.time() + 1.0, time.thread_time() + 1.0)
        return loop


def command(worst: Worst, *words: str) -> None:
    """Run a command on a loop that is watched."""
    asyncio.set_event_loop_policy(Watched(worst))
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # for as long as this process lasts
    sys.exit(otalab(words))


class Served:
    """A command in a process of its own, and the worst of its loop."""

    def __init__(self, *words: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.worst = context.Array("d", 2)
        self.process = context.Process(target=command, args=(self.worst, *words), daemon=True)
        self.process.start()

    async def stall(self, request: Callable[[], Awaitable[None]], times: int) -> Stall:
        """Return the longest stalls while a request is sent so many times, in ms, and a second after it."""
        self.worst[:] = [0.0, 0.0]
        for _ in range(times):
            await request()
        await asyncio.sleep(1.0)
        return 1000 * self.worst[0], 1000 * self.worst[1]

    def end(self) -> None:
        """Have no more of it."""
        self.process.kill()
        self.process.join()


def part(number: int, name: str = "", data: bytes = b"x") -> bytes:
    """Return a part of a form, nameless or not."""
    said = f'Content-Disposition: form-data; name="{name}{number}"\r\n' if name else ""
    return b"--b\r\n" + said.encode() + b"\r\n" + data + b"\r\n"


def form(*parts: bytes) -> dict[str, Any]:
    """Return what a request with a form is made of."""
    return {
        "url": "/update",
        "data": b"".join(parts) + b"--b--\r\n",
        "headers": {"Content-Type": "multipart/form-data; boundary=b"},
    }


def posts(bundle: bytes) -> dict[str, dict[str, Any]]:
    """Return the heaviest requests over HTTP."""
    deep, wide = b"[" * 60_000, json.dumps({"args": {f"k{n}": n for n in range(6000)}}).encode()
    raw = {"Content-Type": "application/octet-stream"}
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="fw.zip"\r\n\r\n'
    return {
        "2 MB of nameless parts": form(*(part(n) for n in range(200_000))),
        "2 MB of named parts": form(*(part(n, "f") for n in range(40_000))),
        "a field of 2 MB": form(part(0, "f", bytes(2_000_000))),
        "2 MB of line ends": form(part(0, "f", b"\r\n" * 1_000_000)),
        "2 MB of almost a boundary": form(file + b"\r\n--" * 500_000),
        "a bundle as a form": form(file + bundle + b"\r\n"),
        "the bundle again, raw": {"url": "/update", "data": bundle, "headers": raw},
        "2 MB that are no bundle": {"url": "/update", "data": b"PK\3\4" * 500_000, "headers": raw},
        "a frame of deep JSON": {"url": "/rpc", "data": deep},
        "a frame of many arguments": {"url": "/rpc", "data": wide},
        "a frame of one long text": {"url": "/rpc/Sys.GetInfo", "data": json.dumps({"a": "\\u0000" * 9000}).encode()},
        "a snapshot": {"url": "/rpc/OTA.CreateSnapshot", "data": b"{}"},
    }


def by_mqtt() -> dict[str, tuple[str, bytes]]:
    """Return the heaviest messages over a broker: topic and payload."""
    frame, delta = {"id": 1, "src": "x", "method": "Sys.GetInfo", "x": "y" * 60_000}, {"state": {"x": "y" * 120_000}}
    return {
        "60 frames by MQTT": ("lamp/rpc", json.dumps(frame).encode()),
        "60 deep frames by MQTT": ("lamp/rpc", b"[" * 60_000),
        "60 deltas of 120 KB": (SHADOW.format("lamp", "update/delta"), json.dumps(delta).encode()),
        "60 deep deltas": (SHADOW.format("lamp", "update/delta"), b'{"a":' * 20_000),
    }


async def running(session: aiohttp.ClientSession) -> None:
    """Wait for a device."""
    while True:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get("/status") as reply:
                if (await reply.json())["state"] == "running":
                    return
        await asyncio.sleep(0.1)


async def by_http(served: Served, session: aiohttp.ClientSession, board: Board, times: int) -> dict[str, Stall]:
    """Return the longest stall of a device by each request over HTTP, and by frames over a WebSocket."""
    bundle = default_bundle(board, "2", board.slots[0].app.size)

    async def ask(url: str, **asked: Any) -> None:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.request("POST" if asked else "GET", url, **asked) as reply:
                await reply.read()

    found = {"GET /status": await served.stall(partial(ask, "/status"), 20)}
    for name, request in posts(bundle).items():
        found[name] = await served.stall(partial(ask, **request), 1 if "bundle" in name else times)
    async with session.ws_connect("/rpc") as socket:

        async def frames() -> None:
            for number in range(60):
                await socket.send_str(json.dumps({"id": number, "method": "Sys.GetInfo", "x": "y" * 4000}))

        found["60 frames of 4 KB"] = await served.stall(frames, 1)
    return found


async def of_a_device(chosen: argparse.Namespace, broker: LiveBroker, folder: Path) -> dict[str, Stall]:
    """Return the longest stall of a device by each request."""
    port, board = free_port(), load_board(chosen.board)
    words = ["--board", chosen.board, "--port", str(port), "--flash", str(folder / "lamp.bin"), "--time-scale", "0"]
    served = Served("serve", *words, "--no-sync", "--mqtt", str(broker), "--device-id", "lamp", "--commit", "auto")
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await running(session)
            found = {"device at rest": await served.stall(partial(asyncio.sleep, 1.0), 1)}
            found |= await by_http(served, session, board, chosen.times)
        async with aiomqtt.Client("127.0.0.1", broker.port) as mqtt:
            for name, (topic, data) in by_mqtt().items():

                async def publish(topic: str = topic, data: bytes = data) -> None:
                    for _ in range(60):
                        await mqtt.publish(topic, data, qos=1)

                found[name] = await served.stall(publish, 1)
    finally:
        served.end()
    return found


class Service:
    """A shadow service, and whoever asks it."""

    def __init__(self, mqtt: aiomqtt.Client) -> None:
        self.mqtt, self.answers = mqtt, aiter(mqtt.messages)

    async def asked(self, topic: str, document: Any) -> None:
        """Publish until it is answered: the service may not listen yet."""
        while True:
            await self.mqtt.publish(topic, json.dumps(document), qos=1)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(anext(self.answers), 20.0)
                return

    async def report(self, *names: str) -> None:
        """Report as these things, and as a last one whose answer is waited for."""
        ota = {"fw_version": "1", "status": "idle", "url": "http://x/" + "y" * 80}
        told = {"state": {"reported": {"ota": ota}}}
        for name in names:
            await self.mqtt.publish(SHADOW.format(name, "update"), json.dumps(told), qos=1)
        await self.asked(SHADOW.format("last", "update"), told)

    async def change(self, pattern: str, times: int = 60) -> None:
        """Change what is desired of many things."""
        for _ in range(times):
            change = {"things": pattern, "desired": {"ota": {"url": "http://x/fw.zip"}}}
            await self.asked("otalab/shadows/update", change)

    async def documents(self) -> None:
        """Send large documents, and wait until they are through."""
        for number in range(60):
            wide = {"state": {"desired": {f"k{number}-{n}": n for n in range(4000)}}}
            await self.mqtt.publish(SHADOW.format("wide", "update"), json.dumps(wide), qos=1)
        await self.report()


async def of_a_service(chosen: argparse.Namespace, broker: LiveBroker, folder: Path) -> dict[str, Stall]:
    """Return the longest stall of a shadow service that knows so many things."""
    served = Served("shadow-service", "--broker", str(broker), "--state", str(folder / "shadows.json"))
    try:
        async with aiomqtt.Client("127.0.0.1", broker.port) as mqtt:
            await mqtt.subscribe([(SHADOW.format("last", "update/accepted"), 1), ("otalab/shadows/update/accepted", 1)])
            one, number = Service(mqtt), chosen.things
            await one.report()
            found = {"service at rest": await served.stall(partial(asyncio.sleep, 1.0), 1)}
            names = [f"lamp-{n}" for n in range(number)]
            found[f"{number} things report"] = await served.stall(partial(one.report, *names), 1)
            found["60 patterns of 50 KB"] = await served.stall(partial(one.change, "*a" * 25_000), 1)
            found["60 patterns of 500 letters"] = await served.stall(partial(one.change, "*[!b]" * 100), 1)
            found[f"a change for {number} things"] = await served.stall(partial(one.change, "*", 1), 1)
            found["60 documents of 60 KB"] = await served.stall(one.documents, 1)
    finally:
        served.end()
    return found


def main() -> int:
    """Send them all, and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--board", default="esp32-4M")
    options.add_argument("--things", type=int, default=1000, help="that the shadow service knows (1000)")
    options.add_argument("--times", type=int, default=3, help="how often each request is sent (3)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as place, LiveBroker() as broker:
        found = asyncio.run(of_a_device(chosen, broker, Path(place)))
        found |= asyncio.run(of_a_service(chosen, broker, Path(place)))
    for name, (clock, processor) in found.items():
        print(f"{clock:8.1f} {processor:8.1f} ms  {name}{'  too long' if processor > MOST_MS else ''}")
    return 1 if max(processor for _, processor in found.values()) > MOST_MS else 0


if __name__ == "__main__":
    sys.exit(main())

"""A device that hundreds lean on: whether it still shows its status page, and finishes the update that comes in.

python benchmarks/strain.py [--connections 500] [--slow 40] [--seconds 20] [--password WORD]

All of them connect at once and come back a second after they were closed: most say nothing, some send a head, a body
or an upload one byte a second, some ask again and again and never read an answer.
Meanwhile one update comes in at the pace of its flash, and somebody new asks for the status five times a second.
Exit 0 if every question was answered and the update committed.
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otalab import set_up
from otalab.wire.auth.digest import authorization
from otalab.wire.live.device import LiveDevice

UPLOAD = b"POST /update HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\nContent-Length: 90000\r\n\r\n"
CALL = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n"
ASK = b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW = (b"GET /status HTTP/1.1\r\nA: ", UPLOAD, CALL)


class Crowd:
    """Those who lean on it."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.opened = self.closed = 0

    async def lean(self, number: int, slow: int) -> None:
        """Hold a connection, and come back when it is closed."""
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(self.host, self.port, limit=1024)
                self.opened += 1
                try:
                    await self._hold(reader, writer, number, number < slow)
                finally:
                    writer.transport.abort()
                self.closed += 1
            await asyncio.sleep(1.0)

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, slow: bool) -> None:
        if slow:
            writer.write(SLOW[number % len(SLOW)])
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(1.0)
        if number % 10 == 0:
            # Asks and asks, and takes no answer.
            writer.write(ASK * 50)
            await asyncio.sleep(3600)
        await reader.read(1)


def ask(host: str, port: int, known: tuple[str, str] | None) -> str:
    """Ask for the status over a connection of its own; return its state, empty if there was no answer."""
    header = ""
    for _ in range(2):
        with socket.create_connection((host, port), timeout=10) as link:
            link.sendall(f"GET /status HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n".encode())
            head, _, body = b"".join(iter(lambda: link.recv(65536), b"")).decode().partition("\r\n\r\n")
        if " 401 " not in head[:20] or known is None:
            break
        challenge = next(line for line in head.splitlines() if line.startswith("WWW-Authenticate:")).partition(": ")[2]
        header = f"Authorization: {authorization(challenge, *known, 'GET', '/status')}\r\n"
    return json.loads(body)["state"] if " 200 " in head[:20] else ""


@dataclass
class Asker:
    """Somebody new who asks for the status, again and again."""

    host: str
    port: int
    known: tuple[str, str] | None
    answers: list[tuple[float, str]] = field(default_factory=list)

    def once(self) -> None:
        """Ask, and note how long it took and what was said."""
        begun = time.monotonic()
        try:
            state = ask(self.host, self.port, self.known)
        except (OSError, ValueError) as error:
            state = f"none: {error}"
        self.answers.append((time.monotonic() - begun, state or "none"))


def crowd_process(host: str, port: int, connections: int, slow: int, counts: Any) -> None:
    """Lean on a device from a process of its own, until it is ended."""

    async def all_of_them() -> None:
        crowd = Crowd(host, port)
        leaning = [asyncio.create_task(crowd.lean(number, slow)) for number in range(connections)]
        while True:
            await asyncio.sleep(0.2)
            counts[0], counts[1] = crowd.opened, crowd.closed
            assert leaning

    asyncio.run(all_of_them())


def strain(device: LiveDevice, bundle: bytes, chosen: argparse.Namespace) -> dict[str, object]:
    """Lean on a device while it takes an update; return what was seen."""
    host, port = device.url.removeprefix("http://").split(":")
    asker = Asker(host, int(port), ("admin", chosen.password) if chosen.password else None)
    said: list[tuple[int, str]] = []
    updating = threading.Thread(target=lambda: said.append(device.update(bundle)), daemon=True)
    # The update first: while it comes in, whoever else begins one is told so.
    updating.start()
    while ask(asker.host, asker.port, asker.known) != "updating":
        time.sleep(0.05)
    context = multiprocessing.get_context("spawn")
    counts = context.Array("i", 2)
    given = (host, int(port), chosen.connections, chosen.slow, counts)
    crowd = context.Process(target=crowd_process, args=given, daemon=True)
    crowd.start()
    end = time.monotonic() + chosen.seconds
    while time.monotonic() < end or updating.is_alive() or counts[1] < chosen.until_closed:
        asker.once()
        time.sleep(0.2)
    crowd.kill()
    crowd.join()
    return summary(asker, counts[:]) | {"update": said[0] if said else None}


def summary(asker: Asker, counts: list[int]) -> dict[str, object]:
    """Return what the answers show."""
    latencies = sorted(1000 * seconds for seconds, _ in asker.answers)
    return {
        "opened": counts[0],
        "closed": counts[1],
        "asked": len(latencies),
        "unanswered": sum(state.startswith("none") for _, state in asker.answers),
        "median_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(latencies[int(0.95 * len(latencies))], 1),
        "max_ms": round(latencies[-1], 1),
        "states": sorted({state for _, state in asker.answers}),
    }


def main() -> int:
    """Measure and print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--connections", type=int, default=500)
    options.add_argument("--slow", type=int, default=40, help="of these, how many send a byte a second")
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--until-closed", type=int, default=0, help="go on until so many connections were closed")
    options.add_argument("--password", default="", help="for this run alone; the device gets it by its environment")
    options.add_argument("--time-scale", type=float, default=1.0)
    chosen = options.parse_args()
    what = set_up("hardened")
    with (
        tempfile.TemporaryDirectory() as folder,
        LiveDevice(
            Path(folder, "flash.bin"), design="hardened", time_scale=chosen.time_scale, password=chosen.password
        ) as device,
    ):
        seen = {"connections": chosen.connections, "slow": chosen.slow} | strain(device, what.bundle, chosen)
        told = device.wait_for(120, version="2", committed=True)
        seen["committed"] = told["committed"]
        seen["tracebacks"] = sum("Traceback" in line for line in device.log)
    print(json.dumps(seen))
    if seen["tracebacks"]:
        print(*device.log, sep="\n", file=sys.stderr)
    return int(bool(seen["unanswered"] or seen["tracebacks"] or not seen["committed"]))


if __name__ == "__main__":
    sys.exit(main())

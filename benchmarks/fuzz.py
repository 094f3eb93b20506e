"""Mutated messages of every kind to running devices: nothing stops them, and then they take a good update.

    python benchmarks/fuzz.py [--exchanges 20000] [--seed 1]

Two devices, one for each dialect, are processes on one broker with a shadow service.
What is sent, in which order, to whom and by which wire, follows from the seed: HTTP requests, RPC frames over
WebSocket and MQTT, shadow documents.
Every exchange is bounded in time; the status page is asked all the while.
Printed: what was answered, the memory of each device at intervals, and findings; any of them is a failure.
"""

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp
import aiomqtt
from tqdm import tqdm

from otalab.bench.contents import default_bundle
from otalab.errors import OtalabError
from otalab.hardware.board import load_board
from otalab.wire.live.broker import LiveCloud
from otalab.wire.live.device import LiveDevice

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from mutators import SHADOW_TOPICS, http_request, mutated, rpc_frame, shadow_document

ANSWER_SECONDS = 0.3  # one whose length was made larger waits for the rest; it is let go
STATUS_SECONDS = 5.0
STATUS_EVERY, MEMORY_EVERY = 50, 20  # exchanges; and how often the memory is looked at in all
GROWTH_KIB = 8192  # between the first quarter, when all code is loaded, and the end
BUNDLE = default_bundle(load_board("tiny"), "2", 3000)
KINDS = ("http", "http", "ws", "ws", "mqtt", "shadow")


class Wire:
    """Everything that leads to one device."""

    def __init__(self, device: LiveDevice, mqtt: aiomqtt.Client, session: aiohttp.ClientSession) -> None:
        self.device, self.mqtt, self.session = device, mqtt, session
        self.name = device.options["device_id"]
        self.host, _, port = device.url.removeprefix("http://").partition(":")
        self.port = int(port)
        self.socket: aiohttp.ClientWebSocketResponse | None = None

    async def http(self, chance: random.Random) -> str:
        """Send a mutated request; return the status, or that none came."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(mutated(chance, http_request(chance, BUNDLE)))
            answer = await asyncio.wait_for(reader.read(4096), ANSWER_SECONDS)
            return answer[9:12].decode() or "closed"
        except ConnectionError:
            return "closed"
        except TimeoutError:
            return "let go"
        finally:
            writer.close()

    async def ws(self, chance: random.Random) -> str:
        """Send a mutated frame over a socket that is opened again where it was closed."""
        if self.socket is None or self.socket.closed:
            self.socket = await self.session.ws_connect(self.device.url + "/rpc")
        frame = mutated(chance, rpc_frame(chance, BUNDLE))
        try:
            await self.socket.send_bytes(frame) if chance.random() < 0.5 else await self.socket.send_str(
                frame.decode(errors="replace")
            )
            answer = await self.socket.receive(ANSWER_SECONDS)
        except TimeoutError:
            return "no reply"
        except ConnectionError:
            return "closed"
        if answer.type is not aiohttp.WSMsgType.TEXT:
            return "closed"
        return "error" if '"error"' in answer.data else "result"

    async def frame(self, chance: random.Random) -> str:
        """Publish a mutated frame."""
        await self.mqtt.publish(f"{self.name}/rpc", mutated(chance, rpc_frame(chance, BUNDLE, src="fuzz")), qos=1)
        return "sent"

    async def shadow(self, chance: random.Random) -> str:
        """Publish a mutated document, as if the service had sent it; now and then one to the service."""
        topic = chance.choice([*SHADOW_TOPICS, "update", "get", "delete"])
        data = mutated(chance, shadow_document(chance, topic))
        await self.mqtt.publish(f"$aws/things/{self.name}/shadow/{topic}", data, qos=1)
        return "sent"

    async def status(self) -> str | None:
        """Ask for the status; return what is wrong with it."""
        try:
            async with asyncio.timeout(STATUS_SECONDS), self.session.get(self.device.url + "/status") as reply:
                told = await reply.json()
        except (TimeoutError, aiohttp.ClientError) as error:
            return f"the status page does not answer: {type(error).__name__} {error}"
        return "bricked" if told["state"] == "bricked" else None


def memory(number: int) -> int:
    """Return the resident memory of a process, in KiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{number}/status").read_text())
    return int(found[1]) if found else 0


async def exchanges(wires: list[Wire], number: int, seed: int) -> tuple[Counter[str], list[str], list[list[int]]]:
    """Send so many; return what was answered, what is wrong, and the memory of the devices over time."""
    chance = random.Random(seed)
    answers: Counter[str] = Counter()
    wrong: list[str] = []
    grown: list[list[int]] = []
    kinds = {"http": Wire.http, "ws": Wire.ws, "mqtt": Wire.frame, "shadow": Wire.shadow}
    for at in tqdm(range(number), desc="exchanges", mininterval=5):
        wire, kind = chance.choice(wires), chance.choice(KINDS)
        try:
            async with asyncio.timeout(STATUS_SECONDS):
                answers[f"{kind} {await kinds[kind](wire, chance)}"] += 1
        except (OSError, TimeoutError, aiohttp.ClientError, aiomqtt.MqttError) as error:
            wrong.append(f"exchange {at}, {kind} to {wire.name}: {type(error).__name__} {error}")
        if at % STATUS_EVERY == 0 and (trouble := await wire.status()):
            wrong.append(f"after exchange {at}: {trouble}")
        if at % max(1, number // MEMORY_EVERY) == 0:
            grown.append([memory(one.device.process_id) for one in wires])
        if len(wrong) > 20 or not all(one.device.runs for one in wires):
            wrong.append(f"given up after exchange {at}")
            break
    grown.append([memory(one.device.process_id) for one in wires if one.device.runs])
    return answers, wrong, grown


async def sent(devices: list[LiveDevice], cloud: LiveCloud, number: int, seed: int) -> tuple:
    """Connect to the devices by every wire and send."""
    async with aiomqtt.Client("127.0.0.1", cloud.port) as mqtt, aiohttp.ClientSession() as session:
        return await exchanges([Wire(device, mqtt, session) for device in devices], number, seed)


def good_update(device: LiveDevice, version: str) -> str | None:
    """Send a good bundle; return what is wrong if it is not committed, and what the device has said meanwhile."""
    begun, code, said = len(device.log), 0, ""
    try:
        device._ask("/rpc/OTA.Abort", b"{}")
        device._ask("/rpc/OTA.SetBootState", b'{"is_committed": true}')
        # A boot state that was set counts from the next start on, and an update waits for that.
        device._ask("/rpc/Sys.Reboot", b"{}")
        device.wait_for_line("Power on", sum("Power on" in line for line in device.log[:begun]) + 1)
        device.wait_for(state="running")
        code, said = device.update(default_bundle(load_board("tiny"), version, 3000))
        device.wait_for(version=version, committed=True)
    except OtalabError as error:
        last = "\n    ".join([line for line in device.log[:begun] if "MQTT:" in line][-5:] + device.log[begun:])
        return f"{device.options['device_id']} takes no good update: {code} {said}: {error}\n    {last}"
    return None


def main() -> int:
    """Send, look, update, and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--exchanges", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, LiveCloud() as cloud:
        common = {"board": "tiny", "design": "hardened", "time_scale": 0, "no_sync": True, "mqtt": cloud, "seed": 1}
        devices = [
            LiveDevice(Path(folder, f"{dialect}.bin"), dialect=dialect, device_id=f"lamp-{dialect}", **common)
            for dialect in ("strict", "2017")
        ]
        with devices[0], devices[1]:
            for device in devices:
                device.wait_for_line("MQTT: connected")
            answers, wrong, grown = asyncio.run(sent(devices, cloud, chosen.exchanges, chosen.seed))
            seconds = time.monotonic() - begun
            wrong += filter(None, [good_update(device, "900") for device in devices])
        logs = [line for process in (*devices, cloud.service) for line in process.log]
    ugly = [
        at for at, line in enumerate(logs) if re.search("Traceback|Error handling|never retrieved|handler of", line)
    ]
    wrong += ["\n    ".join(logs[at : at + 12]) for at in ugly[:10]]
    settled, last = grown[len(grown) // 4], grown[-1]
    wrong += [f"memory grew from {a} to {b} KiB" for a, b in zip(settled, last, strict=True) if b - a > GROWTH_KIB]
    for answer, times in sorted(answers.items()):
        print(f"{times:6}  {answer}")
    print("KiB, strict and 2017:", *(f"{a}/{b}" for a, b in grown))
    print(f"{sum(answers.values())} exchanges in {seconds:.0f} s; {len(wrong)} findings; bound {GROWTH_KIB} KiB")
    for problem in wrong:
        print("wrong:", problem)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

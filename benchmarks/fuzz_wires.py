"""Mutated messages of every kind to running devices: nothing stops them, and then they take a good update.

Two devices, one for each dialect, are processes on one broker with a shadow service.
What is sent, in which order, to whom and by which wire, follows from the seed: HTTP requests, RPC frames over
WebSocket and MQTT, shadow documents.
Every exchange is bounded in time of the processor; the status page is asked all the while.
"""

import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter, deque
from math import inf
from pathlib import Path

import aiohttp
import aiomqtt
import psutil
from tqdm import tqdm

from otalab.bench.contents import default_bundle
from otalab.errors import OtalabError
from otalab.hardware.board import load_board
from otalab.wire.live.broker import LiveCloud
from otalab.wire.live.device import LiveDevice

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from mutators import SHADOW_TOPICS, http_request, mutated, rpc_frame, shadow_document

ANSWER_SECONDS = 0.3  # one whose length was made larger waits for the rest; it is let go
LONGEST = 1.0  # seconds of processor time, of a device, for one exchange
HUNG = 60.0  # seconds on the wall, after which nobody waits for it any more: others may have the processor
STATUS_EVERY, MEMORY_EVERY = 50, 1000  # exchanges
LAST = 200  # messages that are kept when something is found: what came before may be why
GROWTH_KIB = 8192  # between the first quarter and the end
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
        self.last: deque[bytes] = deque(maxlen=LAST)

    def mutated(self, chance: random.Random, message: bytes) -> bytes:
        """Return a message with something wrong with it, and note it."""
        self.last.append(mutated(chance, message))
        return self.last[-1]

    async def http(self, chance: random.Random) -> str:
        """Send a mutated request; return the status, or that none came."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(self.mutated(chance, http_request(chance, BUNDLE)))
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
        frame = self.mutated(chance, rpc_frame(chance, BUNDLE))
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
        await self.mqtt.publish(f"{self.name}/rpc", self.mutated(chance, rpc_frame(chance, BUNDLE, src="fuzz")), qos=1)
        return "sent"

    async def shadow(self, chance: random.Random) -> str:
        """Publish a mutated document, as if the service had sent it; now and then one to the service."""
        topic = chance.choice([*SHADOW_TOPICS, "update", "get", "delete"])
        data = self.mutated(chance, shadow_document(chance, topic))
        await self.mqtt.publish(f"$aws/things/{self.name}/shadow/{topic}", data, qos=1)
        return "sent"

    async def status(self) -> str | None:
        """Ask for the status; return what is wrong with it."""
        try:
            async with asyncio.timeout(HUNG), self.session.get(self.device.url + "/status") as reply:
                told = await reply.json()
        except (TimeoutError, aiohttp.ClientError) as error:
            return f"the status page does not answer: {type(error).__name__} {error}"
        return "bricked" if told["state"] == "bricked" else None


def processor(number: int) -> float:
    """Return the seconds of the processor that a process has had."""
    times = psutil.Process(number).cpu_times()
    return times.user + times.system


def memory(number: int) -> int:
    """Return the resident memory of a process, in KiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{number}/status").read_text())
    return int(found[1]) if found else 0


class Exchanges:
    """What was sent and answered: so many messages, or for so many seconds."""

    def __init__(self, number: float, seconds: float, seed: int) -> None:
        self.number, self.end, self.chance = number, time.monotonic() + seconds, random.Random(seed)
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.grown: list[list[int]] = []
        self.last: list[bytes] = []

    async def run(self, wires: list[Wire]) -> None:
        """Send, look at the status and the memory, and give up where too much is wrong."""
        at = 0
        with tqdm(total=None if self.number == inf else self.number, desc="exchanges", mininterval=5) as shown:
            while at < self.number and time.monotonic() < self.end:
                await self._one(wires, at)
                if at % MEMORY_EVERY == 0:
                    self.grown.append([memory(one.device.process_id) for one in wires])
                at += 1
                shown.update()
                if len(self.wrong) > 20 or not all(one.device.runs for one in wires):
                    self.wrong.append(f"given up after exchange {at}")
                    break
        self.grown.append([memory(one.device.process_id) for one in wires if one.device.runs])
        self.last = [message for one in wires for message in one.last]

    async def _one(self, wires: list[Wire], at: int) -> None:
        wire, kind = self.chance.choice(wires), self.chance.choice(KINDS)
        send = {"http": wire.http, "ws": wire.ws, "mqtt": wire.frame, "shadow": wire.shadow}[kind]
        begun = processor(wire.device.process_id)
        try:
            async with asyncio.timeout(HUNG):
                self.answers[f"{kind} {await send(self.chance)}"] += 1
        except (OSError, TimeoutError, aiohttp.ClientError, aiomqtt.MqttError) as error:
            self.wrong.append(f"exchange {at}, {kind} to {wire.name}: {type(error).__name__} {error}")
        if wire.device.runs and (spent := processor(wire.device.process_id) - begun) > LONGEST:
            self.wrong.append(f"exchange {at}, {kind} to {wire.name}: {spent:.1f} s of the processor")
        if at % STATUS_EVERY == 0 and (trouble := await wire.status()):
            self.wrong.append(f"after exchange {at}: {trouble}")


async def sent(devices: list[LiveDevice], cloud: LiveCloud, what: Exchanges) -> None:
    """Connect to the devices by every wire and send."""
    async with aiomqtt.Client("127.0.0.1", cloud.port) as mqtt, aiohttp.ClientSession() as session:
        await what.run([Wire(device, mqtt, session) for device in devices])


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


def wires(number: float, seconds: float, seed: int) -> Exchanges:
    """Send, look, update; return what was answered and what is wrong."""
    with tempfile.TemporaryDirectory() as folder, LiveCloud() as cloud:
        common = {"board": "tiny", "design": "hardened", "time_scale": 0, "no_sync": True, "mqtt": cloud, "seed": 1}
        devices = [
            LiveDevice(Path(folder, f"{dialect}.bin"), dialect=dialect, device_id=f"lamp-{dialect}", **common)
            for dialect in ("strict", "2017")
        ]
        with devices[0], devices[1]:
            for device in devices:
                device.wait_for_line("MQTT: connected")
            # What an update loads and keeps, up to a limit, is there before memory is looked at: it is no growth.
            refused = filter(None, [good_update(device, "800") for device in devices])
            what = Exchanges(number, seconds, seed)
            what.wrong += refused
            asyncio.run(sent(devices, cloud, what))
            what.wrong += filter(None, [good_update(device, "900") for device in devices])
        logs = [line for process in (*devices, cloud.service) for line in process.log]
    ugly = [
        at for at, line in enumerate(logs) if re.search("Traceback|Error handling|never retrieved|handler of", line)
    ]
    what.wrong += ["\n    ".join(logs[at : at + 12]) for at in ugly[:10]]
    settled, last = what.grown[len(what.grown) // 4], what.grown[-1]
    what.wrong += [f"memory grew from {a} to {b} KiB" for a, b in zip(settled, last, strict=True) if b - a > GROWTH_KIB]
    return what

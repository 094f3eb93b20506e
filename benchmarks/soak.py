"""One device for a long time: 200 updates by its shadow, 100 kills in the middle of them, and three outages.

    python benchmarks/soak.py [--updates 200] [--kills 100] [--outages 3] [--design D] [--board B] [--seed 1]

Every update is one of its own, desired of the device by a shadow service on a real broker, and fetched from a web
server.
In the first half of the updates, so many times, the device is killed (`kill -9`) at a random moment and started again;
at moments spread over all, broker, service and web server go away together for two seconds while it downloads.
An update that gave up, as it may when nobody answers, is desired again, under another URL.
After each one the device must run the new version, committed, and hold its image and every file whole, by its flash.
Printed: which phases the kills hit, how often an update was desired again, and how much memory and how many open
files the device and the service had grown by over the updates without kills; exit 1 if anything was lost.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiomqtt
import psutil
from tqdm import tqdm

from otalab import set_up
from otalab.bench.contents import default_bundle
from otalab.bench.observer import damaged_files
from otalab.errors import OtalabError
from otalab.firmware import store
from otalab.hardware.board import load_board
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash
from otalab.json_text import json_text
from otalab.wire.cloud.service import ALL
from otalab.wire.live.broker import LiveCloud
from otalab.wire.live.device import LiveDevice

sys.path.insert(0, str(Path(__file__).parent))
from fleet import Server, Silent

SCALE = 0.2  # an update of some five seconds becomes one of one
AWAY_SECONDS = 2.0
LONGEST_KILL = 1.3  # seconds after an update was desired
GIVEN_UP = "error"


class Web:
    """A folder on the web that can go away, and come back at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self.start()

    def start(self) -> None:
        """Come back."""
        self.server = Server(("127.0.0.1", self.port), partial(Silent, directory=str(self.folder)))
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Go away."""
        self.server.shutdown()
        self.server.server_close()


def held(process: int) -> tuple[float, int]:
    """Return the resident memory of a process in MB, and how many files it has open."""
    one = psutil.Process(process)
    return one.memory_info().rss / 2**20, one.num_fds()


async def published(port: int, change: str) -> None:
    """Have the service change what is desired."""
    async with aiomqtt.Client("127.0.0.1", port) as mqtt:
        await mqtt.publish(ALL, change, qos=1)


@dataclass
class Soak:
    """A device, its cloud, and what became of it."""

    device: LiveDevice
    cloud: LiveCloud
    web: Web
    chosen: argparse.Namespace
    chance: random.Random
    hit: Counter[str] = field(default_factory=Counter)
    again: int = 0
    wrong: list[str] = field(default_factory=list)

    def update(self, number: int, *, kill: bool, outage: bool) -> None:
        """Have the device take one update, whatever happens meanwhile; note what is wrong with it then."""
        version = str(number + 2)
        board = load_board(self.chosen.board)
        bundle = default_bundle(board, version, board.slots[0].app.size)
        (self.web.folder / f"{version}.zip").write_bytes(bundle)
        said = len(self.device.log)
        self._desire(version)
        if kill:
            time.sleep(self.chance.uniform(0, LONGEST_KILL))
            self.hit[self.device.phase] += 1
            self.device.kill()
            self.device.start()
        if outage:
            self.device.wait_for_phase("download", said)
            self.hit[f"outage in {self.device.phase}"] += 1
            self.cloud.kill()
            self.web.stop()
            time.sleep(AWAY_SECONDS)
            self.web.start()
            self.cloud.start()
        self._until_it_runs(version)
        (self.web.folder / f"{version}.zip").unlink()
        if trouble := self.damage(version, bundle):
            self.wrong.append(f"update {number}: {trouble}")

    def _desire(self, version: str) -> None:
        url = f"http://127.0.0.1:{self.web.port}/{version}.zip?{self.again}"
        change = json_text({"desired": {"ota": {"url": url}}})
        asyncio.run(published(self.cloud.port, change))

    def _until_it_runs(self, version: str) -> None:
        end = time.monotonic() + 120.0
        while time.monotonic() < end:
            with suppress(OtalabError):
                self.cloud.wait_for("lamp", 1.0, fw_version=version, is_committed=True, status="success")
                return
            told = self.cloud.shadow("lamp").get("reported", {}).get("ota", {})
            # What was said of the last update is there until this one has begun.
            if told.get("status") == GIVEN_UP and f"/{version}.zip" in str(told.get("url")):
                self.again += 1
                self._desire(version)
        raise OtalabError(f"version {version} is not reached: {self.device.log[-20:]}")

    def damage(self, version: str, bundle: bytes) -> str:
        """Return what is wrong with the device by its flash, empty if nothing is."""
        what = set_up(self.chosen.design, self.chosen.board, bundle=bundle)
        chip = Chip(what.device.board, Flash.of(what.flash.geometry, self.device.flash.read_bytes()))
        selected = store.select(chip, what.device.design)
        if selected is None or not selected.config.committed:
            return "no committed record"
        active = selected.config.active
        image = what.device.image_in(chip, active)
        if image is None or image.version != version:
            return f"slot {active} does not hold version {version}"
        return damaged_files(what, chip.flash, active, version)


def soak(chosen: argparse.Namespace, folder: Path) -> Soak:
    """Update, kill, and let things go away; return what became of the device, and print what it has grown by."""
    chance = random.Random(chosen.seed)
    first_half = range(chosen.updates - chosen.updates // 2)
    kills = set(chance.sample(first_half, min(chosen.kills, len(first_half))))
    outages = {chosen.updates * (2 * n + 1) // (2 * chosen.outages) for n in range(chosen.outages)} - {0}
    options = {
        "design": chosen.design,
        "board": chosen.board,
        "time_scale": SCALE,
        "no_sync": True,
        "device_id": "lamp",
    }
    (folder / "web").mkdir()
    with LiveCloud() as cloud, LiveDevice(folder / "lamp.bin", mqtt=cloud, **options) as device:
        what = Soak(device, cloud, Web(folder / "web"), chosen, chance)
        cloud.wait_for("lamp", fw_version="1")
        before: dict[str, tuple[float, int]] = {}
        for number in tqdm(range(chosen.updates), desc="updates"):
            what.update(number, kill=number in kills, outage=number in outages)
            # By now all code is loaded, and the log is as long as it gets.
            if number == len(first_half) + (chosen.updates - len(first_half)) // 4:
                before = {"device": held(device.process_id)}
        megabytes, files = held(device.process_id)
        what.web.stop()
        for name, (was, open_then) in before.items():
            print(f"{name}: {was:.1f} MB and {open_then} files, {megabytes:.1f} MB and {files} files at the end")
            if files > open_then + 2 or megabytes > was + 8:
                what.wrong.append(f"the {name} grows")
    return what


def main() -> int:
    """Run it once."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--updates", type=int, default=200)
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--outages", type=int, default=3)
    options.add_argument("--design", default="hardened")
    options.add_argument("--board", default="lab-1M")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        what = soak(chosen, Path(place))
    for phase, times in sorted(what.hit.items()):
        print(f"{times:5}  {phase if phase.startswith('outage') else f'killed in {phase}'}")
    print(f"{chosen.updates} updates in {time.monotonic() - begun:.0f} s, {what.again} desired again")
    print(f"{len(what.wrong)} lost something")
    for problem in what.wrong:
        print("wrong:", problem)
    return 1 if what.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

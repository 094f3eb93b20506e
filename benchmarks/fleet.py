"""A fleet updated by one change of a desired state; midway the broker restarts and a tenth of the devices is killed.

python benchmarks/fleet.py [--devices 200] [--board lab-1M] [--design hardened] [--processes 10] [--calm]

Prints when all devices had reported the new version, what memory and what time of the processor they took, and how
every device ended; exit status 1 if one of them did not end well.
Ten thousand: --devices 10000 --processes 1 --time-scale 0 --calm, which needs 10 GB where temporary files are.
"""

import argparse
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import psutil

from otalab import set_up
from otalab.bench.observer import damaged_files
from otalab.firmware import store
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash
from otalab.wire.live.broker import LiveBroker, LiveCommand


class Silent(http.server.SimpleHTTPRequestHandler):
    """Serves the bundle, and says nothing."""

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A web server whose queue takes a fleet that comes as one."""

    request_queue_size = 1024

    def handle_error(self, *_words: object) -> None:
        """Say nothing of clients that were killed."""


def reported(state: Path) -> dict[str, dict[str, object]]:
    """Return what each thing has reported, from the service's own file."""
    things = json.loads(state.read_text())["things"] if state.exists() else {}
    return {name: thing["state"].get("reported", {}).get("ota", {}) for name, thing in things.items()}


def wait_for(state: Path, devices: int, seconds: float, **wanted: object) -> bool:
    """Wait until all have reported this."""
    end = time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        told = reported(state)
        if sum(wanted.items() <= ota.items() for ota in told.values()) == devices:
            return True
        # Looking at ten thousand things is work too, for a processor that others need.
        time.sleep(max(0.2, 9 * (time.monotonic() - begun)))
    return False


def memory(process: int, what: str) -> float:
    """Return a process's memory in MB, `VmRSS` now or `VmHWM` at most."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1024


def processor(parts: list[LiveCommand], service: LiveCommand, devices: int) -> str:
    """Say how much time of the processor they have had so far: in all, and for each device."""
    fleet, cloud = (
        sum(sum(psutil.Process(one.process_id).cpu_times()[:2]) for one in some) for some in (parts, [service])
    )
    each = 1000 * (fleet + cloud) / devices
    return f"processor so far: {fleet:.1f} s, the service {cloud:.1f} s, {each:.2f} ms a device"


def ended(parts: list[LiveCommand], folder: Path, chosen: argparse.Namespace) -> Counter[str]:
    """Return how many devices run what, by their flash files and not by what they say."""
    for part in parts:
        part.stop()
    board, ends = set_up(chosen.design, chosen.board), Counter[str]()
    for path in sorted(folder.glob("*.bin")):
        chip = Chip(board.device.board, Flash.of(board.flash.geometry, path.read_bytes()))
        selected = store.select(chip, board.device.design)
        image = board.device.image_in(chip, selected.config.active) if selected else None
        if image is None or selected is None:
            ends["bricked"] += 1
            continue
        word = "committed" if selected.config.committed else "on trial"
        lost = damaged_files(board, chip.flash, selected.config.active, image.version)
        ends[f"version {image.version}, {word}, {lost or 'every file whole'}"] += 1
    return ends


def chosen_options() -> argparse.Namespace:
    """Return what was asked for."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--devices", type=int, default=200)
    options.add_argument("--board", default="lab-1M")
    options.add_argument("--design", default="hardened")
    options.add_argument("--time-scale", type=float, default=1.0)
    options.add_argument("--processes", type=int, default=10, help="of which one is killed (10)")
    options.add_argument("--calm", action="store_true", help="no restart of the broker, nobody is killed")
    options.add_argument("--seconds", type=float, default=900.0, help="give up after so many (900)")
    return options.parse_args()


def main() -> int:
    """Run it once."""
    chosen = chosen_options()
    each = max(1, chosen.devices // chosen.processes)
    with tempfile.TemporaryDirectory() as place, LiveBroker() as broker:
        folder, state = Path(place, "flash"), Path(place, "shadows.json")
        Path(place, "fw.zip").write_bytes(set_up(chosen.design, chosen.board).bundle)
        web = Server(("127.0.0.1", 0), partial(Silent, directory=place))
        threading.Thread(target=web.serve_forever, daemon=True).start()
        sizes = [min(each, chosen.devices - first) for first in range(0, chosen.devices, each)]
        parts = [
            LiveCommand(
                "fleet", "serve", ready="", devices=size, first=number * each, broker=broker, flash_dir=folder,
                board=chosen.board, design=chosen.design, time_scale=chosen.time_scale, no_sync=True,
            )
            for number, size in enumerate(sizes)
        ]  # fmt: skip
        with LiveCommand("shadow-service", ready="shadows are served", broker=broker, state=state) as service:
            begun = time.monotonic()
            for part in parts:
                part.start()
            if not wait_for(state, chosen.devices, chosen.seconds, fw_version="1"):
                sys.exit(f"only {len(reported(state))} devices came up")
            print(f"{chosen.devices} devices in {len(parts)} processes up after {time.monotonic() - begun:.1f} s")
            print(f"memory before: {sum(memory(part.process_id, 'VmRSS') for part in parts):.0f} MB")
            print(processor(parts, service, chosen.devices))
            desired = json.dumps({"ota": {"url": f"http://127.0.0.1:{web.server_address[1]}/fw.zip"}})
            command = [sys.executable, "-m", "otalab", "shadow-service", "--broker", str(broker)]
            begun = time.monotonic()
            subprocess.run([*command, "--set-desired", desired], check=True, stdout=subprocess.DEVNULL)
            print(f"desired of all after {time.monotonic() - begun:.1f} s")
            if not chosen.calm:
                while not any(ota.get("status") == "progress" for ota in reported(state).values()):
                    time.sleep(0.05)
                time.sleep(1)
                midway = Counter(str(ota.get("status")) for ota in reported(state).values())
                broker.stop()
                parts[-1].kill()
                time.sleep(2)
                broker.start()
                parts[-1].start()
                print(f"broker restarted and {sizes[-1]} devices killed midway: {dict(midway)}")
            fine = wait_for(state, chosen.devices, chosen.seconds, fw_version="2", is_committed=True)
            seconds = time.monotonic() - begun
            peak = sum(memory(part.process_id, "VmHWM") for part in parts)
            print(f"all updated and committed: {fine}, after {seconds:.1f} s")
            print(f"memory at most: {peak:.0f} MB, {peak / chosen.devices:.2f} MB a device")
            print(processor(parts, service, chosen.devices))
            print(f"the service: {memory(service.process_id, 'VmHWM'):.0f} MB at most")
            ends = ended(parts, folder, chosen)
            print(f"by their flash: {dict(ends)}")
        web.shutdown()
    return 0 if fine and set(ends) == {"version 2, committed, every file whole"} else 1


if __name__ == "__main__":
    sys.exit(main())

"""`kill -9` at random moments of a real upload, and whether the device always comes back.

    python benchmarks/kills.py [--design hardened] [--kills 200] [--seed 1]

Each round: a fresh device, an upload that lasts about a second, a kill, a start.
The device must boot a whole image, take one more upload, end in the new version, and have its user files.
Kills are counted by the phase they hit; fewer than half inside the update is a failure of this script.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from otalab import set_up
from otalab.bench.observer import damaged_files
from otalab.bench.scenario import Scenario
from otalab.errors import OtalabError
from otalab.hardware.flash import Flash
from otalab.wire.live.device import LiveDevice

INSIDE = {"download", "merge", "switch", "trial", "commit", "rollback"}
SCALE = 0.22  # 4.1 s of flash time become about a second


def one(what: Scenario, bundle: Path, flash: Path, design: str, moment: float) -> tuple[str, str]:
    """Kill one device so many seconds into its update; return the phase that was hit, and how it ended."""
    device = LiveDevice(flash, design=design, time_scale=SCALE).start()
    command = ["curl", "-s", "-F", f"file=@{bundle}", "-F", "commit_timeout=60", device.url + "/update"]
    sender = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(moment)
    phase = device.phase
    device.kill()
    sender.wait()
    try:
        with LiveDevice(flash, design=design, time_scale=0, no_sync=True) as device:
            told = device.wait_for(state="running", committed=True)
            if not told["slots"][told["active_slot"]]["whole"]:
                return phase, "runs an image that is not whole"
            came_back = told["version"]
            code, said = device.update(bundle, commit_timeout=60)
            if code != 200:
                return phase, f"the next update is refused: {said}"
            told = device.wait_for(version="2", committed=True)
    except OtalabError as error:
        return phase, f"does not come back: {error}"
    damage = damaged_files(what, Flash.of(what.flash.geometry, flash.read_bytes()), told["active_slot"], "2")
    return phase, damage or f"came back with version {came_back}, then updated"


def main() -> int:
    """Run the rounds and print what they came to."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--design", default="hardened")
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    what, chance = set_up(chosen.design), random.Random(chosen.seed)
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder, "fw.zip")
        bundle.write_bytes(what.bundle)
        for number in tqdm(range(chosen.kills), desc=chosen.design):
            flash = Path(folder, f"{number}.bin")
            counts[one(what, bundle, flash, chosen.design, chance.uniform(0, 1.8))] += 1
            flash.unlink()
    for (phase, end), times in sorted(counts.items()):
        print(f"{times:5}  {phase:9} {end}")
    inside = sum(times for (phase, _), times in counts.items() if phase in INSIDE)
    bad = sum(times for (_, end), times in counts.items() if not end.endswith("then updated"))
    print(f"{chosen.design}: {chosen.kills} kills, {inside} inside the update, {bad} ended badly")
    return 1 if 2 * inside < chosen.kills else 0


if __name__ == "__main__":
    sys.exit(main())

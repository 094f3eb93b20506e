"""Mutated bundles by HTTP: each is refused or installed whole, and the device goes on.

    python benchmarks/mutations.py [--bundles 2000] [--seed 1]

Bytes are flipped, the bundle is cut, pieces of it are spliced into one another.
Printed: what the device answered, and its memory before and after.
"""

import argparse
import random
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from otalab import set_up
from otalab.bench.contents import default_bundle
from otalab.wire.live.device import LiveDevice

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from mutators import mutated_bundle


def memory(device: LiveDevice) -> int:
    """Return the resident memory of a device, in KiB."""
    status = Path(f"/proc/{device.process_id}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def main() -> int:
    """Send the bundles and print what became of them."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--bundles", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    what, chance = set_up("hardened", "tiny", app_size=3000), random.Random(chosen.seed)
    answers: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        flash = Path(folder, "flash.bin")
        with LiveDevice(flash, board="tiny", design="hardened", time_scale=0, no_sync=True) as device:
            device.update(what.bundle)
            device.wait_for(version="2", committed=True)
            before = memory(device)
            for number in tqdm(range(chosen.bundles), desc="bundles"):
                code, said = device.update(mutated_bundle(chance, what.bundle))
                answers[f"{code} {re.sub(r'[:(].*', '', said)}"] += 1
                told = device.wait_for(state="running", committed=True)
                if code not in (200, 400) or not told["slots"][told["active_slot"]]["whole"]:
                    wrong.append((number, code, said, told))
            after = memory(device)
            good = device.update(default_bundle(what.device.board, "3", 3000))
            device.wait_for(version="3", committed=True)
        tracebacks = sum("Traceback" in line for line in device.log)
    for answer, times in answers.most_common():
        print(f"{times:5}  {answer}")
    print(f"memory {before} KiB before, {after} KiB after; {tracebacks} tracebacks; then a good one: {good}")
    for problem in wrong:
        print("wrong:", *problem)
    return 1 if wrong or tracebacks else 0


if __name__ == "__main__":
    sys.exit(main())

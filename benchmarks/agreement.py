"""Whether four engines agree: exact lies inside the 99.9 % interval of each sampler, for every design that closes.

    python benchmarks/agreement.py [tiny|default] [CHAIN DEVICES] [FIRMWARE DEVICES]

On the tiny board every design and image, under `all` if that graph closes and else under `atomic`, with a million
devices of `chain`, 1e12 of `crowd` and ten thousand of `firmware`; `default` is the default scenario with two hundred
devices of `firmware`, at a rate at which most of them meet a cut.
"""

import sys
import time
from itertools import product

from otalab.bench.ends import BAD
from otalab.firmware.catalogue import designs
from otalab.numbers.campaigns.campaign import CHUNK
from otalab.numbers.engines.engines import crowds, sample
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Rates
from otalab.numbers.stats import interval
from otalab.numbers.study import Study, study

IMAGES = ("healthy", "hangs", "crashes", "flaky:0.3")
# Per hour: about one cut for each update, and so many where records are written that failures are common.
RATES = Rates(60.0, (("download", 300.0), ("switch", 5000.0), ("commit", 5000.0), ("rollback", 5000.0)))
SEED = 5
BUDGET = 400


def closed(design: str, image: str, board: str) -> Study | None:
    """Return the harshest study of a design whose graph closes."""
    for faults in ("all", "atomic"):
        one = study(design, RATES, board=board, image=image, faults=faults, budget=BUDGET)
        if one.graph.closed:
            return one
    return None


def counts(one: Study, engine: str, devices: int) -> dict[str, int]:
    """Return how many devices of each end an engine finds."""
    fleet = Fleet((one,))
    if engine == "crowd":
        return crowds(fleet, devices, SEED).groupby("end", observed=True).devices.sum().to_dict()
    found: dict[str, int] = {}
    size = CHUNK[engine]
    for first in range(0, devices, size):
        table = sample(fleet, engine, SEED, first, min(size, devices - first))
        for end, count in table.end.value_counts()[lambda n: n > 0].items():
            found[end] = found.get(end, 0) + count
    return found


def main() -> None:
    """Print a row for each design, image and engine; the exit status is 1 if one of them is outside."""
    board = "lab-1M" if sys.argv[1:2] == ["default"] else "tiny"
    chain = int(float(sys.argv[2])) if len(sys.argv) > 2 else 1_000_000
    firmware = int(float(sys.argv[3])) if len(sys.argv) > 3 else 10_000 if board == "tiny" else 200
    outside = cells = 0
    for design, image in product(designs(), IMAGES):
        one = closed(design, image, board)
        if one is None:
            print(f"{design:14} {image:10} does not close", flush=True)
            continue
        exact = one.weighed.ends
        bad = sum(exact[end] for end in BAD)
        cuts = one.weighed.expected()["cuts"]
        print(f"{design:14} {image:10} {one.faults:7} {cuts:6.2f} cuts, bad {bad:.3e}", flush=True)
        for engine, devices in (("chain", chain), ("crowd", 10**12), ("firmware", firmware)):
            begun = time.perf_counter()
            found = counts(one, engine, devices)
            seconds, told = time.perf_counter() - begun, []
            for end, probability in exact.items():
                within = interval(found.get(end, 0), devices, 0.999)
                cells += 1
                if not within.low <= probability <= within.high:
                    outside += 1
                    told.append(f"{end} {probability:.6g} outside {within.low:.6g} to {within.high:.6g}")
            ends = ", ".join(f"{end} {count:,}" for end, count in sorted(found.items()))
            print(f"    {engine:9} {seconds:7.2f} s  {ends}{'  ' if told else ''}{'; '.join(told)}", flush=True)
    print(f"{outside} of {cells} intervals do not hold the exact value")
    sys.exit(outside > 0)


if __name__ == "__main__":
    main()

"""How fast devices are sampled on one core, beside what the same core needs merely to draw their random numbers.

    python benchmarks/engines.py [DEVICES]

The default scenario, `hardened` under `all`; the loop without the writing of the table, compiled before the clock
starts.  A device needs one number for each run that it comes through, and one or two more for each cut; so the ratio
is that of a table look-up to a draw.  Memory is that of the arrays of one chunk, however many devices there are.
"""

import os
import resource
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from otalab.numbers.campaigns.campaign import CHUNK
from otalab.numbers.engines.chain import send, tables
from otalab.numbers.engines.engines import crowds
from otalab.numbers.engines.streams import STEP, key, mixed, uniform
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Rates
from otalab.numbers.study import study

RATES = {
    "1.4 a year": Rates(1.4 / 8766),
    "0.9 a day": Rates(0.9 / 24),
    "several cuts each": Rates(500.0),
}


def draw(seed: Any, devices: int, numbers: int) -> float:
    """Draw so many numbers for each device, and return their sum so that nothing is left out."""
    total = 0.0
    for device in range(devices):
        counter = mixed(seed + np.uint64(device) * STEP)
        for _ in range(numbers):
            counter += STEP
            total += uniform(counter)
    return total


def timed(call: Any, *arguments: Any) -> float:
    """Return the median seconds of five calls."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        call(*arguments)
        times.append(time.perf_counter() - begun)
    return median(times)


def main() -> None:
    """Print a row for each rate, and one for the crowd."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    from numba import njit  # noqa: PLC0415  # this benchmark is about compiled loops

    devices = int(float(sys.argv[1])) if len(sys.argv) > 1 else 2_000_000
    drawn = njit(draw)
    fleets = {}
    for label, rates in RATES.items():
        one = study("hardened", rates)
        table = tables([one.weighed.walk])
        walked = send(table, 1, 0, 1000)
        numbers = round(2 + 2 * float(walked.cuts.mean()))
        drawn(key(1), 10, numbers)
        walking, drawing = timed(send, table, 1, 0, devices), timed(drawn, key(1), devices, numbers)
        print(
            f"chain, {label:18} {devices / walking / 1e6:7.1f} million devices/s, {walked.cuts.mean():.4f} cuts each; "
            f"{numbers} numbers each drawn at {devices / drawing / 1e6:.1f} million devices/s: "
            f"{drawing / walking:.2f} of that",
            flush=True,
        )
        fleets[label] = Fleet((one,))
    for label, fleet in fleets.items():
        print(f"crowd, {label:18} 1e12 devices in {timed(crowds, fleet, 10**12, 1):.3f} s", flush=True)
    table, size = tables([fleets["0.9 a day"].studies[0].weighed.walk]), CHUNK["chain"]
    for many in (10**5, 10**6, 10**7):
        for first in range(0, many, size):
            send(table, 1, first, size)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"memory after {many:>10,} devices in chunks of {size:,}: {peak:.0f} MiB at most", flush=True)


if __name__ == "__main__":
    main()

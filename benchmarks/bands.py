"""How wide the bands of `risk` are, and how long they take, for every design at four rates; and who stays open.

    python benchmarks/bands.py [DESIGN ...]

Default options; a process for each cell, so that nothing is known beforehand.  Seconds are those of a processor.
`widest` is the widest band of an end, the interval's whole width; `over` is the largest share of a band in what is
allowed: at the rare rates the wider of 2 % of the end that it bounds and 1e-9, at the others 0.03.
Then the chain sends a campaign of 100,000 devices, and at the rare rates the crowd one of 10^9 (it tells devices apart
by their number of cuts, which are hundreds at 3,600 an hour): `open` are those whose end is unknown.
"""

import subprocess
import sys
import time

from otalab.bench.ends import ENDS
from otalab.firmware.catalogue import designs
from otalab.numbers.engines.engines import crowds, sample
from otalab.numbers.fleet import Fleet
from otalab.numbers.study import study

RATES = {"1.4/year": True, "0.9/day": True, "600/hour": False, "3600/hour": False}  # whether it is a rare one


def allowed(rare: bool, high: float) -> float:
    """Return how wide the band of an end may be."""
    return max(1e-9, 0.02 * high) if rare else 0.03


def cell(design: str, rate: str) -> str:
    """Return the row of one design at one rate."""
    begun = time.process_time()
    one = study(design, rate)
    weighed = one.weighed
    bounds = {end: weighed.interval(end) for end in ENDS}
    weighed.expected(), weighed.by_phase()
    took = time.process_time() - begun
    fleet = Fleet((one,))
    begun = time.process_time()
    chain = sample(fleet, "chain", 1, 0, 100_000)
    lost = int((chain.end == "open").sum())
    if RATES[rate]:
        crowd = crowds(fleet, 10**9, 1)
        lost += int(crowd[crowd.end == "open"].devices.sum())
    sampling = time.process_time() - begun
    over, which = max((((high - low) / allowed(RATES[rate], high)), end) for end, (low, high) in bounds.items())
    widest = max(high - low for low, high in bounds.values())
    lives = len(weighed.sampled.lives) if weighed.sampled else 0
    return (
        f"{design:14} {rate:10} {took:6.1f} s {sampling:5.1f} s  {one.graph.nodes:6} nodes {lives:6} lives "
        f"{weighed.unknown:8.2e} ahead  widest {widest:8.2e}  over {over:5.2f} {which:13} open {lost}"
    )


def main() -> None:
    """Print a row for each cell as it comes."""
    if sys.argv[1:2] == ["--cell"]:
        print(cell(*sys.argv[2:]), flush=True)
        return
    for design in sys.argv[1:] or designs():
        for rate in RATES:
            subprocess.run([sys.executable, __file__, "--cell", design, rate], check=True)


if __name__ == "__main__":
    main()

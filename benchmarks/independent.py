"""Whether `risk` is right: a second simulation, with its own clock, tears and judge, for designs that close or do not.

    python benchmarks/independent.py [LIVES] [SEED] [--cell TEXT] [--part K/N]

`--cell` takes the rows whose words hold the text, as `mongoose` or `tiny hardened all`; `--part 2/6` every sixth row
from the second on, so that the whole can be measured in pieces.

A row for each design, board, fault model, rate and image: so many devices live, and the p-value says how likely counts
as far from what `risk` says are, if it is right.
It is the least of the ends' two-sided binomial ones, times their number (Bonferroni).
Where `risk` has sampled, an end's is the largest over its interval at confidence 1 - 1e-6, and 1e-6 more (Berger and
Boos 1994, Journal of the American Statistical Association 89:1012).
Of graphs that close, the mean number of cuts and of seconds is tested too, by their standard errors.
The exit status is 1 if one of them is below 1e-4.
"""

import argparse
import sys
import time
from collections import Counter
from math import erfc, sqrt
from pathlib import Path
from random import Random

import numpy as np
from scipy.stats import binomtest

from otalab.numbers.study import study

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from independent import Simulation

UNSURE = 1e-6
LEAST = 1e-4
CELLS = [
    *(
        ("tiny", design, faults, rate, image)
        for design in ("single-record", "hardened", "in-place")
        for faults in ("atomic", "all")
        for rate in (600.0, 3600.0)
        for image in ("healthy", "hangs")
    ),
    *(
        ("tiny", design, faults, rate, "healthy")
        for design in ("mongoose", "cc3200", "esp8266", "esp32", "esp-idf", "mgos-boot")
        for faults in ("torn-program", "all")
        for rate in (600.0, 3600.0)
    ),
    *(
        ("tiny", "hardened", faults, 3600.0, "crashes")
        for faults in ("torn-bits", "torn-erase", "zeroed-erase", "weak-erase")
    ),
    # At 3,600 an hour a life of mongoose on the default board takes 27 s: its download hardly ever gets through.
    *((None, design, "all", 600.0, "healthy") for design in ("mongoose", "hardened", "single-record")),
]  # fmt: skip


def p_of_ends(weighed: object, counts: Counter[str], lives: int) -> float:
    """Return how likely counts that are so far from the probabilities are."""
    found = []
    possible = {end: chance for end, chance in weighed.ends.items() if weighed.interval(end)[1] or counts[end]}
    for end, chance in possible.items():
        low, high = (chance, chance) if weighed.closed else weighed.interval(end, confidence=1 - UNSURE)
        nearest = min(max(counts[end] / lives, low), high)
        found.append(binomtest(counts[end], lives, min(1.0, nearest)).pvalue + (0 if weighed.closed else UNSURE))
    return min(1.0, len(found) * min(found))


def p_of_mean(values: list[float], mean: float) -> float:
    """Return how likely a mean as far from the expected one is, by its standard error."""
    error = float(np.std(values, ddof=1)) / sqrt(len(values))
    return erfc(abs(float(np.mean(values)) - mean) / (error * sqrt(2))) if error else float(np.isclose(values[0], mean))


def asked() -> tuple[int, int, list[tuple[str | None, str, str, float, str]]]:
    """Return how many lives, from which seed, of which rows."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("lives", nargs="?", type=int, default=3000)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--cell", default="", metavar="TEXT", help="only rows whose words hold this")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="every Nth row from the Kth on (1/1)")
    arguments = parser.parse_args()
    first, _, step = arguments.part.partition("/")
    if not (first.isdigit() and step.isdigit() and 1 <= int(first) <= int(step)):
        parser.error(f"--part {arguments.part}: K/N is needed, with K from 1 to N, as in 2/6")
    cells = [cell for cell in CELLS if arguments.cell in f"{cell[0] or 'default'} {' '.join(map(str, cell[1:]))}"]
    if not (part := cells[int(first) - 1 :: int(step)]):
        parser.error(f"no row for --cell {arguments.cell!r} and --part {arguments.part}")
    return arguments.lives, arguments.seed, part


def main() -> None:
    """Print a row for each cell as it comes."""
    lives, seed, cells = asked()
    least = 1.0
    for board, design, faults, rate, image in cells:
        one = study(design, rate, board=board, faults=faults, image=image, app_size=500 if board else None)
        weighed, begun = one.weighed, time.process_time()
        many = lives if board else lives // 5
        simulation, random = Simulation(one.scenario, faults, rate), Random(f"{seed} {design} {faults} {rate} {image}")
        lived = [simulation.live(random) for _ in range(many)]
        counts = Counter(fate.end for fate in lived)
        found = [p_of_ends(weighed, counts, many)]
        if weighed.closed:
            expected = weighed.expected()
            found += [p_of_mean([fate.cuts for fate in lived], expected["cuts"]),
                      p_of_mean([fate.seconds for fate in lived], expected["seconds"])]  # fmt: skip
        least = min(least, *found)
        ps = " ".join(f"{p:.4f}" for p in found)
        told = ", ".join(f"{end} {count} ({many * weighed.ends[end]:.1f})" for end, count in sorted(counts.items()))
        print(
            f"{one.board.name:7} {design:14} {faults:13} {rate:6g}/h {image:8} "
            f"{'closed' if weighed.closed else 'open  '} {many:6} lives "
            f"{time.process_time() - begun:6.1f} s  p {ps:22}  {told}",
            flush=True,
        )
    print(f"the least p-value is {least:.2g}")
    sys.exit(int(least < LEAST))


if __name__ == "__main__":
    main()

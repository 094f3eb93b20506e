"""Whether `risk` is right: a second simulation, with its own clock, tears and judge, for designs that close or do not.

    python benchmarks/independent.py [LIVES] [SEED]

A row for each design, board, fault model, rate and image: so many devices live, and the p-value says how likely counts
as far from what `risk` says are, if it is right.
It is the least of the ends' two-sided binomial ones, times their number (Bonferroni).
Where `risk` has sampled, an end's is the largest over its interval at confidence 1 - 1e-6, and 1e-6 more (Berger and
Boos 1994, Journal of the American Statistical Association 89:1012).
Of graphs that close, the mean number of cuts and of seconds is tested too, by their standard errors.
The exit status is 1 if one of them is below 1e-4.
"""

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
    *((None, design, "all", 3600.0, "healthy") for design in ("mongoose", "hardened", "single-record")),
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


def main() -> None:
    """Print a row for each cell as it comes."""
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    least = 1.0
    for board, design, faults, rate, image in CELLS:
        one = study(design, rate, board=board, faults=faults, image=image, app_size=500 if board else None)
        weighed, begun = one.weighed, time.process_time()
        many = lives if board else lives // 20
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
    sys.exit(least < LEAST)


if __name__ == "__main__":
    main()

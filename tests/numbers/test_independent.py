"""The short form of `benchmarks/independent.py`: a second simulation comes to what the exact answer says."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from independent import Simulation
from scipy.stats import binomtest, norm

from otalab.numbers.study import study

LIVES = 150
LEAST = 1e-4 / 20  # of any of the values here, so that all of them fail by chance as rarely as one of 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "faults", "image"),
    [("single-record", "all", "healthy"), ("hardened", "all", "hangs"), ("mongoose", "atomic", "healthy")],
)
def test_devices_with_a_clock_tears_and_a_judge_of_their_own_come_to_the_same(design, faults, image):
    """Ends as often as `risk` says, and as many cuts and seconds on the average."""
    one = study(design, 1800.0, board="tiny", faults=faults, image=image, app_size=500)
    simulation, random, expected = Simulation(one.scenario, faults, 1800.0), Random(17), one.weighed.expected()
    lived = [simulation.live(random) for _ in range(LIVES)]
    counts = Counter(fate.end for fate in lived)

    for end, chance in one.weighed.ends.items():
        assert LEAST < binomtest(counts[end], LIVES, min(1.0, chance)).pvalue
    for name in ("cuts", "seconds"):
        values = [getattr(fate, name) for fate in lived]
        mean = sum(values) / LIVES
        error = (sum((value - mean) ** 2 for value in values) / LIVES**2) ** 0.5
        assert LEAST < 2 * norm.sf(abs(mean - expected[name]) / error)

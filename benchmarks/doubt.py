"""Hostile histories at random, over every cell that `docs/verdicts.csv` calls safe.

    python benchmarks/doubt.py [--seconds 600] [--seed 1]

The cells share the time; each has its own seed, so that a longer run of the same seed lives the same histories first.
It prints each history whose end the graph of its cell does not have, and ends with 1 if there is one.
"""

import argparse
import csv
import sys
import time
from itertools import count
from pathlib import Path

from tqdm import tqdm

from otalab import set_up
from otalab.faults.models import fault_model
from otalab.graph.doubt import Doubt, Doubter

VERDICTS = Path(__file__).parent.parent / "docs" / "verdicts.csv"


def doubted(row: dict[str, str], seconds: float, seed: int) -> Doubt:
    """Live histories of one cell for so long, and one at least."""
    scenario = set_up(row["design"], "tiny", image=row["image"], used=row["start"] == "used")
    until, asked = time.monotonic() + seconds, count()
    doubter = Doubter(scenario, fault_model(row["faults"]), seed)
    return doubter.doubt(row["ends"].split(), lambda _so_far: next(asked) == 0 or time.monotonic() < until)


def main() -> int:
    """Doubt each cell for its share of the time, and print what all came to."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=1)
    told = options.parse_args()
    with VERDICTS.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["verdict"] == "safe"]
    histories = cuts = deepest = strange = 0
    ends = time.monotonic() + told.seconds
    for number, row in enumerate(tqdm(rows, unit=" cells")):
        share = (ends - time.monotonic()) / (len(rows) - number)
        doubt = doubted(row, share, told.seed + number)
        histories, cuts, deepest = histories + doubt.histories, cuts + doubt.cuts, max(deepest, doubt.deepest)
        if doubt.strange:
            strange += 1
            legs = ",".join(leg.text for leg in doubt.strange.legs)
            print(f"{row['design']} {row['start']} {row['faults']} {row['image']}: {legs} ends {doubt.strange.end}")
    print(
        f"{len(rows)} safe cells, {histories:,} histories, {cuts:,} cuts, {deepest} at most in one, "
        f"{strange} ends that no graph has"
    )
    return bool(strange)


if __name__ == "__main__":
    sys.exit(main())

"""Firmware switched on with anything at all in its records: every power-on must end in an outcome.

    python benchmarks/any_flash.py [--cases 100000] [--near]

Every design of the catalogue on every board; with `--near` instead every design that differs from one by one choice,
on the tiny board.  A fifth of the cases is spread evenly, the others by how small a board is: there a case is quick.
A case that does not end in an outcome is told by its number, from which it can be made again.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from math import ceil
from pathlib import Path
from random import Random

from tqdm import tqdm

from otalab.errors import BadInput
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.design import Design
from otalab.firmware.image import TEMPERS
from otalab.hardware.board import boards, load_board

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
import any_flash
from near_designs import near


def place(where: tuple[Design, str, int]) -> tuple[Counter[str], list[str]]:
    """Return how the power-ons of one design on one board ended, and what did not end in an outcome."""
    design, board, cases = where
    ends, faults = Counter[str](), []
    try:
        any_flash.ground(design, board, TEMPERS[0])
    except BadInput:  # a board without what the design needs
        return Counter({"designs that do not fit a board": 1}), []
    for number in range(cases):
        name = f"{design.name}/{board}/{number}"
        chance = Random(name)
        one = any_flash.ground(design, board, chance.choice(TEMPERS))
        try:
            ends.update(type(one).__name__ for one in any_flash.outcomes(chance, one, any_flash.spoilt(chance, one)))
        except Exception as fault:  # noqa: BLE001  # any is what is looked for
            faults.append(f"{name}: {type(fault).__name__}: {fault}")
    any_flash.ground.cache_clear()
    return ends, faults


def spread(cases: int, pairs: list[tuple[Design, str]]) -> list[tuple[Design, str, int]]:
    """Return the pairs with at least so many cases in all: a fifth of them evenly, the others by one over the size."""
    light = [1 / load_board(board).geometry.size for _, board in pairs]
    return [
        (design, board, ceil(0.2 * cases / len(pairs) + 0.8 * cases * one / sum(light)))
        for (design, board), one in zip(pairs, light, strict=True)
    ]


def main() -> int:
    """Try the cases, and say how they ended; 1 if one of them did not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--near", action="store_true")
    chosen = parser.parse_args()
    where = list(product(map(load_design, designs()), boards()))
    if chosen.near:
        where = [(one, "tiny") for name in designs() for one in near(name)]
    shares = spread(chosen.cases, where)
    ends, faults = Counter[str](), list[str]()
    with ProcessPoolExecutor() as pool:
        for found, bad in tqdm(pool.map(place, shares), total=len(shares)):
            ends.update(found)
            faults += bad
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(ends.items()))
    tried = sum(cases for *_, cases in shares)
    print(f"{tried:,} cases, {len(where)} designs and boards, {ends.total():,} power-ons: {told}")
    print("\n".join(faults[:20]) or "every one of them ended in an outcome")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Whether campaigns have the same rows, bit for bit, on every Python: a digest for each engine, to be compared.

    python3.11 benchmarks/same_rows.py; python3.12 benchmarks/same_rows.py; python3.13 benchmarks/same_rows.py

A design that closes and one that does not, which is sampled ahead; a plain supply, and one that holds up and bounces.
The digest is SHA-256 over the columns of the table as they lie in memory.
"""

import sys
from hashlib import sha256

import pandas as pd

from otalab.numbers.engines.engines import crowds, sample
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Bounce, Rates
from otalab.numbers.study import study

SUPPLIES = {"plain": Rates(600.0), "not plain": Rates(600.0, hold_up=1e-4, bounce=Bounce(0.3, 60.0))}
KINDS = (("single-record", "all", 1000), ("cc3200", "torn-program", 100))


def digest(table: pd.DataFrame) -> str:
    """Return what tells tables of different bits apart."""
    found = sha256()
    for name in table.columns:
        column = table[name]
        values = column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column
        found.update(name.encode() + values.to_numpy().tobytes())
    return found.hexdigest()[:16]


def main() -> None:
    """Print a row for each campaign."""
    for name, rates in SUPPLIES.items():
        for design, faults, budget in KINDS:
            one = study(design, rates, board="tiny", app_size=500, faults=faults, budget=budget)
            fleet = Fleet((one,))
            tables = {
                "chain": sample(fleet, "chain", 7, 0, 20_000),
                "firmware": sample(fleet, "firmware", 7, 0, 100),
                "crowd": crowds(fleet, 10**9, 7),
            }
            for engine, table in tables.items():
                print(f"{name:9} {design:13} {engine:8} {digest(table)}", flush=True)
    print(f"Python {sys.version.split()[0]}", file=sys.stderr)


if __name__ == "__main__":
    main()

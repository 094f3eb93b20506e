"""The verdict on every design: fault models across, images down, on a shipped device and on a used one.

    python benchmarks/verdicts.py [DESIGN ...]

It explores each cell on the tiny board and writes `docs/verdicts.csv` and `docs/verdicts.md`; with names, only their
rows are made anew.  `tests/whole/test_verdicts.py` makes the quick ones again and compares.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

from tqdm import tqdm

from otalab.faults.models import FAULTS, SIX
from otalab.firmware.catalogue import designs
from otalab.firmware.image import TEMPERS
from otalab.graph.check import check_design

DOCS = Path(__file__).parent.parent / "docs"
CSV, PAGE = DOCS / "verdicts.csv", DOCS / "verdicts.md"
BOARD, BUDGET = "tiny", 200
# Torn records of a journal are told apart by their bytes, all of them: what matters comes late.  Tries are counted.
BUDGETS = dict.fromkeys(("ab-tries", "ab-tries-both"), 300) | dict.fromkeys(("mgos-boot", "mgos-boot-both"), 1000)
STARTS = ("shipped", "used")
KEY = ("design", "start", "faults", "image")
COLUMNS = (*KEY, "verdict", "ends", "states", "seconds", "id")
MARKS = {"safe": "safe", "unsafe": "**unsafe**", "open": "open"}

Row = dict[str, str]


def cell(key: tuple[str, str, str, str]) -> Row:
    """Return the row of one cell."""
    design, start, faults, image = key
    found = check_design(design, faults, image, BOARD, budget=BUDGETS.get(design, BUDGET), used=start == "used")
    bad = found.graph.counterexample
    said = (found.graph.verdict, " ".join(found.graph.ends), str(found.graph.nodes), f"{found.seconds:.1f}")
    return dict(zip(COLUMNS, (*key, *said, found.case.identity(bad) if bad else ""), strict=True))


def every_key(names: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the key of every cell, in the order of the table."""
    yield from product(names, STARTS, FAULTS, TEMPERS)


def stored() -> list[Row]:
    """Return the rows as they were written."""
    with CSV.open(newline="") as file:
        return list(csv.DictReader(file))


def page(rows: list[Row]) -> str:
    """Return the rows as a page: a table for each design and start, and the shortest history of what is unsafe."""
    by_key = {tuple(row[name] for name in KEY): row for row in rows}
    names = list(dict.fromkeys(row["design"] for row in rows))
    lines = [
        "# Verdicts",
        "",
        f"Every design of the catalogue on the board `{BOARD}`, for any number of power cuts.",
        "A *used* device has taken one update before the one that is explored.",
        f"A graph that did not close within {BUDGET} nodes is `open`, if nothing bad was found in it.",
        f"For `mgos-boot` and its mended twin it is {BUDGETS['mgos-boot']} nodes, for `ab-tries` and its own 300.",
        "`all` is the union of the six before it: it is unsafe where one of them is.",
        "Made by `python benchmarks/verdicts.py`; the numbers are in `verdicts.csv`.",
        "A history is played by `otalab replay ID`.",
    ]
    for design in names:
        lines += ["", f"## {design}"]
        for start in STARTS:
            lines += [
                "",
                f"On a {start} device:",
                "",
                f"| image | {' | '.join(FAULTS)} |",
                "| --- " * (len(FAULTS) + 1) + "|",
            ]
            for image in TEMPERS:
                found = {faults: by_key[design, start, faults, image]["verdict"] for faults in FAULTS}
                if found["all"] == "open" and "unsafe" in [found[one] for one in SIX]:
                    found["all"] = "unsafe"
                lines.append(f"| {image} | {' | '.join(MARKS[one] for one in found.values())} |")
        lines += list(_histories([by_key[key] for key in every_key([design])]))
    return "\n".join(lines) + "\n"


def _histories(rows: list[Row]) -> Iterator[str]:
    """Yield one line for each bad end: the first history that was found to lead there."""
    seen: set[str] = set()
    for row in rows:
        bad = row["ends"].split()
        if row["id"] and row["id"].rsplit("/", 1)[1] not in seen:
            history = row["id"].rsplit("/", 1)[1]
            if not seen:
                yield ""
            seen.add(history)
            yield f"- `{row['id']}`: {', '.join(bad)}."


def main() -> None:
    """Make the cells anew, and write both files."""
    names = sys.argv[1:] or designs()
    rows = {tuple(row[name] for name in KEY): row for row in (stored() if CSV.is_file() else [])}
    keys = list(every_key(names))
    with ProcessPoolExecutor() as pool:
        for row in tqdm(pool.map(cell, keys), total=len(keys), unit=" cells"):
            rows[tuple(row[name] for name in KEY)] = row
    order = [rows[key] for key in every_key(designs()) if key in rows]
    with CSV.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(order)
    if len(order) == len(list(every_key(designs()))):
        PAGE.write_text(page(order))


if __name__ == "__main__":
    main()

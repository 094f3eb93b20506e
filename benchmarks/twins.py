"""Whether a design and its twin in C have the same verdict, ends and number of cuts, cell by cell.

    python benchmarks/twins.py [--board tiny --board lab-1M] [--twin mongoose …] [--budget 150] [--few 30]

Every fault model and image on each board.  Searches that tear bit by bit have `--few` nodes, for each has thousands of
wrecks; a search that is broken off by its budget is compared as far as it came.
The last two numbers of a line are the seconds of the design and of its twin, by the clock.
"""

import argparse
import shutil
import tempfile
import time
from itertools import product
from pathlib import Path

from otalab.faults.models import FAULTS
from otalab.firmware.image import TEMPERS
from otalab.graph.check import Cell, check_design
from otalab.own.code import CodeFirmware
from otalab.own.page import Page
from otalab.settings import EXAMPLES

BOARDS = ("tiny", "lab-1M")
# The name of each example, and the design whose twin it is.
TWINS = {"mongoose": "mongoose", "hardened": "hardened", "mcuboot": "mcuboot-overwrite"}


def compiled(name: str, folder: Path, *, sanitize: bool = False) -> CodeFirmware:
    """Return an example, compiled in another folder: its own stays as it is.

    Without sanitizers a run takes a quarter of the time; what they would say the examples' own tests ask.
    """
    shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("build"))
    if not sanitize:
        page = folder / name / "firmware.toml"
        page.write_text("sanitize = false\n" + page.read_text(encoding="utf-8"), encoding="utf-8")
    return CodeFirmware(Page.load(folder / name))


def facts(cell: Cell) -> tuple[object, ...]:
    """Return what both must have: verdict, ends, states, wrecks of a closed graph, and the shortest history.

    Where a search was broken off, what each reads decides how many wrecks it had come to.
    """
    graph = cell.graph
    bad = graph.counterexample
    return cell.verdict, graph.ends, graph.nodes, graph.closed and graph.wrecks, bad.legs if bad else None


def main() -> None:
    """Print a line for each cell, and how many differ."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--board", action="append", choices=BOARDS)
    options.add_argument("--twin", action="append", choices=TWINS)
    options.add_argument("--budget", type=int, default=150)
    options.add_argument("--few", type=int, default=30)
    words = options.parse_args()
    differ = closed = cells = 0
    with tempfile.TemporaryDirectory() as folder:
        codes = {name: compiled(name, Path(folder)) for name in words.twin or TWINS}
        for board, name, faults, image in product(words.board or BOARDS, codes, FAULTS, TEMPERS):
            budget = words.few if faults == "torn-bits" else words.budget
            found, seconds = [], []
            for firmware in (TWINS[name], codes[name]):
                started = time.perf_counter()
                found.append(check_design(firmware, faults, image, board, budget=budget))
                seconds.append(time.perf_counter() - started)
            same, graph = facts(found[0]) == facts(found[1]), found[0].graph
            cells, differ, closed = cells + 1, differ + (not same), closed + graph.closed
            print(
                f"{board:8} {name:10} {faults:14} {image:9} {'same' if same else 'DIFFER':7} {found[0].verdict:7}"
                f" {'closed' if graph.closed else 'open':7} {graph.nodes:5} {seconds[0]:7.2f} {seconds[1]:7.2f}"
                f"  {' '.join(graph.ends)}",
                flush=True,
            )
    print(f"{cells} cells, {closed} of them closed, {differ} differ")


if __name__ == "__main__":
    main()

"""How long the crash graph takes: the default scenario, growth with the device, a real bundle, the smallest case.

    python benchmarks/explore.py [FOLDER WITH BUNDLES]

Every row is a cold process on one core, imports apart.  Beside the time: runs expanded per second, wrecks looked up one
by one per second, wrecks judged per second with those settled in bulk; the last is never quoted without the first.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROWS = """
import json, resource, sys, time
from otalab.graph.case import Case
from otalab.graph.check import check
from otalab.faults.models import fault_model
from otalab.bench.setup import set_up
design, board, faults, image, bundle = sys.argv[1:6]
begun = time.perf_counter()
data = open(bundle, "rb").read() if bundle else None
cell = check(Case(design, board, faults, image, "until-taken"), set_up(design, board, image=image, bundle=data),
             fault_model(faults))
graph = cell.graph
print(json.dumps({"verdict": graph.verdict, "closed": graph.closed, "nodes": graph.nodes, "runs": graph.expanded,
                  "lookups": graph.lookups, "wrecks": graph.wrecks, "seconds": time.perf_counter() - begun,
                  "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
BOARD = """
name = "lab-{mib}M"
summary = "the lab's board, {mib} times as large"
platform = "lab"
part = "W25Q16JV"
flash_size = {flash}
file_system = "littlefs"
loader = {{ address = 0, size = 0x6000 }}
records = [{{ address = 0x6000, size = 0x1000 }}, {{ address = 0x7000, size = 0x1000 }}]
[[slots]]
app = {{ address = {a}, size = {app} }}
fs = {{ address = {b}, size = {fs} }}
[[slots]]
app = {{ address = {c}, size = {app} }}
fs = {{ address = {d}, size = {fs} }}
"""


def row(design: str, board: str, faults: str, image: str = "healthy", bundle: str = "") -> dict:
    """Explore one case in a process of its own."""
    words = [sys.executable, "-c", ROWS, design, board, faults, image, bundle]
    pinned = (lambda: os.sched_setaffinity(0, {0})) if hasattr(os, "sched_setaffinity") else None
    ran = subprocess.run(words, capture_output=True, text=True, check=True, preexec_fn=pinned)
    return json.loads(ran.stdout)


def show(label: str, told: dict) -> None:
    """Print one row."""
    seconds = told["seconds"]
    print(
        f"{label:44} {told['verdict']:7} {told['nodes']:5} nodes {told['runs']:5} runs {told['wrecks']:>12,} wrecks "
        f"{seconds:7.2f} s {told['MiB']:5.0f} MiB | {told['runs'] / seconds:7.1f} runs/s "
        f"{told['lookups'] / seconds:9.0f} looked up/s {told['wrecks'] / seconds:>12,.0f} judged/s",
        flush=True,
    )


def larger(mib: int, folder: str) -> str:
    """Return the path of a board so many times the size of `lab-1M`, slots and files included."""
    app, fs = 0x40000 * mib, 0x10000 * mib
    starts = {"a": 0x10000, "b": 0x10000 + app, "c": 0x10000 + app + fs, "d": 0x10000 + 2 * app + fs}
    path = Path(folder, f"lab-{mib}M.toml")
    path.write_text(BOARD.format(mib=mib, flash=0x100000 * mib, app=app, fs=fs, **starts))
    return str(path)


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/fixtures")
    show("default scenario, atomic (limit 0.5 s)", row("hardened", "lab-1M", "atomic"))
    show("default scenario, all (limit 10 s, 1 GiB)", row("hardened", "lab-1M", "all"))
    with tempfile.TemporaryDirectory() as boards:
        for mib in (1, 4, 16):
            show(f"hardened, all, {mib} MiB, {256 * mib} sectors", row("hardened", larger(mib, boards), "all"))
    real = folder / "esp32-demo-js-1.0.zip"
    if real.is_file():
        show("esp32-4M, real bundle, all (limit 60 s)", row("hardened", "esp32-4M", "all", bundle=str(real)))
    for design in ("hardened", "hardened-plus", "single-record", "mongoose"):
        show(f"{design}, unstable", row(design, "lab-1M", "unstable"))


if __name__ == "__main__":
    main()

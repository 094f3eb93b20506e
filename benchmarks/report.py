"""How long a review report takes, and how large it is.

    python benchmarks/report.py [DESIGN ...]

Each design is reported by itself, with every default, by the command that a user calls; without one, a renamed copy of
`single-record` is taken.
On Linux all of it runs on one core.
Numbers are printed and judged by whoever reads them.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from otalab.firmware.catalogue import load_design


def copied(folder: Path) -> str:
    """Write a renamed copy of `single-record`, and return its name."""
    toml = load_design("single-record").toml().replace('"single-record"', '"mine"', 1)
    (folder / "mine.toml").write_text(toml)
    return str(folder / "mine.toml")


def main(designs: list[str]) -> None:
    """Print a row for each report."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'design':20} {'seconds':>8} {'of CPU':>8} {'MB':>6}")
        for design in designs or [copied(folder)]:
            page, before = folder / "review.html", os.times()
            begun = time.perf_counter()
            words = [sys.executable, "-m", "otalab", "report", design, "-o", str(page)]
            subprocess.run(words, check=True, capture_output=True)
            seconds, after = time.perf_counter() - begun, os.times()
            cpu = after.children_user - before.children_user + after.children_system - before.children_system
            print(f"{Path(design).stem:20} {seconds:8.1f} {cpu:8.1f} {page.stat().st_size / 1e6:6.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])

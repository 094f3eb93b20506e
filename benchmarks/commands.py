"""What the first commands of the README cost: processor and wall seconds of each, in one tree or in several.

    python benchmarks/commands.py [TREE...]

Processor seconds are those of the command and its children, the least of `--times` runs; on a busy machine they tell
more than the clock.  A tree is a folder that holds the package; without one it is the package that is installed.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = (
    "otalab --help",
    "otalab bundle build fw.zip --app lamp.bin --fs files --board esp8266-4M --version 2.0",
    "otalab trace mongoose --board esp8266-4M --bundle fw.zip --summary",
    "otalab designs --show single-record",
    "otalab check mine.toml --image all",
    "otalab check hardened",
    "otalab report mine.toml -o review.html",
    "otalab risk single-record --rate 1.4/year",
    "otalab risk single-record hardened --rate us-2022",
    "otalab campaign single-record --rate 0.9/day --devices 1e6 --out lamps",
)

# Older trees have it one floor higher.
ENTRY = """
import sys
try:
    from otalab.cli.main import main
except ImportError:
    from otalab.cli import main
sys.argv[0] = "otalab"
sys.exit(main())
"""


def measured(command: str, tree: str, folder: Path) -> tuple[float, float, int]:
    """Run a command once; return its processor seconds, its wall seconds and its exit status."""
    words = shlex.split(command)
    known = {"PYTHONPATH": str(Path(tree).resolve())} if tree else {}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", ENTRY, *words[1:]],
        cwd=folder, env=os.environ | known, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if command.startswith("otalab designs --show"):
        (folder / "mine.toml").write_bytes(ran.stdout)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall, ran.returncode


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", nargs="*", metavar="TREE")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="runs of each (1)")
    chosen = parser.parse_args()
    for tree in chosen.trees or [""]:
        print(f"{tree or 'installed'}: processor s, wall s, exit status", flush=True)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "files").mkdir()
            (folder / "files" / "conf.json").write_text("{}")
            (folder / "lamp.bin").write_bytes(bytes(range(256)) * 64)
            for command in COMMANDS:
                cpu, wall, status = min(measured(command, tree, folder) for _ in range(chosen.times))
                print(f"{cpu:7.2f} {wall:7.2f} {status:3}  {command}", flush=True)


if __name__ == "__main__":
    main()

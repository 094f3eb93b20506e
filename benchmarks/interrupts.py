"""Ctrl-C at random moments of every long command, as real processes: how they end, and what is left.

    python benchmarks/interrupts.py [--moments 10] [--seed 19] [COMMAND...]

Each command runs once to its end (what serves: until it says that it does), and then so often again, with SIGINT for
all of its processes after a random part of that time.  It must end with 130, or with 0 or 1 if it was over before, or
served until then.  Its last line says that it was interrupted; no process of its session is left, and no file but
those that the whole run leaves, of their size.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from otalab.bench.recording import write_recording
from otalab.bench.setup import set_up
from otalab.bench.trace import life

SMALL = ("--board", "tiny", "--faults", "all")
QUICK = ("--board", "tiny", "--faults", "atomic")
RATE = ("--rate", "1/hour")
COMMANDS = {
    "check": ("check", "mongoose", *SMALL, "--save", "found.json", "--graph", "graph.npz"),
    "check --jobs": ("check", "mongoose", "hardened", *SMALL, "--jobs", "2"),
    "explore-recording": ("explore-recording", "update.csv", "--design", "hardened", *QUICK),
    "repair": ("repair", "single-record", *QUICK, "--save", "mended.toml"),
    "report": ("report", "single-record", *QUICK, "--image", "healthy", "-o", "page.html"),
    "risk": ("risk", "hardened", *QUICK, *RATE, "--sensitivity", "--plot", "risk.svg"),
    "campaign": ("campaign", "hardened", *QUICK, *RATE, "--devices", "1e5", "--out", "lamps"),
    "campaign --workers": ("campaign", "hardened", *QUICK, *RATE, "--devices", "1e5", "--workers", "2",
                           "--out", "lamps"),
    "campaign --engine firmware": ("campaign", "hardened", *QUICK, *RATE, "--devices", "300", "--engine", "firmware",
                                   "--out", "lamps"),
    "rollout": ("rollout", "hardened", *QUICK, *RATE, "--devices", "1e5", "--stop", "1e-4", "--repeats", "200"),
    "trace": ("trace", "mongoose", "--board", "esp8266-4M", "--record", "trace.csv", "--plot", "trace.svg"),
    "replay": ("replay", "single-record/lab-1M/atomic/healthy/until-taken/-.5.before,-", "--dump", "dump.bin"),
    "firmware build": ("firmware", "build", "loader"),
    "check --firmware": ("check", "--firmware", "loader", *QUICK),
    "lab": ("lab", "course", "--no-open"),
    "bundle build": ("bundle", "build", "fw.zip", "--app", "app.bin", "--fs", "fs", "--board", "esp8266-4M",
                     "--version", "2"),
    "serve": ("serve", "--flash", "lamp.bin", "--board", "esp8266-4M", "--port", "0"),
    "fleet serve": ("fleet", "serve", "--devices", "50", "--broker", "127.0.0.1:1", "--flash-dir", "fleet"),
    "shadow-service": ("shadow-service", "--broker", "127.0.0.1:1", "--state", "shadows.json"),
}  # fmt: skip
SERVE = ("serve", "fleet serve", "shadow-service")
GIVEN = ("update.csv", "loader", "fs", "app.bin")
INTERRUPTED = 130
STARTS = 0.1  # seconds that Python itself needs; on a busy machine it ends by the signal, before any line of the lab
LINGERS = 10.0  # seconds; whoever is there after that stays
GIVE_UP = 600.0  # seconds; whoever does not end by then does not end


def prepare(folder: Path) -> None:
    """Write what the commands read."""
    write_recording(life(set_up("hardened", "tiny")), str(folder / "update.csv"))
    (folder / "fs").mkdir()
    (folder / "fs" / "conf.json").write_text("{}")
    (folder / "app.bin").write_bytes(bytes(300_000))
    subprocess.run([sys.executable, "-m", "otalab", "firmware", "new", "loader"], cwd=folder, check=True)


def begun(words: tuple[str, ...], folder: Path) -> subprocess.Popen[str]:
    """Start a command, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "otalab", *words], cwd=folder, text=True, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def lasts(name: str, folder: Path) -> float:
    """Return how many seconds a command takes, or until it serves."""
    before = time.perf_counter()
    process = begun(COMMANDS[name], folder)
    assert process.stderr
    if name in SERVE:
        process.stderr.readline()
        took = time.perf_counter() - before
        process.send_signal(signal.SIGINT)
    process.communicate()
    return 1.5 * took if name in SERVE else time.perf_counter() - before


def alive(session: int) -> list[str]:
    """Return the processes of a session that are not over; what is about to end by itself is given the time to.

    Python's tracker of resources ends when it hears that its process has.
    """
    before = time.monotonic()
    while True:
        asked = ["ps", "-s", str(session), "-o", "stat=,args="]
        ran = subprocess.run(asked, capture_output=True, text=True, check=False)
        left = [line for line in ran.stdout.splitlines() if not line.startswith("Z")]
        if not left or time.monotonic() - before > LINGERS:
            return left


def left_in(folder: Path) -> dict[str, int]:
    """Return every file that nobody gave, with its size, and take it away."""
    left = {str(one.relative_to(folder)): one.stat().st_size for one in folder.rglob("*") if one.is_file()}
    for one in folder.iterdir():
        if one.name not in GIVEN:
            shutil.rmtree(one) if one.is_dir() else one.unlink()
    return {name: size for name, size in left.items() if name.split("/")[0] not in GIVEN}


def faults(name: str, moment: float, folder: Path, whole: dict[str, int]) -> list[str]:
    """Press Ctrl-C after so many seconds; return how the command ended, and what is wrong with that."""
    process = begun(COMMANDS[name], folder)
    time.sleep(moment)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all of them
    told = process.communicate(timeout=GIVE_UP)[1].splitlines()
    status, found = process.returncode, []
    if status == -signal.SIGINT and not any("otalab" in line for line in told):
        return ["too early for Python"]
    if status not in (0, 1, INTERRUPTED):
        found.append(f"status {status}")
    if "Traceback" in "\n".join(told):
        found.append("a traceback")
    if status == INTERRUPTED and "interrupted" not in (told or [""])[-1]:
        found.append(f"says {told[-1:]}")
    found += [f"process left: {one}" for one in alive(process.pid)]
    # A campaign's folder goes on where it was, piece by piece: each of its files is whole by its own digest.
    left = {file: size for file, size in left_in(folder).items() if not file.startswith("lamps/")}
    found += [
        f"no file of a whole run: {file} of {size} bytes" for file, size in left.items() if whole.get(file) != size
    ]
    return [str(status), *found]


def main() -> int:
    """Interrupt, and print a line for each command; 1 if one of them does otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="COMMAND", help=f"of: {', '.join(COMMANDS)}")
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--seed", type=int, default=19)
    chosen = parser.parse_args()
    chance, wrong = random.Random(chosen.seed), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for command in chosen.names or COMMANDS:
            lasted = lasts(command, folder)
            whole = left_in(folder)
            ends = [faults(command, chance.uniform(STARTS, lasted), folder, whole) for _ in range(chosen.moments)]
            counted = ", ".join(f"{count} x {status}" for status, count in Counter(end[0] for end in ends).items())
            bad = sorted({one for end in ends for one in end[1:]})
            wrong += bool(bad)
            print(f"{command}: {lasted:.1f} s; {counted}; {'; '.join(bad) or 'nothing wrong'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.pop("OTALAB_DEBUG", None)
    sys.exit(main())

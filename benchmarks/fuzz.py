"""What others send, mutated: at every door and on every wire, without a traceback, a stall, or memory that grows.

    python benchmarks/fuzz.py [--seconds 60] [--seed 1] [--keep FOLDER] [--door NAME ...] [--exchanges N]

Half of the time goes to devices that run, over HTTP, WebSocket and MQTT (`fuzz_wires.py`), half to a process that
reads bundles, manifests, file systems, dumps, TOML, ids, recordings, chunks and shadows (`fuzz_doors.py`).
With `--door` only those doors are tried, with `--exchanges` only the wires, so many messages.
What is sent follows from the seed, which is printed; an input that something is wrong with is kept in a file, and of
the wires the messages that came before.
Printed: what was answered, how long the longest took, by how much the memory grew, at each door and of each device,
and findings; any of them is a failure.
"""

import argparse
import sys
import time
from math import inf
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_doors import DOORS, doors
from fuzz_wires import wires


def on_wires(number: float, seconds: float, seed: int, keep: Path) -> list[str]:
    """Try the wires, and print what was answered; return what is wrong."""
    begun = time.monotonic()
    what = wires(number, seconds, seed)
    for answer, times in sorted(what.answers.items()):
        print(f"{times:8}  {answer}")
    print("KiB, strict and 2017:", *("/".join(map(str, both)) for both in what.grown))
    print(f"{what.answers.total()} exchanges in {time.monotonic() - begun:.0f} s, seed {seed}")
    if what.wrong:
        keep.mkdir(parents=True, exist_ok=True)
        place = keep / f"wires-{seed}"
        place.write_bytes(b"\n\n".join(map(ascii_line, what.last)))
        print(f"the last messages are kept in {place}")
    return what.wrong


def ascii_line(message: bytes) -> bytes:
    """Return a message in one line, as Python would have it."""
    return repr(message).encode()


def at_doors(names: list[str], seconds: float, seed: int, keep: Path) -> list[str]:
    """Try the doors, and print what went in; return what is wrong."""
    tried = doors(names, seconds, seed, keep)
    for one in tried:
        for answer, times in sorted(one.answers.items()):
            print(f"{times:8}  {answer}")
        quarter, end = one.memory[0], one.memory[-1]
        print(f"{'':8}  {one.door}: {one.longest:.2f} s at most, {end - quarter:+} KiB from {quarter}")
    print(f"doors for {seconds:.0f} s, seed {seed}")
    return [problem for one in tried for problem in one.wrong()]


def main() -> int:
    """Try, and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=60.0, help="for how long in all (60)")
    options.add_argument("--seed", type=int, default=1, help="from which all inputs follow (1)")
    options.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="where what is found is kept")
    options.add_argument("--door", action="append", choices=DOORS, help="only this door; repeatable")
    options.add_argument("--exchanges", type=int, help="only the wires, with so many messages")
    chosen = options.parse_args()
    wrong = []
    if not chosen.door:
        for_wires = inf if chosen.exchanges else chosen.seconds / 2
        wrong += on_wires(chosen.exchanges or inf, for_wires, chosen.seed, chosen.keep)
    if not chosen.exchanges:
        for_doors = chosen.seconds if chosen.door else chosen.seconds / 2
        wrong += at_doors(chosen.door or list(DOORS), for_doors, chosen.seed, chosen.keep)
    print(f"{len(wrong)} findings")
    for problem in wrong:
        print("wrong:", problem)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

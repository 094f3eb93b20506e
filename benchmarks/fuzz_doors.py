"""Inputs made from a seed, each tried in a process behind the doors: it takes or refuses them, and goes on.

An input is known by its door, the seed and its number, and is the same on every machine.
"""

import multiprocessing
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from doors import DOORS

LONGEST = 1.0  # seconds of processor time for one input
HUNG = 60.0  # seconds on the wall, after which nobody waits for it any more
GROWTH_KIB = 32_768  # between the first quarter, when all code is loaded, and the end


def made(door: str, seed: int, number: int) -> bytes:
    """Return an input."""
    return DOORS[door].made(random.Random(f"{seed}/{door}/{number}"))


@dataclass(frozen=True)
class Trial:
    """How one input went: taken or refused, in how many seconds of the processor; or what went wrong."""

    taken: bool
    seconds: float
    wrong: str = ""


def behind(link: Connection, place: str) -> None:
    """Try the inputs that are named, one after the other, until there are no more."""
    folder = Path(place, "work")
    folder.mkdir()
    while (named := link.recv()) is not None:
        taken, wrong = False, ""
        try:
            data = made(*named)
            begun = time.process_time()
            taken = DOORS[named[0]].passed(data, folder)
        except BaseException:  # noqa: BLE001  # whatever it is, it is what is looked for
            wrong = traceback.format_exc()
        link.send(Trial(taken, time.process_time() - begun, wrong))


class Behind:
    """The process behind the doors; one that died or hangs is replaced by another."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.starts = 0
        self._start()

    def _start(self) -> None:
        self.starts += 1
        context = multiprocessing.get_context("spawn")
        self.link, theirs = context.Pipe()
        place = Path(self.place, str(self.starts))
        place.mkdir()
        self.process = context.Process(target=behind, args=(theirs, str(place)), daemon=True)
        self.process.start()
        theirs.close()

    def trial(self, door: str, seed: int, number: int) -> Trial:
        """Have one input tried."""
        self.link.send((door, seed, number))
        begun = time.monotonic()
        try:
            if self.link.poll(HUNG):
                return self.link.recv()
            wrong = "it hangs"
            self.process.kill()
        except (EOFError, ConnectionError):
            wrong = "the process ended"
        self.process.join()
        wrong = f"{wrong}: exit code {self.process.exitcode}"
        self._start()
        return Trial(False, time.monotonic() - begun, wrong)

    def memory(self) -> int:
        """Return its resident memory, in KiB."""
        return psutil.Process(self.process.pid).memory_info().rss // 1024

    def end(self) -> None:
        """Have no more."""
        self.process.kill()
        self.process.join()


def doors(names: list[str], seconds: float, seed: int, keep: Path) -> tuple[Counter[str], dict[str, float], list[str]]:
    """Try inputs at each door in turn; return how many went in, the longest of each door, and what is wrong."""
    answers: Counter[str] = Counter()
    longest = dict.fromkeys(names, 0.0)
    found: dict[str, str] = {}
    grown = []
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as place, tqdm(desc="inputs", mininterval=5) as shown:
        process, number = Behind(place), 0
        while time.monotonic() < end and len(found) <= 20:
            for door in names:
                trial = process.trial(door, seed, number)
                answers[f"{door}: {'wrong' if trial.wrong else 'taken' if trial.taken else 'refused'}"] += 1
                if trial.wrong or (number and trial.seconds > LONGEST):
                    # Once for each place where it goes wrong: thousands of inputs may lead there.
                    where = " ".join(trial.wrong.splitlines()[-4:]) or "too long"
                    if (door + where) not in found:
                        found[door + where] = _kept(keep, (door, seed, number), trial)
                if number:  # the first one of a door loads what it needs
                    longest[door] = max(longest[door], trial.seconds)
            shown.update(len(names))
            grown.append(process.memory())
            number += 1
        process.end()
    wrong = list(found.values())
    if process.starts == 1 and grown[-1] - grown[len(grown) // 4] > GROWTH_KIB:
        wrong.append(f"memory grew from {grown[len(grown) // 4]} to {grown[-1]} KiB")
    answers["KiB at the first quarter"], answers["KiB at the end"] = grown[len(grown) // 4], grown[-1]
    return answers, longest, wrong


def _kept(keep: Path, named: tuple[str, int, int], trial: Trial) -> str:
    """Keep an input in a file; return what is wrong with it, and where it is."""
    door, seed, number = named
    keep.mkdir(parents=True, exist_ok=True)
    path = keep / f"{door.replace(' ', '-')}-{seed}-{number}"
    path.write_bytes(made(*named))
    return f"{door}, seed {seed}, number {number}, {trial.seconds:.2f} s, kept in {path}\n{trial.wrong}"

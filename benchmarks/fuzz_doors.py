"""Inputs made from a seed, each tried in a process behind the doors: it takes or refuses them, and goes on.

An input is known by its door, the seed and its number, and is the same on every machine.
"""

import contextlib
import ctypes
import gc
import multiprocessing
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from doors import DOORS

LONGEST = 1.0  # seconds of processor time for one input
HUNG = 60.0  # seconds on the wall, after which nobody waits for it any more
GROWTH_KIB = 16_384  # between the first quarter, when all code is loaded, and the end, at each door
KEPT = "kept"  # asks the process what it holds
FEWEST = 20  # inputs at a door, or its growth would not be answered
MOST_FOUND = 20


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
        if named == KEPT:
            link.send(kept())
            continue
        taken, wrong = False, ""
        try:
            data = made(*named)
            begun = time.process_time()
            taken = DOORS[named[0]].passed(data, folder)
        except BaseException:  # noqa: BLE001  # whatever it is, it is what is looked for
            wrong = traceback.format_exc()
        link.send(Trial(taken, time.process_time() - begun, wrong))


def kept() -> int:
    """Let go of what has an end, the caches that hold so much and no more, and return the memory of what is left."""
    for one in gc.get_objects():
        if isinstance(one, _lru_cache_wrapper) and one.cache_parameters()["maxsize"] is not None:
            one.cache_clear()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # where the C library has it
        ctypes.CDLL(None).malloc_trim(0)
    return psutil.Process().memory_info().rss // 1024


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

    def kept(self) -> int:
        """Return how much memory it holds of what has no end, in KiB."""
        self.link.send(KEPT)
        return int(self.link.recv())

    def end(self) -> None:
        """Have no more."""
        self.process.kill()
        self.process.join()


@dataclass
class Tried:
    """One door: what went in, the longest that one took, the memory in KiB, and what is wrong, by its place.

    The memory is measured when a quarter of the time has gone by, and at the end.
    """

    door: str
    answers: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    memory: list[int] = field(default_factory=list)
    found: dict[str, str] = field(default_factory=dict)

    def wrong(self) -> list[str]:
        """Return what is wrong, one text for each place where it goes wrong."""
        grows = f"{self.door}: memory grew from {self.memory[0]} to {self.memory[-1]} KiB"
        return [*self.found.values(), *([grows] if self.memory[-1] - self.memory[0] > GROWTH_KIB else [])]


def doors(names: list[str], seconds: float, seed: int, keep: Path) -> list[Tried]:
    """Try inputs at one door after the other, as long at each: so what the memory grows by is this door's doing."""
    with tempfile.TemporaryDirectory() as place, tqdm(desc="inputs", mininterval=5) as shown:
        process, tried = Behind(place), []
        for door in names:
            tried.append(Tried(door))
            _try(tried[-1], process, time.monotonic() + seconds / len(names), (seed, keep, shown.update))
            if sum(len(one.found) for one in tried) > MOST_FOUND:
                break
        process.end()
    return tried


def _try(at: Tried, process: Behind, end: float, how: tuple[int, Path, Callable[[], object]]) -> None:
    (seed, keep, update), number = how, 0
    quarter = time.monotonic() + (end - time.monotonic()) / 4
    while (time.monotonic() < end or number < FEWEST) and len(at.found) <= MOST_FOUND:
        starts, trial = process.starts, process.trial(at.door, seed, number)
        at.answers[f"{at.door}: {'wrong' if trial.wrong else 'taken' if trial.taken else 'refused'}"] += 1
        if trial.wrong or (number and trial.seconds > LONGEST):
            # Once for each place where it goes wrong: thousands of inputs may lead there.
            where = " ".join(trial.wrong.splitlines()[-4:]) or "too long"
            if where not in at.found:
                at.found[where] = _kept(keep, (at.door, seed, number), trial)
        if number:  # the first one of a door loads what it needs
            at.longest = max(at.longest, trial.seconds)
        if process.starts != starts:
            at.memory.clear()  # another process, which begins anew
        elif not at.memory and time.monotonic() > quarter and number >= FEWEST // 4:
            at.memory.append(process.kept())
        number += 1
        update()
    at.memory.append(process.kept())


def _kept(keep: Path, named: tuple[str, int, int], trial: Trial) -> str:
    """Keep an input in a file; return what is wrong with it, and where it is."""
    door, seed, number = named
    keep.mkdir(parents=True, exist_ok=True)
    path = keep / f"{door.replace(' ', '-')}-{seed}-{number}"
    path.write_bytes(made(*named))
    return f"{door}, seed {seed}, number {number}, {trial.seconds:.2f} s, kept in {path}\n{trial.wrong}"

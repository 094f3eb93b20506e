"""What an update costs where nothing disturbs it: seconds, seconds without an image, erases, flash for records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from math import fsum, inf
from typing import Any

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import RUNS, Run, Step, life, run
from otalab.firmware import store
from otalab.firmware.design import Design
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Wait

# Waits in which no image is up; in all others one is, if only to hang.
NOT_UP = ("boot", "reboot", "watchdog")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one update costs, in seconds, erases and bytes.

    `writing`: from the offer to the restart, while the old image runs; `down`: from there until the new one is up;
    `boot`: a later power-on until an image is up, once nothing of the update is left to be written.
    `erases` counts those of every sector, `busiest` those of the sector with most; `records` are bytes of flash that
    hold boot records and update states, and nothing else.
    """

    writing: float
    down: float
    boot: float
    erases: int
    busiest: int
    records: int


def cost(design: str | Design, board: str | Board | None = None, **options: Any) -> Cost:
    """Return what an update of a healthy image costs on a board; options are those of `set_up`."""
    what = set_up(design, board, **options)
    lived = life(what)
    first, later = lived.runs[0], lived.runs[1:]
    restart = fsum(step.seconds for step in first.steps if _is_restart(step))
    erased = Counter(step.effect.sector for part in lived.runs for step in part.steps if isinstance(step.effect, Erase))
    return Cost(
        first.seconds - restart - before_up(first),
        restart + fsum(map(before_up, later)),
        before_up(settled(what, lived.last)),
        erased.total(),
        max(erased.values(), default=0),
        sum(
            what.device.board.geometry.size_of(sector)
            for family in store.families(what.device.board, what.device.design)
            for sector in family.sectors
        ),
    )


def settled(what: Scenario, last: Run) -> Run:
    """Return a power-on that leaves the flash as it was; where each one writes, one of many."""
    for _ in range(RUNS):
        again = run(what, last.flash, last.world)
        if again.flash == last.flash:
            break
        last = again
    return again


def before_up(lived: Run) -> float:
    """Return how long after power-on an image is up: loader, start, and files that are carried over first."""
    loading = list(takewhile(lambda step: not _is_up(step), lived.steps))
    return fsum(step.seconds for step in loading if step.seconds < inf)


def _is_up(step: Step) -> bool:
    return step.phase == "download" or (isinstance(step.effect, Wait) and step.effect.what not in NOT_UP)


def _is_restart(step: Step) -> bool:
    return isinstance(step.effect, Wait) and step.effect.what == "reboot"

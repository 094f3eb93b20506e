"""A second opinion on a proof: hostile histories drawn at random, lived by the plain firmware on plain contents.

Nothing is merged here and nothing is remembered but the probe's answers, so a merge that hides an end comes out.
A draw leans to where it hurts: phases alike however long they are, boot records as often as all else, a kind of tear
as often as another that is left in a thousand ways.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from otalab.bench.observer import Observer
from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import Run, Step, every_run, sector_of
from otalab.errors import BadInput, InternalFault
from otalab.faults.tear import FaultModel, Tear, kind_of
from otalab.firmware.outcome import Reset
from otalab.graph.check import Cell, LostCell
from otalab.graph.history import History, Leg
from otalab.hardware.flash import Flash

DEEPEST = 8  # cuts of one history
MOST_RESETS = 20  # in a row, without a cut: from then on a device is watched for going round


@dataclass(slots=True)
class Doubt:
    """How many histories were lived, how many cuts fell in them, the most in one, and the first that has a new end."""

    histories: int = 0
    cuts: int = 0
    deepest: int = 0
    strange: History | None = None

    @property
    def text(self) -> str:
        """What was lived, in words."""
        lived = f"{self.histories:,} hostile histories at random, {self.cuts:,} cuts, at most {self.deepest} in one"
        return f"{lived}; " + (
            f"one ends {self.strange.end}" if self.strange else "no end that the graph does not have"
        )

    def as_object(self) -> dict[str, object]:
        """Return it as a cell has it."""
        strange = self.strange.end if self.strange else None
        return {"histories": self.histories, "cuts": self.cuts, "deepest": self.deepest, "strange": strange}


def some_seconds(seconds: float) -> float:
    """Return for how long to doubt; anything but more than no seconds, in a number, is `BadInput`."""
    if not (math.isfinite(seconds) and seconds > 0):
        raise BadInput(f"doubt {seconds!r}: how many seconds, more than 0, is needed, as in 60")
    return seconds


def second_opinion(
    cell: Cell, seconds: float, progress: Callable[[Doubt], None] = lambda _doubt: None
) -> tuple[Cell | LostCell, Doubt]:
    """Doubt a closed cell for so many seconds; an end that its graph does not have means that the search is wrong.

    An interrupt ends it early, and keeps what was lived until then.
    """
    doubt, until = Doubt(), time.monotonic() + seconds

    def go_on(so_far: Doubt) -> bool:
        nonlocal doubt
        doubt = so_far
        progress(so_far)
        return time.monotonic() < until

    try:
        doubt = Doubter(cell.scenario, cell.faults).doubt(cell.graph.ends, go_on)
    except KeyboardInterrupt:
        return cell, doubt
    if doubt.strange is None:
        return cell, doubt
    wrong = (
        f"the search is wrong: a history drawn at random ends {doubt.strange.end}, and the closed graph has no such end"
    )
    return LostCell(cell.case, InternalFault(wrong, cell.case.identity(doubt.strange))), doubt


class Doubter:
    """Draws histories of one scenario under one fault model; the same seed draws the same ones."""

    def __init__(self, scenario: Scenario, faults: FaultModel, seed: int = 1) -> None:
        self._scenario, self._faults = scenario, faults
        self._chance, self._observer = random.Random(seed), Observer(scenario)
        self._records = {sector for family in scenario.device.families for sector in family.sectors}

    def doubt(self, ends: list[str], go_on: Callable[[Doubt], bool]) -> Doubt:
        """Live histories until one comes to an end that is not among `ends`, or there is no time for more."""
        doubt = Doubt()
        while doubt.strange is None and go_on(doubt):
            history = self.history(self._chance.randint(1, DEEPEST))
            doubt.histories += 1
            doubt.cuts += len(history.cuts)
            doubt.deepest = max(doubt.deepest, len(history.cuts))
            doubt.strange = None if history.end in ends else history
        return doubt

    def history(self, cuts: int) -> History:
        """Return a history with so many cuts, or fewer where it ends before, and its end."""
        flash, world = self._scenario.flash, self._scenario.power_on(World())
        legs: list[Leg] = []
        while True:
            taken = self._chance.choice(list(every_run(self._scenario, flash, world)))
            choices = "".join(str(draw.taken) for draw in taken.draws)
            if not (cuts and taken.steps) or (isinstance(taken.outcome, Reset) and self._chance.random() < 0.3):
                legs.append(Leg(choices))
                end = self._end(taken)
                if end:
                    return History(tuple(legs), *end)
                flash, world = taken.flash, self._scenario.power_on(taken.world)
                continue
            step = self._step(taken)
            tear, sector = self._tear(step), sector_of(step.effect, step.before)
            legs.append(Leg(choices, step.number, tear.label if tear else "cut", step.phase))
            flash = tear.onto(step.before, sector) if tear and sector is not None else step.before
            world, cuts = self._scenario.power_on(step.world), cuts - 1

    def _step(self, taken: Run) -> Step:
        phase = self._chance.choice(sorted({step.phase for step in taken.steps}))
        steps = taken.during(phase)
        records = [step for step in steps if sector_of(step.effect, step.before) in self._records]
        return self._chance.choice(records if records and self._chance.random() < 0.5 else steps)

    def _tear(self, step: Step) -> Tear | None:
        if sector_of(step.effect, step.before) is None:
            return None
        by_kind: dict[str, list[Tear]] = {}
        for tear in self._faults.tears(step.effect, step.before, self._scenario.device):  # type: ignore[arg-type]
            by_kind.setdefault(kind_of(tear.label), []).append(tear)
        return self._chance.choice(by_kind[self._chance.choice(sorted(by_kind))])

    def _end(self, taken: Run) -> tuple[str, str] | None:
        """Return the end of a run and why; `None` where the device resets, and does not for ever on steady power."""
        end, _ = self._observer.judge_run(taken)
        if end:
            return end.name, end.reason
        return ("stuck", "it reboots for ever") if self._loops(taken.flash, taken.world) else None

    def _loops(self, flash: Flash, world: World) -> bool:
        state = flash, self._scenario.power_on(world)
        states, waiting = {state}, [state]
        for here in waiting:
            for taken in every_run(self._scenario, *here):
                if self._observer.judge_run(taken)[0] or len(waiting) > MOST_RESETS:
                    return False
                after = taken.flash, self._scenario.power_on(taken.world)
                if after not in states:
                    states.add(after)
                    waiting.append(after)
        return True

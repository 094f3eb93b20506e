"""Lives: the real firmware on real contents, under a supply that fails at random; no graph, no merging.

This is what everything quicker is held against.
Where chance decides in a run, it is run in every way, and one of them is drawn; what was run from these very contents
a short while ago is not run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, expm1, fsum, log1p
from operator import mul
from typing import NamedTuple

import numpy as np

from otalab.bench.ends import End
from otalab.bench.observer import Observer
from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import Run, Step, every_run, sector_of
from otalab.errors import BadInput
from otalab.faults.tear import FaultModel, Tear
from otalab.graph.arrays import Floats
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash
from otalab.numbers.engines.streams import Stream
from otalab.numbers.rates import Rates
from otalab.numbers.supplies import FINISHED

RESETS = 20  # in a row without an end: it resets for ever
REMEMBERED = 64  # power-ons whose runs are kept


class PowerOn(NamedTuple):
    """What a power-on finds."""

    flash: Flash
    world: World


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a run can go: its hazard up to the end of each effect, its end, or what follows a reset."""

    run: Run
    hazard_by: Floats
    end: End | None
    follows: PowerOn

    @property
    def hazard(self) -> float:
        return float(self.hazard_by[-1]) if len(self.hazard_by) else 0.0


@dataclass(slots=True)
class Fate:
    """What became of one device so far; `last_cut` is the phase in which the last cut fell."""

    end: str = ""
    cuts: int = 0
    seconds: float = 0.0
    erases: int = 0
    last_cut: str = ""


class Lives:
    """One kind of device, and a supply; the numbers come from each device's own stream."""

    def __init__(self, scenario: Scenario, faults: FaultModel, rates: Rates, *, given_cut: bool = False) -> None:
        self.scenario = scenario
        self.observer = Observer(scenario)
        self.faults = faults
        self.rates = rates
        self.given_cut = given_cut
        self.bounce = rates.bounce.chance if rates.bounce else 0.0
        self._supply = rates, rates.unsteady
        self._start = PowerOn(scenario.flash, scenario.power_on(World()))
        self._ways = lru_cache(REMEMBERED)(self._run)
        self._first_cut = lru_cache(REMEMBERED)(self._chance)

    @property
    def given(self) -> float:
        """The probability of what is taken as given; 1 if nothing is."""
        return self._first_cut(self._start) if self.given_cut else 1.0

    def live(self, stream: Stream) -> Fate:
        """Return what becomes of a device, from the update's offer to its end."""
        here, lived, waits, unsteady = self._start, Fate(), self.given_cut, False
        if not self.given:
            raise BadInput("given a cut: none can happen here at this rate; a higher rate is needed")
        while not lived.end:
            if self._stuck(here):
                lived.end = "stuck"
                break
            ways = self._ways(here, unsteady)
            # Given a cut, a way weighs what it can still do for it; see `walk`.
            on = [exp(-way.hazard) * (self._ahead(way) if waits else 1.0) for way in ways]
            cut = [-expm1(-way.hazard) for way in ways]
            number = _drawn([way.run.probability * (a + b) for way, a, b in zip(ways, on, cut, strict=True)], stream)
            way, share = ways[number], cut[number] / (cut[number] + on[number])
            u = stream.uniform()
            if u < share:
                here = self._cut(way, -log1p(-u / share * cut[number]), stream, lived, unsteady=unsteady)
                waits, unsteady = False, bool(self.bounce) and stream.uniform() < self.bounce
            else:
                lived.seconds += way.run.seconds
                lived.erases += _erases(way.run.steps)
                here = way.follows
                lived.end = way.end.name if way.end else ""
        return lived

    def _cut(self, way: Way, hazard: float, stream: Stream, lived: Fate, *, unsteady: bool) -> PowerOn:
        """Cut a run where so much of its hazard has passed, and return what is left."""
        number = min(int(np.searchsorted(way.hazard_by, hazard, "right")), len(way.run.steps) - 1)
        step = way.run.steps[number]
        rate, before = (
            self._supply[unsteady].per_second(step.phase),
            float(way.hazard_by[number - 1]) if number else 0.0,
        )
        lived.cuts += 1
        within = min((hazard - before) / rate if rate else 0.0, step.seconds)
        lived.seconds += step.at + within
        lived.erases += _erases(way.run.steps[: number + 1])
        lived.last_cut = step.phase
        flash = step.before
        if isinstance(step.effect, (Erase, Program)):
            tears, weights = self._tears(step, finished=step.seconds - within <= self.rates.hold_up > 0)
            flash = tears[_drawn(weights, stream)].onto(flash, sector_of(step.effect, flash))
        return PowerOn(flash, self.scenario.power_on(step.world))

    def _tears(self, step: Step, *, finished: bool) -> tuple[list[Tear], list[float]]:
        assert isinstance(step.effect, (Erase, Program))
        tears = list(self.faults.tears(step.effect, step.before, self.scenario.device))
        if finished:
            held = self.faults.members.index(FINISHED)
            return tears, [tear.weights[held] for tear in tears]
        return tears, [fsum(map(mul, self.faults.shares, tear.weights)) for tear in tears]

    def _run(self, here: PowerOn, unsteady: bool = False) -> tuple[Way, ...]:
        ways = []
        for run in every_run(self.scenario, *here):
            lasting = [step.seconds if np.isfinite(step.seconds) else 0.0 for step in run.steps]
            rates = [self._supply[unsteady].per_second(step.phase) for step in run.steps]
            end, _ = self.observer.judge_run(run)
            follows = PowerOn(run.flash, self.scenario.power_on(run.world))
            ways.append(Way(run, np.cumsum(np.array(lasting) * np.array(rates)), end, follows))
        return tuple(ways)

    def _stuck(self, here: PowerOn) -> bool:
        """Say whether the device resets for ever from here on: no end can be reached without a cut."""
        states = [here]
        for state in states:
            for way in self._ways(state):
                if way.end:
                    return False
                if way.follows not in states and len(states) < RESETS:
                    states.append(way.follows)
        return True

    def _chance(self, here: PowerOn, resets: int = 0) -> float:
        """Return the probability that a cut comes before the end."""
        if resets > RESETS or self._stuck(here):
            return 0.0
        return fsum(
            way.run.probability
            * (-expm1(-way.hazard) + (0.0 if way.end else exp(-way.hazard) * self._chance(way.follows, resets + 1)))
            for way in self._ways(here)
        )

    def _ahead(self, way: Way) -> float:
        return 0.0 if way.end else self._first_cut(way.follows)


def _drawn(weights: Sequence[float], stream: Stream) -> int:
    """Draw one of these weights; one that is alone takes no number."""
    if len(weights) == 1:
        return 0
    left = stream.uniform() * fsum(weights)
    for number, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return number
    return max(number for number, weight in enumerate(weights) if weight)


def _erases(steps: Sequence[Step]) -> int:
    return sum(isinstance(step.effect, Erase) for step in steps)

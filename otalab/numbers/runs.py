"""Runs: those of a crash graph as a supply sees them, with their durations and hazards, effect by effect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from otalab.graph.arrays import Floats, Ints
from otalab.graph.crash_graph import NOTHING, RESET, CrashGraph
from otalab.numbers.rates import Rates
from otalab.numbers.supplies import finished


@dataclass(frozen=True)
class Runs:
    """The runs of a crash graph, with the effects of each in order.

    Run r has the effects `run_effect[r]` to `run_effect[r + 1]`.
    An effect has a duration (seconds), a rate (failures per second), a hazard, the same two summed over those before
    it in its run, the sector it erases (or -1) and a phase.
    If it is interrupted, the supply holds up to its end with the probability `finished`.
    It has the tears `effect_tear[e]` to `effect_tear[e + 1]`; `tear_edge` is the edge of the graph that each makes.
    """

    run_effect: Ints
    effect_run: Ints
    seconds: Floats
    seconds_before: Floats
    rate: Floats
    hazard: Floats
    hazard_before: Floats
    erased: Ints
    phase: Ints
    effect_tear: Ints
    tear_edge: Ints
    finished: Floats

    @classmethod
    def of(cls, graph: CrashGraph, rates: Rates) -> Runs:
        """Return the runs of a graph, at these rates."""
        edges = np.flatnonzero(graph.edge_step != RESET)
        run, step = graph.edge_run[edges], graph.edge_step[edges]
        # An effect has one edge for each class of its tears; they stand together.
        first = np.flatnonzero((np.diff(run, prepend=-1) != 0) | (np.diff(step, prepend=-1) != 0))
        edge, run = edges[first], run[first]
        bounds = np.searchsorted(run, np.arange(len(graph.run_node) + 1))
        # A wait without end is the rest after the end.
        seconds = np.where(np.isfinite(graph.edge_seconds[edge]), graph.edge_seconds[edge], 0.0)
        rate = np.array([rates.per_second(phase) for phase in graph.phases])[graph.edge_phase[edge]]
        return cls(
            run_effect=bounds,
            effect_run=run,
            seconds=seconds,
            seconds_before=sum_before(seconds, bounds),
            rate=rate,
            hazard=rate * seconds,
            hazard_before=sum_before(rate * seconds, bounds),
            erased=graph.edge_erased[edge],
            phase=graph.edge_phase[edge],
            effect_tear=np.append(first, len(edges)),
            tear_edge=edges,
            finished=finished(seconds, rate, rates.hold_up),
        )

    def beside(self, other: Runs) -> Runs:
        """Return these runs and then the same at other rates, with every tear twice: one after the other."""
        bounds, tears = self.run_effect, 2 * self.effect_tear
        values = {
            name: np.append(getattr(self, name), getattr(other, name))
            for name in ("seconds", "seconds_before", "rate", "hazard", "hazard_before", "erased", "phase", "finished")
        }
        return Runs(
            run_effect=np.append(bounds[:-1], bounds + bounds[-1]),
            effect_run=np.append(self.effect_run, self.effect_run + len(bounds) - 1),
            effect_tear=np.append(tears[:-1], tears + tears[-1]),
            tear_edge=np.tile(np.repeat(self.tear_edge, 2), 2),
            **values,
        )

    @cached_property
    def run_seconds(self) -> Floats:
        return self._per_run(self.seconds)

    @cached_property
    def run_hazard(self) -> Floats:
        return self._per_run(self.hazard)

    @cached_property
    def run_erases(self) -> Ints:
        return self._per_run(self.erased != NOTHING).astype(np.int64)

    @cached_property
    def erases(self) -> Ints:
        """How many erases of its run have begun once each effect has."""
        begun = (self.erased != NOTHING).astype(np.float64)
        return np.asarray(sum_before(begun, self.run_effect) + begun, np.int64)

    @cached_property
    def cut_by(self) -> Floats:
        """The probability that a run is interrupted before each of its effects is over."""
        return np.asarray(-np.expm1(-(self.hazard_before + self.hazard)))

    @cached_property
    def cut_in(self) -> Floats:
        """The probability that a run is interrupted in each of its effects."""
        return np.asarray(np.exp(-self.hazard_before) * -np.expm1(-self.hazard))

    @cached_property
    def seconds_if_cut(self) -> Floats:
        """The expected seconds that pass in each effect, given that it is interrupted."""
        h = self.hazard
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            share = 1 / h - 1 / np.expm1(h)
        # The difference loses its digits where h is small; there the series has them.
        return np.asarray(self.seconds * np.where(h < 0.01, 0.5 - h / 12 + h**3 / 720, share))

    def _per_run(self, per_effect: NDArray[np.bool_] | Floats) -> Floats:
        return np.asarray(np.bincount(self.effect_run, per_effect, len(self.run_effect) - 1), np.float64)


def sum_before(values: Floats, bounds: Ints) -> Floats:
    """Return for each value the sum of those before it in its own stretch."""
    before = np.zeros(len(values))
    # Stretch by stretch: a difference between sums over all of them would lose the digits of the small ones.
    for stretch in np.flatnonzero(np.diff(bounds) > 1).tolist():
        a, b = bounds[stretch], bounds[stretch + 1]
        np.cumsum(values[a : b - 1], out=before[a + 1 : b])
    return before

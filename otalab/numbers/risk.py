"""Risk: what becomes of an update, weighed by time and solved exactly.

All answers are expectations per update, and follow from one solution of the walk's absorbing chain: how often each
state is visited, and where it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum

import numpy as np
from numpy.typing import NDArray

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput
from otalab.graph.arrays import Floats
from otalab.graph.crash_graph import NOTHING, RESET, CrashGraph
from otalab.numbers.markov import Solution, solve
from otalab.numbers.rates import Rates
from otalab.numbers.walk import OPEN, Walk, walk


@dataclass(frozen=True)
class Weighed:
    """A crash graph at some rates of power failures.

    `rate` is a number of failures per hour, or `Rates`; `shares` and `given_cut` are as in `walk`.
    """

    graph: CrashGraph
    rate: float | Rates
    shares: Sequence[float] | None = None
    given_cut: bool = False

    @property
    def rates(self) -> Rates:
        return self.rate if isinstance(self.rate, Rates) else Rates(self.rate)

    @cached_property
    def walk(self) -> Walk:
        """The ways that devices take, with their probabilities."""
        return walk(self.graph, self.rates, self.shares, given_cut=self.given_cut)

    @cached_property
    def _solution(self) -> Solution:
        solution = solve(self.walk.chain, self.walk.start)
        # At very high rates the way through underflows to nothing, and a state in which all are cut looks like an end.
        if not np.isclose(solution.ends[self.walk.states :].sum(), 1.0):
            rate = max([self.rates.default, *(rate for _, rate in self.rates.phases)])
            raise BadInput(f"rate: at {rate:g} per hour cuts are expected before any end, as far as a float can tell")
        return solution

    @cached_property
    def _endings(self) -> Floats:
        return self._solution.ends[self.walk.states :]

    @property
    def ends(self) -> dict[str, float]:
        """The probability of each end."""
        return dict(zip(ENDS, self._endings.tolist(), strict=False))

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """For each end, the least and the most that its probability can be, whatever was not explored."""
        return {end: (low, min(1.0, low + self.unknown)) for end, low in self.ends.items()}

    @property
    def bad(self) -> float:
        """The probability of all bad ends together."""
        return fsum(self.ends[end] for end in BAD)

    @property
    def unknown(self) -> float:
        """The probability of coming to where nothing was explored."""
        return float(self._endings[OPEN])

    @property
    def closed(self) -> bool:
        """Whether the bounds meet."""
        return not self.unknown

    @cached_property
    def _visits(self) -> Floats:
        """How often each place is expected to be come by: the visits of its state."""
        return self._solution.visits[: self.walk.states][self.walk.leg_state[self.walk.place_leg]]

    @cached_property
    def _cuts(self) -> Floats:
        """The expected cuts at each place."""
        return self._visits * self.walk.place_cut

    @cached_property
    def _seconds(self) -> Floats:
        """The expected seconds spent at each place."""
        runs, effect = self.walk.runs, self.walk.place_effect
        passed = self._visits * self.walk.place_passed
        return np.asarray(passed * runs.seconds[effect] + self._cuts * runs.seconds_if_cut[effect])

    @cached_property
    def wear(self) -> Floats:
        """The expected erases of each sector, those that were interrupted included."""
        erased = self.walk.runs.erased[self.walk.place_effect]
        begun = self._cuts + self._visits * self.walk.place_passed
        some = erased != NOTHING
        return np.asarray(np.bincount(erased[some], begun[some], int(np.max(erased, initial=-1)) + 1), np.float64)

    def expected(self) -> dict[str, float]:
        """The expected number of cuts, of seconds, and of erases begun, until the end."""
        return {
            "cuts": float(self._cuts.sum()),
            "seconds": float(self._seconds.sum()),
            "erases": float(self.wear.sum()),
        }

    def by_phase(self) -> list[dict[str, float | str]]:
        """For each phase: expected seconds in it, expected cuts, and the probability that the fatal cut falls there.

        A cut is fatal when it leads from where a good or a sad end could still be reached to where none can.
        """
        phase = self.walk.runs.phase[self.walk.place_effect]
        place, tear, probability = self.walk.torn
        fatal = self._fatal[self.walk.runs.tear_edge[tear]]
        bad = self._visits[place] * probability * fatal
        count = len(self.walk.phases)
        columns = (
            np.bincount(phase, self._seconds, count),
            np.bincount(phase, self._cuts, count),
            np.bincount(phase[place], bad, count),
        )
        rows = zip(self.walk.phases, *(column.tolist() for column in columns), strict=True)
        return [{"phase": name, "seconds": s, "p_cut": cut, "p_bad": bad} for name, s, cut, bad in rows]

    @cached_property
    def passages(self) -> Floats:
        """How often each edge of the graph is expected to be taken."""
        edges, (place, tear, probability) = len(self.graph.edge_run), self.walk.torn
        taken = np.bincount(self.walk.runs.tear_edge[tear], self._visits[place] * probability, edges)
        visits = self._solution.visits[: self.walk.states][self.walk.leg_state]
        through = visits * self.walk.leg_probability * self.walk.leg_on
        by_run = np.bincount(self.walk.leg_run, through, len(self.graph.run_node))
        resets = self.graph.edge_step == RESET
        taken[resets] = by_run[self.graph.edge_run[resets]]
        return np.asarray(taken, np.float64)

    @cached_property
    def _fatal(self) -> NDArray[np.bool_]:
        """Which edges are fatal; what was not explored is not called doomed."""
        graph = self.graph
        hope = ~graph.node_followed
        fine = [end for end, name in enumerate(ENDS) if name not in BAD]
        hope[graph.run_node[np.isin(graph.run_end, fine)]] = True
        while True:
            more = hope.copy()
            more[graph.edge_source[hope[graph.edge_target]]] = True
            if (more == hope).all():
                return np.asarray(hope[graph.edge_source] & ~hope[graph.edge_target])
            hope = more

"""Risk: the crash graph weighed by time, and solved exactly.

The supply fails as a Poisson process, so an effect of d seconds is interrupted with probability 1 - exp(-rate·d), and
the fault model says with which probability each tear is left.  The graph so weighed is an absorbing chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from otalab.crash_graph import ENDS, NO_END, RESET, CrashGraph
from otalab.markov import absorption, expected_rewards
from otalab.observer import BAD

OPEN = "open"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Weighed:
    """A crash graph at one rate of power failures, per hour; all answers are per update."""

    graph: CrashGraph
    rate: float

    @cached_property
    def _per_second(self) -> float:
        return self.rate / 3600

    @cached_property
    def _seconds(self) -> Floats:
        """The duration of each edge's effect; a wait without end is the rest after the end."""
        return np.where(np.isfinite(self.graph.edge_seconds), self.graph.edge_seconds, 0.0)

    @cached_property
    def _first(self) -> NDArray[np.bool_]:
        """Which edges are the first of their effect: an effect has one edge for each class of tears."""
        run, step = self.graph.edge_run, self.graph.edge_step
        new = np.ones(len(run), bool)
        new[1:] = (run[1:] != run[:-1]) | (step[1:] != step[:-1])
        return np.asarray(new & (step != RESET))

    @cached_property
    def _elapsed(self) -> Floats:
        """How many seconds of its run have passed when each edge's effect begins."""
        graph = self.graph
        spent = np.where(self._first, self._seconds, 0.0)
        total = np.cumsum(spent)
        before = np.zeros(len(graph.run_node))
        starts = np.flatnonzero(np.diff(graph.edge_run, prepend=-1))
        before[graph.edge_run[starts]] = total[starts] - spent[starts]
        # Within one effect the first edge has added its seconds already; all its edges begin together.
        begun = np.maximum.accumulate(np.where(self._first, total - spent, -np.inf))
        begun = np.where(graph.edge_step == RESET, total, begun)
        return np.asarray(begun - before[graph.edge_run], float)

    @cached_property
    def _run_seconds(self) -> Floats:
        weights = np.where(self._first, self._seconds, 0.0)
        return np.asarray(np.bincount(self.graph.edge_run, weights, len(self.graph.run_node)), float)

    @cached_property
    def _reach(self) -> Floats:
        """The probability that a visit of the node gets as far as the effect of each edge."""
        graph = self.graph
        return graph.run_probability[graph.edge_run] * np.exp(-self._per_second * self._elapsed)

    @cached_property
    def _taken(self) -> Floats:
        """The probability that a visit of the node leaves along each edge."""
        graph = self.graph
        cut = self._reach * -np.expm1(-self._per_second * self._seconds) * graph.edge_weight
        through = graph.run_probability * np.exp(-self._per_second * self._run_seconds)
        return np.where(graph.edge_step == RESET, through[graph.edge_run], cut)

    @cached_property
    def chain(self) -> csr_array:
        """The absorbing chain: the nodes, then one state for each end, then one for what was not explored."""
        graph, nodes = self.graph, self.graph.nodes
        stuck = np.zeros(nodes, bool)
        stuck[list(graph.stuck)] = True
        followed = graph.node_followed | stuck
        inner = ~stuck[graph.edge_source] & followed[graph.edge_source]
        ended = (graph.run_end != NO_END) & ~stuck[graph.run_node] & followed[graph.run_node]
        through = graph.run_probability * np.exp(-self._per_second * self._run_seconds)
        rows = [graph.edge_source[inner], graph.run_node[ended], np.flatnonzero(stuck), np.flatnonzero(~followed)]
        stuck_end = np.full(stuck.sum(), nodes + ENDS.index("stuck"))
        columns = [graph.edge_target[inner], nodes + graph.run_end[ended], stuck_end]
        columns.append(np.full((~followed).sum(), nodes + len(ENDS)))
        values = [self._taken[inner], through[ended], np.ones(stuck.sum()), np.ones((~followed).sum())]
        ends = np.arange(nodes, nodes + len(ENDS) + 1)
        rows.append(ends)
        columns.append(ends)
        values.append(np.ones(len(ends)))
        size = nodes + len(ends)
        whole = coo_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (size, size))
        return csr_array(whole.tocsr())

    @cached_property
    def _absorbed(self) -> Floats:
        return np.asarray(absorption(self.chain))[self.graph.nodes :]

    @property
    def ends(self) -> dict[str, float]:
        """The probability of each end."""
        return dict(zip(ENDS, self._absorbed.tolist(), strict=False))

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """For each end, the least and the most that its probability can be, whatever was not explored."""
        unknown = float(self._absorbed[-1])
        return {end: (low, min(1.0, low + unknown)) for end, low in self.ends.items()}

    def expected(self) -> dict[str, float]:
        """The expected number of cuts, of seconds, and of erases begun, until the end."""
        graph = self.graph
        cuts = np.where(graph.edge_step == RESET, 0.0, self._taken)
        return {
            "cuts": self._total(cuts),
            "seconds": self._total(self._time),
            "erases": self._total(np.where(self._first, graph.edge_erases * self._reach, 0.0)),
        }

    @cached_property
    def _time(self) -> Floats:
        """The expected seconds that a visit of the node spends in the effect of each edge."""
        if not self._per_second:
            return np.where(self._first, self._reach * self._seconds, 0.0)
        spent = -np.expm1(-self._per_second * self._seconds) / self._per_second
        return np.where(self._first, self._reach * spent, 0.0)

    def by_phase(self) -> list[dict[str, float | str]]:
        """For each phase: expected seconds in it, expected cuts, and the probability that the fatal cut falls there.

        A cut is fatal when it leads from where a good or a sad end could still be reached to where none can.
        """
        graph = self.graph
        fatal = self._doomed[graph.edge_target] & ~self._doomed[graph.edge_source]
        cut = graph.edge_step != RESET
        rows: list[dict[str, float | str]] = []
        for number, phase in enumerate(graph.phases):
            here = graph.edge_phase == number
            rows.append(
                {
                    "phase": phase,
                    "seconds": self._total(np.where(here, self._time, 0.0)),
                    "p_cut": self._total(np.where(here & cut, self._taken, 0.0)),
                    "p_bad": self._total(np.where(here & cut & fatal, self._taken, 0.0)),
                }
            )
        return rows

    @cached_property
    def _doomed(self) -> NDArray[np.bool_]:
        """The nodes from which only bad ends can be reached; what was not explored is not called doomed."""
        graph = self.graph
        bad = [ENDS.index(end) for end in BAD]
        hope = np.zeros(graph.nodes, bool)
        hope[graph.run_node[(graph.run_end != NO_END) & ~np.isin(graph.run_end, bad)]] = True
        hope |= ~graph.node_followed
        while True:
            more = hope.copy()
            more[graph.edge_source[hope[graph.edge_target]]] = True
            if (more == hope).all():
                return ~hope
            hope = more

    def _total(self, per_edge: Floats) -> float:
        """Sum a quantity of edges over all visits until the end."""
        nodes = self.graph.nodes
        per_node = np.bincount(self.graph.edge_source, per_edge, nodes)
        per_node[list(self.graph.stuck)] = 0.0
        per_node[~self.graph.node_followed] = 0.0
        rewards = np.concatenate([per_node, np.zeros(len(ENDS) + 1)])
        return float(expected_rewards(self.chain, rewards))

"""Risk: what becomes of an update, weighed by time and solved exactly.

All answers are expectations per update, and follow from one solution of the walk's absorbing chain: how often each
state is visited, and where it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput
from otalab.graph.arrays import Floats
from otalab.graph.crash_graph import NOTHING, RESET, CrashGraph
from otalab.hardware.effects import PHASES
from otalab.numbers.legs import OPEN, Walk
from otalab.numbers.markov import Solution, solve
from otalab.numbers.rates import Rates
from otalab.numbers.sequels import Sampled
from otalab.numbers.stats import interval
from otalab.numbers.walk import walk

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Weighed:
    """A crash graph at some rates of power failures.

    `rate` is a number of failures per hour, or `Rates`; `shares`, `given_cut` and `sampled` are as in `walk`.
    Where a graph is not closed, an answer is a bound; with lives that were sampled from where it ends, an estimate.
    """

    graph: CrashGraph
    rate: float | Rates
    shares: Sequence[float] | None = None
    given_cut: bool = False
    sampled: Sampled | None = None

    @property
    def rates(self) -> Rates:
        return self.rate if isinstance(self.rate, Rates) else Rates(self.rate)

    @cached_property
    def walk(self) -> Walk:
        """The ways that devices take, with their probabilities."""
        return walk(self.graph, self.rates, self.shares, given_cut=self.given_cut, sampled=self.sampled)

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
        """The probability of each end: exact if `closed`, an estimate if `sampled`, else the least that it can be."""
        return dict(zip(ENDS, self._endings.tolist(), strict=False))

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """For each end, the least and the most that its probability can be.

        Whatever was not explored, that is; or, if it was sampled, with 95 % confidence (see `interval`).
        """
        return {end: self.interval(end) for end in ENDS}

    def interval(self, *ends: str, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Return the least and the most that the probability of these ends together can be.

        What was followed is exact; of what lies ahead the weight is known, and the share of it that comes to these ends
        has the Clopper-Pearson interval of the sampled lives, two-sided.
        """
        # Ends that are all there are may add up to a trifle more than 1, which is no probability.
        low = min(1.0, fsum(self._followed[end] for end in ends))
        if self.closed:
            return low, low
        if self.sampled is None:
            return low, min(1.0, low + self.unknown)
        lives = self.sampled.lives.end
        count = int(np.isin(lives, [ENDS.index(end) for end in ends]).sum())
        lost = int((lives == OPEN).sum())
        weight = self.unknown
        least = interval(count, len(lives), confidence).low
        most = interval(count + lost, len(lives), confidence).high
        return low + weight * least, min(1.0, low + weight * most)

    @cached_property
    def _followed(self) -> dict[str, float]:
        """The probability to come to each end by what was followed alone."""
        walk, visits, life = self.walk, self._solution.visits[: self.walk.states], self.walk.leg_life
        if life is None:
            return self.ends
        through = visits[walk.leg_state] * walk.leg_probability * walk.leg_on
        known = life < 0
        place, tear, probability = walk.torn
        target = np.concatenate([walk.leg_through[known], walk.tear_target[tear]])
        weight = np.concatenate([through[known], visits[walk.leg_state[walk.place_leg[place]]] * probability])
        return {end: fsum(weight[target == walk.states + number]) for number, end in enumerate(ENDS)}

    @cached_property
    def lives(self) -> Floats:
        """How likely a device goes on with each of the sampled lives."""
        walk, life = self.walk, self.walk.leg_life
        if life is None:
            return np.zeros(0)
        some = life >= 0
        visits = self._solution.visits[: walk.states][walk.leg_state[some]]
        taken = visits * walk.leg_probability[some] * walk.leg_on[some]
        return np.asarray(np.bincount(life[some], taken, len(walk.lives)), np.float64)

    @property
    def bad(self) -> float:
        """The probability of all bad ends together; as sure as `ends` are."""
        return min(1.0, fsum(self.ends[end] for end in BAD))

    @property
    def unknown(self) -> float:
        """The probability of coming to where nothing was explored, or to what was sampled in its place."""
        return float(self._endings[OPEN]) if self.sampled is None else fsum(self.lives)

    @property
    def closed(self) -> bool:
        """Whether all of this is exact."""
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
        means = {
            "cuts": float(self._cuts.sum()),
            "seconds": float(self._seconds.sum()),
            "erases": float(self.wear.sum()),
        }
        if self.sampled is not None:
            rest, lives = self.sampled.lives, self.lives
            means["cuts"] += float(lives @ rest.cuts.sum(axis=1))
            means["seconds"] += float(lives @ rest.seconds.sum(axis=1))
            means["erases"] += float(lives @ rest.erases)
        return means

    def by_phase(self) -> list[dict[str, Any]]:
        """For each phase: expected seconds in it, expected cuts, and the probability that the fatal cut falls there.

        A cut is fatal when it leads from where a good or a sad end could still be reached to where none can; of a life
        that was sampled, it is the last one.
        `p_bad` is as sure as `ends` are, and `p_bad_bounds` are its bounds, as in `interval`.
        `cuts` are an expected number, and may be more than 1; `p_cut` is its old name.
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
        listed = zip(self.walk.phases, *(column.tolist() for column in columns), strict=True)
        known = {name: (s, cut, bad) for name, s, cut, bad in listed}
        if self.sampled is None:
            rest = np.zeros((3, len(PHASES)))
            most = np.full(len(PHASES), self.unknown)
        else:
            rest, most = self._rest_by_phase(self.sampled)
        rows = []
        for number, name in enumerate(PHASES):
            if name in known or rest[:, number].any():
                s, cut, bad = known.get(name, (0.0, 0.0, 0.0))
                spent, cuts, worse = (s + rest[0, number], cut + rest[1, number], bad + rest[2, number])
                bounds = [bad, min(1.0, bad + most[number])]
                row = {"phase": name, "seconds": float(spent), "cuts": float(cuts), "p_cut": float(cuts)}
                rows.append(row | {"p_bad": float(worse), "p_bad_bounds": [float(bound) for bound in bounds]})
        order = [*self.walk.phases, *PHASES]
        return sorted(rows, key=lambda row: order.index(row["phase"]))

    def _rest_by_phase(self, sampled: Sampled) -> tuple[Floats, Floats]:
        """Return what sampled lives add to each phase: seconds, cuts, fatal cuts; and the most that the last can be."""
        lives, weight = sampled.lives, self.lives
        bad = np.isin(lives.end, [ENDS.index(end) for end in BAD])
        # A device that was not cut any more had its fatal cut when it came to where the graph ends.
        share = self._entered(len(lives))
        cut = lives.last_cut >= 0
        share[cut] = np.eye(len(PHASES))[lives.last_cut[cut]]
        fatal = share * bad[:, None]
        rest = np.array([weight @ lives.seconds, weight @ lives.cuts, weight @ fatal])
        counts = np.ceil(fatal.sum(axis=0)).astype(int).tolist()
        return rest, np.array([self.unknown * interval(count, len(lives), CONFIDENCE).high for count in counts])

    def _entered(self, lives: int) -> Floats:
        """Return for each sampled life the shares of the phases whose cuts lead to it."""
        walk = self.walk
        assert walk.leg_life is not None
        place, tear, probability = walk.torn
        phase = np.array([PHASES.index(name) for name in walk.phases], np.int64)[
            walk.runs.phase[walk.place_effect[place]]
        ]
        into = np.zeros((walk.states, len(PHASES)))
        inside = walk.tear_target[tear] < walk.states
        np.add.at(into, (walk.tear_target[tear][inside], phase[inside]), (self._visits[place] * probability)[inside])
        some = walk.leg_life >= 0
        shares = np.zeros((lives, len(PHASES)))
        np.add.at(shares, walk.leg_life[some], into[walk.leg_state[some]] * walk.leg_probability[some][:, None])
        total = shares.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0), np.float64)

    @cached_property
    def passages(self) -> Floats:
        """How often each edge of the graph is expected to be taken."""
        edges, (place, tear, probability) = len(self.graph.edge_run), self.walk.torn
        taken = np.bincount(self.walk.runs.tear_edge[tear], self._visits[place] * probability, edges)
        visits = self._solution.visits[: self.walk.states][self.walk.leg_state]
        through = visits * self.walk.leg_probability * self.walk.leg_on
        by_run = np.bincount(self.walk.leg_run, through, len(self.walk.runs.run_effect) - 1)
        if self.rates.bounce:
            by_run = by_run.reshape(2, -1).sum(axis=0)  # every run is there twice, see `walk`
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

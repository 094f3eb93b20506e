"""By weight: what devices are likely to meet is followed first, whatever its number of cuts.

A partial crash graph is weighed, and what lies ahead of it and weighs most is followed next; so the bounds close with
every step, soonest where it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array

from otalab.bench.ends import ENDS
from otalab.graph.arrays import Floats, Ints
from otalab.graph.nodes import Edge, KnownRun, Node
from otalab.graph.partial import MANY, FrontierNode, PartialGraph
from otalab.hardware.effects import PHASES, Erase
from otalab.numbers.markov import solve
from otalab.numbers.rates import Rates
from otalab.numbers.supplies import FINISHED, finished

LITTLE = 0.1  # a round that takes off less than so much: to sample tells more
SHARE = 0.7  # of what lies ahead is followed in a round,
MOST = 64  # but no more than so many, or than were run before
COMMON = 1e-3  # ahead of a search: cuts are common, and a share of a rare end would take hours of lives,
COARSE = 0.5  # so that this share of `relative`, of all devices, is close enough
BOUND = 4  # over n bounds the share of an end to which none of n lives came (rule of three; 3.69, two-sided)
FEW, HOPELESS = 1000, 100_000  # lives: beyond them, no more tears are told apart; bounds will not be as close
TEARS = 4  # are told apart in the time of a life
TINY = 1e-300
Target = Node | str  # or the name of an end
Place = tuple[Target, bool]  # and whether the power there is unsteady


class Lasting(NamedTuple):
    """What a run's effects are to the supply, effect by effect, as in `walk.Runs`."""

    phase: Ints
    seconds: Floats
    cut: Floats
    seconds_if_cut: Floats
    erases: Ints
    finished: Floats
    through: float

    @property
    def begun(self) -> float:
        """How many erases the whole run has."""
        return float(self.erases[-1]) if len(self.erases) else 0.0

    @property
    def passed(self) -> Floats:
        """The seconds by phase before each effect, and in all of the run."""
        spent = np.zeros((len(self.phase) + 1, len(PHASES)))
        spent[np.arange(len(self.phase)) + 1, self.phase] = self.seconds
        return np.asarray(np.cumsum(spent, axis=0))


class Weigher:
    """Weighs what a partial graph knows, at some rates and with some shares of the fault model's members."""

    def __init__(self, graph: PartialGraph, rates: Rates, shares: Sequence[float]) -> None:
        self.graph = graph
        self.rates = [np.array([law.per_second(phase) for phase in PHASES]) for law in (rates, rates.unsteady)]
        self.bounce = rates.bounce.chance if rates.bounce else 0.0
        self.shares = np.array(shares)
        self.hold_up = rates.hold_up
        self._held = np.array([float(name == FINISHED) for name in graph.faults.members])
        self._lasting: dict[tuple[int, bool], tuple[KnownRun, Lasting]] = {}

    def lasting(self, run: KnownRun, unsteady: bool = False) -> Lasting:
        """Return what the effects of a run are to the supply."""
        known = self._lasting.get((id(run), unsteady))
        if known is None:
            known = self._lasting[id(run), unsteady] = run, self._weighed(run, self.rates[unsteady])
        return known[1]

    def _weighed(self, run: KnownRun, rates: Floats) -> Lasting:
        phase = np.array([PHASES.index(name) for name in run.phases], np.int64)
        seconds = np.array([lasting if lasting < np.inf else 0.0 for lasting in run.seconds])
        hazard = rates[phase] * seconds
        before = np.concatenate([[0.0], np.cumsum(hazard)])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            share = np.where(hazard < 0.01, 0.5 - hazard / 12 + hazard**3 / 720, 1 / hazard - 1 / np.expm1(hazard))
        return Lasting(
            phase=phase,
            seconds=seconds,
            cut=np.exp(-before[:-1]) * -np.expm1(-hazard),
            seconds_if_cut=seconds * share,
            erases=np.cumsum([isinstance(effect, Erase) for effect in run.effects], dtype=np.int64),
            finished=finished(seconds, rates[phase], self.hold_up),
            through=float(np.exp(-before[-1])),
        )

    def left(self, finished: float) -> Floats:
        """Return the shares of the members where an interrupted effect is finished with this probability."""
        return np.asarray((1 - finished) * self.shares + finished * self._held) if finished else self.shares

    def torn(self, last: Lasting, edge: Edge) -> float:
        """Return how likely a cut of its effect leads by an edge."""
        assert edge.step is not None
        return float(self.left(float(last.finished[edge.step])) @ edge.weights)

    def leads(self, node: Node, unsteady: bool) -> dict[Place, float]:
        """Return where a node leads, and how the power is there, each with its probability."""
        weights: dict[Place, float] = {}

        def add(target: Target, mode: bool, weight: float) -> None:
            if weight > TINY:
                weights[target, mode] = weights.get((target, mode), 0.0) + weight

        lasting = [self.lasting(run, unsteady) for run in node.runs]
        for run, last in zip(node.runs, lasting, strict=True):
            if run.end:
                add(run.end.name, unsteady, run.probability * last.through)
        for edge in node.edges:
            run, last = node.runs[edge.run], lasting[edge.run]
            if edge.step is None:
                add(edge.target, unsteady, run.probability * last.through)
                continue
            weight = run.probability * float(last.cut[edge.step]) * self.torn(last, edge)
            add(edge.target, False, weight * (1 - self.bounce))
            add(edge.target, True, weight * self.bounce)
        return weights


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a partial graph: the probability of each end, and of everything that lies ahead."""

    ends: dict[str, float]
    ahead: dict[FrontierNode, float]

    @property
    def unknown(self) -> float:
        """How likely a device is to come to where nothing was followed."""
        return fsum(self.ahead.values())

    def settled(self, absolute: float, relative: float) -> bool:
        """Say whether the bounds of every end are this close, absolutely or as a share of it."""
        least = min((self.ends.get(end, 0.0) for end in ENDS), default=0.0)
        return self.unknown <= max(absolute, relative * least)

    def tolerance(self, absolute: float, relative: float) -> float:
        """Return how wide the bounds of any end may be, however rare it is."""
        return max(absolute, COARSE * relative if self.unknown > COMMON else 0.0)

    def lives(self, absolute: float, relative: float) -> float:
        """Return how many lives it takes to bound ends to which none of them comes."""
        return BOUND * self.unknown / self.tolerance(absolute, relative)


def known(graph: PartialGraph, weigher: Weigher) -> Known:
    """Weigh a partial graph as it is."""
    start: tuple[Node, bool] = graph.start, False
    order: dict[Place, int] = {start: 0}
    leads, stuck = [], graph.stuck
    for node, unsteady in (waiting := [start]):
        leads.append({("stuck", unsteady): 1.0} if node in stuck else weigher.leads(node, unsteady))
        for target, mode in leads[-1]:
            if isinstance(target, Node) and not isinstance(target, FrontierNode) and (target, mode) not in order:
                order[target, mode] = len(order)
                waiting.append((target, mode))
    ends = {end: len(order) + 1 + place for place, end in enumerate(ENDS)}
    size = len(order) + 1 + len(ends)

    def column(place: Place) -> int:
        if isinstance(place[0], str):
            return ends[place[0]]
        return len(order) if isinstance(place[0], FrontierNode) else order[place]

    cells = [(p, row, column(target)) for row, targets in enumerate(leads) for target, p in targets.items()]
    cells += [(1.0, end, end) for end in range(len(order), size)]
    weights, rows, columns = zip(*cells, strict=True)
    solution = solve(csr_array(coo_array((weights, (rows, columns)), (size, size)).tocsr()))
    ahead: dict[FrontierNode, float] = {}
    for row, targets in enumerate(leads):
        for (target, _), p in targets.items():
            if isinstance(target, FrontierNode):
                ahead[target] = ahead.get(target, 0.0) + p * float(solution.visits[row])
    return Known({end: float(solution.ends[place]) for end, place in ends.items()}, ahead)


def search(
    graph: PartialGraph,
    weigher: Weigher,
    *,
    nodes: int,
    runs: int,
    absolute: float,
    relative: float,
    told: Callable[[Known], None] = lambda _known: None,
) -> Known:
    """Follow what weighs most until the bounds are this close, so many nodes were run, or little is won by more.

    Then, up to so many runs, what takes more lives to bound than to follow it.
    """
    was, little = np.inf, False
    while True:
        now = known(graph, weigher)
        graph.unknown = now.unknown
        told(now)
        # More than before is ahead where merges were wrong, and the search has begun anew.
        little = little and was >= now.unknown > (1 - LITTLE) * was
        if now.settled(absolute, relative):
            return now
        enough = little or len(graph.nodes) >= nodes
        lives = BOUND / now.tolerance(absolute, relative) if runs > nodes else 0.0
        if enough and (runs <= nodes or now.lives(absolute, relative) > HOPELESS):
            return now
        left = (runs if enough else nodes) - len(graph.nodes)
        most = max(MOST, len(graph.nodes)) if enough else MOST
        taken = _heaviest(graph, now, lives, SHARE * now.unknown, min(most, 1 + left), least=float(enough))
        if not taken or left <= 0:
            return now
        was, little = now.unknown, enough or len(taken) >= MOST
        graph.follow(taken)


def _heaviest(
    graph: PartialGraph, now: Known, lives: float, enough: float, most: int, *, least: float
) -> list[FrontierNode]:
    """Return so many of what weighs most, or what weighs enough together; each in so many lives is worth at least one.

    `lives` is how many it takes to bound all that lies ahead, if it weighed 1.
    """
    taken, passed = [], 0.0
    for place, mass in sorted(now.ahead.items(), key=lambda pair: -pair[1]):
        if mass * lives < least:
            break
        place.most = MANY + int(TEARS * min(FEW, mass * lives))
        if graph.many(place):
            continue
        taken.append(place)
        passed += mass
        if passed > enough or len(taken) >= most:
            break
    return taken

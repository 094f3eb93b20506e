"""What is known of an update's crash graph: all of it, or what weighs most and lives sampled from where that ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from otalab.bench.scenario import Scenario, World
from otalab.collector import resting
from otalab.faults.tear import FaultModel
from otalab.graph.budget import BudgetSpent
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of, reached
from otalab.graph.nodes import Arrival, Node, TearClass
from otalab.graph.partial import PartialGraph
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash
from otalab.numbers.ahead import Sampler
from otalab.numbers.by_weight import COMMON, HOPELESS, Known, Weigher, search
from otalab.numbers.legs import ENDINGS
from otalab.numbers.rates import Rates
from otalab.numbers.sequels import Sampled
from otalab.numbers.stats import interval

BRIEF = 250_000  # effects, tears and looked-up wrecks: some seconds, and several times what graphs take that close
SEARCHED = 5  # one in so many of the budget's nodes is for what is followed by weight, the others for sampled lives
LIVES = 100  # are sampled at first,
MORE = 2  # and so many times as many at least, while the bounds are too wide:
SPARE = 1.1  # times what those that lived let expect to be enough,
MOST_LIVES = 40_000  # at most
ANEW = 4  # times that a search is taken up again because lives have shown a merge to be wrong
SEED = 17


@dataclass(frozen=True)
class Explored:
    """A crash graph and, if it is not closed, the lives that were sampled from where it ends."""

    graph: CrashGraph
    sampled: Sampled | None = None
    interrupted: bool = False


@dataclass(slots=True)
class Search:
    """How far a search by weight goes: until the bounds of each end are so close, or so many nodes were run.

    Up to `runs` are run (as many, if none are told) where lives would take longer: of these, few cuts are followed.
    """

    scenario: Scenario
    faults: FaultModel
    rates: Rates
    shares: Sequence[float]
    nodes: int
    absolute: float = 1e-9
    relative: float = 0.01
    runs: int = 0
    until: float = np.inf
    progress: Callable[[Explorer], None] = lambda _explorer: None
    _graph: PartialGraph = field(init=False)
    _frozen: tuple[CrashGraph, dict[object, int]] | None = field(init=False, default=None)
    _sampled: Sampled | None = field(init=False, default=None)

    def explored(self) -> Explored:
        """Search, then sample; whoever interrupts gets what is there."""
        self._graph = PartialGraph(self.scenario, self.faults, progress=self._watched)
        try:
            with resting():
                for _ in range(ANEW):
                    if self._tried():
                        break
        except (KeyboardInterrupt, _Late) as broken_off:
            interrupted = isinstance(broken_off, KeyboardInterrupt)
            graph = self._frozen[0] if self._frozen else graph_of(self._graph)
            return Explored(graph, self._sampled, interrupted)
        assert self._frozen is not None
        return Explored(self._frozen[0], self._sampled)

    def _watched(self, explorer: Explorer) -> None:
        if time.monotonic() > self.until:
            raise _Late
        self.progress(explorer)

    def _tried(self) -> bool:
        """Search and sample once; say whether the lives were in agreement with the graph that they began in."""
        graph, self._sampled = self._graph, None
        weigher = Weigher(graph, self.rates, self.shares)
        most = max(len(graph.nodes), self.nodes // SEARCHED)
        runs = max(most, self.runs or self.nodes // SEARCHED)
        now = search(graph, weigher, nodes=most, runs=runs, absolute=self.absolute, relative=self.relative)
        self._frozen = graph_of(graph), {node: number for number, node in enumerate(reached(graph))}
        # Lives from where the graph ends would have to know how the power was there: bounds of logic are left.
        if not now.unknown or self.rates.bounce:
            return True
        sampler, count = Sampler(graph, weigher), LIVES
        hopeless = not self.runs or now.unknown > COMMON or now.lives(self.absolute, self.relative) > HOPELESS
        before, most = len(graph.nodes), self.nodes if hopeless else runs
        while True:
            lives, places = sampler.lives(now, count, SEED, lambda _done: self._watched(graph))
            if not graph.settle():
                return False
            numbers = [self._frozen[1][place] for place, _, _ in places]
            order = np.argsort(numbers, kind="stable")
            which, shares = np.array([life for _, life, _ in places]), np.array([share for *_, share in places])
            self._sampled = Sampled(lives, np.array(numbers)[order], which[order], shares[order])
            wanted = self._wanted(now, lives.end)
            # As many more for each life as were run for those that there are: more than it will be.
            each = (len(graph.nodes) - before) / count
            possible = int((most - len(graph.nodes)) / each) if each else MOST_LIVES
            more = min(max(wanted, MORE * count), possible, MOST_LIVES)
            if wanted <= count or more < MORE * count:
                return True
            count = more

    def _wanted(self, now: Known, ends: np.ndarray) -> int:
        """Return how many lives it takes until the bounds are as close as was asked for, going by those that lived."""
        wide, wanted = now.tolerance(self.absolute, self.relative), 0.0
        for end, low in now.ends.items():
            count = int((ends == ENDINGS.index(end)).sum())
            share = interval(count, len(ends))
            width = now.unknown * (share.high - share.low)
            over = width / max(wide, self.relative * (low + now.unknown * share.estimate))
            # A bound that nobody has met falls like 1/n, all others like its root.
            wanted = max(wanted, over * (over if count else 1.0))
        return ceil(wanted * len(ends) * SPARE) if wanted > 1 else 0


class _Late(Exception):
    """The time is over."""


class Brief(Explorer):
    """A search for all of a graph that is given up soon: a graph that closes does so early, as a rule."""

    effort = 0

    def resolve(self, flash: Flash, world: World, way: Arrival | None = None) -> Node:
        """Return the node of a wreck, or give up."""
        if self.effort + self.lookups > BRIEF:
            raise BudgetSpent("nodes")
        return super().resolve(flash, world, way)

    def _run(self, flash: Flash, world: World, way: Arrival | None) -> Node:
        node = super()._run(flash, world, way)
        self.effort += sum(len(run.effects) for run in node.runs)
        return node

    def classes(self, effect: Erase | Program, before: Flash, sector: int, within: Hashable = None) -> list[TearClass]:
        """Return the tears of an effect by what can be told apart; to find them is an effort."""
        before_this = len(self._apart)
        classes = super().classes(effect, before, sector, within)
        if len(self._apart) > before_this:
            self.effort += sum(kind.count for kind in classes)
        return classes


def closed_graph(
    scenario: Scenario, faults: FaultModel, budget: int, progress: Callable[[Explorer], None]
) -> Explored | None:
    """Return all of a crash graph if it closes soon; what was found of it if somebody interrupts."""
    explorer = Brief(scenario, faults, budget=budget, progress=progress)
    explorer.explore()
    if explorer.closed or explorer.interrupted:
        return Explored(graph_of(explorer), interrupted=explorer.interrupted)
    return None

"""Sequels from where a search ended: what lies ahead of a partial graph, sampled by the firmware.

How much lies ahead is known, and how much of it each place there has.
It is cut into strata of equal weight, in the order of these places and, within one, of what its tear leaves; in each
a device is set down, and lives to its end.
So the lives weigh all the same, and what their ends say of all that lies ahead scatters no more than a binomial number
does (Hoeffding 1956: independent trials that are not alike scatter less).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from math import fsum

import numpy as np

from otalab.bench.ends import ENDS
from otalab.bench.scenario import World
from otalab.bench.trace import sector_of
from otalab.faults.tear import Site
from otalab.graph.arrays import Floats, Ints
from otalab.graph.nodes import Arrival, Node, contents
from otalab.graph.partial import FrontierNode, PartialGraph
from otalab.hardware.effects import PHASES, Effect, Erase, Program
from otalab.hardware.flash import Flash, Mark
from otalab.numbers.by_weight import TINY, Known, Target, Weigher
from otalab.numbers.legs import OPEN
from otalab.numbers.sequels import NO_CUT, Sequels

OFTEN = 3  # times that a cut of one run was drawn: to follow all of them takes less than to draw more
MOVES = 20_000  # after which a device is given up: its end is not known
BELOW_ONE = float(np.nextafter(1.0, 0.0))
LAWS = 8  # of effects, that are kept: some have tens of thousands of tears


@dataclass(frozen=True, slots=True)
class Onward:
    """A way out of a node: where it leads, the phase of the cut (-1: none), and its mean seconds and erases."""

    target: Target
    phase: int
    seconds: Floats
    erases: float


@dataclass(frozen=True, slots=True)
class Crossing:
    """The ways out of a node, with their sums of probabilities; those that lead back to itself are apart."""

    by: list[float]
    ways: list[Onward]
    leave: float
    back: list[Onward]
    stay: list[float]


class Sampler:
    """Sends devices on from what lies ahead; what it runs on the way, the graph learns."""

    def __init__(self, graph: PartialGraph, weigher: Weigher) -> None:
        self.graph = graph
        self.weigher = weigher
        self._forks: dict[Node, tuple[object, Crossing]] = {}
        self._stuck: dict[Node, bool] = {}
        self._drawn: Counter[FrontierNode] = Counter()
        self._laws: OrderedDict[tuple[object, ...], tuple[Site, list[tuple[str, bytes, Mark | None]], Floats]] = (
            OrderedDict()
        )

    def lives(
        self, known: Known, count: int, seed: int, told: Callable[[int], None] = lambda _done: None
    ) -> tuple[Sequels, list[tuple[FrontierNode, int, float]]]:
        """Return so many lives, and which of them a device goes on with from each place, with its share."""
        places = list(known.ahead)
        by = np.cumsum([known.ahead[place] for place in places])
        edges = by[-1] * np.arange(count + 1) / count
        rows = []
        for number in range(count):
            random = np.random.Generator(np.random.PCG64([seed, number]))
            mass = edges[number] + random.random() * (edges[number + 1] - edges[number])
            place = min(int(np.searchsorted(by, mass, "right")), len(places) - 1)
            begun = by[place - 1] if place else 0.0
            u = min(max(float((mass - begun) / (by[place] - begun)), 0.0), BELOW_ONE)
            rows.append(self._live(places[place], u, random))
            told(number + 1)
        end, cuts, seconds, erases, last = zip(*rows, strict=True)
        lives = Sequels(np.array(end), np.array(cuts), np.array(seconds), np.array(erases), np.array(last))
        return lives, _shared(places, by, edges)

    def _live(self, place: FrontierNode, u: float, random: np.random.Generator) -> tuple[int, Ints, Floats, float, int]:
        """Live on from a place ahead to the end; `u` says where in the place."""
        cuts, seconds, erases, last = np.zeros(len(PHASES), np.int64), np.zeros(len(PHASES)), 0.0, NO_CUT
        here: Target = place
        for _ in range(MOVES):
            if isinstance(here, FrontierNode):
                here = self.graph.known(*self._found(here, u, last))
            if isinstance(here, Node) and self._is_stuck(here):
                here = "stuck"
            if isinstance(here, str):
                return ENDS.index(here), cuts, seconds, erases, last
            for way, times in self._taken(here, random):
                seconds += times * way.seconds
                erases += times * way.erases
                if way.phase != NO_CUT:
                    cuts[way.phase] += times
                    last = way.phase
                here = way.target
            u = random.random()
        return OPEN, cuts, seconds, erases, last

    def _taken(self, node: Node, random: np.random.Generator) -> Iterator[tuple[Onward, int]]:
        """Draw how a device goes on from a node: how often back to it, then by which way."""
        fork = self._fork(node)
        if fork.stay:
            # The number of failures before a success, and how they fall on the ways back.
            again = int(random.geometric(fork.leave)) - 1
            for way, times in zip(fork.back, random.multinomial(again, fork.stay).tolist(), strict=True):
                if times:
                    yield way, times
        yield fork.ways[min(bisect_right(fork.by, random.random() * fork.by[-1]), len(fork.ways) - 1)], 1

    def _fork(self, node: Node) -> Crossing:
        known = self._forks.get(node)
        # A node that was connected anew has other edges.
        if known is None or known[0] is not node.edges:
            known = self._forks[node] = node.edges, self._forked(node)
        return known[1]

    def _forked(self, node: Node) -> Crossing:
        sums: dict[tuple[Target, int], tuple[float, Floats, float]] = {}

        def add(target: Target, phase: int, weight: float, seconds: Floats, erases: float) -> None:
            if weight > TINY:
                was = sums.get((target, phase), (0.0, np.zeros(len(PHASES)), 0.0))
                sums[target, phase] = was[0] + weight, was[1] + weight * seconds, was[2] + weight * erases

        lasting = [self.weigher.lasting(run) for run in node.runs]
        passed = [last.passed for last in lasting]
        for run, last, seconds in zip(node.runs, lasting, passed, strict=True):
            if run.end:
                add(run.end.name, NO_CUT, run.probability * last.through, seconds[-1], last.begun)
        for edge in node.edges:
            run, last, seconds = node.runs[edge.run], lasting[edge.run], passed[edge.run]
            if edge.step is None:
                add(edge.target, NO_CUT, run.probability * last.through, seconds[-1], last.begun)
                continue
            phase, spent = int(last.phase[edge.step]), seconds[edge.step].copy()
            spent[phase] += last.seconds_if_cut[edge.step]
            weight = run.probability * float(last.cut[edge.step]) * self.weigher.torn(last, edge)
            add(edge.target, phase, weight, spent, float(last.erases[edge.step]))
        ways = [(p, Onward(target, phase, s / p, e / p)) for (target, phase), (p, s, e) in sums.items()]
        back = [(p, way) for p, way in ways if way.target is node]
        on = [(p, way) for p, way in ways if way.target is not node]
        stay, leave = fsum(p for p, _ in back), fsum(p for p, _ in on)
        return Crossing(
            list(accumulate(p for p, _ in on)),
            [way for _, way in on],
            leave / (stay + leave),
            [way for _, way in back],
            [p / stay for p, _ in back],
        )

    def _is_stuck(self, node: Node) -> bool:
        known = self._stuck.get(node)
        if known is None:
            known = self._stuck[node] = not self.graph.comes_to_an_end(node)
        return known

    def _found(self, place: FrontierNode, u: float, phase: int) -> tuple[Flash, World, Arrival | None]:
        """Return what a device finds that comes to a place ahead, after a cut in that phase."""
        if place.kind == "wreck":
            return place.flash, place.world, place.way
        assert place.source is not None
        way = Arrival(place.source, place.source.runs[place.run], place.step)
        if place.kind == "torn":
            held = float(self.weigher.lasting(place.source.runs[place.run]).finished[place.step])
            torn = self.graph.plain(place.source, place.run, place.step, place.flash)[2]
            members = [member for member, may in enumerate(torn) if may]
            label, flash = self._left(place.effect, place.flash, u, held, members)
            return flash, place.world, way._replace(label=label)
        self._drawn[place] += 1
        if self._drawn[place] == OFTEN:
            self.graph.follow_cuts(place)
        run = place.source.runs[place.run]
        last = self.weigher.lasting(run)
        cut = np.where(last.phase == phase, last.cut, 0.0) if (last.phase == phase).any() else last.cut
        by = np.cumsum(cut)
        step = min(int(np.searchsorted(by, u * by[-1], "right")), len(by) - 1)
        u = min(max((u * by[-1] - (by[step] - cut[step])) / cut[step], 0.0), BELOW_ONE)
        before = next(islice(contents(place.source.flash, run), step, None))
        label, flash = self._left(run.effects[step], before, u, float(last.finished[step]))
        return flash, run.worlds[step], way._replace(step=step, label=label)

    def _left(
        self, effect: Effect | None, before: Flash, u: float, held: float, members: list[int] | None = None
    ) -> tuple[str, Flash]:
        """Return what a cut leaves, and its label; of the law of its tears, it takes the quantile.

        With probability `held` the effect is finished; of members of the fault model, only these may leave something.
        """
        if not isinstance(effect, (Erase, Program)):
            return "cut", before
        sector = sector_of(effect, before)
        records = self.graph.identity.records(before, sector)
        key = effect, before.sectors[sector], before.mark_of(sector), records, held, members is None
        law = self._laws.pop(key, None)
        if law is None:
            site, tears, weights = self.graph.faults.law(effect, before, self.graph.scenario.device, members)
            shares = self.weigher.left(held)
            law = site, tears, np.cumsum(np.array(weights) @ (shares if members is None else shares[members]))
        self._laws[key] = law
        while len(self._laws) > LAWS:
            self._laws.popitem(last=False)
        site, tears, by = law
        label, left, mark = tears[min(int(np.searchsorted(by, u * by[-1], "right")), len(tears) - 1)]
        return label, before.with_sector(sector, site.within(site.whole, left), mark)


def _shared(places: list[FrontierNode], by: Floats, edges: Floats) -> list[tuple[FrontierNode, int, float]]:
    """Return which lives a device goes on with from each place: those in whose stratum it lies, by overlap."""
    chosen_edges, most = [], len(edges) - 2
    for place, begun, over in zip(places, [0.0, *by[:-1].tolist()], by.tolist(), strict=True):
        first = min(int(np.searchsorted(edges, begun, "right")) - 1, most)
        last = min(max(first, int(np.searchsorted(edges, over, "left")) - 1), most)
        if first == last:
            chosen_edges.append((place, first, 1.0))
            continue
        for life in range(first, last + 1):
            share = (min(over, edges[life + 1]) - max(begun, edges[life])) / (over - begun)
            if share > 0:
                chosen_edges.append((place, life, share))
    return chosen_edges

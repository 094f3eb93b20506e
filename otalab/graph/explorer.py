"""The crash explorer: the closed graph of everything that power failures can lead to.

A node is what a power-on finds; from it the firmware runs once for every way in which chance can decide.
An edge is a cut in one effect of a run, or a reset by the device itself.
Two wrecks are one node when no firmware can tell them apart on any sector that is *live*: read before it is erased,
by the run itself or by anything that can follow it.  Merges are made on what is known so far, and undone when a
sector turns out to be live after all; when nothing changes any more, the graph is exact.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from functools import partial, reduce
from itertools import count
from operator import or_

from otalab.bench.ends import End
from otalab.bench.observer import Observer
from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import Run, Step, sector_of
from otalab.bench.unerased import first_over_unerased
from otalab.collector import resting
from otalab.faults.models import SIX
from otalab.faults.tear import Counts, FaultModel
from otalab.firmware.outcome import Reset
from otalab.graph.apart import TearClasses
from otalab.graph.budget import BUDGET, EACH, TURN, BegunBudget, Budget, BudgetSpent
from otalab.graph.identity import Identity
from otalab.graph.looks import both, looks, mask
from otalab.graph.nodes import Arrival, Edge, KnownRun, Node, Spot, TearClass, contents
from otalab.graph.stretches import BrokenSearch
from otalab.graph.trie import Leaf, Trie
from otalab.graph.wreck_runs import WreckRun, judged_runs, wreck_runs
from otalab.hardware.effects import Effect, Erase, Program
from otalab.hardware.flash import Flash


class Explorer:
    """One search: a scenario, a fault model, and what is known of them so far.

    With `verdict_only`, classes of contents keep what can become of them, and not how probably: the model has to be of
    the lab's, and no probabilities may be asked of the graph.
    Without `by_stretches`, all bytes of a sector that code looks at decide.
    """

    def __init__(
        self,
        scenario: Scenario,
        faults: FaultModel,
        *,
        budget: int | BegunBudget = BUDGET,
        progress: Callable[[Explorer], None] = lambda _explorer: None,
        verdict_only: bool = False,
        by_stretches: bool = True,
    ) -> None:
        self.scenario = scenario
        self.faults = faults
        self.budget = budget if isinstance(budget, BegunBudget) else Budget.of(budget).begin()
        self.progress = progress
        by_stretches = by_stretches and set(faults.members) <= SIX.keys()
        self.identity = Identity(
            scenario.device, verdict_only=verdict_only, by_stretches=by_stretches, boundary=scenario.boundary,
            untorn=tuple(faults.members) == ("atomic",),
        )  # fmt: skip
        self.observer = Observer(scenario, self.identity.stretches.learn)
        self.expanded = self.lookups = 0
        self.never, self._surely = [0.0] * len(faults.members), [1.0] * len(faults.members)
        self._effects: dict[Effect, Effect] = {}
        self._counts = Counts(faults, scenario.device)
        self._kept = wreck_runs(scenario)
        self._begin()

    def _begin(self) -> None:
        while True:
            with suppress(BrokenSearch):
                return self._begin_anew()

    def _begin_anew(self) -> None:
        self.closed, self.ended_by = False, ""
        self.trie = Trie()
        self.nodes: list[Node] = []
        self._spots: dict[tuple[Leaf, ...], Spot] = {}
        self._waiting: deque[Node] = deque()
        self._fresh: deque[Node] = deque()
        self.identity.renew()
        self._apart = TearClasses(self.faults, self.scenario.device, self.identity)
        self.start = self.resolve(self.scenario.flash, self.scenario.power_on(World()))

    def explore(self) -> None:
        """Search until the graph is closed, the budget is spent, or somebody interrupts."""
        try:
            with resting():
                while not self.closed:
                    if self.identity.stale:
                        self._begin()
                    with suppress(BrokenSearch):
                        self._expand()
                        self._check()
        except (BudgetSpent, KeyboardInterrupt) as broken_off:
            # What was found stays found; only "nothing else is there" can no longer be said.
            self.closed = False
            self.ended_by = "interrupt" if isinstance(broken_off, KeyboardInterrupt) else str(broken_off)

    @property
    def interrupted(self) -> bool:
        """Whether somebody broke it off."""
        return self.ended_by == "interrupt"

    def _expand(self) -> None:
        """Follow every cut of every node that waits, those of fewest cuts first."""
        while self._waiting:
            self._follow_resets()
            node = self._waiting.popleft()
            self._connect(node)
            self.progress(self)

    def _follow_resets(self) -> None:
        """Follow what needs no cut first, so that a loop without one is seen however small the budget is."""
        for _ in range(TURN) if self.scenario.generations else count():
            if not self._fresh:
                return
            for run in self._fresh[0].runs:
                if run.end is None:
                    run.follows = self.resolve(run.after, run.world, Arrival(self._fresh[0], run))
            self._fresh.popleft()

    def _check(self) -> None:
        """Compare what was merged on the sectors that are live now; nothing to undo closes the graph."""
        grown = self._grow()
        for node in self.nodes:
            if any(target.spot in grown for target in node.erased):
                self._connect(node)
        self.closed = not grown and not self._waiting and not self.identity.stale

    def _grow(self) -> set[Spot]:
        """Find the least set of live sectors, and return the spots where it tells more apart than before."""
        changed = True
        while changed:
            changed = False
            for node in reversed(self.nodes):
                live = reduce(or_, (target.live & ~erased for target, erased in node.erased.items()), node.live)
                changed |= live != node.live
                node.live = live
        grown = set()
        for spot in self._spots.values():
            later = looks(reduce(or_, (node.live for node in spot.nodes.values())) & ~spot.reads)
            if later != spot.later:
                grown.add(spot)
                spot.later = later
                spot.nodes = {self._told_apart(spot, node.flash): node for node in spot.nodes.values()}
        return grown

    # Looking a wreck up

    def resolve(self, flash: Flash, world: World, way: Arrival | None = None) -> Node:
        """Return the node of a wreck; one that is not known is run first, and `way` is how it was met."""
        self.lookups += 1
        if not self.lookups % EACH and self.nodes and (late := self.budget.late()):
            raise BudgetSpent(late)
        leaves = self.trie.find(world, partial(self.identity.key, flash))
        node = None
        if leaves is not None and (spot := self._spots.get(leaves)):
            node = spot.nodes.get(self._told_apart(spot, flash))
        return node or self._run(flash, world, way)

    def _told_apart(self, spot: Spot, flash: Flash) -> tuple[Hashable, ...]:
        return tuple(self.identity.key(flash, look) for look in spot.later)

    def _run(self, flash: Flash, world: World, way: Arrival | None) -> Node:
        """Run the firmware from a wreck that was not met before, in every way in which chance can decide."""
        if self.nodes and (spent := self.budget.spent(len(self.nodes))):
            raise BudgetSpent(spent)
        runs, leaves = [], []
        for wreck_run in self._kept.of(flash, world) or self._runs(flash, world, way):
            self.expanded += 1
            self.identity.learn(flash, wreck_run.writes)
            leaves.append(self.trie.add(world, wreck_run.path, partial(self.identity.key, flash)))
            runs.append(wreck_run.known)
        leaves.sort(key=lambda leaf: leaf.number)
        spot = self._spots.setdefault(tuple(leaves), Spot(mask(look for leaf in leaves for look in leaf.reads)))
        node = Node(len(self.nodes), flash, world, spot, runs, live=spot.reads, way=way)
        spot.nodes[self._told_apart(spot, flash)] = node
        self.nodes.append(node)
        self._waiting.append(node)
        self._fresh.append(node)
        return node

    def _runs(self, flash: Flash, world: World, way: Arrival | None) -> Iterator[WreckRun]:
        """Yield every run from a wreck, and keep them when all of them are known."""
        runs = []
        for taken, end, reads in judged_runs(self.observer, flash, world, way):
            self.identity.stretches.learn(taken.stretches, taken.wholly)
            if self.identity.stretches.stale:
                raise BrokenSearch
            writes = tuple(step for step in taken.steps if self.identity.minds(step))
            runs.append(WreckRun(self._known(taken, end), (*taken.path, *reads), writes))
            yield runs[-1]
        self._kept.keep(flash, world, runs)

    def _known(self, taken: Run, end: End | None) -> KnownRun:
        return KnownRun(
            # Shared between runs: the pages of one image are programmed in nearly all of them.
            effects=tuple(self._effects.setdefault(step.effect, step.effect) for step in taken.steps),
            phases=tuple(step.phase for step in taken.steps),
            seconds=tuple(step.seconds for step in taken.steps),
            worlds=tuple(self._worlds_after(taken.steps)),
            choices="".join(str(draw.taken) for draw in taken.draws),
            probability=taken.probability,
            end=end,
            reset=taken.outcome.reason if isinstance(taken.outcome, Reset) else "",
            after=taken.flash,
            world=self.scenario.power_on(taken.world),
            swaps=taken.swaps,
            unerased=first_over_unerased(taken.steps),
        )

    def _worlds_after(self, steps: Iterable[Step]) -> Iterator[World]:
        """Yield what the world is when the power comes back after a cut in each step: it changes seldom."""
        world: World | None = None
        after = World()
        for step in steps:
            if step.world is not world:
                world, after = step.world, self.scenario.power_on(step.world)
            yield after

    # Following cuts

    def _connect(self, node: Node) -> None:
        node.edges, node.erased, node.followed = [], {}, False
        for number, run in enumerate(node.runs):
            if run.end is None:
                erased = reduce(or_, (both(effect.sector) for effect in run.effects if isinstance(effect, Erase)), 0)
                run.follows = self.resolve(run.after, run.world, Arrival(node, run))
                self._lead(node, Edge(number, None, run.follows, 0, self.never, "reset"), erased)
            befores = list(contents(node.flash, run))
            # Cuts in boot records first: there are few, they decide most, and a budget may not last for the others.
            for records in (True, False):
                known = len(self.nodes)
                for edge, erased in self._cuts(node, number, befores, records=records):
                    self._lead(node, edge, erased)
                    # One effect may be torn in thousands of ways: whoever watches does not wait for all of them.
                    if len(self.nodes) > known:
                        known = len(self.nodes)
                        self.progress(self)
        node.edges.sort(key=lambda edge: (edge.run, edge.step is not None, edge.step or 0))
        node.followed = True

    def _lead(self, node: Node, edge: Edge, erased: int) -> None:
        node.edges.append(edge)
        node.erased[edge.target] = node.erased.get(edge.target, -1) & erased

    def _cuts(self, node: Node, number: int, befores: list[Flash], *, records: bool) -> Iterator[tuple[Edge, int]]:
        """Yield the edges that cuts in this run make, in records or elsewhere, with the sectors erased before each."""
        target: Node | None = None
        run, erased, world = node.runs[number], 0, node.world
        for step, (effect, before) in enumerate(zip(run.effects, befores, strict=True)):
            sector = sector_of(effect, before)
            if (sector in self.identity) is not records:
                erased |= both(sector) if isinstance(effect, Erase) and sector is not None else 0
                target = None
                continue
            if target is None or world != run.worlds[step]:
                world = run.worlds[step]
                label = "before" if isinstance(effect, (Erase, Program)) else "cut"
                target = self.resolve(before, world, Arrival(node, run, step, label))
            if not isinstance(effect, (Erase, Program)):
                yield Edge(number, step, target, 1, self._surely, "cut"), erased
                continue
            assert sector is not None
            if not target.spot.matters(sector):
                # Whatever the tear leaves, nobody reads it before it is erased.
                count = self._counts.of(effect, before, sector)
                yield Edge(number, step, target, count, self._surely, "before"), erased
            else:
                for tears in self.classes(effect, before, sector):
                    way = Arrival(node, run, step, tears.first.label)
                    leads = self.resolve(tears.first.onto(before, sector), world, way)
                    if not leads.spot.looks_at_bytes(sector):
                        yield (
                            Edge(number, step, leads, tears.count, tears.weights, tears.first.label, tears.kind),
                            erased,
                        )
                        continue
                    for raw in self._apart.by_bytes(effect, before, sector, tears):
                        way = Arrival(node, run, step, raw.first.label)
                        leads = self.resolve(raw.first.onto(before, sector), world, way)
                        kind = tears.kind, raw.kind
                        yield Edge(number, step, leads, raw.count, raw.weights, raw.first.label, kind), erased
                target = None
            if isinstance(effect, Erase):
                erased |= both(sector)

    def classes(self, effect: Erase | Program, before: Flash, sector: int, within: Hashable = None) -> list[TearClass]:
        """Return the tears of an effect by what can be told apart, in the order of their first members.

        With `within`, those of one class by their bytes.
        """
        return self._apart.of(effect, before, sector, within)

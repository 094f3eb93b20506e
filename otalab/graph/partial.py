"""A crash graph that is followed where it is asked for, and knows what it has not followed.

What was not followed stands *ahead*: contents that nobody has run, the tears of one effect that were not told apart,
or every cut of a run.
Each is a node without runs, so that whoever weighs the graph knows how much of it there is.
Merges are checked against what was followed: whatever two merged wrecks might still differ in lies ahead for both.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import add, or_
from typing import Literal

from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import sector_of
from otalab.faults.plain import plain
from otalab.faults.tear import FaultModel
from otalab.graph.explorer import Explorer
from otalab.graph.looks import both
from otalab.graph.nodes import Arrival, Edge, KnownRun, Node, Spot, contents
from otalab.hardware.effects import Effect, Erase, Program
from otalab.hardware.flash import Flash

NOWHERE = Spot(0)
PLAIN = "undone", "done"  # kinds of edges: members of the fault model that leave nothing else of this effect
MANY = 2000  # tears of one effect: each weighs little, and to tell them all apart takes longer than to draw some


@dataclass(slots=True, eq=False, repr=False)
class FrontierNode(Node):
    """What was not followed: a wreck that was not run, the tears of an effect (`torn`), or all cuts of a run (`cuts`).

    `flash` and `world` are those of the wreck, before the effect, or of the node whose run it is; `source` is the node
    that leads here, `run` and `step` say by which of its runs and effects.
    `most` tears are told apart, and no more.
    """

    kind: Literal["wreck", "torn", "cuts"] = "wreck"
    source: Node | None = None
    run: int = 0
    step: int = 0
    effect: Effect | None = None
    most: int = MANY


@dataclass(slots=True)
class Opened:
    """What was asked for of one node: the runs whose cuts are followed, and the effects whose tears are told apart."""

    runs: set[int] = field(default_factory=set)
    torn: set[tuple[int, int]] = field(default_factory=set)


class PartialGraph(Explorer):
    """A search that goes where it is told."""

    def __init__(
        self,
        scenario: Scenario,
        faults: FaultModel,
        *,
        progress: Callable[[Explorer], None] = lambda _explorer: None,
    ) -> None:
        self._opened: dict[Node, Opened] = {}
        self._ahead: dict[tuple[object, ...], FrontierNode] = {}
        self._plain: dict[tuple[Node, int, int], tuple[list[float], list[float], list[float]]] = {}
        self.unknown = 1.0  # how likely a device comes to what was not followed, as whoever weighs it has found
        super().__init__(scenario, faults, budget=2**62, progress=progress, by_stretches=False)
        self.settle()

    def _begin(self) -> None:
        self._opened, self._ahead, self._plain = {}, {}, {}
        super()._begin()

    def follow(self, ahead: Iterable[FrontierNode]) -> None:
        """Follow each of these, and check all merges against what was learnt."""
        followed = set(ahead := list(ahead))
        stale = [node for node in self.nodes if not followed.isdisjoint(node.erased)]
        for frontier in ahead:
            self._open(frontier)
            self.progress(self)
        self.settle(stale)

    def many(self, frontier: FrontierNode) -> bool:
        """Say whether what stands ahead are too many tears to follow each."""
        if frontier.kind != "torn":
            return False
        assert isinstance(frontier.effect, (Erase, Program))
        sector = sector_of(frontier.effect, frontier.flash)
        there = self.place(frontier.flash, frontier.world, frontier.way)
        # Where nobody reads what the tear leaves, all of them lead to one place; to know that, it has to be run.
        if isinstance(there, FrontierNode) or not there.spot.matters(sector):
            return False
        return self.faults.count(frontier.effect, frontier.flash, self.scenario.device) > frontier.most

    def _open(self, frontier: FrontierNode) -> None:
        if frontier.kind == "cuts":
            assert frontier.source is not None
            self._opened[frontier.source].runs.add(frontier.run)
            return
        self.resolve(frontier.flash, frontier.world, frontier.way)
        if frontier.kind == "torn" and not self.many(frontier):
            assert frontier.source is not None
            self._opened[frontier.source].torn.add((frontier.run, frontier.step))

    def settle(self, stale: Iterable[Node] = ()) -> bool:
        """Connect what is new or has changed, until every merge holds on all that is known to be live.

        Say whether all merges that there were have held.
        """
        waiting, held, before = set(stale), True, dict[Node, list[Edge]]()
        while True:
            if self.identity.stale:
                self._begin()
                waiting, held = set(), False
            waiting |= set(self._waiting)
            self._waiting.clear()
            self._fresh.clear()
            for node in sorted(waiting, key=lambda each: each.number):
                self._connect(node)
            held = held and all(_same(old, node.edges) for node, old in before.items())
            grown = self._grow()
            waiting = {node for node in self.nodes if any(target.spot in grown for target in node.erased)}
            before = {node: node.edges for node in waiting}
            if not waiting and not self._waiting and not self.identity.stale:
                return held

    @property
    def stuck(self) -> set[Node]:
        """The nodes from which, on steady power, the device surely resets for ever."""
        before: dict[Node, list[Node]] = {}
        ends = []
        for node in self.nodes:
            follows = [run.follows for run in node.runs]
            if any(target is None or isinstance(target, FrontierNode) for target in follows):
                ends.append(node)  # comes to an end, or to what may come to one
            for target in follows:
                if target is not None:
                    before.setdefault(target, []).append(node)
        alive = set(ends)
        for node in ends:
            fresh = [source for source in before.get(node, ()) if source not in alive]
            alive.update(fresh)
            ends += fresh
        return set(self.nodes) - alive

    def comes_to_an_end(self, node: Node) -> bool:
        """Say whether, on steady power, a device can come to an end from here; what that takes is run."""
        waiting = [node]
        for wreck in waiting:
            for run in wreck.runs:
                if run.end:
                    return True
                follows = self.known(run.after, run.world, Arrival(wreck, run))
                if follows not in waiting:
                    waiting.append(follows)
        return False

    def place(self, flash: Flash, world: World, way: Arrival | None) -> Node:
        """Return the node of a wreck; one that is not known stands ahead, and `way` is how it was met."""
        self.lookups += 1
        leaves = self.trie.find(world, partial(self.identity.key, flash))
        if leaves is not None and (spot := self._spots.get(leaves)):
            node = spot.nodes.get(self._told_apart(spot, flash))
            if node:
                return node
        return self._standing(("wreck", flash, world), flash, world, way=way)

    def known(self, flash: Flash, world: World, way: Arrival | None) -> Node:
        """Return the node of a wreck; one that is not known is run, and all cuts of its runs stand ahead.

        For whoever samples: `settle` has to follow, before anything is weighed.
        """
        node = self.resolve(flash, world, way)
        if node not in self._opened:
            self._connect(node)
        return node

    def follow_cuts(self, frontier: FrontierNode) -> None:
        """Follow all cuts of a run that stand ahead; as after `known`, `settle` has to follow."""
        self._open(frontier)
        assert frontier.source is not None
        self._connect(frontier.source)

    def _standing(self, key: tuple[object, ...], flash: Flash, world: World, **more: object) -> FrontierNode:
        known = self._ahead.get(key)
        if known is None:
            known = self._ahead[key] = FrontierNode(-1, flash, world, NOWHERE, [], **more)  # type: ignore[arg-type]
        return known

    def _connect(self, node: Node) -> None:
        node.edges, node.erased, node.followed = [], {}, True
        opened = self._opened.setdefault(node, Opened())
        for number, run in enumerate(node.runs):
            if run.end is None:
                erased = reduce(or_, (both(effect.sector) for effect in run.effects if isinstance(effect, Erase)), 0)
                run.follows = self.place(run.after, run.world, Arrival(node, run))
                self._lead(node, Edge(number, None, run.follows, 0, self.never, "reset"), erased)
            if number in opened.runs:
                for edge, erased in self._lazily(node, number, run, opened):
                    self._lead(node, edge, erased)
            elif run.effects:
                ahead = self._standing(
                    ("cuts", node, number), node.flash, node.world, kind="cuts", source=node, run=number
                )
                node.edges += (
                    Edge(number, step, ahead, 0, self._surely, "not-followed") for step in range(len(run.effects))
                )
                node.erased[ahead] = 0

    def _lazily(self, node: Node, number: int, run: KnownRun, opened: Opened) -> Iterator[tuple[Edge, int]]:
        """Yield the edges that cuts in this run make, with the sectors erased before each; nothing is run for it."""
        target: Node | None = None
        erased, world = 0, node.world
        for step, (effect, before) in enumerate(zip(run.effects, contents(node.flash, run), strict=True)):
            if target is None or world != run.worlds[step]:
                world = run.worlds[step]
                label = "before" if isinstance(effect, (Erase, Program)) else "cut"
                target = self.place(before, world, Arrival(node, run, step, label))
            if not isinstance(effect, (Erase, Program)):
                yield Edge(number, step, target, 1, self._surely, "cut"), erased
                continue
            sector = sector_of(effect, before)
            if not isinstance(target, FrontierNode) and not target.spot.matters(sector):
                # Whatever the tear leaves, nobody reads it; how many tears there are is not counted here.
                yield Edge(number, step, target, 1, self._surely, "before"), erased
            else:
                if isinstance(target, FrontierNode) or (number, step) not in opened.torn:
                    yield from ((edge, erased) for edge in self._not_told_apart(node, number, step, before, target))
                else:
                    torn = self._torn(Arrival(node, run, step), number, effect, before, world)
                    yield from ((edge, erased) for edge in torn)
                target = None
            if isinstance(effect, Erase):
                erased |= both(sector)

    def plain(self, node: Node, number: int, step: int, before: Flash) -> tuple[list[float], list[float], list[float]]:
        """Return, by member, how likely a cut of an effect leaves it undone and done, and that it may leave a tear."""
        known = self._plain.get((node, number, step))
        if known is None:
            effect = node.runs[number].effects[step]
            assert isinstance(effect, (Erase, Program))
            undone, done = plain(self.faults, effect, before, self.scenario.device)
            torn = [float(not some) for some in map(add, undone, done)]
            known = self._plain[node, number, step] = undone, done, torn
        return known

    def _not_told_apart(self, node: Node, number: int, step: int, before: Flash, target: Node) -> Iterator[Edge]:
        """Yield the edges of an effect whose tears stand ahead; most models leave only a few effects anything else."""
        run, effect = node.runs[number], node.runs[number].effects[step]
        undone, done, torn = self.plain(node, number, step, before)
        if any(undone):
            yield Edge(number, step, target, 0, undone, "before", PLAIN[0])
        if any(done):
            leads = self.place(before.after(effect), run.worlds[step], Arrival(node, run, step, "after"))
            yield Edge(number, step, leads, 0, done, "after", PLAIN[1])
        if any(torn):
            stands = {"kind": "torn", "source": node, "run": number, "step": step, "effect": effect}
            way = Arrival(node, run, step, "before")
            ahead = self._standing(("torn", node, number, step), before, run.worlds[step], way=way, **stands)
            yield Edge(number, step, ahead, 0, torn, "not-told-apart")

    def _torn(self, way: Arrival, number: int, effect: Erase | Program, before: Flash, world: World) -> Iterator[Edge]:
        sector, step = sector_of(effect, before), way.step
        for tears in self.classes(effect, before, sector):
            leads = self.place(tears.first.onto(before, sector), world, way._replace(label=tears.first.label))
            if not leads.spot.looks_at_bytes(sector):
                yield Edge(number, step, leads, tears.count, tears.weights, tears.first.label, tears.kind)
                continue
            for raw in self._apart.by_bytes(effect, before, sector, tears):
                leads = self.place(raw.first.onto(before, sector), world, way._replace(label=raw.first.label))
                kind: Hashable = tears.kind, raw.kind
                yield Edge(number, step, leads, raw.count, raw.weights, raw.first.label, kind)


def _same(before: list[Edge], now: list[Edge]) -> bool:
    """Say whether all that led to a wreck that was run still leads there."""
    led = {
        (edge.run, edge.step, edge.kind): edge.target for edge in before if not isinstance(edge.target, FrontierNode)
    }
    leads = {(edge.run, edge.step, edge.kind): edge.target for edge in now}
    # Once the tears of an effect are told apart, or nobody reads them, there are other edges in place of plain ones.
    return all(leads.get(way, target if way[2] in PLAIN else None) is target for way, target in led.items())

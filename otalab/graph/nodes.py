"""What a search is made of: nodes, their runs, the edges between them, and spots where runs go the same way."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from otalab.bench.ends import End
from otalab.bench.scenario import World
from otalab.faults.tear import Tear
from otalab.graph.history import Leg
from otalab.graph.looks import at_bytes, both
from otalab.hardware.chip import Look
from otalab.hardware.effects import Effect
from otalab.hardware.flash import Flash


@dataclass(slots=True, repr=False)
class Edge:
    """Where a cut leads (`step` None: a reset): how many tears, their weights in all, and the first of them.

    `kind` is the class of sector contents that these tears leave; `None` where all tears of the effect lead there.
    """

    run: int
    step: int | None
    target: Node
    count: int
    weights: Sequence[float]
    label: str
    kind: Hashable = None


@dataclass(slots=True, repr=False)
class KnownRun:
    """A run of a node, without what can be computed again from the node's contents.

    `unerased` is the first effect that programs over flash that is not erased, or -1.
    """

    effects: tuple[Effect, ...]
    phases: tuple[str, ...]
    seconds: tuple[float, ...]
    worlds: tuple[World, ...]
    choices: str
    probability: float
    end: End | None
    reset: str
    after: Flash
    world: World
    swaps: tuple[tuple[int, int], ...]
    unerased: int
    follows: Node | None = None


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """What a power-on finds, its runs, and where cuts in them lead; `way` is how it was first met."""

    number: int
    flash: Flash
    world: World
    spot: Spot
    runs: list[KnownRun]
    edges: list[Edge] = field(default_factory=list)
    live: int = 0
    followed: bool = False
    # For each node that a cut or a reset leads to: the sectors that were wholly erased before, on every way there.
    erased: dict[Node, int] = field(default_factory=dict)
    way: Arrival | None = None


class Arrival(NamedTuple):
    """A leg that leads from a node to another one: its run, and the step of the cut that ends it, or `None`."""

    node: Node
    run: KnownRun
    step: int | None = None
    label: str = ""

    @property
    def text(self) -> str:
        """All legs from the start to here, as they stand in an id, and a comma."""
        legs: list[str] = []
        way: Arrival | None = self
        while way is not None:
            legs.append(f"{Leg(way.run.choices, way.step, way.label).text},")
            way = way.node.way
        return "".join(reversed(legs))


@dataclass(slots=True, eq=False, repr=False)
class Spot:
    """The nodes whose runs go the same way, told apart by sectors that turned out to be live later."""

    reads: int
    later: tuple[Look, ...] = ()
    nodes: dict[tuple[Hashable, ...], Node] = field(default_factory=dict)

    def matters(self, sector: int) -> bool:
        """Say whether the contents of a sector can decide what happens here or later."""
        return bool(self.reads & both(sector)) or any(look.sector == sector for look in self.later)

    def looks_at_bytes(self, sector: int) -> bool:
        """Say whether the bytes of a sector matter, and not only what a record codec makes of them."""
        return bool(self.reads & at_bytes(sector)) or Look(sector, raw=True) in self.later


@dataclass(slots=True)
class TearClass:
    """Tears of one effect that nobody can tell apart."""

    kind: Hashable
    first: Tear
    weights: Sequence[float]
    count: int = 0


def contents(flash: Flash, run: KnownRun) -> Iterable[Flash]:
    """Yield the contents before each effect of a run that began with these."""
    swaps = list(reversed(run.swaps))
    for number, effect in enumerate(run.effects):
        while swaps and swaps[-1][0] <= number:
            flash = flash.swapped(swaps.pop()[1])
        yield flash
        flash = flash.after(effect)

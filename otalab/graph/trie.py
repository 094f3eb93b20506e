"""The trie of runs: what decided each run, so that a wreck can be looked up without running it.

Its root is the world; an inner node reads a sector or lets chance decide; a leaf is a run.
A wreck is known only when the path is known for every way in which chance can decide.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

Event = tuple[str, int] | tuple[str, int, int]


@dataclass(slots=True, eq=False)
class Leaf:
    """A run; `reads` are the looks on its path."""

    number: int
    reads: frozenset[int]


@dataclass(slots=True, eq=False)
class Reads:
    """The run looks at a sector next; what it finds there decides how it goes on."""

    look: int
    children: dict[Hashable, Place] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Chooses:
    """Chance decides next; every child must be known."""

    children: list[Place | None]


Place = Leaf | Reads | Chooses


class Trie:
    """Every run known so far, found by what decided it."""

    def __init__(self) -> None:
        self._roots: dict[Hashable, Place] = {}
        self.leaves = 0

    def find(self, root: Hashable, key: Callable[[int], Hashable]) -> tuple[Leaf, ...] | None:
        """Return the runs of a wreck, one for each way in which chance can decide, or `None` if one is not known."""
        found: list[Leaf] = []
        waiting = [self._roots.get(root)]
        while waiting:
            place = waiting.pop()
            while isinstance(place, Reads):
                place = place.children.get(key(place.look))
            match place:
                case Leaf():
                    found.append(place)
                case Chooses(children):
                    waiting += reversed(children)
                case _:
                    return None
        return tuple(sorted(found, key=lambda leaf: leaf.number))

    def add(self, root: Hashable, path: Iterable[Event], key: Callable[[int], Hashable]) -> Leaf:
        """Add a run by its path; `key` names what a look found when the power came on."""
        steps = list(path)
        table: dict[Hashable, Place] | list[Place | None] = self._roots
        slot: Hashable = root
        for entry in steps:
            place = table.get(slot) if isinstance(table, dict) else table[slot]  # type: ignore[call-overload]
            if place is None:
                place = Reads(entry[1]) if len(entry) == 2 else Chooses([None] * entry[2])
                table[slot] = place  # type: ignore[call-overload]
            if isinstance(place, Reads):
                assert entry == ("read", place.look), "one wreck, two ways to run"
                table, slot = place.children, key(place.look)
            else:
                assert isinstance(place, Chooses)
                assert len(entry) == 3, "one wreck, two ways to run"
                table, slot = place.children, entry[1]
        known = table.get(slot) if isinstance(table, dict) else table[slot]  # type: ignore[call-overload]
        if isinstance(known, Leaf):
            # Another wreck's run took the same way, though that wreck's other runs did not.
            return known
        leaf = Leaf(self.leaves, frozenset(entry[1] for entry in steps if entry[0] == "read"))
        self.leaves += 1
        table[slot] = leaf  # type: ignore[call-overload]
        return leaf

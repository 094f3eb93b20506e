"""The trie of runs: what decided each run, so that a wreck can be looked up without running it.

Its root is the world; an inner node reads a sector or lets chance decide; a leaf is a run.
A wreck is known only when the path is known for every way in which chance can decide.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from otalab.hardware.chip import Draw, Look


@dataclass(slots=True, eq=False)
class Leaf:
    """A run; `reads` are the looks on its path."""

    number: int
    reads: frozenset[Look]


@dataclass(slots=True, eq=False)
class Reads:
    """The run looks at a sector next; what it finds there decides how it goes on."""

    look: Look
    children: dict[Hashable, Branch] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Chooses:
    """Chance decides next, among so many possibilities; every child must be known."""

    of: int
    children: dict[Hashable, Branch] = field(default_factory=dict)


Branch = Leaf | Reads | Chooses


class Trie:
    """Every run known so far, found by what decided it."""

    def __init__(self) -> None:
        self._roots: dict[Hashable, Branch] = {}
        self.leaves = 0

    def find(self, root: Hashable, key: Callable[[Look], Hashable]) -> tuple[Leaf, ...] | None:
        """Return the runs of a wreck, one for each way in which chance can decide, or `None` if one is not known."""
        leaves: list[Leaf] = []
        waiting = [self._roots.get(root)]
        while waiting:
            branch = waiting.pop()
            while isinstance(branch, Reads):
                branch = branch.children.get(key(branch.look))
            match branch:
                case Leaf():
                    leaves.append(branch)
                case Chooses(of, children):
                    waiting += (children.get(taken) for taken in reversed(range(of)))
                case _:
                    return None
        return tuple(leaves) if len(leaves) == 1 else tuple(sorted(leaves, key=lambda leaf: leaf.number))

    def add(self, root: Hashable, path: Iterable[Look | Draw], key: Callable[[Look], Hashable]) -> Leaf:
        """Add a run by its path; `key` names what a look found when the power came on."""
        path = list(path)
        children, child = self._roots, root
        for cause in path:
            branch = children.get(child)
            if branch is None:
                branch = children[child] = Reads(cause) if isinstance(cause, Look) else Chooses(cause.of)
            match branch, cause:
                case Reads(), Look():
                    assert cause == branch.look, "one wreck, two ways to run"
                    children, child = branch.children, key(cause)
                case Chooses(), Draw():
                    children, child = branch.children, cause.taken
                case _:
                    raise AssertionError("one wreck, two ways to run")
        known = children.get(child)
        if isinstance(known, Leaf):
            # Another wreck's run took the same way, though that wreck's other runs did not.
            return known
        leaf = children[child] = Leaf(self.leaves, frozenset(cause for cause in path if isinstance(cause, Look)))
        self.leaves += 1
        return leaf

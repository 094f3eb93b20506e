"""How far a search may go: how many nodes, for how long, and in how much memory.

Whatever ends it first, what was found by then stays found.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import inf, isinf
from typing import Self

from otalab.errors import BadInput

BUDGET = 1000
# So many nodes of a life are followed without a cut, and then one's cuts: a life may go on without any for ever.
TURN = 20
UNCOUNTED = 2**62
EACH = 64  # wrecks that are looked up between two looks at the clock: to ask for memory takes as long as one of them


def a_budget(nodes: int) -> int:
    """Return the most nodes that a search may have; less than one is `BadInput`."""
    if type(nodes) is not int or nodes < 1:
        raise BadInput(f"budget {nodes!r}: at least one node is needed, a whole number")
    return nodes


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a search may take: nodes, seconds, and bytes of memory that are added to its process.

    Where seconds or memory are told and nodes are not, nodes are not counted.
    """

    nodes: int | None = None
    seconds: float = inf
    memory: float = inf

    def __post_init__(self) -> None:
        """Refuse what is no budget."""
        if self.nodes is not None:
            a_budget(self.nodes)
        for name, most in (("seconds", self.seconds), ("memory", self.memory)):
            if not isinstance(most, int | float) or not most > 0:
                raise BadInput(f"{name} {most!r}: a number of more than 0 is needed")

    @classmethod
    def of(cls, budget: int | Budget) -> Budget:
        """Return a budget; a number is one of nodes."""
        return budget if isinstance(budget, Budget) else cls(a_budget(budget))

    def begin(self) -> BegunBudget:
        """Let the time begin."""
        counted = isinf(self.seconds) and isinf(self.memory)
        nodes = self.nodes or (BUDGET if counted else UNCOUNTED)
        return BegunBudget(nodes, time.monotonic() + self.seconds, inf if isinf(self.memory) else held() + self.memory)


@dataclass(frozen=True, slots=True)
class BegunBudget:
    """What is left of a budget: nodes, until when, and at how many bytes of its process it is over."""

    nodes: int
    until: float = inf
    most: float = inf

    def spent(self, nodes: int) -> str:
        """Return what a search of so many nodes has run out of, or nothing."""
        if nodes >= self.nodes:
            return "nodes"
        return self.late()

    def late(self) -> str:
        """Return whether it has run out of seconds or memory."""
        if time.monotonic() >= self.until:
            return "seconds"
        return "memory" if not isinf(self.most) and held() >= self.most else ""

    def of_nodes(self, nodes: int) -> Self:
        """Return the same for so many nodes at most."""
        return replace(self, nodes=min(nodes, self.nodes))

    def part(self, share: float) -> Self:
        """Return the same for a share of the time that is left."""
        return replace(
            self, until=self.until if isinf(self.until) else time.monotonic() * (1 - share) + self.until * share
        )

    @property
    def counted(self) -> int:
        """How many nodes it has, or as many as one has by default."""
        return BUDGET if self.nodes == UNCOUNTED else self.nodes


def held() -> int:
    """Return how many bytes of memory this process holds."""
    import psutil  # noqa: PLC0415  # only a budget of memory needs it

    return int(psutil.Process().memory_info().rss)


class BudgetSpent(Exception):
    """One more node would be one too many, or the seconds or the memory are used up: it says which."""

"""What code was seen to do, by what it read: a run that reads what an earlier one read is not made again.

It is a tree.  A node holds what is done next, in order, and then a read, whose children are what was found there, or
what the call returned, whose children are the next calls.
Ever more rarely a known run is made all the same, and held against what is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

# Bytes that were read, and some more for each node; what is known may be forgotten.
MOST_BYTES, NODE_BYTES = 1 << 25, 200


class JournalLine(NamedTuple):
    """One line of the journal."""

    kind: int
    address: int
    size: int
    data: bytes


@dataclass(slots=True, eq=False)
class CallNode:
    """What is done after all that stands above, and then: a read of `look`, a return of `value`, or nobody knows."""

    lines: list[JournalLine] = field(default_factory=list)
    look: tuple[int, int] | None = None
    value: int | None = None
    children: dict[bytes | str, CallNode] = field(default_factory=dict)
    visits: int = 1

    def visited(self) -> bool:
        """Count one more visit, and say whether it is one at which the run is made all the same."""
        self.visits += 1
        return not self.visits & (self.visits - 1)


class CallMemory:
    """All that is known of one program."""

    def __init__(self) -> None:
        self._bytes = 0
        # What the program has for entries, once it was asked.
        self.provided: frozenset[str] | None = None
        self.root = CallNode(value=0)

    def child(self, node: CallNode, way: bytes | str) -> CallNode:
        """Return where a node leads, as a new node if nobody knows yet."""
        child = node.children.get(way)
        if child is None:
            self._bytes += len(way) + NODE_BYTES
            if self._bytes > MOST_BYTES:
                self._bytes, self.root = 0, CallNode(value=0)
            child = node.children[way] = CallNode()
        return child

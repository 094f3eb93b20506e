"""Sequels that were sampled where a graph ends, as plain arrays that a walk can go on with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from otalab.graph.arrays import Floats, Ints
from otalab.hardware.effects import PHASES

NO_CUT = -1


@dataclass(frozen=True)
class Sequels:
    """What became of devices, one entry each.

    `end` is a place in `ENDINGS`, `cuts` and `seconds` are by phase, `last_cut` is a place in `PHASES`, or -1.
    Seconds and erases are means over devices that go the same way.
    """

    end: Ints
    cuts: Ints
    seconds: Floats
    erases: Floats
    last_cut: Ints

    def __len__(self) -> int:
        return len(self.end)

    @classmethod
    def nothing(cls, count: int) -> Sequels:
        """Return so many lives in which nothing happens any more."""
        none = np.zeros((count, len(PHASES)))
        return cls(np.full(count, -1), none.astype(np.int64), none, np.zeros(count), np.full(count, NO_CUT))

    def taken(self, which: Ints) -> Sequels:
        """Return these of the lives; for -1, one in which nothing happens."""
        every = Sequels.nothing(1)
        pairs = ((getattr(self, name), getattr(every, name)) for name in self.__dataclass_fields__)
        return Sequels(*(np.concatenate([own, none])[which] for own, none in pairs))


NO_SEQUELS = Sequels.nothing(0)


@dataclass(frozen=True)
class Sampled:
    """Sequels that weigh the same, and where a graph has ended: how a device goes on from there.

    From the node `node[i]`, which nobody ran, a device goes on with the life `life[i]` with probability `share[i]`.
    """

    lives: Sequels
    node: Ints
    life: Ints
    share: Floats

    def by_state(self) -> list[tuple[Ints, Ints, Floats]]:
        """Return the nodes from which devices go on alike, with the lives and their shares."""
        bounds = np.flatnonzero(np.diff(self.node, prepend=-1))
        alike: dict[tuple[object, ...], list[int]] = {}
        for first, over in zip(bounds.tolist(), [*bounds[1:].tolist(), len(self.node)], strict=True):
            ways = tuple(self.life[first:over].tolist()), tuple(self.share[first:over].tolist())
            alike.setdefault(ways, []).append(int(self.node[first]))
        return [(np.array(nodes), np.array(lives), np.array(shares)) for (lives, shares), nodes in alike.items()]

"""Sets of looks, as the bits of a number: the search joins and compares very many of them.

A sector has two bits: what a record codec makes of its bytes, and above it the bytes themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from otalab.hardware.chip import Look


def mask(looks: Iterable[Look]) -> int:
    """Return a set of looks."""
    return reduce(or_, (1 << 2 * sector + raw for sector, raw in looks), 0)


def both(sector: int) -> int:
    """Return both looks at a sector: an erase puts an end to either."""
    return 3 << 2 * sector


def at_bytes(sector: int) -> int:
    """Return the look at the bytes of a sector."""
    return 2 << 2 * sector


def looks(mask: int) -> tuple[Look, ...]:
    """Return the looks of a set, in order."""
    return tuple(Look(bit // 2, bool(bit % 2)) for bit in range(mask.bit_length()) if mask >> bit & 1)

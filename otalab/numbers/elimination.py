"""The states of a chain taken out one by one, until the start is alone with the ends; then the way is walked back.

A state is eliminated by handing its way out to those that lead to it; a return to oneself is dropped, and its weight
is not missed, because a state is left with the sum of the weights that lead away from it (Grassmann, Taksar, Heyman).
On the way back each state learns how often it is visited, from those that still led to it when its turn came.
Every number is then a sum of products and quotients of positive numbers, and keeps its digits.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import cache
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple

import numpy as np

from otalab.graph.arrays import Floats, Ints

MANY = 5000  # states, from which on compiled code is worth being loaded
SMALLEST = float(np.finfo(np.float64).tiny)
LONG = 1e15  # steps, in which even a weight below `SMALLEST` may come to matter
SPREAD = -7046029254386353131  # an odd number without a pattern: 2**64 over the golden ratio


class Left(NamedTuple):
    """What is left of a chain when all states but the start are eliminated."""

    row: dict[int, Any]  # the weight of each end, not yet divided by their sum
    visits: Any  # of each state: the expected number of steps from it
    fill: int  # how many weights came up that the chain did not have
    least: Any  # the smallest weight with which a state was left
    lost: bool  # a weight became too small for a double

    @property
    def trusted(self) -> bool:
        """Whether doubles were enough: what they could not hold does not matter."""
        lost = self.lost or np.min(self.visits) < SMALLEST
        slow = self.least < 1 / LONG or np.max(self.visits) > LONG
        return bool(np.isfinite(self.visits).all() and not (lost and slow))


def eliminated(weights: Any, start: int) -> Left:
    """Eliminate all states but the start; where doubles are too small, do it once more in decimals.

    `weights` is a CSR array without a diagonal: a row for each state, a column for each state and then for each end.
    """
    compiled = _compiled() if weights.shape[0] >= MANY else None
    left = _run(compiled, weights, start) if compiled else _eliminate(_rows(weights, float), start)
    if left.trusted:
        return left
    with localcontext(Context(prec=40, Emin=MIN_EMIN, Emax=MAX_EMAX)):
        left = _eliminate(_rows(weights, Decimal), start)
        total = sum(left.row.values())
        row = {end: float(weight / total) for end, weight in left.row.items()}
        return left._replace(row=row, visits=[float(visits) for visits in left.visits])


def _rows(weights: Any, number: Callable[[float], Any]) -> list[dict[int, Any]]:
    """Return the rows as dictionaries."""
    targets, values = weights.indices.tolist(), [number(weight) for weight in weights.data.tolist()]
    return [dict(zip(targets[a:b], values[a:b], strict=True)) for a, b in pairwise(weights.indptr.tolist())]


def _eliminate(rows: list[dict[int, Any]], start: int) -> Left:  # noqa: C901  # one loop, told from above to below
    """Eliminate in the order of least work, the start last; the weights are of any type that can divide."""
    n, fill, least, lost = len(rows), 0, 1, False
    before = _before(rows)
    work = [len(row) * len(into) for row, into in zip(rows, before, strict=True)]
    waiting = [work[k] * n + k for k in range(n) if k != start]
    heapq.heapify(waiting)
    past: list[tuple[int, dict[int, Any]]] = []
    while waiting:
        cost, k = divmod(heapq.heappop(waiting), n)
        if cost != work[k]:
            continue  # it has changed since, and waits elsewhere
        if not (out := _total(rows[k])):
            return _nothing(n, fill)
        least = min(least, out)
        shares = {j: weight / out for j, weight in reversed(rows[k].items())}
        behind = [j for j in shares if j < n]
        for j in behind:
            del before[j][k]
        into = {i: rows[i].pop(k) for i in reversed(before[k])}
        past.append((k, {i: weight / out for i, weight in into.items()}))
        for i, weight in into.items():
            moved = {j: weight * share for j, share in shares.items() if j != i}  # back at oneself: dropped
            lost = lost or min(moved.values(), default=1) < SMALLEST
            new = _add(rows[i], moved)
            fill += len(new)
            for j in new:
                if j < n:
                    before[j][i] = None
        work[k] = -1
        for i in {*into, *behind} - {start}:
            if work[i] != (cost := len(rows[i]) * len(before[i])):
                work[i] = cost
                heapq.heappush(waiting, cost * n + i)
        rows[k], before[k] = {}, {}
    if not (out := _total(rows[start])):
        return _nothing(n, fill)
    visits: list[Any] = [0] * n
    visits[start] = 1 / out
    for k, into in reversed(past):
        for i, share in into.items():
            visits[k] += visits[i] * share
    return Left(rows[start], visits, fill, least, lost)


def _nothing(n: int, fill: int) -> Left:
    """Return what is left when a state could no longer be left: all its weights were lost."""
    return Left({}, [inf] * n, fill, 0.0, lost=True)


def _before(rows: list[dict[int, Any]]) -> list[dict[int, None]]:
    """Return the states that lead to each, in the order of their coming."""
    before: list[dict[int, None]] = [{} for _ in rows]
    for i, row in enumerate(rows):
        for j in row:
            if j < len(rows):
                before[j][i] = None
    return before


def _add(row: dict[int, Any], moved: dict[int, Any]) -> list[int]:
    """Add to a row what came from elsewhere; return where it had nothing before."""
    new = [j for j in moved if j not in row]
    for j, weight in moved.items():
        row[j] = row[j] + weight if j in row else weight
    return new


def _total(row: dict[int, Any]) -> Any:
    total: Any = 0
    for weight in reversed(row.values()):  # the last that came first, and one by one, as the compiled code has them
        total += weight
    return total


@cache
def _compiled() -> Callable[..., Any] | None:
    try:
        from numba import njit  # noqa: PLC0415  # slow to load, need not be there
    except ImportError:
        return None
    compiled: Callable[..., Any] = njit(cache=True, error_model="numpy")(_eliminate_linked)
    return compiled


def _run(compiled: Callable[..., Any], weights: Any, start: int) -> Left:
    """Do what `_eliminate` does, to the last bit."""
    (n, width), bounds = weights.shape, weights.indptr.astype(np.int64)
    used = len(weights.data)
    links = np.full((4, used), -1)
    links[ROW], links[COLUMN] = np.repeat(np.arange(n), np.diff(bounds)), weights.indices
    links[RIGHT] = np.arange(used) - 1
    links[RIGHT, bounds[:-1]] = -1
    states = np.full((4, width), -1)
    states[FIRST, :n], states[OUT], states[IN] = bounds[1:] - 1, 0, np.bincount(weights.indices, minlength=width)
    states[OUT, :n] = np.diff(bounds)
    ends, left, visits, fill, least, lost = compiled(links, states, weights.data.copy(), n, start)
    row = dict(zip(ends[::-1].tolist(), left[::-1].tolist(), strict=True))
    return Left(row, visits, int(fill), float(least), bool(lost))


# Each weight is linked into two chains, its row's and its column's, and stands in a hash table by its place.
# A chain is walked when its state is eliminated: what belongs to a state eliminated before is passed over.
# A column is walked once more on the way back: there, what was passed over belongs to states that have no visits yet.
ROW, COLUMN, RIGHT, DOWN = range(4)
FIRST, TOP, OUT, IN = range(4)  # where a state's row and column begin, and how many they hold


def _eliminate_linked(  # noqa: C901, PLR0912, PLR0915  # compiled whole; the one to read is `_eliminate`
    links: Ints, states: Ints, weight: Floats, n: int, start: int
) -> tuple[Ints, Floats, Floats, int, float, bool]:
    width, given, used, room, least, lost = states.shape[1], len(weight), len(weight), len(weight), 1.0, False
    row, column, right, down, at = links[ROW], links[COLUMN], links[RIGHT], links[DOWN], links[ROW]
    first, top, outs, ins = states[FIRST], states[TOP], states[OUT], states[IN]
    past, left, visits, turn = np.empty(n, np.int64), np.empty(n), np.zeros(n), 0
    for e in range(used):
        down[e], top[column[e]] = top[column[e]], e
    work = outs * ins
    waiting = [work[k] * n + k for k in range(n) if k != start]
    heapq.heapify(waiting)
    while waiting:
        key = heapq.heappop(waiting)
        cost, k = key // n, key % n
        if cost != work[k]:
            continue
        if used + cost > room:
            room, size = 2 * (used + cost), 1
            while size < 2 * room:
                size *= 2
            old_links, old_weight = links, weight
            links, weight, at = np.empty((4, room), np.int64), np.empty(room), np.full(size, -1)
            for e in range(used):
                weight[e] = old_weight[e]
                for part in range(4):
                    links[part, e] = old_links[part, e]
            row, column, right, down = links[ROW], links[COLUMN], links[RIGHT], links[DOWN]
            for e in range(used):
                if work[row[e]] >= 0 and work[column[e]] >= 0:
                    slot = (((row[e] * width + column[e]) * SPREAD) >> 32) & (len(at) - 1)
                    while at[slot] >= 0:
                        slot = (slot + 1) & (len(at) - 1)
                    at[slot] = e
        out, e = 0.0, first[k]
        while e >= 0:
            if work[column[e]] >= 0:
                out += weight[e]
                ins[column[e]] -= 1
            e = right[e]
        if out == 0:
            return row[:0], weight[:0], np.full(n, np.inf), used - given, 0.0, True
        past[turn], left[turn], turn, least = k, out, turn + 1, min(least, out)
        d = top[k]
        while d >= 0:
            i = row[d]
            e = -1
            if work[i] >= 0:
                outs[i], e = outs[i] - 1, first[k]
            while e >= 0:
                j = column[e]
                if j != i and work[j] >= 0:
                    moved = weight[d] * (weight[e] / out)
                    lost = lost or moved < SMALLEST
                    slot = (((i * width + j) * SPREAD) >> 32) & (len(at) - 1)
                    while at[slot] >= 0 and (row[at[slot]] != i or column[at[slot]] != j):
                        slot = (slot + 1) & (len(at) - 1)
                    if at[slot] >= 0:
                        weight[at[slot]] += moved
                    else:
                        at[slot], row[used], column[used], weight[used] = used, i, j, moved
                        right[used], first[i], down[used], top[j] = first[i], used, top[j], used
                        outs[i] += 1
                        ins[j] += 1
                        used += 1
                e = right[e]
            d = down[d]
        work[k] = -1
        for begin, following, state in ((top[k], down, row), (first[k], right, column)):
            e = begin
            while e >= 0:
                i = state[e]
                if i < n and i != start and work[i] >= 0 and work[i] != outs[i] * ins[i]:
                    work[i] = outs[i] * ins[i]
                    heapq.heappush(waiting, work[i] * n + i)
                e = following[e]
    out, e, count = 0.0, first[start], 0
    ends, last = np.empty(outs[start], np.int64), np.empty(outs[start])
    while e >= 0:
        if work[column[e]] >= 0:
            ends[count], last[count] = column[e], weight[e]
            out, count = out + weight[e], count + 1
        e = right[e]
    visits[start] = 1 / out  # all its weights may be lost: then nothing here is finite
    for turn in range(n - 2, -1, -1):
        e = top[past[turn]]
        while e >= 0:
            visits[past[turn]] += visits[row[e]] * (weight[e] / left[turn])
            e = down[e]
    return ends, last, visits, used - given, least, lost

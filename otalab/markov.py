"""Markov chains that end: where, after how many steps, and what it costs on the way.

Progress can be so rare that `1 - p` rounds to 0, so nothing here is ever subtracted.
A state is eliminated by handing its way out to those that lead to it; a return to oneself is dropped, and its weight
is not missed, because a state is left with the sum of the weights that lead away from it (Grassmann, Taksar, Heyman).
Every number is then a sum of products and quotients of positive numbers, and keeps its digits.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from scipy.sparse.csgraph import breadth_first_order

from otalab.errors import BadInput

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MANY = 5000  # states, from which on compiled code is worth being loaded
SMALLEST = float(np.finfo(np.float64).tiny)
SPREAD = -7046029254386353131  # an odd number without a pattern: 2**64 over the golden ratio
LONG = 1e200  # steps, in which even a weight below `SMALLEST` may come to matter


class Left(NamedTuple):
    """What is left of a chain when all states but the start are eliminated."""

    row: dict[int, Any]  # the weight of each end, not yet divided by their sum
    steps: Any
    gain: Any
    fill: int  # how many weights came up that the chain did not have
    lost: bool  # a weight became too small for a double


@dataclass(frozen=True)
class Chain:
    """The states that `start` can reach and that can still end, numbered from 0; after them come the ends.

    Behind the last end, one more stands for every state from which no end can be reached.
    """

    n: int
    alive: Ints
    ends: Ints
    start: int | None  # None: it is an end itself, or cannot reach one
    weights: Any  # CSR: a row for each state alive, without the diagonal
    doomed: bool

    def eliminated(self, rewards: Floats | None = None) -> Left:
        """Eliminate all states but the start; where doubles are too small, do it once more in decimals."""
        assert self.start is not None
        gains = np.zeros(len(self.alive)) if rewards is None else rewards[self.alive]
        compiled = _compiled() if len(self.alive) >= MANY else None
        if compiled is None:
            left = _eliminate(*self._rows(float), gains.tolist(), self.start)
        else:
            left = _run(compiled, self.weights, gains, self.start)
        if np.isfinite([left.steps, left.gain]).all() and (left.steps < LONG or not left.lost):
            return left
        with localcontext(Context(prec=40, Emin=MIN_EMIN, Emax=MAX_EMAX)):
            left = _eliminate(*self._rows(Decimal), [Decimal(gain) for gain in gains.tolist()], self.start)
            total = sum(left.row.values())
            row = {end: float(weight / total) for end, weight in left.row.items()}
            return left._replace(row=row, steps=float(left.steps), gain=float(left.gain))

    def _rows(self, number: Callable[[float], Any]) -> tuple[list[dict[int, Any]], list[Any]]:
        """Return the rows as dictionaries, and 1 step for each of them."""
        bounds, targets = self.weights.indptr.tolist(), self.weights.indices.tolist()
        weights = [number(weight) for weight in self.weights.data.tolist()]
        rows = [dict(zip(targets[a:b], weights[a:b], strict=True)) for a, b in pairwise(bounds)]
        return rows, [number(1.0)] * len(rows)


def absorption(P: ArrayLike, start: int = 0) -> Floats:  # noqa: N803  # the matrix is P in every book
    """Return the probability of ending in each state, 0 for those that are left again.

    Parameters
    ----------
    P
        Square, an array or a SciPy sparse array; its rows are probabilities and sum to 1 within 1e-9.
        A state is absorbing if nothing off the diagonal leads away from it; the diagonal is otherwise not used.
    start
        The state that the chain begins in; what cannot be reached from there plays no part.

    Returns
    -------
    (n,) array
        It sums to 1 if the chain surely ends.
        Where states that never end can be reached, the probability of getting caught among them is missing.
        What is less probable than 1e-290 may be returned as 0.

    """
    chain = _chain(P, start)
    ended = np.zeros(chain.n)
    if chain.start is None:
        ended[chain.ends] = 1.0  # the start, or none
        return ended
    row = chain.eliminated().row
    total = sum(row.values())
    for end, weight in row.items():
        if (number := end - len(chain.alive)) < len(chain.ends):
            ended[chain.ends[number]] = weight / total
    return ended


def expected_steps(P: ArrayLike, start: int = 0) -> float:  # noqa: N803  # see above
    """Return the expected number of steps until the chain ends, `inf` where it does not surely end.

    A step that stays where it was is a step: a state that is left with a probability of s holds for 1/s steps.
    """
    chain = _chain(P, start)
    if chain.start is None or chain.doomed:
        return np.inf if chain.doomed else 0.0
    return float(chain.eliminated().steps)


def expected_rewards(P: ArrayLike, rewards: ArrayLike, start: int = 0) -> float:  # noqa: N803  # see above
    """Return what is expected to add up until the chain ends, if each step from state i earns `rewards[i]`.

    Rewards are not negative; those of absorbing states are never earned.
    It is `inf` where the chain does not surely end, whatever is earned there.
    """
    chain = _chain(P, start)
    earned = np.asarray(rewards, np.float64)
    if earned.shape != (chain.n,):
        raise BadInput(f"rewards: need one for each of the {chain.n} states, got an array of shape {earned.shape}")
    wrong = np.flatnonzero(~((earned >= 0) & (earned < np.inf)))
    if len(wrong):
        raise BadInput(f"rewards: must be finite and not negative, got {earned[wrong[0]]} for state {wrong[0]}")
    if chain.start is None or chain.doomed:
        return np.inf if chain.doomed else 0.0
    return float(chain.eliminated(earned).gain)


def _matrix(given: Any) -> Any:
    """Return the matrix as a CSR array of our own, checked."""
    shape = np.shape(given)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise BadInput(f"P: must be square, got an array of shape {shape}")
    matrix = csr_array(given if issparse(given) else np.asarray(given, np.float64), dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    wrong = np.flatnonzero(~(matrix.data >= 0))
    if len(wrong):
        row = int(np.searchsorted(matrix.indptr, wrong[0], "right")) - 1
        raise BadInput(f"P: {matrix.data[wrong[0]]} in row {row} is no probability")
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    wrong = np.flatnonzero(~(np.abs(sums - 1) <= 1e-9))
    if len(wrong):
        raise BadInput(f"P: row {wrong[0]} sums to {sums[wrong[0]]}, not to 1")
    return matrix


def _chain(given: Any, start: int) -> Chain:
    """Return what matters of a chain that begins in `start`."""
    matrix = _matrix(given)
    n = matrix.shape[0]
    if not 0 <= (begin := operator.index(start)) < n:
        raise BadInput(f"start: must be one of the {n} states, 0 to {n - 1}, got {begin}")
    source, target = np.repeat(np.arange(n), np.diff(matrix.indptr)), matrix.indices.astype(np.int64)
    leaves = (source != target) & (matrix.data > 0)
    source, target, weight = source[leaves], target[leaves], matrix.data[leaves]
    absorbing = np.bincount(source, minlength=n) == 0
    reached = _reached(n, source, target, begin)
    ends = np.flatnonzero(absorbing)
    # Backwards from the ends, all of which are entered from one state more.
    ending = _reached(n + 1, np.append(target, np.full(len(ends), n)), np.append(source, ends), n)[:n]
    alive, ends = np.flatnonzero(reached & ~absorbing & ending), np.flatnonzero(reached & absorbing)
    number = np.full(n, len(alive) + len(ends))
    number[alive], number[ends] = np.arange(len(alive)), len(alive) + np.arange(len(ends))
    kept = (reached & ~absorbing & ending)[source]
    place = (weight[kept], (number[source[kept]], number[target[kept]]))
    weights = csr_array(place, shape=(len(alive), len(alive) + len(ends) + 1))
    weights.sum_duplicates()
    first = int(number[begin]) if number[begin] < len(alive) else None
    return Chain(n, alive, ends, first, weights, bool((reached & ~ending).any()))


def _reached(n: int, source: Ints, target: Ints, start: int) -> NDArray[np.bool_]:
    graph = csr_array((np.ones(len(source)), (source, target)), shape=(n, n))
    reached = np.zeros(n, bool)
    reached[breadth_first_order(graph, start, return_predecessors=False)] = True
    return reached


def _eliminate(  # noqa: C901  # one loop, told from above to below
    rows: list[dict[int, Any]], steps: list[Any], gains: list[Any], start: int
) -> Left:
    """Eliminate in the order of least work, the start last; the weights are of any type that can divide."""
    n, fill, lost = len(rows), 0, False
    before = _before(rows)
    work = [len(row) * len(into) for row, into in zip(rows, before, strict=True)]
    waiting = [work[k] * n + k for k in range(n) if k != start]
    heapq.heapify(waiting)
    while waiting:
        cost, k = divmod(heapq.heappop(waiting), n)
        if cost != work[k]:
            continue  # it has changed since, and waits elsewhere
        out = _total(rows[k])
        if not out:
            return Left({}, np.inf, np.inf, fill, lost=True)
        shares = {j: weight / out for j, weight in reversed(rows[k].items())}
        stay, gain = steps[k] / out, gains[k] / out
        behind = [j for j in shares if j < n]
        for j in behind:
            before[j].remove(k)
        for i in before[k]:
            weight = rows[i].pop(k)
            steps[i] += weight * stay
            gains[i] += weight * gain
            moved = {j: weight * share for j, share in shares.items() if j != i}  # back at oneself: dropped
            lost = lost or min(moved.values(), default=1) < SMALLEST
            new = _add(rows[i], moved)
            fill += len(new)
            for j in new:
                if j < n:
                    before[j].add(i)
        work[k] = -1
        for i in before[k].union(behind) - {start}:
            if work[i] != (cost := len(rows[i]) * len(before[i])):
                work[i] = cost
                heapq.heappush(waiting, cost * n + i)
        rows[k], before[k] = {}, set()
    out = _total(rows[start])
    if not out:
        return Left({}, np.inf, np.inf, fill, lost=True)
    return Left(rows[start], steps[start] / out, gains[start] / out, fill, lost)


def _before(rows: list[dict[int, Any]]) -> list[set[int]]:
    """Return the states that lead to each."""
    before: list[set[int]] = [set() for _ in rows]
    for i, row in enumerate(rows):
        for j in row:
            if j < len(rows):
                before[j].add(i)
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


def _run(compiled: Callable[..., Any], weights: Any, gains: Floats, start: int) -> Left:
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
    found = compiled(links, states, weights.data.copy(), np.ones(n), gains.copy(), start)
    ends, left, steps, gain, fill, lost = found
    row = dict(zip(ends[::-1].tolist(), left[::-1].tolist(), strict=True))
    return Left(row, float(steps), float(gain), int(fill), bool(lost))


# Each weight is linked into two chains, its row's and its column's, and stands in a hash table by its place.
# A chain is walked once, when its state is eliminated: what belongs to a state eliminated before is passed over.
ROW, COLUMN, RIGHT, DOWN = range(4)
FIRST, TOP, OUT, IN = range(4)  # where a state's row and column begin, and how many they hold


def _eliminate_linked(  # noqa: C901, PLR0912, PLR0915, PLR0917  # compiled whole; the one to read is `_eliminate`
    links: Ints, states: Ints, weight: Floats, steps: Floats, gains: Floats, start: int
) -> tuple[Ints, Floats, float, float, int, bool]:
    n, width, given, used, room, lost = len(steps), states.shape[1], len(weight), len(weight), len(weight), False
    row, column, right, down, at = links[ROW], links[COLUMN], links[RIGHT], links[DOWN], links[ROW]
    first, top, outs, ins = states[FIRST], states[TOP], states[OUT], states[IN]
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
            return row[:0], weight[:0], np.inf, np.inf, used - given, True
        d = top[k]
        while d >= 0:
            i = row[d]
            if work[i] >= 0:
                outs[i] -= 1
                steps[i] += weight[d] * (steps[k] / out)
                gains[i] += weight[d] * (gains[k] / out)
            e = first[k] if work[i] >= 0 else -1
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
    ends, left = np.empty(outs[start], np.int64), np.empty(outs[start])
    while e >= 0:
        if work[column[e]] >= 0:
            ends[count], left[count] = column[e], weight[e]
            out, count = out + weight[e], count + 1
        e = right[e]
    return ends, left, steps[start] / out, gains[start] / out, used - given, lost or out == 0

"""Markov chains that end: where, after how many steps, and what it costs on the way.

Progress can be so rare that `1 - p` rounds to 0, so nothing here is ever subtracted: see `elimination`.
One elimination answers everything: where the chain ends, and how often it comes by each state before.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from scipy.sparse.csgraph import breadth_first_order, connected_components

from otalab.errors import BadInput
from otalab.graph.arrays import Floats, Ints
from otalab.numbers.elimination import eliminated


@dataclass(frozen=True, slots=True)
class Solution:
    """All there is to expect of a chain: where it ends, and how many steps it takes from each state before."""

    ends: Floats
    visits: Floats


def solve(P: ArrayLike, start: int = 0) -> Solution:  # noqa: N803  # the matrix is P in every book
    """Return what `absorption` and `expected_visits` do, at the price of one."""
    chain = _chain(P, start)
    ends, visits = np.zeros(chain.n), np.zeros(chain.n)
    visits[chain.traps] = np.inf
    if chain.start is None:
        ends[chain.ends] = 1.0  # the start, or none
        return Solution(ends, visits)
    left = eliminated(chain.weights, chain.start)
    total = fsum(left.row.values())
    for end, weight in left.row.items():
        if (number := end - len(chain.alive)) < len(chain.ends):
            ends[chain.ends[number]] = weight / total
    visits[chain.alive] = left.visits
    return Solution(ends, visits)


def absorption(P: ArrayLike, start: int = 0) -> Floats:  # noqa: N803  # see above
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
    return solve(P, start).ends


def expected_visits(P: ArrayLike, start: int = 0) -> Floats:  # noqa: N803  # see above
    """Return the expected number of steps from each state until the chain ends; those that stay where they are count.

    It is 0 for absorbing states and for those that are not reached.
    It is `inf` for states that, once entered, are come back to for ever; those on the way there have their number.
    What is visited less often than 1e-250 may be returned as 0, and what no double can hold is `inf` too.
    """
    return solve(P, start).visits


def expected_steps(P: ArrayLike, start: int = 0) -> float:  # noqa: N803  # see above
    """Return the expected number of steps until the chain ends, `inf` where it does not surely end.

    A step that stays where it was is a step: a state that is left with a probability of s holds for 1/s steps.
    """
    return _sum(solve(P, start).visits)


def expected_rewards(P: ArrayLike, rewards: ArrayLike, start: int = 0) -> float:  # noqa: N803  # see above
    """Return what is expected to add up until the chain ends, if each step from state i earns `rewards[i]`.

    Rewards are not negative; those of absorbing states are never earned.
    It is `inf` where the chain does not surely end, or takes more steps than a double can hold from some state,
    whatever is earned there.
    """
    visits, earned = solve(P, start).visits, np.asarray(rewards, np.float64)
    if earned.shape != visits.shape:
        raise BadInput(f"rewards: need one for each of the {len(visits)} states, got an array of shape {earned.shape}")
    wrong = np.flatnonzero(~((earned >= 0) & (earned < np.inf)))
    if len(wrong):
        raise BadInput(f"rewards: must be finite and not negative, got {earned[wrong[0]]} for state {wrong[0]}")
    if np.isinf(visits).any():
        return np.inf
    return _sum(visits * earned)


def _sum(parts: Floats) -> float:
    with np.errstate(over="ignore"):  # more than a double can hold is `inf`
        return float(parts.sum())


@dataclass(frozen=True)
class Chain:
    """The states that `start` can reach and that are left for good, numbered from 0; after them come the ends.

    Behind the last end, one more stands for all traps: states, several together, that are never left for others.
    """

    n: int
    alive: Ints
    ends: Ints
    traps: Ints
    start: int | None  # None: it is an end itself, or in a trap
    weights: Any  # CSR: a row for each state alive, without the diagonal


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
    source = np.repeat(np.arange(n), np.diff(matrix.indptr))
    graph = _chosen(matrix, (source != matrix.indices) & (matrix.data > 0))
    source = np.repeat(np.arange(n), np.diff(graph.indptr))
    reached = np.zeros(n, bool)
    reached[breadth_first_order(graph, begin, return_predecessors=False)] = True
    # Who leads to one that does not lead back is left for good, and so is all that is connected with it both ways.
    count, part = connected_components(graph, connection="strong")
    leaky = np.zeros(count, bool)
    leaky[part[source[part[source] != part[graph.indices]]]] = True
    passing, absorbing = leaky[part], np.diff(graph.indptr) == 0
    alive, ends = np.flatnonzero(reached & passing), np.flatnonzero(reached & absorbing)
    number = np.full(n, len(alive) + len(ends))
    number[alive], number[ends] = np.arange(len(alive)), len(alive) + np.arange(len(ends))
    kept = (reached & passing)[source]
    place = (graph.data[kept], (number[source[kept]], number[graph.indices[kept]]))
    weights = csr_array(place, shape=(len(alive), len(alive) + len(ends) + 1))
    weights.sum_duplicates()
    traps = np.flatnonzero(reached & ~passing & ~absorbing)
    return Chain(n, alive, ends, traps, int(number[begin]) if number[begin] < len(alive) else None, weights)


def _chosen(matrix: Any, kept: NDArray[np.bool_]) -> Any:
    """Return the matrix with these of its weights only."""
    bounds = np.append(0, np.cumsum(kept))[matrix.indptr]
    return csr_array((matrix.data[kept], matrix.indices[kept], bounds), shape=matrix.shape)

"""How long a chain takes to solve, how much it fills in, and how many digits are right; SciPy's solver beside it.

    python benchmarks/markov.py [STATES] [GRAPH.npz ...]

A graph is one that `otalab check DESIGN --graph GRAPH.npz` wrote, weighed at one power failure per hour; that of
`mongoose --faults torn-bits --budget 100000` takes half an hour to explore.
Compiled code is loaded before the clock starts.  SciPy solves (I - Q) x = 1, so it subtracts.
Storm, with its own settings, answers the same if `stormpy` is installed, and if it does so in half a minute.
"""

import multiprocessing
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array, eye_array
from scipy.sparse.linalg import spsolve

from otalab.graph.crash_graph import CrashGraph
from otalab.numbers import elimination, markov
from otalab.numbers.risk import Weighed

try:
    import stormpy
except ImportError:
    stormpy = None

PATIENCE = 30  # seconds that Storm is given; on a chain of 45 retries it iterates for minutes


def chain(n: int, source: Any, target: Any, weight: Any) -> csr_array:
    """Return a chain with these ways; what is missing from a row goes on its diagonal."""
    p = coo_array((weight, (source, target)), shape=(n, n)).tocsr()
    rest = np.maximum(1 - p.sum(axis=1), 0.0)  # rounding may leave it a little below
    return csr_array(p + coo_array((rest, (range(n), range(n))), shape=(n, n)))


def retries(n: int) -> csr_array:
    """Haddad and Monmege's chain, numbered from the start, both sides in turn; 0.7 of it ends in the last but one."""
    inner = np.arange(1, 2 * n - 1)
    source = np.r_[0, 0, inner, inner]
    target = np.r_[1, 2, inner + 2, np.zeros_like(inner)]
    return chain(2 * n + 1, source, target, np.r_[0.7, 0.3, np.full(2 * len(inner), 0.5)])


def banded(n: int) -> csr_array:
    """Return a row of states, each leading one or two on and one or two back; the last two are ends."""
    inner = np.arange(n - 2)
    source, step = np.repeat(inner, 4), np.tile([1, 2, -1, -2], n - 2)
    weight = np.tile([0.3, 0.2, 0.2, 0.1], n - 2)
    return chain(n, source, np.maximum(source + step, 0), weight)


def star(n: int) -> csr_array:
    """Return a start with leaves all around; each leads back, to one of eight hubs, and to one of eight ends."""
    leaves, random = np.arange(17, n), np.random.default_rng(1)
    hubs, ends = random.integers(1, 9, len(leaves)), random.integers(9, 17, len(leaves))
    rare = 10.0 ** -random.uniform(1, 12, len(leaves))
    source = np.r_[np.zeros_like(leaves), np.repeat(leaves, 3), np.arange(1, 9), np.arange(1, 9)]
    target = np.r_[leaves, np.c_[np.zeros_like(leaves), hubs, ends].ravel(), np.zeros(8, int), np.arange(9, 17)]
    weight = np.r_[
        np.full(len(leaves), 1 / len(leaves)),
        np.c_[np.full(len(leaves), 0.5), 0.5 - rare, rare].ravel(),
        np.full(8, 0.75),
        np.full(8, 0.25),
    ]
    return chain(n, source, target, weight)


def ours(p: csr_array) -> tuple[float, str]:
    """Return the expected steps, and how much was filled in."""
    chain = markov._chain(p, 0)
    left = elimination.eliminated(chain.weights, chain.start)
    return float(np.sum(left.visits)), f"{left.fill:,} weights filled in"


def scipys(p: csr_array) -> tuple[float, str]:
    """Return the expected steps by a general solver."""
    inner = np.flatnonzero(p.diagonal() != 1.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        matrix = (eye_array(len(inner)) - p[inner][:, inner]).tocsc()
        found = spsolve(matrix, np.ones(len(inner)))[0]
    return float(found), "; ".join(str(one.message) for one in told)


def storms(p: csr_array) -> tuple[float, str]:
    """Return the expected steps by Storm, as it comes."""
    lines = ["@type: DTMC", "@parameters", "", "@reward_models", "steps", "@nr_states", str(p.shape[0])]
    lines += ["@nr_choices", str(p.shape[0]), "@model"]
    ends = p.diagonal() == 1.0
    for state, (a, b) in enumerate(pairwise(p.indptr)):
        lines.append(f"state {state} [{int(not ends[state])}]" + " init" * (state == 0) + " end" * bool(ends[state]))
        lines.append("\taction 0 [0]")
        ways = sorted(zip(p.indices[a:b].tolist(), p.data[a:b].tolist(), strict=True))
        lines += [f"\t\t{target} : {weight!r}" for target, weight in ways if weight]
    with tempfile.NamedTemporaryFile("w", suffix=".drn") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        model = stormpy.build_model_from_drn(file.name)
    asked = stormpy.parse_properties('R{"steps"}=? [F "end"]')
    return stormpy.model_checking(model, asked[0]).get_value(
        0
    ), f"stormpy {stormpy.__version__}, reading a file included"


def patiently(solver: Callable[[csr_array], tuple[float, str]], p: csr_array) -> tuple[float, str]:
    """Run a solver in a process of its own, and no longer than `PATIENCE`: nothing else can interrupt it."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=lambda: there.send(solver(p)))
    process.start()
    found = here.recv() if here.poll(PATIENCE) else (inf, f"gave up after {PATIENCE} s")
    process.kill()
    process.join()
    return found


def row(label: str, p: csr_array, solver: Callable[[csr_array], tuple[float, str]], known: float | None) -> None:
    """Print how long it took and how far off it was."""
    begun = time.perf_counter()
    try:
        steps, told = patiently(solver, p) if solver is storms else solver(p)
    except Exception as error:  # noqa: BLE001  # whatever another solver stumbles over is its result
        steps, told = inf, f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - begun
    off = f"{abs(steps / known - 1):8.1e} off" if known else " " * 12
    print(f"{label:18} {solver.__name__:7} {seconds:7.3f} s  {steps:.15e} steps {off}  {told}", flush=True)


def main() -> None:
    """Print the table."""
    graphs = [word for word in sys.argv[1:] if word.endswith(".npz")]
    n = int(next((word for word in sys.argv[1:] if word not in graphs), 100_000))
    ours(banded(2 * elimination.MANY))
    cases = [(f"retries {k}", retries(k), 3 * 2.0 ** (k - 1) - 2) for k in (20, 45, 60, 100, 300)]
    cases += [(f"banded {n}", banded(n), None), (f"star {n}", star(n), None)]
    cases += [(Path(path).stem, Weighed(CrashGraph.load(path), 1.0).walk.chain, None) for path in graphs]
    for label, p, known in cases:
        for solver in (ours, scipys, storms):
            if solver is not storms or stormpy:
                row(label, p, solver, known)


if __name__ == "__main__":
    main()

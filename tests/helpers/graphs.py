"""Crash graphs written by hand, for known answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from otalab.bench.ends import ENDS
from otalab.graph.crash_graph import NO_END, NOTHING, RESET, CrashGraph

UPDATED, BRICKED, STUCK = (ENDS.index(name) for name in ("updated", "bricked", "stuck"))


def by_hand(
    runs: list[tuple[int, float, int | None]],
    edges: list[tuple[int, int, int, dict[str, Any]]],
    followed: list[bool] | None = None,
) -> CrashGraph:
    """Return a graph of runs (node, probability, end or None) and edges (run, step, target, details).

    An edge of step `RESET` is a reset; details are seconds, phase, weights and erased.
    """
    nodes = 1 + max([node for node, _, _ in runs] + [target for _, _, target, _ in edges])
    phases = tuple(dict.fromkeys(more.get("phase", "boot") for *_, more in edges))
    return CrashGraph(
        closed=True,
        nodes=nodes,
        expanded=len(runs),
        lookups=0,
        node_followed=np.array(followed or [True] * nodes),
        run_node=np.array([node for node, _, _ in runs]),
        run_probability=np.array([probability for _, probability, _ in runs]),
        run_end=np.array([NO_END if end is None else end for *_, end in runs]),
        run_erases=np.zeros(len(runs), np.int64),
        run_unerased=np.full(len(runs), NOTHING),
        run_choices=("",) * len(runs),
        run_reason=("",) * len(runs),
        edge_run=np.array([run for run, *_ in edges]),
        edge_step=np.array([step for _, step, *_ in edges]),
        edge_target=np.array([target for _, _, target, _ in edges]),
        edge_count=np.ones(len(edges), np.int64),
        edge_weights=np.array([more.get("weights", [1.0]) for *_, more in edges]),
        edge_seconds=np.array([more.get("seconds", 0.0) for *_, more in edges]),
        edge_erased=np.array([more.get("erased", NOTHING) for *_, more in edges]),
        edge_label=np.zeros(len(edges), np.int64),
        edge_phase=np.array([phases.index(more.get("phase", "boot")) for *_, more in edges]),
        labels=("cut",),
        phases=phases,
        members=tuple(f"m{n}" for n in range(len(edges[0][3].get("weights", [1.0])))),
        shares=tuple(1 / len(edges[0][3].get("weights", [1.0])) for _ in edges[0][3].get("weights", [1.0])),
    )


def retry(seconds: float = 3600.0) -> CrashGraph:
    """Return an update of one effect that is tried until it gets through; half of the cuts kill the device."""
    return by_hand(
        [(0, 1.0, UPDATED), (1, 1.0, BRICKED)],
        [
            (0, 0, 0, {"seconds": seconds, "weights": [0.5], "erased": 7, "phase": "switch"}),
            (0, 0, 1, {"seconds": seconds, "weights": [0.5], "erased": 7, "phase": "switch"}),
        ],
    )


def resetting() -> CrashGraph:
    """Return a run of an hour, a reset, and a run of two hours; every cut leads back to the first node."""
    return by_hand(
        [(0, 1.0, None), (1, 1.0, UPDATED)],
        [
            (0, RESET, 1, {}),
            (0, 0, 0, {"seconds": 3600.0, "phase": "download"}),
            (1, 0, 0, {"seconds": 7200.0, "phase": "trial"}),
        ],
    )

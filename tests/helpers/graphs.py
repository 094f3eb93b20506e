"""Crash graphs written by hand, for known answers."""

from __future__ import annotations

from array import array
from typing import Any

from otalab.bench.ends import ENDS
from otalab.graph.columns import KINDS
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
    weights = [more.get("weights", [1.0]) for *_, more in edges]
    columns = {
        "node_followed": followed or [True] * nodes,
        "run_node": [node for node, _, _ in runs],
        "run_probability": [probability for _, probability, _ in runs],
        "run_end": [NO_END if end is None else end for *_, end in runs],
        "run_erases": [0] * len(runs),
        "run_unerased": [NOTHING] * len(runs),
        "edge_run": [run for run, *_ in edges],
        "edge_step": [step for _, step, *_ in edges],
        "edge_target": [target for _, _, target, _ in edges],
        "edge_count": [1] * len(edges),
        "edge_weights": [weight for each in weights for weight in each],
        "edge_seconds": [more.get("seconds", 0.0) for *_, more in edges],
        "edge_erased": [more.get("erased", NOTHING) for *_, more in edges],
        "edge_label": [0] * len(edges),
        "edge_phase": [phases.index(more.get("phase", "boot")) for *_, more in edges],
    }
    return CrashGraph(
        closed=True,
        nodes=nodes,
        expanded=len(runs),
        lookups=0,
        columns={name: array(KINDS[name], numbers) for name, numbers in columns.items()},
        run_choices=("",) * len(runs),
        run_reason=("",) * len(runs),
        labels=("cut",),
        phases=phases,
        members=tuple(f"m{n}" for n in range(len(weights[0]))),
        shares=(1 / len(weights[0]),) * len(weights[0]),
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

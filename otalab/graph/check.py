"""Checking designs: one cell for each design, fault model and image, and what is found in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.errors import OtalabError
from otalab.faults.models import fault_model
from otalab.faults.tear import FaultModel
from otalab.files import MADE
from otalab.firmware.design import Design
from otalab.graph.case import Case
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import BUDGET, Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.history import History, ending, play
from otalab.hardware.board import Board


@dataclass(frozen=True, slots=True)
class Cell:
    """The answer for one case, and what it was asked of."""

    case: Case
    graph: CrashGraph
    seconds: float
    scenario: Scenario = field(repr=False)
    faults: FaultModel = field(repr=False)

    def as_object(self) -> dict[str, Any]:
        """Return the cell in the shape that the contract gives it."""
        graph, bad = self.graph, self.graph.counterexample
        return {
            "design": self.case.design,
            "faults": self.case.faults,
            "image": self.case.image,
            "verdict": graph.verdict,
            "ends": graph.ends,
            "states": graph.nodes,
            "transitions": len(graph.edge_run),
            "expanded": graph.expanded,
            "wrecks": graph.wrecks,
            "seconds": round(self.seconds, 3),
            "counterexample": counterexample(self.case, bad) if bad else None,
        }


def counterexample(case: Case, history: History) -> dict[str, Any]:
    """Return a history in the shape that the contract gives it."""
    return {
        "id": case.identity(history),
        "end": history.end,
        "reason": history.reason,
        "cuts": [
            {"run": number, "effect": leg.step, "tear": leg.tear, "phase": leg.phase} for number, leg in history.cuts
        ],
    }


def saved(counterexamples: Sequence[dict[str, Any]]) -> str:
    """Return the file of histories that `otalab replay` plays."""
    return json.dumps({"note": f"{MADE} for replay", "counterexamples": counterexamples}, indent=1) + "\n"


def check(
    case: Case,
    scenario: Scenario,
    faults: FaultModel,
    *,
    budget: int = BUDGET,
    progress: Callable[[Explorer], None] = lambda _explorer: None,
) -> Cell:
    """Explore one case; its counterexample, if there is one, is played on plain contents before it is believed."""
    begun = time.perf_counter()
    explorer = Explorer(scenario, faults, budget=budget, progress=progress)
    explorer.explore()
    graph = graph_of(explorer)
    if graph.fired == 0:
        if explorer.interrupted:
            raise KeyboardInterrupt  # nothing was found yet that could be kept
        raise OtalabError("not one cut was fired: this search says nothing")
    bad = graph.counterexample
    if bad is not None:
        end = ending(scenario, list(play(scenario, faults, bad.legs)))
        if end.name != bad.end:
            raise OtalabError(f"{case.identity(bad)} was to end {bad.end} and ends {end.name}: the search is wrong")
    return Cell(case, graph, time.perf_counter() - begun, scenario, faults)


def check_design(
    design: str | Design = "hardened",
    faults: str | FaultModel = "all",
    image: str = "healthy",
    board: str | Board | None = None,
    *,
    budget: int = BUDGET,
    **options: Any,
) -> Cell:
    """Check one design under one fault model: the whole of `otalab check` in one call.

    `faults` may be a model of one's own; `options` are those of `ScenarioOptions`.
    """
    scenario = set_up(design, board, image=image, **options)
    model = fault_model(faults) if isinstance(faults, str) else faults
    device = scenario.device
    case = replace(Case.of(scenario, device.design.name, None, model.name), image=image)
    return check(case, scenario, model, budget=budget)


def matrix(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Return one row per cell: design, faults, image, verdict, ends, cuts of the counterexample, and why."""
    rows = []
    for cell in cells:
        bad = cell.graph.counterexample
        rows.append(
            {
                "design": cell.case.design,
                "faults": cell.case.faults,
                "image": cell.case.image,
                "verdict": cell.graph.verdict,
                "ends": " ".join(cell.graph.ends),
                "cuts": "" if bad is None else len(bad.cuts),
                "why": "" if bad is None else bad.reason,
            }
        )
    return rows

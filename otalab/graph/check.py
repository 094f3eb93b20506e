"""Checking designs: one cell for each design, fault model and image, and what is found in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from otalab.bench.linked import refused, require_linked
from otalab.bench.programmed import require_programs
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.errors import BadInput, InternalFault, OtalabError
from otalab.faults.models import fault_model
from otalab.faults.tear import FaultModel
from otalab.files import MADE
from otalab.firmware.design import Design
from otalab.firmware.device import Firmware
from otalab.graph.budget import BUDGET, Budget
from otalab.graph.case import Case, digest, named_firmware
from otalab.graph.coverage import as_object
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer
from otalab.graph.history import History, ending, play
from otalab.graph.scouts import searched
from otalab.graph.unerased import ProgramFinding, found_over_unerased
from otalab.hardware.board import Board


@dataclass(frozen=True, slots=True)
class Cell:
    """The answer for one case, and what it was asked of."""

    case: Case
    graph: CrashGraph
    seconds: float
    scenario: Scenario = field(repr=False)
    faults: FaultModel = field(repr=False)

    @property
    def verdict(self) -> str:
        """The verdict of its graph."""
        return self.graph.verdict

    @property
    def over_unerased(self) -> ProgramFinding | None:
        """The shortest history that programs flash that is not erased, which is allowed."""
        return found_over_unerased(self.case, self.graph, self.scenario, self.faults)

    def as_object(self) -> dict[str, Any]:
        """Return the cell in the shape that the contract gives it."""
        graph, bad = self.graph, self.graph.counterexample
        covered = {"coverage": as_object(graph)} if graph.verdict == "open" else {}
        over = {"unerased": over.as_object()} if (over := self.over_unerased) else {}
        return {
            "design": self.case.design,
            "faults": self.case.faults,
            "image": self.case.image,
            "verdict": graph.verdict,
            "ends": graph.ends,
            "states": graph.nodes,
            "transitions": len(graph.columns["edge_run"]),
            "expanded": graph.expanded,
            "wrecks": graph.wrecks,
            "seconds": round(self.seconds, 3),
            "counterexample": counterexample(self.case, bad) if bad else None,
            **covered,
            **over,
        }


@dataclass(frozen=True, slots=True)
class LostCell:
    """A case that has no answer, because the lab itself went wrong in it."""

    case: Case
    fault: InternalFault

    @property
    def verdict(self) -> str:
        """Nothing was proved, and nothing broken."""
        return "open"

    def as_object(self) -> dict[str, Any]:
        """Return it in the shape of a cell, with the fault and the id of the history that led to it."""
        nothing = {"ends": [], "states": 0, "transitions": 0, "expanded": 0, "wrecks": 0, "seconds": 0.0}
        names = {"design": self.case.design, "faults": self.case.faults, "image": self.case.image}
        fault = {"what": self.fault.what, "id": self.fault.history}
        return {**names, "verdict": self.verdict, **nothing, "counterexample": None, "internal_fault": fault}


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


def with_files(case: Case, history: History) -> dict[str, Any]:
    """Return a history as a file keeps it: with the command that plays it, and where its files were."""
    entry = counterexample(case, history)
    return entry | {"replay": case.replay(entry["id"]), "files": dict(case.files)}


def saved(counterexamples: Sequence[dict[str, Any]]) -> str:
    """Return the file of histories that `otalab replay` plays."""
    return json.dumps({"note": f"{MADE} for replay", "counterexamples": counterexamples}, indent=1) + "\n"


def check(
    case: Case,
    scenario: Scenario,
    faults: FaultModel,
    *,
    budget: int | Budget = BUDGET,
    progress: Callable[[Explorer], None] = lambda _explorer: None,
) -> Cell:
    """Explore one case; its counterexample, if there is one, is played on plain contents before it is believed."""
    begun, allowed = time.perf_counter(), Budget.of(budget).begin()
    with case.naming_faults():
        graph = searched(scenario, faults, allowed, progress)
    bad = graph.counterexample
    # A search that was broken off may keep what it found before its first cut; one that came to its end without any
    # looked at a device that is dead, and at nothing else.
    if graph.fired == 0 and (graph.closed or bad is None) and graph.ended_by not in ("seconds", "memory"):
        if graph.ended_by == "interrupt":
            raise KeyboardInterrupt  # nothing was found yet that could be kept
        if bad is None and (why := refused(scenario)):
            raise BadInput(f"nothing of the update on offer is written, so there is no moment to cut: {why}")
        shipped = f"; as it was shipped the device ends {bad.end}: {bad.reason}" if bad else ""
        raise OtalabError(f"not one cut was fired: this search says nothing{shipped}")
    if bad is not None:
        end = ending(scenario, list(play(scenario, faults, bad.legs)))
        if end.name != bad.end:
            wrong = f"the search is wrong: what was to end {bad.end} ends {end.name}"
            raise InternalFault(wrong, case.identity(bad))
    return Cell(case, graph, time.perf_counter() - begun, scenario, faults)


def tried(case: Case, scenario: Scenario, faults: FaultModel, **options: Any) -> Cell | LostCell:
    """Check one case of several: where the lab itself goes wrong, that is what is said of it, and the others go on."""
    try:
        return check(case, scenario, faults, **options)
    except InternalFault as fault:
        return LostCell(case, fault)


def check_design(
    design: str | Design | Firmware = "hardened",
    faults: str | FaultModel = "all",
    image: str = "healthy",
    board: str | Board | None = None,
    *,
    budget: int | Budget = BUDGET,
    **options: Any,
) -> Cell:
    """Check one design, or code, under one fault model: the whole of `otalab check` in one call.

    `faults` may be a model of one's own, `budget` a number of nodes or a `Budget`; `options` are those of
    `ScenarioOptions`.
    """
    scenario = set_up(design, board, image=image, **options)
    require_programs(scenario)
    require_linked(scenario)
    model = faults if isinstance(faults, FaultModel) else fault_model(faults)
    firmware, bundle = named_firmware(scenario.device.firmware), options.get("bundle")
    case = Case.of(scenario, firmware, None, model.name, digest(bundle) if bundle else "", options=options)
    case = replace(case, image=image)
    return check(case, scenario, model, budget=budget)


def matrix(cells: Sequence[Cell | LostCell]) -> list[dict[str, Any]]:
    """Return one row per cell: design, faults, image, verdict, ends, cuts of the counterexample, and why."""
    rows = []
    for cell in cells:
        graph = cell.graph if isinstance(cell, Cell) else None
        bad = graph.counterexample if graph else None
        rows.append(
            {
                "design": cell.case.design,
                "faults": cell.case.faults,
                "image": cell.case.image,
                "verdict": cell.verdict,
                "ends": " ".join(graph.ends) if graph else "",
                "cuts": "" if bad is None else len(bad.cuts),
                "why": ("" if bad is None else bad.reason) if graph else "no answer: internal fault",
            }
        )
    return rows

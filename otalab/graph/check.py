"""Checking designs: one cell for each design, fault model and image, and what is found in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from otalab.bench.linked import require_linked
from otalab.bench.programmed import require_programs
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.errors import InternalFault, OtalabError
from otalab.faults.models import FAULTS, fault_model
from otalab.faults.tear import FaultModel
from otalab.files import MADE
from otalab.firmware.design import Design
from otalab.firmware.device import Firmware
from otalab.graph.budget import BUDGET, a_budget
from otalab.graph.case import Case, digest, named_firmware
from otalab.graph.coverage import as_object, obstacle
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.history import History, ending, play
from otalab.graph.journal import COMPLETED
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
            "transitions": len(graph.edge_run),
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
    budget: int = BUDGET,
    progress: Callable[[Explorer], None] = lambda _explorer: None,
) -> Cell:
    """Explore one case; its counterexample, if there is one, is played on plain contents before it is believed."""
    begun, budget = time.perf_counter(), a_budget(budget)
    with case.naming_faults():
        graph, interrupted = searched(scenario, faults, budget, progress)
    bad = graph.counterexample
    # A search that was broken off may keep what it found before its first cut; one that came to its end without any
    # looked at a device that is dead, and at nothing else.
    if graph.fired == 0 and (graph.closed or bad is None):
        if interrupted:
            raise KeyboardInterrupt  # nothing was found yet that could be kept
        shipped = f"; as it was shipped the device ends {bad.end}: {bad.reason}" if bad else ""
        raise OtalabError(f"not one cut was fired: this search says nothing{shipped}")
    if bad is not None:
        end = ending(scenario, list(play(scenario, faults, bad.legs)))
        if end.name != bad.end:
            wrong = f"the search is wrong: what was to end {bad.end} ends {end.name}"
            raise InternalFault(wrong, case.identity(bad))
    return Cell(case, graph, time.perf_counter() - begun, scenario, faults)


# Members of `all` that leave little: what a search of one of them costs is mostly nothing beside that of all.
CHEAP = ("atomic", "torn-program", "weak-erase")
# Of each kind of tear, the first two alone, then every power of two: a thousand tears of one kind hide the second kind.
FEW, POWERS = 2, 2**30
FIRST = 20  # at first a search gets one node where the whole one has so many
KINDS = 5  # and so a search of kinds always, which shows early what it can show at all


def searched(
    scenario: Scenario, faults: FaultModel, budget: int, progress: Callable[[Explorer], None]
) -> tuple[CrashGraph, bool]:
    """Return what a search found, and whether somebody broke it off.

    What closes with few nodes needs no more. Else scouts that leave less are asked before the long search, so that
    however it ends, a design that one of them breaks is unsafe; where it stays open, they are asked again, with more
    nodes.
    A device that is lost by itself in the course of several updates is told of at once: no cut makes that way shorter,
    and cuts on it are those of a device that is lost anyway.
    """

    def search(model: FaultModel, nodes: int) -> tuple[CrashGraph, bool]:
        return explored(scenario, model, nodes, progress)

    def scouted(nodes: int) -> tuple[CrashGraph | None, bool]:
        """Ask until one breaks the design; its graph is not closed, for it says nothing of the other tears."""
        interrupted = False
        for scout, most in scouts(faults, budget):
            graph, interrupted = search(scout, min(nodes, most))
            if graph.verdict == "unsafe":
                return replace(graph, closed=False), interrupted
            if interrupted:
                break
        return None, interrupted

    broken: CrashGraph | None = None
    if few := budget // FIRST:
        whole, interrupted = search(faults, few)
        if not (enough(scenario, whole) or interrupted):
            broken, interrupted = scouted(few)
        if enough(scenario, whole) or interrupted:
            return broken or whole, interrupted
    whole, interrupted = search(faults, budget)
    if whole.verdict == "open" and not (broken or interrupted):
        broken, interrupted = scouted(budget)
    return (broken or whole) if whole.verdict == "open" else whole, interrupted


def explored(
    scenario: Scenario, model: FaultModel, nodes: int, progress: Callable[[Explorer], None]
) -> tuple[CrashGraph, bool]:
    """Return what one search found, and whether somebody broke it off; journals by their entries, where that holds."""
    for verdict_only in (True, False) if of_the_lab(model) else (False,):
        explorer = Explorer(scenario, model, budget=nodes, progress=progress, verdict_only=verdict_only)
        explorer.explore()
        graph = graph_of(explorer)
        if graph.verdict == "open":
            graph = replace(graph, obstacle=obstacle(explorer, explorer.nodes))
        if explorer.interrupted or not leans_on_completed(graph):
            break
    return graph, explorer.interrupted


def of_the_lab(model: FaultModel) -> bool:
    """Say whether all that a model leaves comes from the lab's own: the classes of a journal go by what these do."""
    own = {leave for known in FAULTS.values() for _, leave, _ in known.parts}
    parts = getattr(model, "parts", ())
    return bool(parts) and all(leave in own for _, leave, _ in parts)


def leans_on_completed(graph: CrashGraph) -> bool:
    """Say whether an end was found only by way of a record that was taken to be completed: no history plays that."""
    legs = (leg for history in graph.histories.values() for leg in history.legs)
    return any(leg.tear.startswith(COMPLETED) for leg in legs)


def enough(scenario: Scenario, graph: CrashGraph) -> bool:
    """Say whether a search with few nodes has answered: it is closed, or several updates lose the device uncut."""
    bad = graph.counterexample
    return graph.closed or (bool(scenario.earlier) and bad is not None and not bad.cuts)


def scouts(faults: FaultModel, budget: int) -> Iterator[tuple[FaultModel, int]]:
    """Yield models that leave nothing that this one does not leave, and much less, with the most nodes for each.

    They are its cheap members, and its kinds of tears.
    """
    if len(faults.members) > 1:
        yield from ((fault_model(name), budget) for name in CHEAP if name in faults.members)
    yield from ((faults.by_kinds(most), -(-budget // KINDS)) for most in (FEW, POWERS))


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
    budget: int = BUDGET,
    **options: Any,
) -> Cell:
    """Check one design, or code, under one fault model: the whole of `otalab check` in one call.

    `faults` may be a model of one's own; `options` are those of `ScenarioOptions`.
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

"""Checking designs: one cell for each design, fault model and image, and what is found in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from otalab.bench.scenario import Scenario
from otalab.bench.setup import USED_VERSION, set_up
from otalab.errors import BadInput, OtalabError
from otalab.faults.models import fault_model
from otalab.faults.tear import FaultModel
from otalab.firmware.design import Design
from otalab.graph.crash_graph import CrashGraph, graph_of
from otalab.graph.explorer import BUDGET, Explorer
from otalab.graph.history import History, Leg, ending, play
from otalab.hardware.board import Board

OWN_BOARD = "own"


@dataclass(frozen=True, slots=True)
class Case:
    """What a cell is about, in names: enough to set it up again, but for files, of which it has the digests."""

    design: str
    board: str
    faults: str
    image: str
    offer: str
    bundle: str = ""
    used: bool = False

    @classmethod
    def of(cls, scenario: Scenario, design: str, board: str | None, faults: str, bundle: str = "") -> Case:
        """Return the case of a scenario that was set up from these names; a board of its own goes with the design."""
        device = scenario.device
        own = OWN_BOARD if device.design.board == device.board else device.board.name
        used = scenario.old.version == USED_VERSION
        return cls(design, named(board) if board else own, faults, scenario.new.temper, scenario.offers, bundle, used)

    @property
    def text(self) -> str:
        """The names as the first part of an id."""
        board = self.board + (f"+{self.bundle}" if self.bundle else "")
        offer = self.offer + (":used" if self.used else "")
        return f"{self.design}/{board}/{self.faults}/{self.image}/{offer}"

    @property
    def board_name(self) -> str | None:
        """The name to set it up with; `None` where the design has its own."""
        return None if self.board == OWN_BOARD else self.board

    @classmethod
    def parse(cls, identity: str) -> tuple[Case, tuple[Leg, ...]]:
        """Return the case and the legs that an id stands for."""
        try:
            design, board, faults, image, offer, legs = identity.split("/")
        except ValueError as error:
            raise BadInput(f"{identity!r} is no id: DESIGN/BOARD/FAULTS/IMAGE/OFFER/HISTORY") from error
        board, _, bundle = board.partition("+")
        offer, _, used = offer.partition(":")
        if used not in ("", "used"):
            raise BadInput(f"{identity!r}: after the offer only :used may stand, not :{used}")
        return cls(design, board, faults, image, offer, bundle, bool(used)), tuple(map(Leg.parse, legs.split(",")))

    def identity(self, history: History) -> str:
        """Return the short id of a history in this case."""
        return f"{self.text}/{','.join(leg.text for leg in history.legs)}"


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

    `faults` may be a model of one's own; `options` are those of `set_up`.
    """
    scenario = set_up(design, board, image=image, **options)
    model = fault_model(faults) if isinstance(faults, str) else faults
    device = scenario.device
    case = replace(Case.of(scenario, device.design.name, None, model.name), image=image)
    return check(case, scenario, model, budget=budget)


def named(name: str) -> str:
    """Return a design or a board by its name, or a file of one by its stem and a digest of its bytes."""
    return f"{Path(name).stem}@{digest(Path(name).read_bytes())}" if name.endswith(".toml") else name


def digest(data: bytes) -> str:
    """Return the digest by which a file is recognised."""
    return sha256(data).hexdigest()[:12]


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

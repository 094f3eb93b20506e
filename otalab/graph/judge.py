"""The judge of changed designs: broken by a counterexample that was played, or proved by a closed graph.

It stops at the first bad end that it sees: to reject a design, no more of its graph is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from otalab.bench.ends import BAD
from otalab.bench.options import ScenarioOptions
from otalab.bench.programmed import programmed_too_often
from otalab.bench.scenario import Scenario
from otalab.bench.setup import scenario_of
from otalab.errors import InternalFault, OtalabError
from otalab.faults.models import fault_model
from otalab.faults.tear import FaultModel
from otalab.firmware.design import Design
from otalab.graph.case import Case
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.history import Leg, ending, play

# Cheap fault models whose tears every other one that has them as members leaves too: unsafe here is unsafe there.
SCREENS = ("atomic", "torn-program")
PLAYED = 4


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """What was found in one cell; where the verdict is `safe`, the graph is closed and no bad end is in it."""

    faults: str
    image: str
    verdict: str
    states: int
    wrecks: int


class _BadEndSeen(Exception):
    """A bad end was seen: there is no need to search on."""


@dataclass(slots=True)
class Judge:
    """Says whether a design is safe in the cells that were asked for, each a fault model and an image.

    What it has said once it remembers; and the histories that broke the last designs are played on the next one first,
    for that takes two runs where a search takes many.
    """

    options: ScenarioOptions
    cells: tuple[tuple[str, str], ...]
    budget: int
    progress: Callable[[str], None] = lambda _text: None
    lost: list[InternalFault] = field(default_factory=list)
    _known: dict[tuple[Design, str, str], CellVerdict] = field(default_factory=dict)
    _broken: list[tuple[str, str, tuple[Leg, ...]]] = field(default_factory=list)
    _order: list[tuple[str, str]] = field(default_factory=list)
    _images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        images = self._images = tuple(dict.fromkeys(image for _, image in self.cells))
        screens = [(cheap, image) for cheap in SCREENS for image in images if self._licensed(cheap, image)]
        self._order = list(dict.fromkeys((*screens, *self.cells)))

    def _licensed(self, cheap: str, image: str) -> bool:
        """Say whether what a cheap fault model leaves is left by one that was asked for, too."""
        models = [fault_model(faults) for faults, of in self.cells if of == image]
        return cheap == "atomic" or any(cheap in model.members for model in models)

    def verdict(self, design: Design) -> str:
        """Return `unsafe`, `open` or `safe`; what programs a unit too often for the part is no remedy, so unsafe."""
        if any(programmed_too_often(scenario_of(self.options, design, image)) for image in self._images):
            return "unsafe"
        if self._broken_as_before(design):
            return "unsafe"
        for cell in [*self._order]:
            if self._cell(design, *cell).verdict == "unsafe":
                self._order.remove(cell)
                self._order.insert(0, cell)
                return "unsafe"
        return "safe" if all(self._cell(design, *cell).verdict == "safe" for cell in self.cells) else "open"

    def _broken_as_before(self, design: Design) -> bool:
        """Say whether a history that broke another design breaks this one too."""
        for broken in [*self._broken]:
            faults, image, legs = broken
            scenario = scenario_of(self.options, design, image)
            try:
                end = ending(scenario, list(play(scenario, fault_model(faults), legs)))
            except Exception:  # noqa: BLE001, S112
                # This design's life goes another way: there is no such effect, tear or choice in it.
                # Or it is the lab that goes wrong: then the search does so too, and knows the history.
                continue
            if end.name in BAD:
                self._broken.remove(broken)
                self._broken.insert(0, broken)
                return True
        return False

    def proofs(self, design: Design) -> tuple[CellVerdict, ...]:
        """Return what was found in every cell of a design; of one that is safe, these are its proofs."""
        return tuple(self._cell(design, *cell) for cell in self.cells)

    def _cell(self, design: Design, faults: str, image: str) -> CellVerdict:
        key = design, faults, image
        if key not in self._known:
            self.progress(f"{faults}, {image}")
            scenario = scenario_of(self.options, design, image)
            try:
                with Case.of(scenario, design.name, None, faults, options=self.options.options()).naming_faults():
                    self._known[key] = self._explored(scenario, faults, image)
            except InternalFault as fault:
                # Neither broken nor proved; the next design may well be.
                self.lost.append(fault)
                self._known[key] = CellVerdict(faults, image, "open", 0, 0)
        return self._known[key]

    def _explored(self, scenario: Scenario, faults: str, image: str) -> CellVerdict:
        """Search until a bad end is seen, the graph is closed, or the budget is spent."""
        model, looked = fault_model(faults), 0

        def watch(explorer: Explorer) -> None:
            nonlocal looked
            fresh, looked = explorer.nodes[looked:], len(explorer.nodes)
            if any(run.end and run.end.name in BAD for node in fresh for run in node.runs):
                raise _BadEndSeen

        explorer = Explorer(scenario, model, budget=self.budget, progress=watch)
        with suppress(_BadEndSeen):
            explorer.explore()
        if explorer.interrupted:
            raise KeyboardInterrupt  # the explorer kept what it has, which proves nothing
        graph = graph_of(explorer)
        verdict = self._judged(scenario, model, graph)
        if verdict == "unsafe" and graph.counterexample:
            self._broken = [(faults, image, graph.counterexample.legs), *self._broken][:PLAYED]
        return CellVerdict(faults, image, verdict, graph.nodes, graph.wrecks)

    def _judged(self, scenario: Scenario, model: FaultModel, graph: CrashGraph) -> str:
        bad = graph.counterexample
        if graph.fired == 0 and bad is None:
            raise OtalabError("not one cut was fired: this search says nothing")
        if bad is None:
            return graph.verdict
        # A way that a merge invented, and that the end of the search would have undone, breaks nothing.
        played = list(play(scenario, model, bad.legs))
        return "unsafe" if ending(scenario, played).name in BAD else "open"

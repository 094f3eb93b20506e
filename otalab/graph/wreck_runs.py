"""The runs of wrecks, judged, and kept from one search of a scenario to the next.

The cells of an image begin alike and meet many of the same wrecks, as do the scouts of a cell and a search that begins
anew; firmware of the lab runs the same each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from otalab.bench.ends import End
from otalab.bench.observer import Observer
from otalab.bench.own_rules import own_functions, part_fault, require_rules
from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import Run, Step, every_run
from otalab.errors import InternalFault, PartFault, Unrepeatable
from otalab.graph.nodes import Arrival, KnownRun
from otalab.hardware.chip import Draw, Look
from otalab.hardware.flash import Flash

# The wrecks that are met first are those that every search meets; on a board of 1 MB a run takes 30 kB.
WRECKS, SCENARIOS = 256, 8


@dataclass(frozen=True, slots=True)
class WreckRun:
    """A run from a wreck, judged: what decided it, the probe included, and what it did to records and directories."""

    known: KnownRun
    path: tuple[Look | Draw, ...]
    writes: tuple[Step, ...]


class WreckRuns:
    """What a scenario's firmware did from the wrecks that were met first."""

    def __init__(self, scenario: Scenario) -> None:
        design = scenario.device.firmware.design
        # Code keeps its own runs, and a function of one's own is run again each time, to see whether it keeps to rules.
        self._keeps = design is not None and not own_functions(design)
        self._runs: dict[tuple[Flash, World], tuple[WreckRun, ...]] = {}

    def of(self, flash: Flash, world: World) -> list[WreckRun] | None:
        """Return the runs from a wreck, one for every way in which chance can decide; `None` if they are not kept."""
        kept = self._runs.get((flash, world)) if self._keeps else None
        return None if kept is None else [replace(wreck_run, known=replace(wreck_run.known)) for wreck_run in kept]

    def keep(self, flash: Flash, world: World, runs: Iterable[WreckRun]) -> None:
        """Keep the runs from a wreck, while there is room."""
        if self._keeps and len(self._runs) < WRECKS:
            self._runs[flash, world] = tuple(replace(wreck_run, known=replace(wreck_run.known)) for wreck_run in runs)


@lru_cache(SCENARIOS)
def wreck_runs(scenario: Scenario) -> WreckRuns:
    """Return what is kept of a scenario."""
    return WreckRuns(scenario)


def judged_runs(
    observer: Observer, flash: Flash, world: World, way: Arrival | None
) -> Iterator[tuple[Run, End | None, list[Look]]]:
    """Yield every run from a wreck with its end; an `InternalFault` bears the whole history that led to it."""
    scenario = observer.scenario
    try:
        for taken in every_run(scenario, flash, world):
            try:
                require_rules(scenario, flash, world, taken)
                yield taken, *observer.judge_run(taken)
            except (Unrepeatable, PartFault):
                raise
            except Exception as error:
                raise InternalFault.of(error, "".join(str(draw.taken) for draw in taken.draws) or "-") from error
    except InternalFault as fault:
        if fault.__cause__ and (own := part_fault(scenario, fault.__cause__)):
            raise own from fault.__cause__
        raise fault.after(way.text if way else "") from fault.__cause__

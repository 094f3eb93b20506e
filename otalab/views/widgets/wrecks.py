"""Wrecks in words: what a power-on finds at a node of the crash graph.

The graph does not keep contents: those of a node are what its shortest history leaves on plain flash.
What they are worth is asked of the firmware's own functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from otalab.bench.ends import ENDS
from otalab.bench.observer import damaged_files
from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import run, sector_of
from otalab.errors import BadInput
from otalab.faults.tear import FaultModel
from otalab.firmware.explain import explain
from otalab.formats.records.record import Record
from otalab.graph.crash_graph import NO_END, RESET, CrashGraph
from otalab.graph.history import Leg, Played, play_leg
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Effect, Erase, Program
from otalab.hardware.flash import ERASED, Flash
from otalab.text import number_of


class Wrecks:
    """The wrecks of one graph; what was played once is kept."""

    def __init__(self, scenario: Scenario, faults: FaultModel, graph: CrashGraph) -> None:
        self.scenario = scenario
        self.faults = faults
        self.graph = graph
        self._played: dict[tuple[Leg, ...], Played] = {}

    def legs(self, node: int) -> tuple[Leg, ...]:
        """Return the shortest way to a node."""
        if node not in self.graph.legs_to:
            raise BadInput(f"node {node} does not exist: the graph has nodes 0 to {self.graph.nodes - 1}")
        return self.graph.legs_to[node]

    def flash(self, node: int) -> Flash:
        """Return what lies in flash when the power comes back."""
        return self._left(self.legs(node))[0]

    def words(self, node: int) -> list[str]:
        """Say what a power-on finds there, and what becomes of the device if it is left in peace."""
        legs = self.legs(node)
        flash, world = self._left(legs)
        said = [self._way(legs), *self._records(flash), *self._slots(flash), *_marks(flash, self._board)]
        if world.refused:
            said.append("The update is withdrawn: the device has rolled it back.")
        return [*said, *self._then(node)]

    @property
    def _board(self) -> Board:
        return self.scenario.device.board

    @cached_property
    def _updated(self) -> Flash:
        return run(self.scenario).flash

    def _left(self, legs: tuple[Leg, ...]) -> tuple[Flash, World]:
        if not legs:
            return self.scenario.flash, World()
        if legs not in self._played:
            # The way to a node is the way to another one and one leg more, nearly always.
            flash, world = self._left(legs[:-1])
            taken = run(self.scenario, flash, world, [int(digit) for digit in legs[-1].choices])
            self._played[legs] = play_leg(self.scenario, self.faults, legs[-1], taken)
        played = self._played[legs]
        return played.flash, played.world

    def _way(self, legs: tuple[Leg, ...]) -> str:
        cuts = [(number, leg) for number, leg in enumerate(legs) if leg.step is not None]
        if not cuts:
            return "As shipped." if not legs else f"After {number_of(len(legs), 'reset')}, without any cut."
        number, leg = cuts[-1]
        assert leg.step is not None
        step = self._played[legs[: number + 1]].run.steps[leg.step]
        what = _effect(step.effect, step.before, self._board)
        left = "" if leg.tear == "cut" else f", which leaves: {leg.tear}"
        then = "" if number == len(legs) - 1 else f"; then {number_of(len(legs) - 1 - number, 'reset')}"
        return f"Cut {len(cuts)} falls in {what} ({leg.phase}; run {number}, effect {leg.step}){left}{then}."

    def _records(self, flash: Flash) -> Iterator[str]:
        if self.scenario.device.records is None:
            return
        explanation = explain(Chip(self._board, flash), self.scenario.device.records)
        yield from map(str, explanation.telling)
        # Where others are invalid, that is why it counts, and was said.
        if explanation.selected is None or all(isinstance(place.found, Record) for place in explanation.telling):
            yield explanation.reason

    def _slots(self, flash: Flash) -> Iterator[str]:
        chip = Chip(self._board, flash)
        for number, slot in enumerate(self._board.slots):
            image = self.scenario.device.image_in(chip, number)
            if image is None:
                sectors = [*self._board.sectors_of(slot.app), *self._board.sectors_of(slot.fs)]
                yield f"Slot {number}: no whole image; {self._stand(flash, sectors)}."
                continue
            damage = damaged_files(self.scenario, flash, number, image.version)
            files = f"; {damage}" if damage else ", its files too" if self.scenario.files else ""
            yield f"Slot {number}: version {image.version}, whole{files}."

    def _stand(self, flash: Flash, sectors: list[int]) -> str:
        """Say how far the sectors of a slot have come, by what they were and what they are to be."""
        states: Counter[str] = Counter()
        begun = []
        for sector in sectors:
            contents = flash.sectors[sector]
            if contents.count(ERASED) == len(contents):
                states["erased"] += 1
            elif contents == self._updated.sectors[sector]:
                states["as updated"] += 1
            elif contents == self.scenario.flash.sectors[sector]:
                states["as shipped"] += 1
            else:
                begun.append(str(sector))
        counts = [f"{number_of(count, 'sector')} {state}" for state, count in states.items()]
        if begun:
            which = f"{', '.join(begun[:4])}{' and others' * (len(begun) > 4)}"
            counts.append(f"begun or torn: sector{'s' * (len(begun) > 1)} {which}")
        return ", ".join(counts)

    def _then(self, node: int) -> Iterator[str]:
        graph, column = self.graph, self.graph.columns  # columns and not arrays: a browser's tab has no numpy
        ways = zip(column["edge_step"], column["edge_run"], column["edge_target"], strict=True)
        goes_on = {run: target for step, run, target in ways if step == RESET}
        chances: dict[str, float] = {}
        for number, owner in enumerate(column["run_node"]):
            if owner != node:
                continue
            reason, end = graph.run_reason[number], column["run_end"][number]
            if node in graph.stuck:
                words = f"stuck; {reason}"
            elif end == NO_END:
                why = reason.removeprefix("it reboots for ever: ")
                words = f"it resets itself ({why})" + (
                    f" and is at node {goes_on[number]}" if number in goes_on else ""
                )
            else:
                words = f"{ENDS[end]}; {reason}"
            chances[words] = chances.get(words, 0.0) + column["run_probability"][number]
        for words, chance in chances.items():
            yield f"Left in peace{f', by chance {chance:.3g}' if len(chances) > 1 else ''}: {words}."


def _marks(flash: Flash, board: Board) -> Iterator[str]:
    meaning = {
        "weak": "it reads erased, but what is written does not hold",
        "unstable": "it may read otherwise",
        "unreadable": "who reads what was programmed or erased half there takes a fault",
    }
    for mark in sorted(flash.marks, key=lambda mark: mark.sector):
        yield f"Sector {mark.sector} ({board.owner_of(mark.sector)}) is {mark.kind}: {meaning[mark.kind]}."


def _effect(effect: Effect, before: Flash, board: Board) -> str:
    """Name an effect and the place that it works on."""
    sector = sector_of(effect, before)
    match effect:
        case Erase():
            return f"the erase of sector {sector}, {board.owner_of(effect.sector)}"
        case Program(address, data) if sector is not None:
            return f"the program of {number_of(len(data), 'byte')} at 0x{address:x}, {board.owner_of(sector)}"
    return "a wait"

"""Traces: the firmware followed on steady power, every effect written down.

A *run* goes from power-on to quiescence, a halt or a reset; a *life* is runs one after the other until nothing
more happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import fsum, inf
from typing import Any, NamedTuple, overload

from otalab.bench.scenario import Scenario, World
from otalab.errors import InternalFault, LostRunner, OtalabError, Unrepeatable
from otalab.firmware.controller import Controller
from otalab.firmware.device import power_on
from otalab.firmware.outcome import Outcome, Reset
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip, Draw, Look, Stretch
from otalab.hardware.effects import Ask, Effect, Erase, Program, Wait
from otalab.hardware.flash import Flash
from otalab.summary import Summary
from otalab.text import number_of

RUNS = 50
ATTEMPTS = 3
COUNTS = ("erases", "programs", "waits", "asks")


class Step(NamedTuple):
    """One effect of a run: when it began (seconds since power-on), how long it took, and what it met.

    `due`: when the commit timer that runs meanwhile is due, in seconds since power-on; `inf` where none runs.
    """

    number: int
    effect: Effect
    phase: str
    at: float
    seconds: float
    before: Flash
    world: World
    due: float = inf


@dataclass(frozen=True, slots=True, repr=False)
class Run(Summary):
    """One run: its steps, how it ended, and what it left; `log` are the firmware's lines, with their step.

    `path` is what decided the run, in order: sectors read before they were erased, and choices of chance.
    `swaps` are the unstable sectors that were found to read otherwise, each with the effect before which it was.
    `probability` is that of the choices; `said_in` the phase in which each line of the log was said.
    `stretches` and `wholly` say which bytes the looks were at: here and there in sectors, and of which sectors all.
    """

    steps: tuple[Step, ...]
    outcome: Outcome
    flash: Flash
    world: World
    log: tuple[tuple[int, str], ...]
    path: tuple[Look | Draw, ...]
    killed: frozenset[int]
    swaps: tuple[tuple[int, int], ...]
    probability: float
    said_in: tuple[str, ...] = ()
    stretches: frozenset[Stretch] = frozenset()
    wholly: frozenset[int] = frozenset()

    def facts(self) -> Iterator[tuple[str, object]]:
        """Yield how much happened, and how it ended."""
        yield "effects", len(self.steps)
        yield "seconds", f"{self.seconds:.3f}"
        yield "outcome", self.outcome

    @property
    def seconds(self) -> float:
        """How long the run took; a wait without end counts as nothing."""
        return fsum(step.seconds for step in self.steps if step.seconds < float("inf"))

    def during(self, phase: str) -> list[Step]:
        """Return the steps of a phase, in order."""
        return [step for step in self.steps if step.phase == phase]

    @property
    def draws(self) -> list[Draw]:
        """What chance decided, in order."""
        return [cause for cause in self.path if isinstance(cause, Draw)]

    @property
    def looks(self) -> list[Look]:
        """The looks that decided the run, in order."""
        return [cause for cause in self.path if isinstance(cause, Look)]

    @property
    def footprint(self) -> list[int]:
        """The sectors that were read before this run had erased them, in order."""
        return list(dict.fromkeys(look.sector for look in self.looks))


@dataclass(frozen=True, slots=True, repr=False)
class Life(Summary):
    """Runs until nothing more happens; `endless` if the device resets for ever and gets nowhere."""

    board: Board
    runs: tuple[Run, ...]
    endless: bool

    def facts(self) -> Iterator[tuple[str, object]]:
        """Yield how much happened, and how it ended."""
        yield "board", self.board.name
        yield "runs", f"{len(self.runs)}, without end" if self.endless else len(self.runs)
        yield "effects", sum(len(run.steps) for run in self.runs)
        yield "seconds", f"{fsum(run.seconds for run in self.runs):.3f}"
        yield "outcome", self.last.outcome

    @property
    def last(self) -> Run:
        return self.runs[-1]

    @property
    def log(self) -> Iterator[str]:
        """Every line that the firmware said."""
        return (line for run in self.runs for _, line in run.log)


class _Chance:
    """Takes choices as told, then the undisturbed ones, and writes them into the chip's path."""

    def __init__(self, chip: Chip, choices: Sequence[int]) -> None:
        self.chip = chip
        self.told = list(reversed(choices))
        self.probability = 1.0

    def take(self, probabilities: Sequence[float]) -> int:
        """Return which of several possibilities happens."""
        if len(probabilities) == 1:
            return 0
        taken = self.told.pop() if self.told else 0
        self.chip.path.append(Draw(taken, len(probabilities)))
        self.probability *= probabilities[taken]
        return taken


def run(
    scenario: Scenario,
    flash: Flash | None = None,
    world: World = World(),  # noqa: B008  # frozen
    choices: Sequence[int] = (),
) -> Run:
    """Follow the firmware through one run; where chance decides, as `choices` say, then as if undisturbed."""
    for _ in range(ATTEMPTS):
        # Whatever ran the code is gone: a run begins with contents and leaves nothing, so it is done again.
        with suppress(LostRunner):
            return _run(scenario, scenario.flash if flash is None else flash, world, choices)
    raise OtalabError(f"{scenario.device.firmware.name}: what runs it was killed {ATTEMPTS} times: run it again")


def _run(scenario: Scenario, flash: Flash, world: World, choices: Sequence[int]) -> Run:
    chip = Controller(scenario.device.board, flash)
    chance = _Chance(chip, choices)
    chip.settle = lambda _mark: chance.take((0.5, 0.5))
    world = scenario.power_on(world)
    routine = power_on(chip, scenario.device)
    steps: list[Step] = []
    log: list[tuple[int, str]] = []
    answer = None
    while True:
        try:
            effect = routine.send(answer)
        except StopIteration as end:
            log += ((len(steps), line) for line in chip.log[len(log) :])
            decided = tuple(chip.path), frozenset(chip.killed), tuple(chip.swaps), chance.probability
            looked = tuple(chip.said_in), frozenset(chip.stretches), frozenset(chip.wholly)
            return Run(tuple(steps), end.value, chip.flash, world, tuple(log), *decided, *looked)
        if len(chip.log) > len(log):
            log += ((len(steps), line) for line in chip.log[len(log) :])
        chip.board.geometry.check(effect)
        before, began, due, world_asked, answer = chip.flash, chip.now, chip.timer_due, world, None
        if isinstance(effect, Ask):
            answers = scenario.choices(world, effect, chip.now)
            choice = answers[chance.take([possible.probability for possible in answers])]
            answer, world, seconds = choice.answer, choice.world, choice.seconds
        else:
            seconds = scenario.seconds(effect)
        steps.append(Step(len(steps), effect, chip.phase, began, seconds, before, world_asked, due))
        chip.apply(effect)
        chip.now += seconds


def every_run(scenario: Scenario, flash: Flash, world: World) -> Iterator[Run]:
    """Yield one run for every way in which chance can decide, the undisturbed one first.

    Firmware comes to an outcome, whatever flash holds: an exception is `InternalFault`, after what chance decided.
    """
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        beginning = waiting.pop()
        try:
            taken = run(scenario, flash, world, beginning)
        except Unrepeatable:
            raise
        except Exception as error:
            raise InternalFault.of(error, "".join(map(str, beginning)) or "-") from error
        yield taken
        draws = taken.draws
        for number in range(len(beginning), len(draws)):
            made = [draw.taken for draw in draws[:number]]
            waiting += [(*made, other) for other in range(1, draws[number].of)]


def life(scenario: Scenario, flash: Flash | None = None, world: World = World()) -> Life:  # noqa: B008  # frozen
    """Follow the device until nothing more happens, or until it comes by a place where it was before."""
    flash = scenario.flash if flash is None else flash
    runs: list[Run] = []
    states = set()
    while True:
        states.add((flash, scenario.power_on(world)))
        runs.append(run(scenario, flash, world))
        flash, world = runs[-1].flash, runs[-1].world
        if not isinstance(runs[-1].outcome, Reset):
            return Life(scenario.device.board, tuple(runs), endless=False)
        if (flash, scenario.power_on(world)) in states or len(runs) == RUNS:
            return Life(scenario.device.board, tuple(runs), endless=True)


def words(effect: Effect) -> str:
    """Return an effect in a few words."""
    match effect:
        case Erase(sector):
            return f"erase sector {sector}"
        case Program(address, data):
            return f"program {number_of(len(data), 'byte')} at 0x{address:06x}"
        case Wait(what, _):
            return f"wait: {what}"
        case Ask(question, detail):
            return f"ask: {question}" + (f" at {detail}" if isinstance(detail, int) else "")


@overload
def sector_of(effect: Erase | Program, flash: Flash) -> int: ...
@overload
def sector_of(effect: Effect, flash: Flash) -> int | None: ...
def sector_of(effect: Effect, flash: Flash) -> int | None:
    """Return the sector that an effect works on, if it works on one."""
    match effect:
        case Erase(sector):
            return sector
        case Program(address, _):
            return flash.geometry.sector_at(address)
    return None


def effects(lived: Life) -> Iterator[dict[str, Any]]:
    """Yield one row per effect: run, effect, phase, kind, what, sector, owner, when and how long in seconds."""
    for number, run in enumerate(lived.runs):
        for step in run.steps:
            sector = sector_of(step.effect, step.before)
            yield {
                "run": number,
                "effect": step.number,
                "phase": step.phase,
                "kind": type(step.effect).__name__.lower(),
                "what": words(step.effect),
                "sector": "" if sector is None else sector,
                "owner": "" if sector is None else lived.board.owner_of(sector),
                "at": step.at,
                "seconds": step.seconds,
            }


def by_phase(lived: Life) -> dict[str, dict[str, Any]]:
    """Return the counts of effects and the seconds of every phase, in the order in which they are met."""
    phases: dict[str, dict[str, Any]] = {}
    for row in effects(lived):
        phase = phases.setdefault(row["phase"], dict.fromkeys((*COUNTS, "seconds"), 0))
        phase[row["kind"] + "s"] += 1
        phase["seconds"] += row["seconds"] if row["seconds"] < float("inf") else 0
    return phases

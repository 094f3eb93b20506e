"""Histories: which cuts a device lived through, what chance decided, and how it ended; playable, with a short id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from otalab.bench.ends import End
from otalab.bench.observer import Observer
from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import Run, Step, run, sector_of
from otalab.errors import BadInput
from otalab.faults.tear import FaultModel, Site, Tear
from otalab.firmware.outcome import Reset
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

# Python takes many other signs for digits, and more of them than it can count.
_NUMBER, _CHOICES = re.compile(r"[0-9]{1,9}"), re.compile(r"-|[0-9]+")


@dataclass(frozen=True, slots=True)
class Leg:
    """One run of a history: what chance decided in it (digits), and the cut that ended it, if one did."""

    choices: str = ""
    step: int | None = None
    tear: str = ""
    phase: str = ""

    @property
    def text(self) -> str:
        """The leg as a part of an id."""
        return (self.choices or "-") + (f".{self.step}.{self.tear}" if self.step is not None else "")

    @classmethod
    def parse(cls, text: str) -> Leg:
        """Return the leg that a part of an id stands for."""
        choices, *cut = text.split(".")
        if len(cut) not in (0, 2) or not all(map(_NUMBER.fullmatch, cut[:1])) or not _CHOICES.fullmatch(choices):
            raise BadInput(f"{text[:60]!r} is no part of a history: CHOICES or CHOICES.EFFECT.TEAR")
        choices = choices.replace("-", "")
        return cls(choices, int(cut[0]), cut[1]) if cut else cls(choices)


@dataclass(frozen=True, slots=True)
class History:
    """The legs from the shipped device to its end, and that end."""

    legs: tuple[Leg, ...]
    end: str
    reason: str

    @property
    def cuts(self) -> list[tuple[int, Leg]]:
        """The cuts, each with the number of its run."""
        return [(number, leg) for number, leg in enumerate(self.legs) if leg.step is not None]

    @property
    def order(self) -> tuple[int, tuple[tuple[int, int], ...]]:
        """What shortest means: fewest cuts, then earliest."""
        return len(self.cuts), tuple((number, leg.step or 0) for number, leg in self.cuts)


@dataclass(frozen=True, slots=True)
class Played:
    """One leg of a history, played on plain contents: the run as far as it came, and what was left of it."""

    leg: Leg
    run: Run
    steps: tuple[Step, ...]
    tear: Tear | None
    flash: Flash
    world: World


def play(scenario: Scenario, faults: FaultModel, legs: tuple[Leg, ...]) -> Iterator[Played]:
    """Yield every leg of a history as the plain firmware lives it; no graph, no merging."""
    flash, world = scenario.flash, World()
    for leg in legs:
        taken = run(scenario, flash, world, [int(digit) for digit in leg.choices])
        played = play_leg(scenario, faults, leg, taken)
        flash, world = played.flash, played.world
        yield played


def play_leg(scenario: Scenario, faults: FaultModel, leg: Leg, taken: Run) -> Played:
    """Return one leg, played on a run that took the leg's choices."""
    if leg.step is None:
        return Played(leg, taken, taken.steps, None, taken.flash, taken.world)
    if leg.step >= len(taken.steps):
        raise BadInput(f"effect {leg.step} does not happen: this run has {len(taken.steps)} effects")
    step = taken.steps[leg.step]
    tear = _tear(scenario, faults, step, leg.tear)
    sector = sector_of(step.effect, step.before)
    flash = tear.onto(step.before, sector) if tear and sector is not None else step.before
    return Played(leg, taken, taken.steps[: leg.step + 1], tear, flash, step.world)


def ending(scenario: Scenario, played: list[Played]) -> End:
    """Return the end that a played history comes to; one that ends in a reset is followed to see whether it loops."""
    last = played[-1]
    if last.leg.step is not None:
        raise BadInput("the history ends in a cut: one more run must follow it")
    observer = Observer(scenario)
    end, _ = observer.judge_run(last.run)
    taken, states = last.run, set[tuple[Flash, World]]()
    while end is None:
        assert isinstance(taken.outcome, Reset)
        state = taken.flash, scenario.power_on(taken.world)
        if state in states or len(states) > 20:
            return End("stuck", f"it reboots for ever: {taken.outcome.reason}")
        states.add(state)
        taken = run(scenario, *state)
        end, _ = observer.judge_run(taken)
    return end


def _tear(scenario: Scenario, faults: FaultModel, step: Step, label: str) -> Tear | None:
    if not isinstance(step.effect, (Erase, Program)):
        if label != "cut":
            raise BadInput(f"effect {step.number} does not touch the flash: its only tear is cut, not {label!r}")
        return None
    known = []
    for tear in faults.tears(step.effect, step.before, scenario.device):
        if tear.label == label:
            return tear
        known.append(tear.label)
    if other := _by_another_label(scenario, faults, step, label):
        return other
    near = ", ".join(sorted(known, key=lambda other: _distance(label, other))[:3])
    raise BadInput(f"effect {step.number} has no tear {label!r} under the fault model {faults.name}; near it: {near}")


def _by_another_label(scenario: Scenario, faults: FaultModel, step: Step, label: str) -> Tear | None:
    """Return the tear that a label stands for where another one leaves the same, and lends it its own.

    A search may have met the two on contents that nobody tells from these, and on which they left different bytes.
    """
    assert isinstance(step.effect, (Erase, Program))
    site = Site.of(step.effect, step.before, scenario.device)
    for _, leave, _ in getattr(faults, "parts", ()):
        for name, contents, _, _, mark in site.left(leave):
            if name == label:
                return Tear(label, site.within(site.whole, contents), mark, ())
    return None


def _distance(label: str, other: str) -> tuple[bool, int]:
    """Return how far a tear is from another one: of the same kind first, then by its number."""
    kinds, numbers = zip(
        *((re.sub(r"\d+", "", text), re.findall(r"\d+", text)) for text in (label, other)), strict=True
    )
    return kinds[0] != kinds[1], sum(abs(int(a) - int(b)) for a, b in zip(*numbers, strict=False))

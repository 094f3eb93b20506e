"""The life that a player shows: runs with cuts, as one row of positions.

A position is an effect, done; or the cut that interrupted it; or, after the last effect of a run that was not cut,
the end of that run.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from otalab.bench.ends import End
from otalab.bench.observer import judge_run
from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import RUNS, Run, Step, run
from otalab.errors import BadInput
from otalab.faults.tear import FaultModel
from otalab.firmware.outcome import Reset
from otalab.graph.history import History, Leg, Played, play_leg
from otalab.hardware.flash import Flash

Cut = tuple[int, int, str]
Memory = dict[tuple[Flash, World, str], Run]
REMEMBERED, MOST_RUNS = 8, 100


@dataclass(frozen=True)
class PlayedLife:
    """Runs one after the other, each as far as it came; `endless` if it resets for ever."""

    scenario: Scenario
    played: tuple[Played, ...]
    endless: bool

    @cached_property
    def starts(self) -> list[int]:
        """The position at which each run begins, and how many there are."""
        lengths = (len(leg.steps) + (leg.leg.step is None) for leg in self.played)
        return list(accumulate(lengths, initial=0))

    def __len__(self) -> int:
        return self.starts[-1]

    def at(self, position: int) -> tuple[int, int]:
        """Return run and effect of a position; past the last effect is the end of the run."""
        number = bisect_right(self.starts, position) - 1
        return number, position - self.starts[number]

    def position(self, number: int, effect: int) -> int:
        """Return the position of an effect of a run."""
        if not (0 <= number < len(self.played) and 0 <= effect < self.starts[number + 1] - self.starts[number]):
            raise BadInput(f"effect {effect} of run {number} is not in the life that is shown")
        return self.starts[number] + effect

    def find(self, place: str | tuple[int, int]) -> int:
        """Return the position of a phase's first effect, of the last `cut`, of the `end`, or of (run, effect)."""
        match place:
            case (int(number), int(effect)):
                return self.position(number, effect)
            case "end":
                return len(self) - 1
            case "cut":
                places = [n for n in reversed(range(len(self))) if self.torn(n)]
            case _:
                places = [n for n in range(len(self)) if (step := self.step(n)) and step.phase == place]
        if not places:
            raise BadInput(f"{place!r} is not in the life that is shown: a phase of it, cut, end, or (run, effect)")
        return places[0]

    def to_cut(self, position: int) -> Step:
        """Return the effect at a position, for a cut in it."""
        step = self.step(position)
        if step is None:
            raise BadInput("a run ends here, and there is no effect to cut: go to another step")
        return step

    def step(self, position: int) -> Step | None:
        """Return the effect at a position, or none at the end of a run."""
        number, effect = self.at(position)
        steps = self.played[number].steps
        return steps[effect] if effect < len(steps) else None

    def torn(self, position: int) -> bool:
        """Say whether the power fails at a position."""
        number, effect = self.at(position)
        return effect == self.played[number].leg.step

    def flash(self, position: int) -> Flash:
        """Return the contents once the effect at a position is done, or interrupted."""
        number, effect = self.at(position)
        played = self.played[number]
        if effect >= len(played.steps) or effect == played.leg.step:
            return played.flash
        return played.steps[effect].before.after(played.steps[effect].effect)

    @cached_property
    def end(self) -> End:
        """How the life ends, the probe included."""
        last = self.played[-1].run
        end, _ = (None, []) if self.endless else judge_run(self.scenario, last)
        return end or End("stuck", f"it reboots for ever: {getattr(last.outcome, 'reason', '')}")

    @property
    def history(self) -> History:
        """The legs and their end, as `otalab replay` plays them."""
        return History(tuple(played.leg for played in self.played), self.end.name, self.end.reason)


def live(
    scenario: Scenario, faults: FaultModel, cuts: Sequence[Cut], choices: Sequence[str], memory: Memory
) -> PlayedLife:
    """Follow a device through its cuts until nothing more happens; `memory` keeps runs that may be asked for again."""
    planned = {number: (effect, tear) for number, effect, tear in cuts}
    flash, world, played = scenario.flash, World(), list[Played]()
    states = set[tuple[Flash, World]]()
    last = max([*planned, len(choices) - 1, -1])
    if last >= MOST_RUNS:
        raise BadInput(f"run {last} is too far: a player follows {MOST_RUNS} runs")
    while True:
        number = len(played)
        taken = _remembered(scenario, flash, world, choices[number] if number < len(choices) else "", memory)
        leg = Leg("".join(str(draw.taken) for draw in taken.draws), *planned.get(number, ()))
        if leg.step is not None and leg.step < len(taken.steps):
            leg = Leg(leg.choices, leg.step, leg.tear, taken.steps[leg.step].phase)
        before = flash, scenario.power_on(world)
        played.append(play_leg(scenario, faults, leg, taken))
        flash, world = played[-1].flash, played[-1].world
        if leg.step is not None:
            continue
        if not isinstance(taken.outcome, Reset):
            break
        if number > last:
            states.add(before)
            if (flash, scenario.power_on(world)) in states or len(states) >= RUNS:
                return PlayedLife(scenario, tuple(played), endless=True)
    if number < max(planned, default=-1):
        raise BadInput(f"run {max(planned)} does not happen: the life ends in run {number}")
    return PlayedLife(scenario, tuple(played), endless=False)


def _remembered(scenario: Scenario, flash: Flash, world: World, choices: str, memory: Memory) -> Run:
    key = flash, world, choices
    try:
        taken = memory.pop(key, None) or run(scenario, flash, world, [int(digit) for digit in choices])
    except IndexError as error:
        raise BadInput(f"choices {choices!r}: chance has fewer ways here") from error
    # Taken out and put in again: the oldest one is the one that was not asked for the longest.
    memory[key] = taken
    if len(memory) > REMEMBERED:
        memory.pop(next(iter(memory)))
    return taken

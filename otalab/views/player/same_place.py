"""The same cut in another life: one in the same effect of the same phase of the same run, leaving the same."""

from __future__ import annotations

from otalab.bench.scenario import Scenario
from otalab.errors import BadInput
from otalab.faults.tear import FaultModel
from otalab.views.player.life import Cut, Memory, PlayedLife, live


def cuts_under(own: PlayedLife, scenario: Scenario, faults: FaultModel) -> list[Cut]:
    """Return the cuts of a life as another scenario has them; raise `BadInput` where it has no such cut."""
    done: list[Cut] = []
    memory: Memory = {}
    choices = [played.leg.choices for played in own.played]
    for number, leg in own.history.cuts:
        try:
            # Cut by cut: which effects a run has is known once those before it were cut.
            lived = live(scenario, faults, done, choices, memory)
            done.append((number, same_place(own, lived, number, leg.step or 0), leg.tear))
            live(scenario, faults, done, choices, memory)
        except BadInput as error:
            raise BadInput(f"no such cut in run {number}: {error}") from error
    return done


def same_place(own: PlayedLife, other: PlayedLife, number: int, step: int) -> int:
    """Return the effect of another life that is the same number of its phase in the same run."""
    if number >= len(other.played):
        raise BadInput(f"run {number} does not happen")
    phase = own.played[number].steps[step].phase
    before = sum(earlier.phase == phase for earlier in own.played[number].steps[:step])
    there = [place.number for place in other.played[number].steps if place.phase == phase]
    if before >= len(there):
        raise BadInput(f"run {number} has no such effect in the phase {phase}")
    return there[before]


def same_position(own: PlayedLife, other: PlayedLife, position: int) -> int:
    """Return the position in another life that is the same; past what it has in common, the last one before it."""
    number, effect = own.at(position)
    if number >= len(other.played):
        return len(other) - 1
    if own.step(position) is None:
        return other.starts[number + 1] - 1
    try:
        return other.position(number, same_place(own, other, number, effect))
    except BadInput:
        phase = own.played[number].steps[effect].phase
        alike = [place.number for place in other.played[number].steps if place.phase == phase]
        # A phase that it does not have lies between two that it has: after the last effect of those that came before.
        past = {earlier.phase for earlier in own.played[number].steps[:effect]}
        alike = alike or [place.number for place in other.played[number].steps if place.phase in past] or [0]
        return other.position(number, min(alike[-1], other.starts[number + 1] - other.starts[number] - 1))

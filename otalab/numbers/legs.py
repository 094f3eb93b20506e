"""Legs: a walk as a table, in which every state has its ways on, each with its probability."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array

from otalab.bench.ends import ENDS
from otalab.graph.arrays import Floats, Ints
from otalab.numbers.runs import Runs, sum_before
from otalab.numbers.sequels import NO_SEQUELS, Sequels

ENDINGS = (*ENDS, "open")  # open: what follows was not explored
OPEN = len(ENDS)


@dataclass(frozen=True, eq=False)  # one walk is itself alone, and may be looked up
class Walk:
    """What a device can go through: in each *state* it takes one of a few *legs*, each a run and its way on.

    State s stands for the node `state_node[s]` and has the legs `state_leg[s]` to `state_leg[s + 1]`.
    A leg is taken with its probability, is interrupted with probability `leg_cut`, and leads to `leg_through` with
    probability `leg_on`; `leg_run` is its run.
    Given that its effect is interrupted, a tear has probability `tear_weight` and leads to `tear_target`.
    What leads somewhere names a state, or an ending as the number of states plus its place in `ENDINGS`; so is `start`.
    """

    runs: Runs
    phases: tuple[str, ...]
    start: int
    state_node: Ints
    state_leg: Ints
    leg_run: Ints
    leg_probability: Floats
    leg_cut: Floats
    leg_on: Floats
    leg_through: Ints
    tear_weight: Floats
    tear_target: Ints
    given: float = 1.0  # the probability of what is taken as given
    # Legs that stand for all the rest of a sampled life have its number here, the others -1.
    lives: Sequels = NO_SEQUELS
    leg_life: Ints | None = None

    @cached_property
    def rest(self) -> Sequels:
        """What comes with each leg besides its run: of a sampled life all its rest, else nothing."""
        if self.leg_life is None:
            return Sequels.nothing(len(self.leg_run))
        return self.lives.taken(self.leg_life)

    @cached_property
    def leg_seconds(self) -> Floats:
        """How long each leg takes that is not interrupted."""
        seconds = self.runs.run_seconds[self.leg_run]
        return seconds if self.leg_life is None else np.asarray(seconds + self.rest.seconds.sum(axis=1))

    @cached_property
    def leg_erases(self) -> Floats | Ints:
        """How many erases each leg has that is not interrupted."""
        erases = self.runs.run_erases[self.leg_run]
        return erases if self.leg_life is None else np.asarray(erases + self.rest.erases)

    @property
    def states(self) -> int:
        return len(self.state_node)

    @cached_property
    def leg_state(self) -> Ints:
        """The state that each leg belongs to."""
        return np.repeat(np.arange(self.states), np.diff(self.state_leg))

    @cached_property
    def place_leg(self) -> Ints:
        """The leg of each *place*: every effect of every leg is one, in order."""
        return _unrolled(self.runs.run_effect, self.leg_run)[0]

    @cached_property
    def place_effect(self) -> Ints:
        """The effect at each place."""
        return _unrolled(self.runs.run_effect, self.leg_run)[1]

    @cached_property
    def place_cut(self) -> Floats:
        """The probability, each time its state is visited, that the supply fails at each place."""
        whole = -np.expm1(-self.runs.run_hazard[self.leg_run])
        share = shares_of(self.leg_probability * self.leg_cut, whole)
        return np.asarray(share[self.place_leg] * self.runs.cut_in[self.place_effect])

    @cached_property
    def place_passed(self) -> Floats:
        """The probability, each time its state is visited, that the effect at each place is carried out to its end."""
        bounds = np.searchsorted(self.place_leg, np.arange(len(self.leg_run) + 1))
        later = sum_before(self.place_cut[::-1], len(self.place_cut) - bounds[::-1])[::-1]
        return np.asarray((self.leg_probability * self.leg_on)[self.place_leg] + later)

    @cached_property
    def torn(self) -> tuple[Ints, Ints, Floats]:
        """Every tear at every place: its place, the tear, and its probability each time the state is visited."""
        place, tear = _unrolled(self.runs.effect_tear, self.place_effect)
        return place, tear, self.place_cut[place] * self.tear_weight[tear]

    @cached_property
    def chain(self) -> csr_array:
        """The absorbing chain: the states, then one for each of `ENDINGS`."""
        place, tear, probability = self.torn
        size = self.states + len(ENDINGS)
        ends = np.arange(self.states, size)
        source = np.concatenate([self.leg_state[self.place_leg[place]], self.leg_state, ends])
        target = np.concatenate([self.tear_target[tear], self.leg_through, ends])
        weight = np.concatenate([probability, self.leg_probability * self.leg_on, np.ones(len(ends))])
        return csr_array(coo_array((weight, (source, target)), (size, size)).tocsr())


def shares_of(part: Floats, whole: Floats) -> Floats:
    """Return the quotients, and 0 of nothing."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _unrolled(bounds: Ints, which: Ints) -> tuple[Ints, Ints]:
    """Return for each of these stretches all its members: the place of the stretch in `which`, and the member."""
    length = bounds[which + 1] - bounds[which]
    owner = np.repeat(np.arange(len(which)), length)
    return owner, np.arange(len(owner)) + np.repeat(bounds[which] - (np.cumsum(length) - length), length)

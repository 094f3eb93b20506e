"""Walks made longer: by power that may be unsteady, and by lives that were sampled where a graph ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from otalab.graph.arrays import Floats, Ints
from otalab.numbers.legs import Walk
from otalab.numbers.sequels import Sequels


def with_bounce(steady: Walk, unsteady: Walk, chance: float) -> Walk:
    """Return the walk in which every state is there twice: while the power is steady, and while it is not.

    A leg that is not interrupted stays in its half; every tear leads into both, and chance decides.
    """
    states = steady.states

    def own(target: Ints) -> Ints:
        return np.where(target < states, target, target + states)

    def both(first: Ints, other: Ints) -> Ints:
        return np.concatenate([first[:-1], other + first[-1]])

    halves = [
        np.column_stack([legs.tear_weight * (1 - chance), legs.tear_weight * chance]) for legs in (steady, unsteady)
    ]
    target = np.column_stack([own(steady.tear_target), steady.tear_target + states])
    return replace(
        steady,
        runs=steady.runs.beside(unsteady.runs),
        state_node=np.tile(steady.state_node, 2),
        state_leg=both(steady.state_leg, steady.state_leg),
        leg_run=np.append(steady.leg_run, steady.leg_run + len(steady.runs.run_effect) - 1),
        leg_probability=np.tile(steady.leg_probability, 2),
        leg_cut=np.append(steady.leg_cut, unsteady.leg_cut),
        leg_on=np.append(steady.leg_on, unsteady.leg_on),
        leg_through=np.append(own(steady.leg_through), steady.leg_through + states),
        tear_weight=np.concatenate(halves).ravel(),
        tear_target=np.tile(target.ravel(), 2),
    )


def with_lives(plain: Walk, lives: Sequels, ahead: list[tuple[Ints, Ints, Floats]]) -> Walk:
    """Return a walk that goes on with sampled lives where the graph ends: a state each, a leg for each of its lives."""
    life = np.concatenate([lives_of for _, lives_of, _ in ahead])
    runs, legs, more = plain.runs, len(plain.leg_run), len(life)
    states = plain.states + len(ahead)
    ends = np.cumsum([len(lives_of) for _, lives_of, _ in ahead])
    return replace(
        plain,
        # Their run has no effects.
        runs=replace(runs, run_effect=np.append(runs.run_effect, runs.run_effect[-1])),
        state_node=np.append(plain.state_node, [nodes[0] for nodes, _, _ in ahead]),
        state_leg=np.append(plain.state_leg, legs + ends),
        leg_run=np.append(plain.leg_run, np.full(more, len(runs.run_effect) - 1)),
        leg_probability=np.append(plain.leg_probability, np.concatenate([shares for _, _, shares in ahead])),
        leg_cut=np.append(plain.leg_cut, np.zeros(more)),
        leg_on=np.append(plain.leg_on, np.ones(more)),
        leg_through=np.append(plain.leg_through, states + lives.end[life]),
        lives=lives,
        leg_life=np.append(np.full(legs, -1), life),
    )

"""The crowd: whole fleets moved through a walk at once, by splitting their number at every fork.

How many of n devices go each way is multinomial, so the cost does not grow with the fleet.
Devices are told apart by where they are, how many cuts they lived through, and the phase of the last; seconds and
erases are kept as the expected sums over each such group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from otalab.graph.arrays import Floats, Ints
from otalab.hardware.effects import PHASES
from otalab.numbers.legs import ENDINGS, Walk
from otalab.numbers.sequels import NO_CUT


class Group(NamedTuple):
    """What the devices of a group have in common: the cuts so far, the place that they are at, the last cut's phase."""

    cuts: int
    at: int
    last_cut: int


@dataclass(frozen=True)
class Fork:
    """The ways out of one state that can be told apart: probability, target, last cut, cuts, and what they cost.

    The most likely comes last: it takes who is left over, and the rare ones keep their digits.
    """

    probability: Floats
    target: Ints
    cut: Ints
    cuts: Ints
    seconds: Floats
    erases: Floats


@lru_cache(maxsize=32)
def forks(walk: Walk) -> list[Fork]:
    """Return the fork at every state of a walk."""
    runs = walk.runs
    place, tear, probability = walk.torn
    effect = walk.place_effect[place]
    phase = np.array([PHASES.index(phase) for phase in walk.phases], np.int64)
    ways = pd.DataFrame(
        {
            "state": np.concatenate([walk.leg_state[walk.place_leg[place]], walk.leg_state]),
            "target": np.concatenate([walk.tear_target[tear], walk.leg_through]),
            "cut": np.concatenate([phase[runs.phase[effect]], walk.rest.last_cut]),
            "cuts": np.concatenate([np.ones(len(place), np.int64), walk.rest.cuts.sum(axis=1)]),
            "probability": np.concatenate([probability, walk.leg_probability * walk.leg_on]),
            "seconds": np.concatenate([runs.seconds_before[effect] + runs.seconds_if_cut[effect], walk.leg_seconds]),
            "erases": np.concatenate([runs.erases[effect], walk.leg_erases]),
        }
    )
    ways = ways[ways.probability > 0]
    ways[["seconds", "erases"]] = ways[["seconds", "erases"]].mul(ways.probability, axis=0)
    ways = ways.groupby(["state", "target", "cut", "cuts"], as_index=False).sum().sort_values(["state", "probability"])
    ways[["seconds", "erases"]] = ways[["seconds", "erases"]].div(ways.probability, axis=0)
    ways["probability"] = ways.probability.clip(upper=1.0)  # many ways that are one may add up to a trifle more
    names = ("probability", "target", "cut", "cuts", "seconds", "erases")
    columns = {name: ways[name].to_numpy() for name in names}
    bounds = np.searchsorted(ways["state"].to_numpy(), np.arange(walk.states + 1))
    return [
        Fork(*(columns[name][a:b] for name in names))
        for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]


def move(walks: Sequence[Walk], shares: Sequence[float], devices: int, seed: int | Sequence[int]) -> pd.DataFrame:
    """Return what becomes of a fleet: one row per kind of device, end, number of cuts and phase of the last.

    `devices` is how many a row stands for; `seconds` and `erases` are means over them.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    split = random.multinomial(devices, np.array(shares) / np.sum(shares))
    rows = []
    for kind, (walk, count) in enumerate(zip(walks, split.tolist(), strict=True)):
        for group, (moved, seconds, erases) in _moved(walk, count, random).items():
            end = ENDINGS[group.at - walk.states]
            rows.append((kind, end, group.cuts, seconds / moved, erases / moved, group.last_cut, moved))
    columns = ["kind", "end", "cuts", "seconds", "erases", "last_cut", "devices"]
    table = pd.DataFrame(rows, columns=columns).sort_values(["kind", "end", "cuts", "last_cut"], ignore_index=True)
    return table.assign(
        end=pd.Categorical(table.end, ENDINGS), last_cut=pd.Categorical.from_codes(table.last_cut, PHASES)
    )


def _moved(walk: Walk, count: int, random: np.random.Generator) -> dict[Group, tuple[int, float, float]]:
    """Move a crowd from the start to its endings, a group at a time, those with the fewest cuts first."""
    fork_at = forks(walk)
    groups = {Group(0, walk.start, NO_CUT): (count, 0.0, 0.0)} if count else {}
    ended: dict[Group, tuple[int, float, float]] = {}
    while groups:
        group = min(groups)
        crowd, seconds, erases = groups.pop(group)
        if group.at >= walk.states:
            ended[group] = crowd, seconds, erases
            continue
        fork = fork_at[group.at]
        for way, moved in enumerate(random.multinomial(crowd, fork.probability).tolist()):
            if moved:
                fell = int(fork.cut[way])
                cuts, fell = group.cuts + int(fork.cuts[way]), group.last_cut if fell == NO_CUT else fell
                to = Group(cuts, int(fork.target[way]), fell)
                was = groups.get(to, (0, 0.0, 0.0))
                groups[to] = (
                    was[0] + moved,
                    was[1] + seconds * moved / crowd + fork.seconds[way] * moved,
                    was[2] + erases * moved / crowd + fork.erases[way] * moved,
                )
    return ended

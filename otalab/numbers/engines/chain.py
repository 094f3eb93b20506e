"""Walkers: devices sent through a walk one at a time, each with its own stream of random numbers.

One number says whether and where a leg is interrupted: the probability that a cut has come by the end of an effect
rises along the run, and the number is looked up there.
What it exceeds the effect's beginning by says how far the effect had come.
The loop is compiled where numba is installed; elsewhere whole arrays of devices take one leg after the other, and
come to the same numbers, bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import log1p
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from otalab.graph.arrays import Floats, Ints
from otalab.hardware.effects import PHASES
from otalab.numbers.engines.streams import STEP, key, mixed, uniform
from otalab.numbers.legs import Walk
from otalab.numbers.sequels import NO_CUT

_log1p: Any = np.frompyfunc(log1p, 1, 1)  # the C library's, as the compiled loop has it; NumPy has its own


class Walked(NamedTuple):
    """What became of some devices, one entry each.

    `end` is a place in `ENDINGS`, `last_cut` the place in `PHASES` of the phase in which the last cut fell, or
    `NO_CUT`; `kind` the walk that the device took.
    """

    kind: NDArray[np.int32]
    end: NDArray[np.int8]
    cuts: NDArray[np.int32]
    seconds: Floats
    erases: NDArray[np.int32]
    last_cut: NDArray[np.int8]


class Tables(NamedTuple):
    """Walks side by side, as plain arrays for a compiled loop; sums of probabilities in place of probabilities."""

    start_by: Floats
    start: Ints
    state_leg: Ints
    leg_by: Floats
    leg_cut: Floats
    leg_scale: Floats
    leg_through: Ints
    leg_effect: Ints
    leg_effect_end: Ints
    leg_seconds: Floats
    leg_erases: Ints
    leg_cuts: Ints
    leg_last: Ints
    cut_by: Floats
    hazard_before: Floats
    rate: Floats
    seconds_before: Floats
    seconds: Floats
    erases: Ints
    phase: Ints
    effect_tear: Ints
    tear_by: Floats
    tear_target: Ints


def tables(walks: Sequence[Walk], shares: Sequence[float] = (1.0,)) -> Tables:
    """Return walks side by side; a device takes one of them with the probability of its share."""
    states, tears, effects = (
        np.cumsum([0, *sizes])
        for sizes in zip(*((w.states, len(w.tear_target), len(w.runs.seconds)) for w in walks), strict=True)
    )

    def named(target: Ints, number: int) -> Ints:
        own = walks[number].states
        return np.asarray(np.where(target < own, target + states[number], target - own + states[-1]))

    def joined(parts: Any) -> Any:
        return np.concatenate(list(parts))

    legs = np.cumsum([0, *(len(w.leg_run) for w in walks)])
    return Tables(
        start_by=np.cumsum(shares) / np.sum(shares),
        start=joined(named(np.array([w.start]), n) for n, w in enumerate(walks)),
        state_leg=np.append(joined(w.state_leg[:-1] + legs[n] for n, w in enumerate(walks)), legs[-1]),
        leg_by=joined(_by(w.leg_probability, w.state_leg) for w in walks),
        leg_cut=joined(w.leg_cut for w in walks),
        leg_scale=joined(_scale(w) for w in walks),
        leg_through=joined(named(w.leg_through, n) for n, w in enumerate(walks)),
        leg_effect=joined(w.runs.run_effect[w.leg_run] + effects[n] for n, w in enumerate(walks)),
        leg_effect_end=joined(w.runs.run_effect[w.leg_run + 1] + effects[n] for n, w in enumerate(walks)),
        leg_seconds=joined(w.leg_seconds for w in walks),
        leg_erases=joined(np.rint(w.leg_erases).astype(np.int64) for w in walks),
        leg_cuts=joined(w.rest.cuts.sum(axis=1) for w in walks),
        leg_last=joined(w.rest.last_cut for w in walks),
        cut_by=joined(w.runs.cut_by for w in walks),
        hazard_before=joined(w.runs.hazard_before for w in walks),
        rate=joined(w.runs.rate for w in walks),
        seconds_before=joined(w.runs.seconds_before for w in walks),
        seconds=joined(w.runs.seconds for w in walks),
        erases=joined(w.runs.erases for w in walks),
        phase=joined(np.array([PHASES.index(p) for p in w.phases], np.int64)[w.runs.phase] for w in walks),
        effect_tear=np.append(joined(w.runs.effect_tear[:-1] + tears[n] for n, w in enumerate(walks)), tears[-1]),
        tear_by=joined(_by(w.tear_weight, w.runs.effect_tear) for w in walks),
        tear_target=joined(named(w.tear_target, n) for n, w in enumerate(walks)),
    )


def _by(probability: Floats, bounds: Ints) -> Floats:
    """Return the sums up to and with each, stretch by stretch; the last of a stretch is more than any number drawn."""
    by = np.full(len(probability), 2.0)
    several = np.flatnonzero(np.diff(bounds) > 1)
    for a, b in zip(bounds[several].tolist(), bounds[several + 1].tolist(), strict=True):
        np.cumsum(probability[a:b], out=by[a:b])
        # What has no probability must not be drawn for a rounding error, not even if it comes last.
        certain = np.flatnonzero(probability[a:b])
        by[a + (certain[-1] if len(certain) else 0) : b] = 2.0
    return by


def _scale(w: Walk) -> Floats:
    """Return what turns a number below `leg_cut` into one below the chance that the run is interrupted at all."""
    whole = -np.expm1(-w.runs.run_hazard[w.leg_run])
    return np.divide(whole, w.leg_cut, out=np.ones(len(whole)), where=w.leg_cut > 0)


def send(table: Tables, seed: int, first: int, count: int, *, compiled: bool | None = None) -> Walked:
    """Send devices number `first` and following on their way, and return what became of them.

    `compiled` chooses the loop; if not given, the compiled one where numba is installed.
    """
    loop = _compiled() if compiled is None or compiled else None
    if compiled and loop is None:
        raise ImportError("numba is not installed")
    out = Walked(
        np.zeros(count, np.int32),
        np.zeros(count, np.int8),
        np.zeros(count, np.int32),
        np.zeros(count),
        np.zeros(count, np.int32),
        np.full(count, NO_CUT, np.int8),
    )
    (loop or _send_together)(key(seed), first, table, out)
    return out


@cache
def _compiled() -> Any:
    try:
        from numba import njit  # noqa: PLC0415  # slow to load, need not be there
        from numba.extending import register_jitable  # noqa: PLC0415  # see above
    except ImportError:
        return None
    for function in (mixed, uniform):
        register_jitable(function)
    return njit(cache=True, nogil=True, error_model="numpy")(_send_one_by_one)


def _send_one_by_one(seed: Any, first: int, table: Tables, out: Walked) -> None:  # noqa: C901, PLR0912  # compiled whole
    states = len(table.state_leg) - 1
    for device in range(len(out.end)):
        counter = mixed(seed + np.uint64(first + device) * STEP)
        kind = 0
        if len(table.start) > 1:
            counter += STEP
            u = uniform(counter)
            while kind < len(table.start) - 1 and table.start_by[kind] <= u:
                kind += 1
        at, cuts, total, erased, fell = table.start[kind], 0, 0.0, 0, NO_CUT
        while at < states:
            leg = table.state_leg[at]
            if table.state_leg[at + 1] - leg > 1:
                counter += STEP
                u = uniform(counter)
                while table.leg_by[leg] <= u:
                    leg += 1
            counter += STEP
            u = uniform(counter)
            if u >= table.leg_cut[leg]:
                total += table.leg_seconds[leg]
                erased += table.leg_erases[leg]
                # A leg that stands for the rest of a sampled life has cuts of its own.
                if table.leg_cuts[leg] > 0:
                    cuts += table.leg_cuts[leg]
                    fell = table.leg_last[leg]
                at = table.leg_through[leg]
                continue
            x = u * table.leg_scale[leg]
            effect, last = table.leg_effect[leg], table.leg_effect_end[leg] - 1
            while effect < last:
                middle = (effect + last) // 2
                if table.cut_by[middle] > x:
                    last = middle
                else:
                    effect = middle + 1
            within = (-log1p(-x) - table.hazard_before[effect]) / table.rate[effect] if table.rate[effect] > 0 else 0.0
            total += table.seconds_before[effect] + min(max(within, 0.0), table.seconds[effect])
            erased += table.erases[effect]
            cuts += 1
            fell = table.phase[effect]
            tear = table.effect_tear[effect]
            if table.effect_tear[effect + 1] - tear > 1:
                counter += STEP
                u = uniform(counter)
                while table.tear_by[tear] <= u:
                    tear += 1
            at = table.tear_target[tear]
        out.kind[device], out.end[device], out.cuts[device] = kind, at - states, cuts
        out.seconds[device], out.erases[device], out.last_cut[device] = total, erased, fell


# The twin of the function above, line for line, so that the two can be compared.
def _send_together(seed: Any, first: int, table: Tables, out: Walked) -> None:
    """Do the same for all devices at once, one leg after the other."""
    states, count = len(table.state_leg) - 1, len(out.end)
    counter = mixed(seed + np.arange(first, first + count).astype(np.uint64) * STEP)

    def draw(which: Ints) -> Floats:
        counter[which] += STEP
        numbers: Floats = uniform(counter[which])
        return numbers

    def drawn(by: Floats, bounds: Ints, which: Ints, owner: Ints) -> Ints:
        """Draw for each owner one of its stretch; who has but one draws no number."""
        places = bounds[owner].copy()
        several = np.flatnonzero(bounds[owner + 1] - places > 1)
        u = draw(which[several])
        while len(several):
            on = by[places[several]] <= u
            several, u = several[on], u[on]
            places[several] += 1
        return places

    every = np.arange(count)
    if len(table.start) > 1:
        out.kind[:] = np.minimum(np.searchsorted(table.start_by, draw(every), "right"), len(table.start) - 1)
    at = table.start[out.kind]
    which = every[at < states]
    while len(which):
        leg = drawn(table.leg_by, table.state_leg, which, at[which])
        u = draw(which)
        on = u >= table.leg_cut[leg]
        through, onward = which[on], leg[on]
        out.seconds[through] += table.leg_seconds[onward]
        out.erases[through] += table.leg_erases[onward]
        more = table.leg_cuts[onward] > 0
        out.cuts[through[more]] += table.leg_cuts[onward[more]]
        out.last_cut[through[more]] = table.leg_last[onward[more]]
        at[through] = table.leg_through[onward]
        cut, leg, x = which[~on], leg[~on], (u * table.leg_scale[leg])[~on]
        effect, last = table.leg_effect[leg], table.leg_effect_end[leg] - 1
        while (open_ := effect < last).any():
            middle = (effect + last) // 2
            late = table.cut_by[middle] > x
            last = np.where(open_ & late, middle, last)
            effect = np.where(open_ & ~late, middle + 1, effect)
        hazard = -_log1p(-x).astype(np.float64) - table.hazard_before[effect]
        within = np.divide(hazard, table.rate[effect], out=np.zeros(len(x)), where=table.rate[effect] > 0)
        out.seconds[cut] += table.seconds_before[effect] + np.minimum(np.maximum(within, 0.0), table.seconds[effect])
        out.erases[cut] += table.erases[effect]
        out.cuts[cut] += 1
        out.last_cut[cut] = table.phase[effect]
        at[cut] = table.tear_target[drawn(table.tear_by, table.effect_tear, cut, effect)]
        which = which[at[which] < states]
    out.end[:] = at - states

"""What a supply does besides failing at some rate: it holds up for a while, or fails again soon after.

A capacitor behind the regulator carries the chip for its *hold-up time* after the supply has failed, and a supervisor
tells the processor to begin nothing more.
An effect that ends within that time is finished, as if the supply had failed after it; one that does not is torn, and
what is left of it has the law of the fault model as ever: when in such an effect the voltage is too low is not known.
The time is that of power supply data sheets (hold-up time, from the loss of the input to the output's lower limit);
a capacitor C that may fall from V to U at a power P has C (V^2 - U^2) / 2P, as its energy says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from math import isfinite

import numpy as np

from otalab.errors import BadInput
from otalab.faults.tear import FaultModel, Site, Torn
from otalab.graph.arrays import Floats
from otalab.numbers.rates import Bounce

FINISHED = "finished"
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
TIME = re.compile(r"\s*([0-9.eE+-]+)\s*([a-z]*)\s*")


def parse_seconds(text: str) -> float:
    """Return the seconds that `5ms`, `0.2 s` or `1min` is; `BadInput` for what is none, or has no unit."""
    match = TIME.fullmatch(text)
    try:
        seconds = float(match[1]) * UNITS[match[2]] if match else -1.0
    except (ValueError, KeyError):
        seconds = -1.0
    if not isfinite(seconds) or seconds < 0:
        raise BadInput(f"{text!r} is no time: a number of 0 or more with its unit is needed ({', '.join(UNITS)})")
    return seconds


def parse_bounce(text: str) -> Bounce:
    """Return the bounce that `0.3 in 1min` tells: its probability, and the mean time until it comes."""
    chance, word, time = text.partition(" in ")
    try:
        probability = float(chance) if word else -1.0
    except ValueError:
        probability = -1.0
    if not 0 <= probability <= 1:
        raise BadInput(f"{text!r} is no bounce: a probability and the mean time until it comes, as in 0.3 in 1min")
    return Bounce(probability, parse_seconds(time))


def finished(seconds: Floats, rate: Floats, hold_up: float) -> Floats:
    """Return the probability that an effect of this length, interrupted at this rate (per second), is finished.

    The supply fails at a moment t of the effect with density rate e^(-rate t), and the effect is finished if t is
    within `hold_up` of its end: e^(-rate (d - hold_up)) (1 - e^(-rate hold_up)) / (1 - e^(-rate d)).
    """
    if not hold_up:
        return np.zeros(len(seconds))
    late = np.maximum(seconds - hold_up, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.exp(-rate * late) * np.expm1(-rate * hold_up) / np.expm1(-rate * seconds)
        rare = np.where(rate * seconds > 0, share, hold_up / seconds)
    return np.where(late > 0, rare, 1.0)


def holding(model: FaultModel) -> FaultModel:
    """Return a fault model with one more member, of no share: it leaves the effect finished, and nothing else.

    So whoever knows the tears of an effect knows where a device goes on that was held up to its end.
    """

    def leave(site: Site) -> Iterator[Torn]:
        """The effect is finished."""
        yield Torn("after", site.new, 1.0, len(site.new))

    return replace(model, parts=(*model.parts, (FINISHED, leave, 0.0)))

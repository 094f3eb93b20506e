"""Rates that are not known, or not the same at every home: a rate of power failures as a gamma law.

Two questions have the same law and different answers.
Where homes differ, each has a rate of its own, and a device meets the mean over homes of what its rate does to it: the
*mixture*, which is not what the mean rate does.
Where one rate holds for all and nobody knows it, the probabilities are as uncertain as the rate: an *interval*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

import numpy as np
from scipy.special import roots_genlaguerre

from otalab.errors import BadInput
from otalab.graph.arrays import Floats
from otalab.numbers.rates import parse_rate

GAMMA = re.compile(r"\s*gamma\s*\(([^,]*),([^,]*)\)\s*")
COUNTS = re.compile(r"\s*(\d+)(?: outages?)? in (\d+) homes? in (?:an?|(\S+)) ([a-z]+)\s*")
FORMS = 'gamma(2, 0.7/year), or counts as in "14 outages in 10 homes in a year"'


@dataclass(frozen=True, slots=True)
class RateLaw:
    """A gamma law of the rate of power failures: its shape, and its scale in failures per hour.

    `counted` says that it tells what is known of one rate, from counts, and not how homes differ.
    """

    shape: float
    scale: float
    counted: bool = False

    def __post_init__(self) -> None:
        if not all(isfinite(number) and number > 0 for number in (self.shape, self.scale)):
            raise BadInput(f"gamma({self.shape:g}, {self.scale:g}): shape and scale must be above 0")

    @property
    def mean(self) -> float:
        """The mean rate, per hour."""
        return self.shape * self.scale

    def quantile(self, share: float) -> float:
        """Return the rate, per hour, below which this share of the law lies."""
        from scipy.stats import gamma  # noqa: PLC0415  # slow to load

        return float(gamma.ppf(share, self.shape, scale=self.scale))

    def kinds(self, count: int) -> tuple[Floats, Floats]:
        """Return so many rates per hour and their shares: the mean of any polynomial of low degree is that of the law.

        Gauss-Laguerre quadrature, right up to degree 2 `count` - 1;
        Abramowitz and Stegun 1964, 25.4.45, with the weight x^(shape - 1) e^-x; SciPy has the nodes.
        """
        nodes, weights = roots_genlaguerre(count, self.shape - 1)
        return np.asarray(nodes * self.scale), np.asarray(weights / weights.sum())

    @classmethod
    def of_counts(cls, failures: int, home_hours: float) -> RateLaw:
        """Return what so many failures in so many hours of homes tell of their common rate.

        The posterior of a Poisson rate under the prior of Jeffreys, An invariant form for the prior probability in
        estimation problems, Proc. R. Soc. A 186 (1946): the root of the Fisher information, rate^-1/2, times the
        likelihood, rate^failures e^(-rate hours), is gamma(failures + 1/2, 1 / hours).
        """
        if failures < 0 or not 0 < home_hours < float("inf"):
            raise BadInput(f"{failures} outages in {home_hours:g} hours: a count, and some time, are needed")
        return cls(failures + 0.5, 1 / home_hours, counted=True)


def parse_law(text: str) -> RateLaw | None:
    """Return the law that a text tells, or nothing where it tells a plain rate.

    `gamma(shape, scale)` has a scale like any rate, `0.7/year`; or counts, as in `14 outages in 10 homes in a year`.
    Raises `BadInput` for what begins like a law and is none.
    """
    if match := GAMMA.fullmatch(text):
        return RateLaw(_number(text, match[1]), parse_rate(match[2].strip()))
    if match := COUNTS.fullmatch(text):
        times = _number(text, match[3] or "1")
        hours = 1 / parse_rate(f"1/{match[4]}")
        return RateLaw.of_counts(int(match[1]), int(match[2]) * times * hours)
    if "gamma" in text or " in " in text:
        raise BadInput(f"rate {text!r}: no law of a rate; write {FORMS}")
    return None


def _number(text: str, number: str) -> float:
    try:
        return float(number)
    except ValueError as error:
        raise BadInput(f"rate {text!r}: {number.strip()!r} is no number; write {FORMS}") from error

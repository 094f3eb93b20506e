"""Outages of a street: devices that lose their power together, and what a fleet loses then on a bad day.

One black-out cuts all devices of a street at once, so that whether they are lost goes together; over the whole fleet as
many are lost on the average, but seldom, and then many.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from otalab.errors import BadInput
from otalab.graph.arrays import Floats, Ints
from otalab.text import whole_number

LITTLE = 1e-9  # a correlation below which shapes are so large that differences of their logarithms lose their digits
FAR = 40  # standard deviations, and streets, from the mean: what lies beyond is less than a float can tell


@dataclass(frozen=True, slots=True)
class Street:
    """So many devices that one outage cuts together, and how much their losses go together.

    `correlation` is the one between any two of them: 0 where each is lost by itself, 1 where all are or none is.
    """

    size: int
    correlation: float

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= self.correlation <= 1:
            raise BadInput(
                f"street of {self.size} at {self.correlation:g}: at least one device, and a correlation from 0 to 1, "
                "are needed"
            )

    def lost(self, bad: float, size: int | None = None) -> Floats:
        """Return how likely 0, 1, … devices of a street are lost, if each is with the probability `bad`.

        Beta-binomial: the probability is a beta variable that a street has in common (Skellam 1948, Journal of the
        Royal Statistical Society B 10:257); of shapes a and b the correlation is 1 / (a + b + 1).
        """
        from scipy.stats import betabinom, binom  # noqa: PLC0415  # slow to load

        size = self.size if size is None else size
        count = np.arange(size + 1)
        if size < 2 or self.correlation < LITTLE or not 0 < bad < 1:
            return np.asarray(binom.pmf(count, size, bad))
        if self.correlation == 1:
            return np.where(count == size, bad, np.where(count == 0, 1 - bad, 0.0))
        both = 1 / self.correlation - 1
        return np.asarray(betabinom.pmf(count, size, bad * both, (1 - bad) * both))


ALONE = Street(1, 0.0)


def parse_street(text: str) -> Street:
    """Return the street that `50 at 0.3` tells: how many devices one outage cuts, and the correlation of their ends."""
    size, word, correlation = text.partition(" at ")
    try:
        return Street(whole_number(size), float(correlation) if word else nan)
    except ValueError as error:
        raise BadInput(
            f"{text!r} is no street: so many devices, and the correlation of their ends, as in 50 at 0.3"
        ) from error


def lost_of(devices: int, bad: float, street: Street) -> tuple[Ints, Floats]:
    """Return numbers of lost devices, those near the mean, and how likely each is.

    Streets have nothing to do with each other; the last one is smaller where the devices are no multiple of its size.
    The law of their sum is the product of their Fourier transforms, on a circle that holds all that is likely (by
    Bernstein's inequality, for sums of bounded variables).
    """
    streets, rest = divmod(devices, street.size)
    spread = devices * bad * (1 - bad) * (1 + (street.size - 1) * street.correlation)
    far = FAR * (sqrt(spread) + street.size)
    length = next_fast_len(int(2 * far) + 2, real=True)
    law = rfft(street.lost(bad), length) ** streets * rfft(street.lost(bad, rest), length)
    lost = max(0, int(devices * bad - far)) + np.arange(length)
    return lost, np.maximum(irfft(law, length)[lost % length], 0.0)


def on_a_bad_day(devices: int, bad: float, street: Street, share: float) -> int:
    """Return the number of devices that no more are lost than with this probability."""
    lost, law = lost_of(devices, bad, street)
    return int(lost[min(int(np.searchsorted(np.cumsum(law), share)), len(lost) - 1)])

"""Rules that end a rollout: what is held against their bound, and what they promise.

Whose end is not known yet counts as alive for a rule that wants failure shown, and as dead for one that wants it ruled
out.  So a rule may look before all ends have come: were only known ends divided by known ends, the first of a stage
would be the dead, who end early, and the rule would stop whatever is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, log1p
from typing import Literal

from scipy.optimize import brentq
from scipy.special import betaincc, betaln

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput
from otalab.numbers.stats import Interval, interval

FAR = 20.0  # e-folds below the estimate; who wants so much less is not told more
ALTERNATIVE = 5.0  # times the bound: what is most to be found out; another number costs some more devices, no promise


@dataclass(frozen=True, slots=True)
class StopRule:
    """Go no further once the failure rate seen so far is more than `bound`.

    What is held against it is the `estimate`, or an end of the Clopper-Pearson interval: with `low` the rollout stops
    when so many failures are shown, with `high` as long as they cannot be ruled out.
    With `low`, each stage stops a harmless update with a probability of (1 - `confidence`) / 2 at most, however short
    its wait is; with `every-look`, all stages together do, however many there are (see `lower`).
    `ends` are those that count as failures: the bad ones, unless rollbacks and lost updates are to count as well.
    """

    bound: float
    by: Literal["low", "estimate", "high", "every-look"] = "low"
    confidence: float = 0.95
    ends: tuple[str, ...] = tuple(BAD)

    def __post_init__(self) -> None:
        if not 0 <= self.bound < 1:
            raise BadInput(f"stop rule: a bound from 0 up to 1 is needed, got {self.bound:g}")
        if self.by not in ("low", "estimate", "high", "every-look"):
            raise BadInput(f"stop rule: by must be low, estimate, high or every-look, got {self.by!r}")
        if wrong := [end for end in self.ends if end not in ENDS]:
            raise BadInput(f"stop rule: {wrong[0]!r} is no end; one of: {', '.join(ENDS)}")
        confident(self.confidence)

    def seen(self, failed: int, known: int, offered: int) -> Interval:
        """Return what is shown by so many failures among so many known ends of so many devices.

        The estimate is that of the failures among all that were offered the update; the bounds hold whatever becomes of
        those whose end is not known.
        """
        if not offered:
            return Interval(0.0, 0.0, 1.0)
        least = interval(failed, offered, self.confidence)
        most = interval(failed + offered - known, offered, self.confidence)
        miss = (1 - self.confidence) / 2
        low = lower(failed, offered, miss) if self.by == "every-look" else least.low
        return Interval(least.estimate, low, most.high)

    def broken(self, share: Interval) -> bool:
        """Say whether the rollout has to stop after what is `seen`."""
        return {"estimate": share.estimate, "high": share.high}.get(self.by, share.low) > self.bound


def lower(failed: int, offered: int, miss: float) -> float:
    """Return a lower bound of the failure probability that is too high at any of all looks with probability `miss`.

    The largest p at which the evidence against "p or less" is 1 / `miss`.
    The evidence is the likelihood of what was seen, mixed over probabilities above p by a Beta(1, 1 / 5p) cut off
    there, over that at p: a supermartingale for every true probability up to p (Robbins 1970, Annals of Mathematical
    Statistics 41:1397; beta-binomial boundary of Howard, Ramdas and others 2021, Annals of Statistics 49:1055), which
    comes to 1 / `miss` at any time with probability `miss` at most (Ville 1939).
    """
    if not failed:
        return 0.0
    wanted, most = -log(miss), log(failed / offered)
    least = most - FAR
    if evidence(failed, offered, exp(least)) < wanted:
        return 0.0  # a single failure is no evidence, however small the bound is
    return exp(brentq(lambda x: evidence(failed, offered, exp(x)) - wanted, least, most, xtol=1e-12))


def evidence(failed: int, offered: int, bound: float) -> float:
    """Return the logarithm of the evidence that the failure probability is more than a bound (see `lower`)."""
    if bound == 0:
        return inf if failed else 0.0
    if bound == 1:
        return -inf if failed < offered else 0.0
    a, b = 1.0, 1 / (ALTERNATIVE * bound)
    after, rest = a + failed, b + offered - failed
    above = float(betaincc(after, rest, bound))
    tail = log(above) if above else -inf
    mixed = betaln(after, rest) - betaln(a, b) + tail - b * log1p(-bound)
    return float(mixed - failed * log(bound) - (offered - failed) * log1p(-bound))


def confident(confidence: float) -> None:
    """Refuse what is no confidence."""
    if not 0 < confidence < 1:
        raise BadInput(f"confidence: a number above 0 and below 1 is needed, got {confidence}")

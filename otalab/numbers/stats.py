"""Statistics of failure rates: what may be claimed of a design after so many trials and so many failures.

Trials are taken to be independent and alike; what was not tried, such as another fault model, is not covered.
All probabilities are per trial.
Clopper and Pearson's bounds are right at every size and never too narrow; Wilson's interval is shorter, and right on
average only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from operator import index
from typing import Literal

from scipy.optimize import brentq
from scipy.special import betainc, betaincc

from otalab.errors import BadInput
from otalab.summary import SummaryLine

Method = Literal["clopper-pearson", "wilson"]
MOST = 10**15  # as many trials as were tried out; whole numbers are exact in a float up to 9e15
FISHER_MOST = 10**6  # both designs together; Fisher's test takes 6 ms here, 0.7 s for 10**8, and seconds beyond


@dataclass(frozen=True, slots=True)
class Interval(SummaryLine):
    """An estimate, and the bounds between which the truth lies with the confidence asked for."""

    estimate: float
    low: float
    high: float

    @property
    def text(self) -> str:
        return f"{self.estimate:.3g}, between {self.low:.3g} and {self.high:.3g}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two designs side by side; `difference` is the first failure probability less the second."""

    first: float
    second: float
    difference: Interval
    p_value: float
    test: str
    confidence: float

    @property
    def differ(self) -> bool:
        """Whether a difference may be claimed: the test says so, and the interval leaves out zero."""
        low, high = self.difference.low, self.difference.high
        return self.p_value <= 1 - self.confidence and not low <= 0 <= high

    def sentence(self, first: str = "the first", second: str = "the second") -> str:
        """Say in one sentence what may be claimed of the two."""
        p = f"p = {self.p_value:.2g}" if self.p_value else "p below 1e-300"
        how = f"{self.test}, {p}, confidence {_percent(self.confidence)}"
        low, high = self.difference.low, self.difference.high
        if not self.differ:
            # Interval and test may disagree by a hair; what is not shown must stay possible, so zero is let in.
            between = f"between {_down(min(low, 0.0))} and {_up(max(high, 0.0))} per trial"
            return f"No difference of {first} and {second} is shown; {first} less {second} is {between} ({how})."
        more, less, near, far = (first, second, low, high) if low > 0 else (second, first, -high, -low)
        by = f"by {_down(near)} to {_up(far)} per trial"
        return f"It may be claimed that {more} fails more often than {less}, {by} ({how})."


def interval(count: int, trials: int, confidence: float = 0.95, method: Method = "clopper-pearson") -> Interval:
    """Return the two-sided interval of a failure probability after `count` failures in `trials` trials.

    `clopper-pearson` covers the truth at least as often as `confidence` says (Clopper and Pearson 1934);
    `wilson` inverts the score test and does so on average (Wilson 1927, as in `scipy.stats.binomtest`).
    Raises `BadInput` for counts, a confidence or a method that are none.
    """
    count, trials = _counted(count, trials)
    estimate, miss = count / trials, (1 - _confident(confidence)) / 2
    if method == "clopper-pearson":
        return Interval(estimate, _low(count, trials, miss), _high(count, trials, miss))
    if method != "wilson":
        raise BadInput(f"method {method!r} is not known; one of: clopper-pearson, wilson")
    from scipy.stats import binomtest  # noqa: PLC0415  # slow to load

    bounds = binomtest(count, trials).proportion_ci(confidence, "wilson")
    # A confidence next to nothing gives an interval of no width, and rounding may leave the estimate beside it.
    return Interval(estimate, min(float(bounds.low), estimate), max(float(bounds.high), estimate))


def upper_bound(count: int, trials: int, confidence: float = 0.95) -> float:
    """Return the one-sided Clopper-Pearson bound: with this confidence the failure probability is below it.

    Raises `BadInput` for counts or a confidence that are none.
    """
    count, trials = _counted(count, trials)
    return _high(count, trials, 1 - _confident(confidence))


def rule_of_three(trials: int) -> float:
    """Return three over the trials, at most 1: the upper 95 % bound after no failure, for more than 30 trials.

    A rule for the head; `upper_bound` is exact (Jovanovic and Levy 1997; Eypasch and others, BMJ 311:619, 1995).
    """
    return min(1.0, 3 / _counted(0, trials)[1])


def zero_failure_runs(probability: float, confidence: float = 0.95) -> int:
    """Return how many trials without any failure it takes to claim a failure probability below `probability`.

    The least n for which (1 - probability)^n is no more than 1 - confidence.
    Raises `BadInput` unless both lie between 0 and 1, and for a claim that takes more than 10^15 trials.
    """
    if not 0 < probability < 1:
        raise BadInput(f"probability {probability!r}: a number above 0 and below 1 is needed, such as 1e-4")
    runs = math.log1p(-_confident(confidence)) / math.log1p(-probability)
    if runs > MOST:
        raise BadInput(f"probability {probability!r}: takes more than {MOST:.0e} trials; claim a larger one")
    return max(1, math.ceil(runs))


def compare(count_a: int, trials_a: int, count_b: int, trials_b: int, confidence: float = 0.95) -> Comparison:
    """Compare the failure probabilities of two designs.

    The p-value is that of Fisher's exact test, two-sided, up to a million trials in all.
    Beyond that it is the exact binomial test of how the failures fall on the two designs (Przyborowski and Wilenski
    1940), or how the successes do where these are fewer: nearly the same for what is rare, and larger for what is not,
    which is the safe side, because a binomial scatters more than the hypergeometric of Fisher's test.
    The interval is Newcombe's hybrid score, from two Wilson intervals (Statistics in Medicine 17:873, 1998, method 10).
    Raises `BadInput` for counts or a confidence that are none.
    """
    count_a, trials_a = _counted(count_a, trials_a)
    count_b, trials_b = _counted(count_b, trials_b)
    a, b = (interval(*counts, confidence, "wilson") for counts in ((count_a, trials_a), (count_b, trials_b)))
    difference = a.estimate - b.estimate
    low = difference - math.hypot(a.estimate - a.low, b.high - b.estimate)
    high = difference + math.hypot(a.high - a.estimate, b.estimate - b.low)
    p_value, test = _tested(count_a, trials_a, count_b, trials_b)
    between = Interval(difference, max(-1.0, low), min(1.0, high))
    return Comparison(a.estimate, b.estimate, between, p_value, test, confidence)


def claim(count: int, trials: int, confidence: float = 0.95) -> str:
    """Say in one sentence what may be claimed after `count` failures in `trials` trials.

    Bounds are rounded outwards to three digits, so that the sentence stays true.
    Raises `BadInput` for counts or a confidence that are none.
    """
    count, trials = _counted(count, trials)
    miss = 1 - _confident(confidence)
    if count == 0:
        sentence, bounds = "No failure", f"below {_up(_high(count, trials, miss))}"
    elif count == trials:
        sentence, bounds = "Nothing but failures", f"above {_down(_low(count, trials, miss))}"
    else:
        likely = interval(count, trials, confidence)
        sentence = f"{count} failure{'s' * (count > 1)}"
        bounds = f"between {_down(likely.low)} and {_up(likely.high)}"
    tried = f"{trials} trial{'s' * (trials > 1)}"
    return f"{sentence} in {tried}: with {_percent(confidence)} confidence the failure probability is {bounds}."


def _counted(count: int, trials: int) -> tuple[int, int]:
    try:
        count, trials = index(count), index(trials)
        good = 0 <= count <= trials and 1 <= trials <= MOST
    except TypeError:
        good = False
    if not good:
        raise BadInput(
            f"{count!r} of {trials!r} trials: whole numbers are needed, 0 <= count <= trials, trials from 1 on"
        )
    return count, trials


def _confident(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise BadInput(f"confidence {confidence!r}: a number above 0 and below 1 is needed, such as 0.95")
    return confidence


def _low(count: int, trials: int, miss: float) -> float:
    """Return the probability at which so many failures or more are seen with probability `miss`."""
    if count == 0:
        return 0.0
    if 2 * count > trials:
        return 1 - _high(trials - count, trials, miss)
    return _crossing(lambda p: float(betainc(count, trials - count + 1, p)) - miss)


def _high(count: int, trials: int, miss: float) -> float:
    """Return the probability at which so many failures or fewer are seen with probability `miss`."""
    if count == trials:
        return 1.0
    if 2 * count > trials:
        return 1 - _low(trials - count, trials, miss)
    return _crossing(lambda p: miss - float(betaincc(count + 1, trials - count, p)))


def _crossing(rising: Callable[[float], float]) -> float:
    """Return the probability where a rising function passes zero, to a few units in the last place.

    SciPy has this ready, but not for large counts: `binomtest(...).proportion_ci` stops within 2e-12 of the bound,
    which is 4 % off for 0 of 10^12, and `beta.ppf` gives a lower bound twice too large for 1000 of 10^9 (SciPy 1.17.1).
    """
    return math.exp(brentq(lambda x: rising(math.exp(x)), -120.0, 0.0, xtol=1e-15, rtol=1e-15))


def _tested(count_a: int, trials_a: int, count_b: int, trials_b: int) -> tuple[float, str]:
    from scipy.stats import binomtest, fisher_exact  # noqa: PLC0415  # slow to load

    rest_a, rest_b = trials_a - count_a, trials_b - count_b
    if trials_a + trials_b <= FISHER_MOST:
        return float(fisher_exact([[count_a, rest_a], [count_b, rest_b]]).pvalue), "Fisher's exact test"
    rare_a, rare_b = min((count_a, count_b), (rest_a, rest_b), key=sum)
    if rare_a + rare_b == 0:
        return 1.0, "conditional binomial test"
    share = trials_a / (trials_a + trials_b)
    return float(binomtest(rare_a, rare_a + rare_b, share).pvalue), "conditional binomial test"


def _up(value: float) -> str:
    return f"{float(Context(prec=3, rounding=ROUND_CEILING).create_decimal_from_float(value)):.3g}"


def _down(value: float) -> str:
    return f"{float(Context(prec=3, rounding=ROUND_FLOOR).create_decimal_from_float(value)):.3g}"


def _percent(confidence: float) -> str:
    return f"{100 * confidence:.12g} %"

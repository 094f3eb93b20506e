"""Statistics of failure rates: the numbers of the textbooks, at every size, and claims no stronger than the data."""

from __future__ import annotations

from fractions import Fraction
from math import comb, inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, boschloo_exact, chi2_contingency, gamma

from otalab.errors import BadInput
from otalab.numbers.stats import Interval, claim, compare, interval, rule_of_three, upper_bound, zero_failure_runs

# Count and trials, one-sided 95 %, Clopper-Pearson 95 %, Wilson 95 %; to as many digits as are printed.
REFERENCE = [
    ((0, 30), 9.503e-2, (0, 1.16e-1), (0, 1.14e-1)),
    ((0, 1000), 2.991e-3, (0, 3.68e-3), (0, 3.83e-3)),
    ((0, 10000), 2.995e-4, (0, 3.69e-4), (0, 3.84e-4)),
    ((1, 1000), 4.735e-3, (2.53e-5, 5.56e-3), (1.77e-4, 5.64e-3)),
    ((3, 1000), 7.735e-3, (6.19e-4, 8.74e-3), (1.02e-3, 8.78e-3)),
    ((10, 10000), 1.696e-3, (4.80e-4, 1.84e-3), (5.43e-4, 1.84e-3)),
]
LARGE = 10**12

trials = st.integers(1, 200) | st.integers(1, LARGE)
seen = trials.flatmap(lambda n: st.tuples(st.integers(0, n) | st.integers(0, min(n, 2000)), st.just(n)))
confidences = st.floats(0.001, 0.999999)
methods = st.sampled_from(["clopper-pearson", "wilson"])


@pytest.mark.parametrize("counts, bound, clopper_pearson, wilson", REFERENCE)
def test_intervals_are_those_of_the_reference_table(counts, bound, clopper_pearson, wilson):
    """Clopper and Pearson's bounds, one-sided and two-sided, and Wilson's."""
    exact, score = interval(*counts), interval(*counts, method="wilson")

    assert bound == pytest.approx(upper_bound(*counts), rel=4e-4)
    assert clopper_pearson == pytest.approx((exact.low, exact.high), rel=5e-3)
    assert wilson == pytest.approx((score.low, score.high), rel=5e-3)
    assert counts[0] / counts[1] == exact.estimate == score.estimate


@pytest.mark.parametrize(
    "runs, probability, confidence",
    [
        (299, 1e-2, 0.95),
        (2995, 1e-3, 0.95),
        (29956, 1e-4, 0.95),
        (299572, 1e-5, 0.95),
        (2995731, 1e-6, 0.95),
        (459, 1e-2, 0.99),
        (4603, 1e-3, 0.99),
        (46050, 1e-4, 0.99),
        (460515, 1e-5, 0.99),
        (4605168, 1e-6, 0.99),
        (2, 0.5, 0.75),
        (1, 0.999, 0.5),
    ],
)
def test_zero_failure_runs_are_those_of_the_reference_table(runs, probability, confidence):
    """About three over the probability, for 95 %."""
    assert runs == zero_failure_runs(probability, confidence)


@pytest.mark.parametrize(
    "low, high, a, b",
    [
        (0.0524, 0.3339, (56, 70), (48, 80)),
        (0.1705, 0.8090, (9, 10), (3, 10)),
        (0.0582, 0.8062, (6, 7), (2, 7)),
        (-0.0381, 0.1926, (5, 56), (0, 29)),
        (-0.1611, 0.2775, (0, 10), (0, 20)),
        (-0.2775, 0.2775, (0, 10), (0, 10)),
        (0.6791, 1.0000, (10, 10), (0, 20)),
        (0.6075, 1.0000, (10, 10), (0, 10)),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(low, high, a, b):
    """The examples of his paper of 1998, method 10."""
    difference = compare(*a, *b).difference

    assert (low, high) == pytest.approx((difference.low, difference.high), abs=6e-5)
    assert a[0] / a[1] - b[0] / b[1] == difference.estimate


def test_the_lady_tasting_tea_proves_nothing_with_three_of_four():
    """Fisher's own example: 34 of 70 tables are as far out."""
    tasted = compare(3, 4, 1, 4)

    assert 34 / 70 == pytest.approx(tasted.p_value)
    assert "Fisher's exact test" == tasted.test
    assert not tasted.differ


def test_the_rule_of_three_is_three_over_the_trials():
    """For more than thirty trials it lies just above the exact bound."""
    assert (3e-3, 1.0, 1.0) == (rule_of_three(1000), rule_of_three(3), rule_of_three(1))
    assert all(1 < rule_of_three(n) / upper_bound(0, n) < 1.06 for n in (30, 100, 10**4, 10**6, LARGE))


@pytest.mark.parametrize("count", [1, 3, 10, 1000, 10**5])
@pytest.mark.parametrize("n", [10**9, LARGE])
def test_rare_failures_in_many_trials_are_poisson(n, count):
    """The bounds are those of a Poisson count, from the gamma distribution, but for a share of about count over n."""
    exact = interval(count, n)

    assert gamma.ppf(0.025, count) / n == pytest.approx(exact.low, rel=1e-8 + count / n)
    assert gamma.isf(0.025, count + 1) / n == pytest.approx(exact.high, rel=1e-8 + 2 * (count + 1) / n)


def test_no_failure_in_many_trials_has_its_closed_form():
    """1 - miss^(1/n), to the last digits."""
    assert -np.expm1(np.log(0.025) / LARGE) == pytest.approx(interval(0, LARGE).high, rel=1e-13)
    assert -np.expm1(np.log(0.05) / LARGE) == pytest.approx(upper_bound(0, LARGE), rel=1e-13)


@pytest.mark.parametrize("count, n", [(0, 1), (1, 1), (3, 20), (11, 20), (20, 20), (77, 1000), (999, 1000)])
def test_small_counts_give_what_scipy_gives(count, n):
    """Where its own method is exact, the two agree to the twelfth digit after the point."""
    theirs, ours = binomtest(count, n).proportion_ci(0.9, "exact"), interval(count, n, 0.9)

    assert (theirs.low, theirs.high) == pytest.approx((ours.low, ours.high), abs=5e-12)


@given(seen, confidences, methods)
def test_an_interval_holds_its_estimate(counts, confidence, method):
    """Nothing lies outside of 0 and 1 either."""
    found = interval(*counts, confidence, method)

    assert 0 <= found.low <= found.estimate <= found.high <= 1


@given(seen, st.floats(0.5, 0.999999), methods)
def test_more_confidence_is_wider(counts, confidence, method):
    """What is claimed more surely is claimed less sharply."""
    narrow, wide = interval(*counts, confidence - 0.1, method), interval(*counts, confidence, method)

    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert upper_bound(*counts, confidence - 0.1) <= upper_bound(*counts, confidence)
    assert upper_bound(*counts, confidence) <= interval(*counts, confidence).high


@given(seen)
def test_one_more_failure_raises_the_bounds(counts):
    """And one more trial that did not fail lowers them."""
    count, n = counts
    worse, better = interval(count + 1, n + 1), interval(count, n + 1)

    assert better.low <= worse.low and better.high <= worse.high
    assert upper_bound(count, n + 1) <= upper_bound(count, n) * (1 + 1e-12)


@given(seen)
def test_successes_are_failures_in_the_mirror(counts):
    """Counting the other outcome mirrors the interval."""
    count, n = counts
    there, back = interval(count, n), interval(n - count, n)

    assert (1 - back.high, 1 - back.low) == pytest.approx((there.low, there.high), abs=1e-14)


def coverage(n, p, confidence, method):
    """
    How often the interval of a binomial count holds p, by adding up all counts.
    """
    held = [k for k in range(n + 1) if (found := interval(k, n, confidence, method)).low <= p <= found.high]
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in held)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [1, 2, 5, 13])
def test_clopper_pearson_keeps_its_promise(n, confidence):
    """At no probability is the truth held less often than promised."""
    assert all(confidence <= coverage(n, p, confidence, "clopper-pearson") + 1e-12 for p in np.linspace(0, 1, 41))


def test_wilson_promises_an_average():
    """For rare failures it may hold the truth less often, which is why it is not the default."""
    assert 0.9 > min(coverage(13, p, 0.95, "wilson") for p in np.linspace(0.01, 0.5, 50))
    assert 0.95 == pytest.approx(np.mean([coverage(13, p, 0.95, "wilson") for p in np.linspace(0, 1, 101)]), abs=0.01)


@given(st.floats(1e-3, 0.9), st.floats(0.01, 0.99))
def test_zero_failure_runs_are_the_fewest(probability, confidence):
    """With so many the claim holds, with one less it does not; in fractions, so that no rounding helps."""
    runs = zero_failure_runs(probability, confidence)
    good, miss = 1 - Fraction(probability), 1 - Fraction(confidence)
    slack = Fraction(1, 10**12)

    assert good**runs <= miss * (1 + slack)
    assert good ** (runs - 1) > miss * (1 - slack)
    assert upper_bound(0, runs, confidence) <= probability * (1 + 1e-12)


@given(seen, seen)
def test_a_comparison_turned_round_is_the_same(a, b):
    """The difference changes its sign, and the test does not care which design came first."""
    there, back = compare(*a, *b), compare(*b, *a)

    assert 0 <= there.p_value <= 1
    assert there.p_value == pytest.approx(back.p_value, rel=1e-6)
    assert (-back.difference.high, -back.difference.low) == pytest.approx((there.difference.low, there.difference.high))
    assert -1 <= there.difference.low <= there.difference.estimate <= there.difference.high <= 1


@given(seen)
def test_a_design_does_not_differ_from_itself(counts):
    """The p-value is 1, and zero lies in the interval."""
    same = compare(*counts, *counts)

    assert 1 == pytest.approx(same.p_value)
    assert same.difference.low <= 0 <= same.difference.high
    assert not same.differ


def test_a_false_difference_is_claimed_seldom():
    """Of two like designs, at most one comparison in twenty claims it; all tables added up."""
    n = 12
    tables = {(a, b): compare(a, n, b, n).differ for a in range(n + 1) for b in range(n + 1)}
    for p in (0.05, 0.2, 0.5):
        weight = [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        assert 0.05 >= sum(weight[a] * weight[b] for (a, b), differ in tables.items() if differ)
    assert any(tables.values())


def test_fisher_is_no_sharper_than_boschloo():
    """Boschloo's test is uniformly more powerful; here it would claim what Fisher's does not."""
    careful = compare(0, 30, 5, 30)

    assert boschloo_exact([[0, 5], [30, 25]]).pvalue < 0.05 < careful.p_value


@pytest.mark.parametrize("counts", [(10, 30), (3, 4), (0, 9), (100, 120)])
def test_the_two_tests_meet_where_one_takes_over(counts):
    """Rare failures get the same p-value from Fisher's test and from the binomial one beyond a million trials."""
    fisher = compare(counts[0], 500_000, counts[1], 500_000)
    binomial = compare(counts[0], 500_001, counts[1], 500_001)

    assert ("Fisher's exact test", "conditional binomial test") == (fisher.test, binomial.test)
    assert fisher.p_value == pytest.approx(binomial.p_value, rel=2e-3)


@pytest.mark.parametrize("share", [0.01, 0.4, 0.5, 0.9, 0.999])
def test_the_binomial_test_is_careful_with_what_is_not_rare(share):
    """Its p-value is no smaller than that of the chi-square test, which is good for such counts."""
    n, count = 10**9, int(10**9 * share)
    table = [[count, n - count], [count + 50000, n - count - 50000]]

    assert chi2_contingency(table, correction=False).pvalue <= compare(count, n, count + 50000, n).p_value


@pytest.mark.parametrize(
    "sentence, counts",
    [
        ("No failure in 1000 trials: with 95 % confidence the failure probability is below 0.003.", (0, 1000)),
        (
            "1 failure in 1000 trials: with 95 % confidence the failure probability is between 2.53e-05 and 0.00556.",
            (1, 1000),
        ),
        (
            "3 failures in 1000 trials: with 99.9 % confidence the failure probability is between 0.000149 and 0.0139.",
            (3, 1000, 0.999),
        ),
        ("Nothing but failures in 5 trials: with 95 % confidence the failure probability is above 0.549.", (5, 5)),
        ("No failure in 1 trial: with 50 % confidence the failure probability is below 0.5.", (0, 1, 0.5)),
    ],
)
def test_a_claim_is_one_sentence(sentence, counts):
    """It names the data, the confidence and the bound, and never says that a design cannot fail."""
    assert sentence == claim(*counts)


@given(seen, confidences)
def test_a_claim_is_rounded_to_the_safe_side(counts, confidence):
    """The printed bounds hold the computed ones."""
    said = claim(*counts, confidence).rstrip(".").split(" probability is ")[1].split()
    found = interval(*counts, confidence)
    match said:
        case ["below", high]:
            assert 0 == counts[0] and upper_bound(*counts, confidence) <= float(high)
        case ["above", low]:
            assert counts[0] == counts[1] and 0 <= float(low) <= 1
        case _:
            assert float(said[1]) <= found.low and found.high <= float(said[3])


def test_a_difference_that_is_shown_is_claimed():
    """The worse one is named first, whichever way they were given, with the least and the most of it."""
    expected = "It may be claimed that mongoose fails more often than hardened, by 0.0203 to 0.0426 per trial ("

    assert compare(30, 1000, 0, 1000).sentence("mongoose", "hardened").startswith(expected)
    assert compare(0, 1000, 30, 1000).sentence("hardened", "mongoose").startswith(expected)
    assert (
        compare(0, 1000, 30, 1000)
        .sentence()
        .endswith(" per trial (Fisher's exact test, p = 1.5e-09, confidence 95 %).")
    )


def test_a_difference_that_is_not_shown_is_not_denied():
    """What it may still be is said."""
    expected = (
        "No difference of the first and the second is shown; the first less the second is between -0.0117 and "
        "0 per trial (Fisher's exact test, p = 0.062, confidence 95 %)."
    )

    assert expected == compare(0, 1000, 5, 1000).sentence()
    assert "; a less b is between -0.0168 and 0.00755 per trial (" in compare(2, 500, 4, 500).sentence("a", "b")


def test_test_and_interval_must_agree():
    """Where one is convinced and the other, by a hair, is not, no difference is claimed."""
    by_interval, by_test = compare(0, 1000, 5, 1000), compare(0, 15, 23, 50, 0.999)

    assert by_interval.difference.high < 0 and 0.05 < by_interval.p_value
    assert by_test.difference.low < 0 < by_test.difference.high and by_test.p_value < 0.001
    assert not by_interval.differ and not by_test.differ


def test_a_p_value_too_small_for_a_number_is_not_called_zero():
    """Nothing is impossible; it only cannot be written."""
    assert "p below 1e-300" in compare(0, 10**9, 10**8, 10**9).sentence()


def test_all_failed():
    """The upper bound is certain to hold, and the lower one is the mirror of no failure."""
    assert 1 == upper_bound(7, 7)
    assert Interval(1.0, 1 - interval(0, 7).high, 1.0) == interval(7, 7)


def test_counts_of_numpy_are_counts():
    """A campaign counts in arrays."""
    assert interval(1, 1000) == interval(np.int64(1), np.uint32(1000))


@pytest.mark.parametrize(
    "count, n", [(0, 0), (2, 1), (-1, 10), (0, -1), (nan, 10), (1, nan), (1.0, 10), (1, 10.5), ("1", 10), (0, 10**16)]
)
def test_counts_that_are_none_are_refused(count, n):
    """One line says what, the values and the rule; nought of nought is no estimate."""
    for ask in (interval, upper_bound, claim, lambda k, n: compare(k, n, 0, 1), lambda k, n: compare(0, 1, k, n)):
        with pytest.raises(BadInput, match=r"^.* of .* trials: whole numbers are needed, 0 <= count <= trials.*$"):
            ask(count, n)


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 95, nan, inf])
def test_a_confidence_that_is_none_is_refused(confidence):
    """Per cent are not taken for a fraction."""
    asks = [
        lambda c: interval(0, 10, c),
        lambda c: interval(0, 10, c, "wilson"),
        lambda c: upper_bound(0, 10, c),
        lambda c: claim(0, 10, c),
        lambda c: compare(0, 10, 0, 10, c),
        lambda c: zero_failure_runs(0.1, c),
    ]
    for ask in asks:
        with pytest.raises(BadInput, match=r"confidence .*: a number above 0 and below 1 is needed, such as 0.95"):
            ask(confidence)


@pytest.mark.parametrize("probability", [0, 1, -0.5, nan, inf, 1e-300, 5e-324])
def test_a_claim_that_no_trials_could_support_is_refused(probability):
    """A probability of zero cannot be shown by trials; the explorer can, by a closed graph."""
    with pytest.raises(BadInput, match=r"probability .*: "):
        zero_failure_runs(probability)


def test_a_method_that_does_not_exist_is_refused():
    """The way out is in the message."""
    with pytest.raises(BadInput, match="method 'wald' is not known; one of: clopper-pearson, wilson"):
        interval(1, 10, method="wald")

"""Rules that end a rollout keep what they promise, whenever they look."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from deep import latin
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from otalab.bench.ends import BAD
from otalab.errors import BadInput
from otalab.numbers.campaigns.rollout import Stage, roll_out, rollouts
from otalab.numbers.campaigns.stop_rule import StopRule, evidence, lower
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Rates
from otalab.numbers.stats import interval
from otalab.numbers.study import study

REPEATS = 60
WAITS = [10.0, 30.0, 60.0, 100.0, 86_400.0]


@cache
def fleet(design="single-record", image="healthy"):
    """Devices of which some die early, while those who live take a minute more."""
    return Fleet((study(design, Rates(150.0), board="tiny", faults="atomic", image=image),))


@pytest.mark.slow
@pytest.mark.parametrize(("wait", "by"), latin(WAITS, ["low", "every-look"]))
def test_a_harmless_update_is_stopped_as_seldom_as_is_promised(wait, by):
    """At a risk of just the bound, whether ends have come or not; by chance this fails one time in a thousand."""
    bound = fleet().studies[0].weighed.bad
    stages = [Stage(percent, wait) for percent in (5, 20, 60, 100)]
    stopped = rollouts(fleet(), 20_000, stages, StopRule(bound, by=by), repeats=REPEATS).stopped.sum()
    promised = 0.025 * (1 if by == "every-look" else len(stages))

    assert binom.isf(1e-3, REPEATS, promised) >= stopped


@pytest.mark.parametrize("by", ["low", "every-look"])
@pytest.mark.parametrize("wait", WAITS[2:])
def test_what_kills_ten_times_as_many_is_stopped(wait, by):
    """A rule that never stops keeps its promise too; this one does stop."""
    bound = fleet().studies[0].weighed.bad / 10
    found = rollouts(fleet(), 20_000, [Stage(10, wait), Stage(100, wait)], StopRule(bound, by=by), repeats=20)

    assert found.stopped.all()


@given(st.integers(0, 50), st.integers(0, 10**6), st.floats(1e-6, 0.3))
def test_evidence_never_lets_more_pass_than_it_promises(failed, alive, bound):
    """A bound that holds at every look is no higher than one that holds at a single one."""
    low = lower(failed, failed + alive + 1, 0.025)

    assert 0 <= low <= interval(failed, failed + alive + 1, 0.95).low + 1e-12
    assert (low > bound) == (evidence(failed, failed + alive + 1, bound) > -np.log(0.025)) or low == pytest.approx(
        bound
    )


@given(st.floats(1e-6, 0.3), st.floats(0, 1), st.integers(1, 1000))
def test_evidence_is_a_fair_bet_or_a_worse_one(bound, part, offered):
    """One device more changes it to no more than itself on the average, if the truth is within the bound."""
    truth = bound * part
    failed = min(offered, int(2 * bound * offered))
    now = evidence(failed, offered, bound)
    bad, good = evidence(failed + 1, offered + 1, bound), evidence(failed, offered + 1, bound)

    assert truth * np.exp(bad - now) + (1 - truth) * np.exp(good - now) <= 1 + 1e-6


def test_who_is_not_known_is_alive_for_one_bound_and_dead_for_the_other():
    """Three failures, ten known ends, a hundred devices."""
    rule = StopRule(0.1)

    assert interval(3, 100).low == rule.seen(3, 10, 100).low
    assert interval(93, 100).high == rule.seen(3, 10, 100).high


def test_a_rollback_counts_where_a_rule_says_so():
    """`hardened` survives an image that crashes, and no rule that counts the dead sees anything."""
    crashing, stages = fleet("hardened", "crashes"), [Stage(1), Stage(100)]
    deaf, hears = StopRule(0.01), StopRule(0.01, ends=(*BAD, "rolled-back", "update-lost"))

    assert not roll_out(crashing, 10_000, stages, deaf).stopped.any()
    assert [0, 100, 0, True] == roll_out(crashing, 10_000, stages, hears).iloc[0][
        ["stage", "failed", "missed", "stopped"]
    ].tolist()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"bound": 1.0}, "a bound from 0 up to 1"),
        ({"bound": 0.1, "by": "luck"}, "low, estimate, high or every-look"),
        ({"bound": 0.1, "confidence": 1.0}, "above 0 and below 1"),
        ({"bound": 0.1, "ends": ("lost",)}, "'lost' is no end; one of: updated"),
    ],
)
def test_a_rule_that_is_none_is_refused(options, complaint):
    """What, where, and what there is."""
    with pytest.raises(BadInput, match=complaint):
        StopRule(**options)

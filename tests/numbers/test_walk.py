"""The weighing of a crash graph: hazards add up, rows are probabilities, and nothing is lost to subtraction."""

from __future__ import annotations

from math import exp, expm1

import numpy as np
import pytest
from graphs import by_hand, resetting, retry

from otalab.errors import BadInput
from otalab.graph.check import check_design
from otalab.graph.crash_graph import RESET
from otalab.numbers.legs import ENDINGS
from otalab.numbers.rates import Rates
from otalab.numbers.risk import Weighed
from otalab.numbers.runs import Runs
from otalab.numbers.walk import walk

HOUR = 3600.0


def test_an_effect_is_interrupted_with_one_minus_exp_of_its_hazard():
    """One failure per hour, an hour: 1 - 1/e; half of it leads back, half of it kills."""
    p = 1 - exp(-1)
    risk = Weighed(retry(), 1.0)

    assert p / 2 / (1 - p / 2) == pytest.approx(risk.ends["bricked"], rel=1e-14)
    assert (1 - p) / (1 - p / 2) == pytest.approx(risk.ends["updated"], rel=1e-14)


def test_cuts_seconds_and_erases_of_a_retry():
    """Visits are geometric; a visit costs the mean of the shorter of an hour and the time to a failure."""
    p = 1 - exp(-1)
    visits = 1 / (1 - p / 2)
    risk = Weighed(retry(), 1.0)

    assert {"cuts": p * visits, "seconds": HOUR * p * visits, "erases": visits} == pytest.approx(risk.expected())
    assert visits == pytest.approx(risk.wear[7])
    assert 8 == len(risk.wear)


@pytest.mark.parametrize("rate", [1e-30, 1e-12, 1e-3, 1.0, 30.0])
def test_tiny_probabilities_keep_their_digits(rate):
    """However rare a cut is, half of it is half of it."""
    p = -expm1(-rate)

    assert p / 2 / (1 - p / 2) == pytest.approx(Weighed(retry(), rate).ends["bricked"], rel=1e-13)


def test_a_phase_may_have_its_own_rate():
    """Only hazards add up: an hour at one per hour and two hours at two are five."""
    rates = Rates(1.0, (("trial", 2.0),))

    assert [0, 1] == walk(resetting(), rates).state_node.tolist()
    assert [1.0, 4.0] == pytest.approx(Runs.of(resetting(), rates).run_hazard)
    through = exp(-1) * exp(-4)
    assert (1 - exp(-1) + exp(-1) * (1 - exp(-4))) / through == pytest.approx(
        Weighed(resetting(), rates).expected()["cuts"]
    )


def test_a_rate_of_nothing_leaves_the_undisturbed_life():
    """No cut, and the time of the trace."""
    risk = Weighed(resetting(), 0.0)

    assert {"cuts": 0.0, "seconds": 3 * HOUR, "erases": 0.0} == risk.expected()
    assert 1.0 == risk.ends["updated"]


def test_given_a_cut_is_what_is_left_when_the_others_are_taken_out():
    """Ends given a cut, times its probability, and those without one, make up all of them."""
    plain, given = Weighed(retry(), 0.7), Weighed(retry(), 0.7, given_cut=True)

    assert -expm1(-0.7) == pytest.approx(given.walk.given, rel=1e-14)
    assert plain.ends["bricked"] == pytest.approx(given.walk.given * given.ends["bricked"], rel=1e-14)
    assert plain.ends["updated"] == pytest.approx(given.walk.given * given.ends["updated"] + exp(-0.7), rel=1e-14)
    assert plain.expected()["cuts"] == pytest.approx(given.walk.given * given.expected()["cuts"], rel=1e-13)


@pytest.mark.parametrize("rate", [1e-15, 1e-3, 2.0])
def test_given_a_cut_looks_across_resets(rate):
    """The first cut may come in the run after a reset; its place weighs as its hazard does."""
    given = Weighed(resetting(), rate, given_cut=True)

    assert -expm1(-3 * rate) == pytest.approx(given.walk.given, rel=1e-13)
    assert 1.0 <= given.expected()["cuts"]
    if rate < 1e-9:
        fell = {row["phase"]: row["p_cut"] for row in given.by_phase()}
        assert {"boot": 0.0, "download": 1 / 3, "trial": 2 / 3} == pytest.approx(fell)


def test_given_a_cut_that_cannot_come_is_refused():
    """At rate 0 there is nothing to look at."""
    with pytest.raises(BadInput, match="given a cut: none can happen"):
        walk(retry(), Rates(0.0), given_cut=True)


def test_members_of_a_fault_model_can_be_weighed_anew():
    """One exploration answers for every mixture of its members."""
    graph = by_hand(
        [(0, 1.0, 0), (1, 1.0, 3)],
        [(0, 0, 0, {"seconds": HOUR, "weights": [1.0, 0.25]}), (0, 0, 1, {"seconds": HOUR, "weights": [0.0, 0.75]})],
    )
    p = -expm1(-1e-6)

    def bricked(*shares):
        return Weighed(graph, 1e-6, shares).ends["bricked"]

    assert 0.0 == bricked(1.0, 0.0)
    assert 0.75 * p == pytest.approx(bricked(0.0, 1.0), rel=1e-5)
    assert 0.75 * p / 2 == pytest.approx(bricked(0.5, 0.5), rel=1e-5)


def test_what_was_not_explored_is_between_the_bounds():
    """A node whose cuts were not followed may lead anywhere."""
    edges = [(0, 0, 0, {"seconds": HOUR, "weights": [0.5]}), (0, 0, 1, {"seconds": HOUR, "weights": [0.5]})]
    risk = Weighed(by_hand([(0, 1.0, 0), (1, 1.0, 3)], edges, [True, False]), 1.0)
    low, high = risk.bounds["bricked"]

    assert not risk.closed
    assert (0.0, pytest.approx(Weighed(retry(), 1.0).ends["bricked"])) == (low, high)


def test_a_device_that_only_resets_is_stuck_from_the_start():
    """A node without an end that can be reached on steady power is one."""
    risk = Weighed(by_hand([(0, 1.0, None)], [(0, RESET, 0, {}), (0, 0, 0, {"seconds": 1.0})]), 1.0)

    assert 1.0 == risk.ends["stuck"]
    assert {"cuts": 0.0, "seconds": 0.0, "erases": 0.0} == risk.expected()


def test_the_fatal_cut_is_told_by_its_phase():
    """Half of the first cuts kill, all of them in the only phase there is."""
    (row,) = Weighed(retry(), 0.5).by_phase()

    assert ("switch", Weighed(retry(), 0.5).ends["bricked"]) == (row["phase"], pytest.approx(row["p_bad"]))


@pytest.mark.parametrize("given_cut", [False, True])
@pytest.mark.parametrize("rate", [1e-9, 1.0, 300.0])
@pytest.mark.parametrize(
    ("design", "faults"),
    [pytest.param("hardened", "all", marks=pytest.mark.slow), ("mongoose", "atomic"), ("in-place", "atomic")],
)
def test_rows_are_probabilities(design, faults, rate, given_cut):
    """Whatever the graph, the rate and the condition, each state leads somewhere."""
    table = walk(_graph(design, faults), Rates(rate), given_cut=given_cut)

    assert np.allclose(np.asarray(table.chain.sum(axis=1)).ravel(), 1.0, rtol=0, atol=1e-12)
    assert len(ENDINGS) + table.states == table.chain.shape[0]


def _graph(design, faults):
    return check_design(design, faults, image="flaky", board="tiny", app_size=500).graph


@pytest.mark.parametrize("hazard", [1e-12, 1e-3, 0.00999, 0.01001, 0.5, 5.0, 500.0])
def test_a_cut_effect_lasts_its_truncated_mean(hazard):
    """Until the failure, given that it comes before the end: half of it if failures are rare, less if they are not."""
    runs = Runs.of(retry(), Rates(hazard))
    draws = np.linspace(0, 1, 200_001)[:-1] + 1 / 400_002
    times = -np.log1p(-draws * -expm1(-hazard)) / hazard

    assert times.mean() * HOUR == pytest.approx(runs.seconds_if_cut[0], rel=1e-5)

"""What is known of a graph that does not close: what was followed is exact, what was sampled holds the truth."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from deep import latin
from scipy.stats import chi2

from otalab.bench.ends import ENDS
from otalab.graph.check import check_design
from otalab.graph.partial import FrontierNode
from otalab.numbers import by_weight
from otalab.numbers.by_weight import Known
from otalab.numbers.engines.engines import crowds, sample
from otalab.numbers.explored import Search
from otalab.numbers.fleet import Fleet
from otalab.numbers.risk import Weighed
from otalab.numbers.study import study

SURE = 0.9999
RARE_TO_OFTEN = [1.4 / 8766, 0.9 / 24, 600.0, 3600.0]


def searched(design, rate, nodes, within=1e-12):
    """Return what a search by weight finds that may run so few nodes, whether or not the graph would close."""
    one = study(design, rate, board="tiny", faults="all", app_size=500)
    search = Search(one.scenario, one.model, one.rates, one.model.shares, nodes, absolute=within, relative=1e-6)
    found = search.explored()
    return Weighed(found.graph, one.rates, one.model.shares, sampled=found.sampled)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "rate"), latin(["single-record", "hardened"], RARE_TO_OFTEN, always=[("hardened", RARE_TO_OFTEN[3])])
)
def test_a_search_that_ends_early_holds_the_exact_value(design, rate):
    """Where the whole graph is known, its ends lie inside the bounds, at every rate."""
    part, graph = searched(design, rate, 60), check_design(design, "all", board="tiny", app_size=500).graph
    exact = Weighed(graph, rate).ends

    assert graph.closed and not part.closed
    for end in ENDS:
        low, high = part.interval(end, confidence=SURE)
        assert low * (1 - 1e-9) <= exact[end] <= high * (1 + 1e-9)
        assert high - low <= part.unknown * (1 + 1e-9)


def loose(rate=600.0):
    return study("cc3200", rate, board="tiny", faults="torn-program", app_size=500, budget=100)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RARE_TO_OFTEN[2:])
def test_what_was_sampled_is_what_plain_lives_come_to(rate):
    """The firmware's own lives, from the first power-on, end as often as exact plus sampled says: chi-square."""
    one, devices = loose(rate), 1000
    lives = sample(Fleet((one,)), "firmware", 11, 0, devices).end.value_counts()
    often = {end: chance for end, chance in one.weighed.ends.items() if devices * chance > 5}
    expected = [*(devices * chance for chance in often.values()), devices * (1 - sum(often.values()))]
    counted = [*(int(lives[end]) for end in often), devices - sum(int(lives[end]) for end in often)]

    assert not one.weighed.closed and one.weighed.sampled
    # A term of the rest, of which hardly any is expected, does not follow the law of chi-square; one half is as rare.
    statistic = sum((seen - mean) ** 2 / max(mean, 0.5) for seen, mean in zip(counted, expected, strict=True))
    assert 1e-4 < chi2.sf(statistic, len(often))


@pytest.mark.slow
@pytest.mark.parametrize("rate", RARE_TO_OFTEN)
def test_nobody_is_open(rate):
    """Chain and crowd go on with the sampled lives, so that every device comes to an end."""
    fleet = Fleet((loose(rate),))

    assert "open" not in set(sample(fleet, "chain", 1, 0, 20_000).end)
    assert "open" not in set(crowds(fleet, 10**9, 1).end)


ONE = """
from otalab.numbers.study import study
one = study("cc3200", 600.0, board="tiny", faults="torn-program", app_size=500, budget=100).weighed
print(one.ends, one.expected(), one.by_phase(), one.sampled.lives.seconds.sum())
"""


@pytest.mark.slow
def test_the_same_bits_in_every_process():
    """Whatever order a process keeps its sets in, so that every worker comes to the same number."""
    told = {
        subprocess.run(
            [sys.executable, "-c", ONE],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert 1 == len(told)


def test_a_search_stops_once_its_bounds_are_close_enough():
    """Whoever asks for less has less followed, and no band that is wider than asked for."""
    wide, close = (searched("hardened", 600.0, 2000, within=within) for within in (1e-2, 1e-5))

    assert wide.graph.nodes < close.graph.nodes
    assert max(high - low for low, high in wide.bounds.values()) <= 1e-2
    assert max(high - low for low, high in close.bounds.values()) <= 1e-5


def test_a_search_that_has_no_time_says_less_and_nothing_false():
    """Out of time at once, all that is known are bounds."""
    one = replace(loose(), seconds=0.0)

    assert not one.weighed.closed
    assert all(0 <= low <= high <= 1 for low, high in one.weighed.bounds.values())


def test_a_search_that_begins_anew_goes_on():
    """Where a merge was wrong all is ahead again: that is no sign that little is won by more."""
    was = [Known({}, {FrontierNode(-1, None, None, None, []): mass}) for mass in (1.0, 0.5, 1.0, 0.1, 0.0)]
    graph, told = SimpleNamespace(nodes=[], many=lambda _one: False, follow=lambda _ahead: None), []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(by_weight, "known", lambda _graph, _weigher: was[len(told)])
        patched.setattr(by_weight, "MOST", 1)  # so that every round follows as much as one may
        found = by_weight.search(graph, None, nodes=99, runs=99, absolute=1e-9, relative=0.01, told=told.append)

    assert was == told and 0 == found.unknown

"""Exact risk: the crash graph weighed by time gives what a hand can derive, and keeps its digits."""

from __future__ import annotations

import numpy as np
import pytest

from otalab.bench.ends import ENDS
from otalab.faults.models import atomic
from otalab.graph.check import check_design
from otalab.hardware.part import part
from otalab.numbers.engines.crowd import forks
from otalab.numbers.fleet import Fleet
from otalab.numbers.risk import Weighed
from otalab.numbers.study import study

RATE = 1e-3


@pytest.mark.parametrize("name", ["W25Q16JV", "SST26VF064B-sfdp"])
def test_a_single_record_bricks_at_rate_times_the_time_without_it(name):
    """Three records are written, and while one is erased and programmed there is none."""
    chip = part(name)
    window = chip.erase_seconds() + chip.program_seconds(84)
    risk = Weighed(check_design("single-record", "atomic", part=name).graph, RATE)

    assert 3 * window * RATE / 3600 == pytest.approx(risk.ends["bricked"], rel=1e-6)
    assert risk.ends["bricked"] == pytest.approx(sum(row["p_bad"] for row in risk.by_phase()))


def test_a_uniform_flip_point_halves_it():
    """An erase that happens or does not, as likely the one as the other, leaves the record half of the time."""
    harsh = Weighed(check_design("single-record", "atomic", board="tiny").graph, RATE).ends["bricked"]
    graph = check_design("single-record", atomic(erase_flip=0.5, program_flip=0.5), board="tiny").graph

    assert harsh / 2 == pytest.approx(Weighed(graph, RATE).ends["bricked"], rel=1e-4)


@pytest.mark.parametrize("rate", [0.0, 1e-9, 1e-3, 10.0, 1000.0])
@pytest.mark.parametrize("design", ["hardened", "single-record", "mongoose"])
def test_the_ends_of_a_closed_graph_are_all_there_is(design, rate):
    """Probabilities sum to one at every rate, and the bounds meet."""
    risk = Weighed(check_design(design, "atomic", image="flaky", board="tiny", app_size=500).graph, rate)

    assert 1 == pytest.approx(sum(risk.ends.values()), rel=1e-12)
    assert all(low == high == risk.ends[end] for end, (low, high) in risk.bounds.items())


@pytest.mark.parametrize("given_cut", [False, True])
@pytest.mark.parametrize("rate", [0.9 / 24, 600.0, 3600.0])
@pytest.mark.parametrize("design", ["mongoose", "single-record"])
def test_no_probability_is_more_than_one(design, rate, given_cut):
    """Sums of all that may happen are no trifle over 1: of ends, of kinds, and of the ways that a crowd is split into.

    No law of NumPy or SciPy takes such a trifle.
    """
    one = study(design, rate, board="tiny", faults="atomic", app_size=500, given_cut=given_cut)
    fleet = Fleet((one,) * 3, (0.1, 0.2, 0.7))
    ways = [fork.probability for fork in forks(one.weighed.walk)]

    assert all(0 <= bound <= 1 for bound in (*one.weighed.interval(*ENDS), *fleet.interval(*ENDS)))
    assert all(way.max() <= 1 and way[:-1].sum() < 1 for way in ways)
    assert 0 <= one.weighed.bad <= 1 >= one.weighed.walk.given


def test_without_power_cuts_an_update_takes_what_its_trace_takes():
    """Expected seconds and erases are those of the undisturbed life."""
    from otalab import life, set_up  # noqa: PLC0415  # for this test alone

    lived = life(set_up("hardened", "tiny"))
    expected = Weighed(check_design("hardened", "atomic", board="tiny").graph, 0.0).expected()

    assert sum(run.seconds for run in lived.runs) == pytest.approx(expected["seconds"])
    assert sum(len([s for s in run.steps if type(s.effect).__name__ == "Erase"]) for run in lived.runs) == (
        pytest.approx(expected["erases"])
    )
    assert 0 == expected["cuts"]


def test_an_open_graph_gives_bounds():
    """What was not explored lies between them, and nothing is claimed of it."""
    graph = check_design("mongoose", "torn-program", board="tiny", app_size=500, budget=150).graph
    risk = Weighed(graph, 10.0)
    low, high = risk.bounds["bricked"]

    assert not graph.closed
    assert 0 < low < high < 1
    assert sum(risk.ends.values()) < 1


def test_tiny_probabilities_keep_their_digits():
    """At a thousandth of the rate the risk is a thousandth, to ten digits."""
    graph = check_design("single-record", "atomic", board="tiny").graph
    small, smaller = (Weighed(graph, rate).ends["bricked"] for rate in (1e-9, 1e-12))

    assert 1e-3 == pytest.approx(smaller / small, rel=1e-9)
    assert np.isfinite(smaller) and smaller < 1e-16

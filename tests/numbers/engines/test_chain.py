"""Walkers: each device has its own stream, and it does not matter who sends it, when, and with which loop."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import resetting, retry

from otalab.graph.check import check_design
from otalab.hardware.effects import PHASES
from otalab.numbers.engines.chain import NO_CUT, send, tables
from otalab.numbers.engines.streams import STEP, Stream, key, mixed, uniform
from otalab.numbers.legs import ENDINGS
from otalab.numbers.rates import Rates
from otalab.numbers.risk import Weighed
from otalab.numbers.stats import interval
from otalab.numbers.walk import walk

SEED = 20260101


def test_the_generator_is_splitmix64():
    """The first numbers of its seed 1234567, as published with the generator."""
    counters = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * STEP

    assert [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ] == mixed(counters).tolist()  # fmt: skip


@pytest.mark.parametrize(("seed", "device"), [(0, 0), (1, 10**9), (2**64 - 1, 2**40)])
def test_a_stream_by_itself_is_the_stream_of_the_loops(seed, device):
    """Python's whole numbers and 64-bit ones give the same."""
    stream = Stream(seed, device)
    counter = mixed(key(seed) + np.array([device], np.uint64) * STEP)
    expected = []
    for _ in range(5):
        counter = counter + STEP
        expected += uniform(counter).tolist()

    assert expected == [stream.uniform() for _ in range(5)]
    assert all(0 <= number < 1 for number in expected)


def test_streams_are_uniform_and_do_not_depend_on_each_other():
    """Means, and correlations between neighbours in device, in seed and in time, are what chance allows."""
    devices = np.arange(200_000, dtype=np.uint64)
    first = uniform(mixed(key(1) + devices * STEP) + STEP)
    second = uniform(mixed(key(1) + devices * STEP) + STEP + STEP)
    other = uniform(mixed(key(2) + devices * STEP) + STEP)

    assert 0.5 == pytest.approx(first.mean(), abs=4 * 0.29 / 200_000**0.5)
    for a, b in ((first[1:], first[:-1]), (first, second), (first, other)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / 200_000**0.5


def _walks(given_cut):
    graph = check_design("hardened", "all", image="flaky:0.3", board="tiny", app_size=500).graph
    rates = (Rates(1.0), Rates(300.0, (("trial", 20.0),)))
    return [walk(graph, rate, given_cut=given_cut) for rate in rates] + [walk(resetting(), Rates(0.4))]


@pytest.mark.slow
@pytest.mark.parametrize("given_cut", [False, True])
def test_both_loops_come_to_the_same_bits(given_cut):
    """The compiled loop and whole arrays, over a fleet of three kinds."""
    pytest.importorskip("numba")
    table = tables(_walks(given_cut), [0.2, 0.5, 0.3])
    one, other = (send(table, SEED, 123, 20_000, compiled=compiled) for compiled in (True, False))

    assert len(np.unique(one.kind)) == 3
    assert one.cuts.max() > 3
    for name, left, right in zip(one._fields, one, other, strict=True):
        assert left.dtype == right.dtype
        assert np.array_equal(left, right), name


@pytest.mark.slow
def test_chunks_do_not_matter():
    """A device has the same fate in whichever chunk it is sent."""
    table = tables(_walks(given_cut=False), [1, 1, 1])
    whole = send(table, SEED, 0, 1000)
    parts = [send(table, SEED, first, 100) for first in range(0, 1000, 100)]

    for number, column in enumerate(whole):
        assert np.array_equal(column, np.concatenate([part[number] for part in parts]))
    assert not np.array_equal(whole.seconds, send(table, SEED + 1, 0, 1000).seconds)


def test_nobody_meets_a_cut_at_rate_0_and_everybody_given_one():
    """Seconds and erases are then those of the undisturbed life."""
    calm = send(tables([walk(resetting(), Rates(0.0))]), SEED, 0, 100)
    cut = send(tables([walk(resetting(), Rates(1e-9), given_cut=True)]), SEED, 0, 5000)

    assert ({0}, {10800.0}, {NO_CUT}) == (set(calm.cuts), set(calm.seconds), set(calm.last_cut))
    assert {1} == set(cut.cuts)
    assert 5000 / 3 == pytest.approx((cut.last_cut == PHASES.index("download")).sum(), abs=4 * (5000 * 2 / 9) ** 0.5)


@pytest.mark.parametrize("rate", [0.5, 1.5])
def test_means_are_the_exact_ones(rate):
    """Cuts, seconds and erases of a hundred thousand devices, within four standard errors."""
    for graph in (retry(), resetting()):
        risk = Weighed(graph, rate)
        walked = send(tables([risk.walk]), SEED, 0, 100_000)
        for name, column in (("cuts", walked.cuts), ("seconds", walked.seconds), ("erases", walked.erases)):
            assert risk.expected()[name] == pytest.approx(column.mean(), abs=4 * column.std() / 100_000**0.5 + 1e-9)


def test_moments_of_cuts_are_distributed_as_they_should():
    """Time to the first failure, given one within an hour, is exponential and cut off: its quartiles."""
    walked = send(tables([walk(retry(), Rates(2.0), given_cut=True)]), SEED, 0, 50_000)
    first = walked.seconds[(walked.cuts == 1) & (walked.end == ENDINGS.index("bricked"))]
    expected = [-np.log1p(-q * -np.expm1(-2.0)) / 2.0 * 3600 for q in (0.25, 0.5, 0.75)]

    assert expected == pytest.approx(np.quantile(first, [0.25, 0.5, 0.75]), rel=0.03)


def test_shares_of_a_fleet_are_what_was_asked_for():
    """Kinds are drawn in proportion, within the 99.9 % interval."""
    walked = send(tables(_walks(given_cut=False), [0.2, 0.5, 0.3]), SEED, 0, 20_000)

    for kind, share in enumerate([0.2, 0.5, 0.3]):
        found = interval(int((walked.kind == kind).sum()), 20_000, 0.999)
        assert found.low <= share <= found.high

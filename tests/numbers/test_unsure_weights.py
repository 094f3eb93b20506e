"""Weights of tears that nobody knows: what is drawn from their law holds what each of its means comes to."""

from __future__ import annotations

import pytest

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.numbers.study import study
from otalab.numbers.unsure_weights import lost_in_a_life, unsure_weights

ONE = study("single-record", "0.9/day", board="tiny", faults="all", app_size=500)


def drawn(prior=None, seed=1, draws=40):
    return unsure_weights(ONE, prior, seed=seed, draws=draws)


def test_the_interval_lies_within_the_band_and_holds_the_equal_weights():
    """No weights are worse than the worst member alone, nor better than the best."""
    band = [weighed.ends for weighed in ONE.band().values()]

    rows = drawn(draws=200)
    assert [*ENDS] == [row.end for row in rows]
    for row in rows:
        among = [ends[row.end] for ends in band]
        assert min(among) * (1 - 1e-3) <= row.low <= row.mean <= row.high <= max(among) * (1 + 1e-3)
        assert row.low <= ONE.weighed.ends[row.end] <= row.high
        assert row.mean == pytest.approx(row.kept, rel=0.05, abs=1e-12)


def test_what_was_counted_narrows_it_and_moves_it_to_the_member():
    """A thousand tears of one kind leave hardly a doubt."""
    wide = {row.end: row for row in drawn()}["bricked"]
    close = {row.end: row for row in drawn({"torn-erase": 1000.0})}["bricked"]

    assert close.high - close.low < (wide.high - wide.low) / 10
    assert close.mean == pytest.approx(ONE.band()["torn-erase"].ends["bricked"], rel=0.01)


def test_silicon_that_keeps_its_law_survives_at_least_as_often():
    """The two come to the same while they are small, and in the long run those are left that tear harmlessly."""
    few, many = lost_in_a_life(ONE, 1), lost_in_a_life(ONE, 1e6)

    assert few[0] == pytest.approx(few[1], rel=0.01)
    assert many[1] < many[0] * 0.999
    assert (0.0, 0.0) == lost_in_a_life(ONE, 0)


def test_the_seed_says_what_is_drawn():
    """Same seed, same bits."""
    assert drawn(seed=3) == drawn(seed=3) != drawn(seed=4)


@pytest.mark.parametrize(
    ("faults", "prior", "complaint"),
    [
        ("atomic", None, "members of the fault model all"),
        ("all", {"torn": 1.0}, "torn=1: a shape above 0"),
        ("all", {"atomic": 0.0}, "atomic=0: a shape above 0"),
    ],
)
def test_what_is_no_law_of_weights_is_refused(faults, prior, complaint):
    """Members that there are, each with a shape."""
    with pytest.raises(BadInput, match=complaint):
        unsure_weights(study("single-record", board="tiny", faults=faults, app_size=500), prior)

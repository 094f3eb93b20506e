"""Per device-year: small risks add up, and certain ones do not pass one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.errors import BadInput
from otalab.numbers.yearly import lost, yearly


@given(st.floats(0, 1), st.integers(0, 200))
def test_who_survives_has_survived_every_update(risk, updates):
    """One minus the risk, once for each."""
    assert 1 - (1 - risk) ** updates == pytest.approx(lost(risk, updates), abs=1e-12)


def test_rare_ends_add_up():
    """A dozen updates a year are a dozen times the risk, to ten digits; ten years ten times that."""
    told = yearly(SimpleNamespace(interval=lambda *_: (1e-15, 2e-15)), 12, 10)

    assert [12e-15, 24e-15] == pytest.approx(told["in_a_year"], rel=1e-10)
    assert [120e-15, 240e-15] == pytest.approx(told["in_years"], rel=1e-10)


@pytest.mark.parametrize(("updates", "years"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1), (1, float("inf"))])
def test_numbers_that_are_none_are_refused(updates, years):
    """One line."""
    with pytest.raises(BadInput, match="numbers above 0 are needed"):
        yearly(SimpleNamespace(interval=lambda *_: (0.0, 0.0)), updates, years)


def test_a_visit_for_each_bad_end_is_paid_for():
    """So many updates, so much a visit: money and trucks of a million devices, from least to most."""
    told = yearly(SimpleNamespace(interval=lambda *_: (1e-9, 2e-9)), 12, 10, 150.0)

    assert [0.012, 0.024] == pytest.approx(told["visits_per_million"])
    assert [1.8, 3.6] == pytest.approx(told["cost_per_million"])
    assert "cost_per_million" not in yearly(SimpleNamespace(interval=lambda *_: (0.0, 0.0)), 12, 10)


@pytest.mark.parametrize("cost", [-1.0, float("nan"), float("inf")])
def test_a_cost_that_is_none_is_refused(cost):
    """One line."""
    with pytest.raises(BadInput, match="a number of 0 or more is needed"):
        yearly(SimpleNamespace(interval=lambda *_: (0.0, 0.0)), 12, 10, cost)

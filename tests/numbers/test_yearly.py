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

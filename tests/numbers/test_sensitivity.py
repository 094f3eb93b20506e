"""What matters most: laws that a hand can derive, for a design whose risk is rate times window."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

from otalab.hardware.part import part
from otalab.numbers.sensitivity import sensitivity
from otalab.numbers.study import study
from otalab.views.figures.risk import plot_sensitivity


@cache
def table(faults="atomic"):
    return sensitivity(study("single-record", "1/year", board="tiny", faults=faults, app_size=500))


def bad(name, faults="atomic"):
    rows = table(faults)
    return rows[(rows.input == name) & (rows.end == "bad")].iloc[0]


def test_a_rare_risk_is_proportional_to_the_rate():
    """One per cent more of the one is one per cent more of the other."""
    assert 1 == pytest.approx(bad("rate").elasticity, rel=1e-6)


@pytest.mark.parametrize("name", ["download speed", "health check", "trial length"])
def test_what_takes_no_part_in_the_window_does_not_matter(name):
    """The lamp dies while it has no record, however long all else takes."""
    assert 0 == pytest.approx(bad(name).elasticity, abs=1e-6)


def test_maximal_times_are_as_much_worse_as_they_are_longer():
    """Erase and page program, by the part's own times."""
    chip = part("W25Q16JV")
    windows = [chip.erase_seconds(timing) + chip.program_seconds(84, timing) for timing in ("typ", "max")]
    row = bad("erase and program time")

    assert windows[1] / windows[0] == pytest.approx(row.p_high / row.p_low, rel=1e-4)
    assert pd.isna(row.elasticity)


def test_kind_flip_points_leave_no_risk():
    """An erase that takes effect at its last moment and a program that does at its first."""
    row = bad("flip points")

    assert (0, row.p) == (row.p_low, row.p_high)


@pytest.mark.slow
def test_weights_go_from_the_best_member_to_the_worst():
    """Between them lies the mixture."""
    row = bad("weights", "all")

    assert row.p_low < row.p < row.p_high
    assert row.low.endswith(" alone") and row.low != row.high


def test_what_moves_the_bad_ends_most_comes_first():
    """In the table, and from above in the figure; every input stands there once."""
    rows = table()[table().end == "bad"]
    swing = (rows.p_high - rows.p_low).abs().tolist()
    ax = plot_sensitivity(table())

    assert sorted(swing, reverse=True) == swing
    assert rows.input.tolist() == [label.get_text() for label in ax.get_yticklabels()]
    assert ax.yaxis_inverted()

"""Figures about risk: the tables are tested, the drawings are drawn."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from otalab.campaign import Campaign, run_campaign
from otalab.risk_figures import (
    Convergence,
    convergence_table,
    part_table,
    plot_convergence,
    plot_parts,
    plot_risk_phases,
    plot_survival,
    plot_wear,
    risk_phase_table,
)
from otalab.rollout import survival, wear
from otalab.stats import interval
from otalab.study import study


@pytest.fixture(params=["default", "dark_background"])
def drawn(request):
    mpl.use("Agg")
    with plt.style.context(request.param):
        yield lambda ax: ax.figure.canvas.draw()
    plt.close("all")


def lamps():
    return study("single-record", 1.0, board="tiny", faults="atomic")


def test_convergence_is_watched_chunk_by_chunk(tmp_path):
    """Its last row is the campaign's result; the band narrows."""
    watch = Convergence("bricked")
    tally = run_campaign(Campaign.of(study("single-record", 60.0, board="tiny"), 150_000), tmp_path, on_chunk=watch)
    table = watch.table

    assert [50_000, 100_000, 150_000] == table.devices.tolist()
    assert tally.counts["bricked"] == table.failed.iloc[-1]
    assert (table.high - table.low).is_monotonic_decreasing


def test_a_row_of_convergence_is_an_interval():
    """The known one of none in a thousand."""
    row = convergence_table([(1000, 0)]).iloc[0]

    assert (0.0, 0.0, interval(0, 1000).high) == (row.estimate, row.low, row.high)


def test_parts_without_numbers_say_why():
    """A part that does not fit, one that lacks a time, and one that has a risk."""
    table = part_table({"lamp": lamps()}, ["W25Q16JV", "W25Q80DL", "STM32H743-x8"]).set_index("part")

    assert lamps().weighed.bad == pytest.approx(table.low["W25Q16JV"])
    assert "no erase_typ_ms" in table.why["W25Q80DL"]
    assert "erases 131072 bytes at a time" in table.why["STM32H743-x8"]
    assert table.low.isna().tolist() == [False, True, True]


def test_shares_of_phases_sum_to_one():
    """Of the time, of all cuts and of the fatal ones."""
    table = risk_phase_table(lamps())

    assert [1.0, 1.0, 1.0] == pytest.approx([table[f"{name}_share"].sum() for name in ("seconds", "p_cut", "p_bad")])


def test_all_of_them_can_be_drawn(drawn):
    """In a light theme and in a dark one; a legend where there is something to tell apart."""
    drawn(plot_convergence(convergence_table([(100, 1), (1000, 3)]), exact=0.004, title="convergence"))
    parts = plot_parts(part_table({"a": lamps(), "b": lamps()}, ["W25Q16JV", "AT25SF081", "W25Q80DL"]))
    drawn(parts)
    drawn(plot_risk_phases(risk_phase_table(lamps())))
    drawn(plot_survival({"one": survival(1e-3, 1, 5), "none": survival(0.0, 1, 5)}))
    drawn(plot_wear(wear(lamps(), 1, 1, 1000), lamps().board))

    assert "1 parts do not fit or lack a time" in parts.get_xlabel()
    assert ["a", "b"] == [text.get_text() for text in parts.get_legend().get_texts()]

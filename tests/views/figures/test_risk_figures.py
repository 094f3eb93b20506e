"""Figures about risk: the tables are tested, the drawings are drawn."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from otalab.errors import BadInput
from otalab.numbers.campaigns.campaign import Campaign, run_campaign
from otalab.numbers.campaigns.wear import survival, wear
from otalab.numbers.stats import interval
from otalab.numbers.study import study
from otalab.views.figures.risk import (
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


@pytest.mark.parametrize("figure", [plot_risk_phases, plot_parts])
def test_a_figure_says_what_its_numbers_depend_on(figure):
    """Board, offer, network and flip points stand below it."""
    table = risk_phase_table(lamps()) if figure is plot_risk_phases else part_table({"lamp": lamps()}, ["W25Q16JV"])
    texts = " ".join(text.get_text() for text in figure(table).texts)

    for word in (
        "per update",
        "board tiny",
        "offer until-taken",
        "100000 bytes per second",
        "atomic: a cut in an erase",
    ):
        assert word in texts.replace("\n", " ")


def test_shares_of_phases_sum_to_one():
    """Of the time, of all cuts and of the fatal ones."""
    table = risk_phase_table(lamps())

    assert [1.0, 1.0, 1.0] == pytest.approx([table[f"{name}_share"].sum() for name in ("seconds", "cuts", "p_bad")])


def test_no_risk_is_drawn_too(drawn):
    """A design that never fails has its hollow mark on the left edge, where the scale says 0."""
    safe = study("hardened", 1.0, board="tiny", faults="atomic")
    ax = plot_parts(part_table({"risky": lamps(), "safe": safe}, ["W25Q16JV", "AT25SF081"]))
    drawn(ax)
    hollow = [line for line in ax.lines if line.get_fillstyle() == "none" and any(line.get_ydata() >= 0)]

    assert [[ax.get_xlim()[0]] * 2] == [list(line.get_xdata()) for line in hollow]
    assert "0" in [text.get_text() for text in ax.texts]


def test_nothing_but_safe_designs_can_be_drawn(drawn):
    """Also then the scale has its decades."""
    safe = study("hardened", 1.0, board="tiny", faults="atomic")
    ax = plot_parts(part_table({"safe": safe}, ["W25Q16JV"]))
    drawn(ax)

    assert 0 < ax.get_xlim()[0] < ax.get_xlim()[1]


def test_no_wear_is_not_drawn():
    """No update, no map; one line says so."""
    with pytest.raises(BadInput, match="nothing was erased"):
        plot_wear(wear(lamps(), 0, 10, 1000), lamps().board)


def test_the_scale_of_wear_is_told_by_its_ends(drawn):
    """Least and most, though there is no decade between them."""
    table = wear(lamps(), 12, 10, 1000)
    ax = plot_wear(table, lamps().board)
    drawn(ax)
    told = [text.get_text() for text in ax.figure.axes[-1].get_yticklabels()]

    assert [f"{table.erases.min():.3g}", f"{table.erases.max():.3g}"] == told


def test_all_of_them_can_be_drawn(drawn):
    """In a light theme and in a dark one; a legend where there is something to tell apart."""
    drawn(plot_convergence(convergence_table([(100, 1), (1000, 3)]), exact=0.004, title="convergence"))
    parts = plot_parts(part_table({"a": lamps(), "b": lamps()}, ["W25Q16JV", "AT25SF081", "W25Q80DL"]))
    drawn(parts)
    drawn(plot_risk_phases(risk_phase_table(lamps())))
    drawn(plot_survival({"one": survival(1e-3, 1, 5), "none": survival(0.0, 1, 5)}))
    drawn(plot_wear(wear(lamps(), 1, 1, 1000), lamps().board))

    assert "W25Q80DL" in parts.texts[-1].get_text()
    assert ["a", "b"] == [text.get_text() for text in parts.get_legend().get_texts()]

"""Figures as a notebook shows them: sharp, in the theme's colours, and in words for whoever does not see them."""

import re

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from otalab import life, set_up
from otalab.views.figures import shown
from otalab.views.figures.sectors import phase_table, plot_phases, plot_sectors, sector_table
from otalab.views.figures.timeline import plot_timeline, timeline_table


@pytest.fixture(scope="module")
def lamp():
    return set_up("hardened", "tiny", app_size=3000)


@pytest.fixture(params=["sectors", "phases", "timeline"])
def figure(request, lamp):
    if request.param == "sectors":
        ax = plot_sectors(sector_table(lamp.device.board, lamp.flash), columns=16, title="as <shipped>")
    elif request.param == "phases":
        ax = plot_phases(phase_table(life(lamp)), title="as <shipped>")
    else:
        ax = plot_timeline(timeline_table(life(lamp)), title="as <shipped>")
    yield ax.figure
    plt.close(ax.figure)


def test_a_figure_has_a_text_and_the_colours_of_the_theme(figure):
    """
    Its title is in the text; nothing in it is taken for markup; no white slab and no black ink is left.
    """
    html = shown.as_html(figure)

    said = re.search('aria-label="([^"]*)"', html)[1]
    assert said.startswith("as &lt;shipped&gt;")
    assert len("as &lt;shipped&gt;.") < len(said)
    assert html.startswith("<svg ")
    assert not re.search(r"#ffffff|#000000|<script|https?://(?!www\.w3\.org)", html)


def test_what_has_too_many_lines_is_sent_in_dots_with_the_same_text(figure, monkeypatch):
    """
    Two for each of an ordinary screen.
    """
    said = re.search('aria-label="([^"]*)"', shown.as_html(figure))[1]
    monkeypatch.setattr(shown, "MOST", 10)

    assert shown.as_html(figure).startswith(f'<img alt="{said}"')


def test_an_empty_figure_is_told_as_one():
    """
    There is a text even where there is nothing to see.
    """
    assert "An empty figure." == shown.described(Figure())


def test_a_program_has_no_notebook():
    """
    Nothing is registered, and nothing fails.
    """
    shown.register()

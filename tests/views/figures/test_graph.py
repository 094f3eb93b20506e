"""Figures about the crash graph: the tables agree with the graph, and the drawings with the tables."""

from functools import cache

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgba

from otalab import load_design, set_up
from otalab.faults.models import fault_model
from otalab.graph.case import Case
from otalab.graph.check import check
from otalab.views.figures.graph import (
    LOOKS,
    edge_table,
    graph_table,
    plot_graph,
    style_verdicts,
    verdict_table,
)
from otalab.views.style import VERDICT_COLOURS

mpl.use("Agg")


@cache
def cell(design, faults, image="healthy", budget=60):
    scenario = set_up(load_design(design), "tiny", app_size=3000, image=image)
    return check(Case(design, "tiny", faults, image, "until-taken"), scenario, fault_model(faults), budget=budget)


@pytest.mark.parametrize("faults", ["atomic", "torn-program", pytest.param("all", marks=pytest.mark.slow)])
def test_the_tables_count_every_wreck(faults):
    """
    Each tear leaves one node, leads to one node, and is counted once.
    """
    graph = cell("hardened", faults).graph
    nodes = graph_table(graph)

    assert graph.nodes == len(nodes)
    assert graph.wrecks == nodes.tears_in.sum() == nodes.tears_out.sum() == edge_table(graph).tears.sum()


@pytest.mark.parametrize(
    "design, faults, image",
    [pytest.param("hardened", "all", "healthy", marks=pytest.mark.slow), ("single-record", "atomic", "healthy"),
     ("mongoose", "torn-program", "healthy"), ("mongoose", "atomic", "crashes"), ("mongoose", "atomic", "flaky")],
)  # fmt: skip
def test_layers_agree_with_the_shortest_histories(design, faults, image):
    """
    An end is first met in the layer of as many cuts as its shortest history has.
    """
    graph = cell(design, faults, image).graph
    nodes = graph_table(graph)

    for end, history in graph.histories.items():
        assert len(history.cuts) == nodes.layer[[end in ends.split() for ends in nodes.ends]].min()


def test_verdicts_say_what_was_found_and_what_was_not():
    """
    One cut, no cut, none at all; `at most` where the graph is not closed; nothing where nothing was asked.
    """
    table = verdict_table([
        cell("mongoose", "atomic"),
        cell("mongoose", "torn-program"),
        cell("mongoose", "atomic", "crashes"),
        cell("single-record", "atomic"),
        cell("hardened", "torn-program", budget=5),
    ])  # fmt: skip

    assert ["mongoose", "single-record", "hardened"] == list(table.index)
    assert [("atomic", "healthy"), ("torn-program", "healthy"), ("atomic", "crashes")] == list(table.columns)
    assert ["safe", "unsafe: at most 1 cut", "unsafe: no cut"] == list(table.loc["mongoose"])
    assert ["unsafe: 1 cut", "", ""] == list(table.loc["single-record"])
    assert ["", "open", ""] == list(table.loc["hardened"])


def test_each_verdict_has_its_colour():
    """
    The colour follows the first word.
    """
    text = style_verdicts(verdict_table([cell("mongoose", "atomic"), cell("single-record", "atomic")])).to_html()

    assert VERDICT_COLOURS["safe"] in text and VERDICT_COLOURS["unsafe"] in text and VERDICT_COLOURS["open"] not in text


def test_a_small_graph_is_drawn_node_by_node():
    """
    Every node has its number, every end its shape.
    """
    graph = cell("hardened", "all").graph

    ax = plot_graph(graph)

    numbers = {text.get_text() for text in ax.texts if text.get_text()}
    assert {str(node) for node in range(graph.nodes)} == numbers
    assert {LOOKS[end][1] for end in ("resets", "updated", "update-lost")} == {line.get_marker() for line in ax.lines}
    assert "" == ax.get_title()


def test_a_large_graph_is_drawn_in_counts():
    """
    The counts add up to the nodes, and an open graph says so.
    """
    graph = cell("mongoose", "torn-program", budget=100).graph

    ax = plot_graph(graph)

    assert graph.nodes == sum(int(text.get_text().replace(",", "")) for text in ax.texts)
    assert "not closed" in ax.get_title()


@pytest.mark.parametrize("style, ink, paper", [("default", "black", "white"), ("dark_background", "white", "black")])
def test_a_graph_is_drawn_in_the_ink_of_its_style(style, ink, paper):
    """
    Outlines, arrows and numbers stand out from the paper, whichever is dark.
    """
    with plt.style.context(style):
        ax = plot_graph(cell("hardened", "all").graph)

    assert {ink} == {line.get_markeredgecolor() for line in ax.lines if line.get_marker() != "None"}
    assert {to_rgba(ink, 0.4), to_rgba(ink)} == {arrow.get_edgecolor() for arrow in ax.patches}
    assert {(ink, to_rgba(paper, 0.8))} == {
        (text.get_color(), text.get_bbox_patch().get_facecolor()) for text in ax.texts if text.get_text()
    }

"""What tears leave is told apart once for several searches, and each of them finds what it would find alone."""

import pytest

from otalab.bench.setup import set_up
from otalab.faults.models import FAULTS
from otalab.graph import apart
from otalab.graph.explorer import Explorer
from otalab.graph.identity import Identity

IMAGES = "healthy", "flaky"


def searched(design, image, verdict_only):
    """
    All that a search finds, in the order in which it finds it.
    """
    scenario = set_up(design, board="tiny", image=image)
    explorer = Explorer(scenario, FAULTS["all"], budget=30, verdict_only=verdict_only)
    explorer.explore()
    edges = [
        (node.number, edge.run, edge.step, edge.target.number, edge.count, edge.label, *edge.weights)
        for node in explorer.nodes
        for edge in node.edges
    ]
    return explorer.closed, explorer.lookups, edges


@pytest.mark.slow
@pytest.mark.parametrize("design", ["mongoose", "hardened", "esp32", "esp-idf"])
def test_a_search_after_others_finds_what_it_finds_alone(design):
    """
    In records behind a check, behind a weak one and without; the order of the searches is any.
    """
    alone = {}
    for image in IMAGES:
        apart._kept.clear()
        alone[image] = searched(design, image, True)
    for image in reversed(IMAGES):
        searched(design, image, False)
        assert alone[image] == searched(design, image, True)


def test_what_is_borrowed_is_held_against_records_that_are_learnt_later():
    """
    Bytes that another search called scrap may be almost a record that this one meets.
    """
    scenario = set_up("hardened", board="tiny")
    family, *_ = scenario.device.families
    place = family.sectors[0]
    first = scenario.flash.sectors[place][: family.size]
    for scrap, stale in ((first, True), (bytes(family.size), False)):
        identity = Identity(scenario.device)
        identity.take_over(place, bytes(family.size) + scrap, {})
        identity.learn(scenario.flash, ())
        assert stale == identity.stale

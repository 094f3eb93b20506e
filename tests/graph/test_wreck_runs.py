"""A search that finds the runs of wrecks kept comes to the same as one that runs all of them."""

import pytest
from plain import small

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import every_run
from otalab.faults.models import FAULTS, fault_model
from otalab.graph import wreck_runs as kept
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.wreck_runs import WRECKS, wreck_runs

IN_ORDER = [*FAULTS, *reversed(FAULTS)]


def searched(what: Scenario, faults: str) -> tuple[object, ...]:
    looking = Explorer(what, fault_model(faults), budget=60)
    looking.explore()
    return shown(graph_of(looking))


def shown(graph: CrashGraph) -> tuple[object, ...]:
    """Return what there is to see of a graph."""
    histories = {end: [leg.text for leg in history.legs] for end, history in graph.histories.items()}
    return graph.verdict, graph.nodes, graph.wrecks, graph.expanded, graph.closed, histories


@pytest.mark.parametrize(
    ("design", "image"),
    [("mongoose", "healthy"), ("hardened", "flaky"), ("esp8266", "hangs"), ("mgos-boot", "healthy")],
)
def test_one_search_after_the_other_finds_what_each_finds_alone(design, image):
    """Whatever came before it: fault models up and down, on a small board."""
    what = small(design, image=image)
    alone = {}
    for faults in FAULTS:
        wreck_runs.cache_clear()
        alone[faults] = searched(what, faults)

    wreck_runs.cache_clear()
    assert [alone[faults] for faults in IN_ORDER] == [searched(what, faults) for faults in IN_ORDER]


def test_on_the_default_board_a_start_is_run_once(monkeypatch):
    """The second cell of an image does not run again what the first one began with, whoever set it up."""
    ran = []

    def watched(scenario, flash, world):
        ran.append((flash, world))
        return every_run(scenario, flash, world)

    monkeypatch.setattr(kept, "every_run", watched)
    for faults in ("atomic", "all"):
        searched(set_up("mongoose"), faults)

    assert len(ran) == len(set(ran)) < WRECKS

"""The explorer finds what plain enumeration finds, splits what it merged too soon, and closes."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import pytest
from deep import latin
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from plain import Thin, enumerate_plainly, mini, small

import otalab.bench.trace
from otalab.bench.observer import judge_run
from otalab.bench.scenario import Scenario
from otalab.bench.trace import every_run
from otalab.errors import OtalabError
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.outcome import Bricked, Running
from otalab.firmware.store import codec, select
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer, sector_of
from otalab.graph.freeze import graph_of
from otalab.graph.history import ending, play
from otalab.graph.nodes import contents
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

THIN = {
    "atomic": Thin("atomic"),
    "prefix": Thin("prefix", prefixes=(1, 8, 9, 12, 80, 83)),
    "erase": Thin("erase", fronts=(1, 40, 83), zeros=(1, 12, 60)),
    "weak": Thin("weak", weak=True),
    "unstable": Thin("unstable", prefixes=(9, 50), unstable=True),
    "all": Thin("all", prefixes=(8, 11, 83), fronts=(2, 84), zeros=(2, 172, 173), weak=True),
}
IMAGES = ("healthy", "hangs", "crashes", "flaky")


def searched(what: Scenario, faults: Thin, budget: int = 3000) -> Explorer:
    explorer = Explorer(what, faults, budget=budget, verdict_only=True)
    explorer.explore()
    return explorer


def explored(what: Scenario, faults: Thin, budget: int = 3000) -> CrashGraph:
    return graph_of(searched(what, faults, budget))


def shortest(graph: CrashGraph, cuts: int) -> dict:
    """Return the ends that a graph reaches with at most this many cuts, in the form of the plain search."""
    orders = {end: history.order for end, history in graph.histories.items()}
    return {end: order for end, order in orders.items() if order[0] <= cuts}


# The flows of real loaders: without a check, or in a journal, their records make graphs of hundreds of nodes.
REAL = ("ab-tries", "cc3200", "mgos-boot", "esp-idf", "esp8266", "esp32")
MENDED = tuple(name for name in designs() if name.startswith(tuple(f"{real}-" for real in REAL)))
QUICK = {
    ("cc3200", "atomic", "flaky"), ("cc3200", "weak", "healthy"), ("cc3200", "prefix", "hangs"),
    ("mgos-boot", "atomic", "crashes"), ("mgos-boot", "weak", "flaky"), ("mgos-boot", "prefix", "hangs"),
    ("esp-idf", "prefix", "healthy"), ("esp-idf", "erase", "hangs"), ("esp-idf", "all", "flaky"),
    ("esp8266", "atomic", "healthy"), ("esp8266", "weak", "crashes"),
    ("esp32", "atomic", "crashes"), ("esp32", "weak", "flaky"), ("esp32", "all", "healthy"),
    ("ab-tries", "atomic", "healthy"), ("ab-tries", "prefix", "crashes"),
    *((name, "atomic", "healthy") for name in MENDED),
}  # fmt: skip
# These are not closed with 3,000 nodes either.  One cut leads to 21 nodes at most; those are followed first.
ENDLESS = dict.fromkeys(
    [
        *product(("ab-tries", "ab-tries-both", "esp-idf", "mgos-boot", "mgos-boot-both"), ("unstable",)),
        ("mgos-boot-both", "prefix"),
    ],
    150,
)
# The others are quick with each fault model once, with an image that changes from design to design.
QUICK |= {
    (design, faults, IMAGES[(one + other) % len(IMAGES)])
    for one, design in enumerate(name for name in designs() if name not in (*REAL, *MENDED))
    for other, faults in enumerate(THIN)
}
PLAIN = [
    pytest.param(*case.values, marks=case.marks if case.values in QUICK else (pytest.mark.slow, *case.marks))
    for case in latin(designs(), THIN, IMAGES, always=QUICK)
]


@pytest.mark.parametrize(("design", "faults", "image"), PLAIN)
def test_it_finds_what_plain_enumeration_finds(design, faults, image):
    """Same ends, same shortest histories after one cut, for every design, fault model and image."""
    what = small(design, image=image)
    graph = explored(what, THIN[faults], ENDLESS.get((design, faults), 3000))

    assert enumerate_plainly(what, THIN[faults], 1) == shortest(graph, 1)


@pytest.mark.slow
def test_a_journal_that_may_read_as_two_things_closes():
    """The search that is broken off above has an end where there is less to tear."""
    graph = explored(small("mgos-boot", 40, "flaky"), Thin(prefixes=(9,), unstable=True))

    assert graph.closed
    assert graph.expanded > 1000


@pytest.mark.parametrize(
    ("design", "faults", "image", "cuts"),
    [
        pytest.param("hardened", "all", "healthy", 2, marks=pytest.mark.slow),
        pytest.param("hardened", "unstable", "hangs", 2, marks=pytest.mark.slow),
        pytest.param("hardened-plus", "unstable", "healthy", 2, marks=pytest.mark.slow),
        pytest.param("single-record", "erase", "flaky", 2, marks=pytest.mark.slow),
        ("mongoose", "prefix", "healthy", 2),
        ("mongoose", "atomic", "flaky", 3),
        ("hardened", "atomic", "flaky", 3),
        ("hardened", "weak", "crashes", 3),
        ("in-place", "atomic", "healthy", 3),
        pytest.param("esp-idf", "all", "crashes", 2, marks=pytest.mark.slow),
        ("esp32", "atomic", "crashes", 2),
        # A place that may read as another record later keeps its neighbours from being renumbered.
        pytest.param("esp32", "unstable", "healthy", 1, marks=pytest.mark.slow),
    ],
)
def test_it_finds_what_plain_enumeration_finds_after_more_cuts(design, faults, image, cuts):
    """Two and three cuts, where plain enumeration ends in reasonable time."""
    what = small(design, image=image)

    assert enumerate_plainly(what, THIN[faults], cuts) == shortest(explored(what, THIN[faults]), cuts)


# The bytes that an image's own check takes.
OWN_CHECK = 12
sizes = st.integers(0, 84)
thin = st.builds(
    Thin,
    prefixes=st.lists(sizes, max_size=3).map(tuple),
    fronts=st.lists(st.integers(1, 255), max_size=2).map(tuple),
    zeros=st.lists(st.integers(1, 255), max_size=2).map(tuple),
    weak=st.booleans(),
    unstable=st.booleans(),
)


@pytest.mark.slow
@tuned(max_examples=25)
@given(
    design=st.sampled_from([name for name in designs() if name not in (*REAL, *MENDED)]),
    image=st.sampled_from(IMAGES),
    app_sectors=st.integers(1, 2),
    app_size=st.integers(1, 256),
    faults=thin,
)
def test_it_finds_what_plain_enumeration_finds_anywhere(design, image, app_sectors, app_size, faults):
    """Layout, image size, design and fault model drawn at random."""
    least = OWN_CHECK if load_design(design).image_check == "own" else 1
    what = small(design, max(app_size, least), image, app_sectors)
    # What may read as two things seldom closes, whatever the budget; what one cut leads to is followed first.
    graph = explored(what, faults, 150 if faults.unstable else 3000)

    assert enumerate_plainly(what, faults, 1) == shortest(graph, 1)


LATE = {"a": 0, "b": 768, "c": 1024, "x": 1280}
PROMISE = b"a promise"


def late_reader(chip, _device, *, careful: bool):
    """Promise something in x that is looked at only after a second cut, in just the right place."""
    if chip.read(LATE["a"], 1) == b"\xff":
        yield Program(LATE["a"], b"\1")
        yield Program(LATE["x"], PROMISE)
    if chip.read(LATE["b"], 1) == b"\xff":
        yield Program(LATE["b"], b"\1")
        yield Program(LATE["c"], b"\1")
    elif chip.read(LATE["c"], 1) == b"\xff":
        if careful:
            yield Erase(LATE["x"] // 256)
        elif chip.read(LATE["x"], len(PROMISE)) != PROMISE:
            return Bricked("the promise was not kept")
        yield Program(LATE["c"], b"\1")
    return Running(0, "probe", True)


@pytest.mark.parametrize("careful", [False, True])
def test_a_sector_that_is_read_late_splits_what_was_merged(monkeypatch, careful):
    """A first cut tears x, which nobody reads; a second one makes somebody read it, and one node becomes two."""
    monkeypatch.setattr(otalab.bench.trace, "power_on", lambda chip, device: late_reader(chip, device, careful=careful))
    what = small("hardened")
    what = replace(what, flash=Flash.blank(what.flash.geometry))
    faults = Thin(prefixes=(3,))
    graph = explored(what, faults)

    assert graph.closed
    assert ("bricked" in graph.ends) is not careful
    assert enumerate_plainly(what, faults, 3) == shortest(graph, 3)


def test_every_counterexample_plays_on_plain_contents():
    """The end that the graph promises is the one that the firmware comes to."""
    for design, faults, image in [("mongoose", "prefix", "healthy"), ("single-record", "all", "flaky")]:
        what = small(design, image=image)
        graph = explored(what, THIN[faults])
        for end, history in graph.histories.items():
            assert end == ending(what, list(play(what, THIN[faults], history.legs))).name


@pytest.mark.parametrize(
    ("design", "image"),
    [
        pytest.param("hardened", "healthy", marks=pytest.mark.slow),
        pytest.param("hardened-plus", "flaky", marks=pytest.mark.slow),
        ("mongoose", "hangs"),
    ],
)
def test_random_histories_are_where_the_graph_says(design, image):
    """An independent walk: plain firmware, random cuts; each wreck does what the node of the graph does."""
    what, faults = small(design, image=image), THIN["all" if design != "mongoose" else "atomic"]
    explorer, chance = searched(what, faults), random.Random(3)
    assert explorer.closed
    for _ in range(300):
        node, flash = explorer.start, what.flash
        for _ in range(6):
            runs = list(every_run(what, flash, node.world))
            assert [one.end and one.end.name for one in node.runs] == [
                (end := judge_run(what, one)[0]) and end.name for one in runs
            ]
            assert [[(type(e), sector(e)) for e in one.effects] for one in node.runs] == [
                [(type(s.effect), sector(s.effect)) for s in one.steps] for one in runs
            ]
            number = chance.randrange(len(runs))
            taken, known = runs[number], node.runs[number]
            if taken.steps and chance.random() < 0.8:
                step = chance.choice(taken.steps)
                flash, node = cut_at(explorer, node, number, step, chance)
            elif known.end is None:
                flash = taken.flash
                node = next(e.target for e in node.edges if e.step is None and e.run == number)
            else:
                break


BLANK = Flash.blank(mini().geometry)


def sector(effect):
    return sector_of(effect, BLANK) if isinstance(effect, (Erase, Program)) else None


def cut_at(explorer, node, number, step, chance):
    """Cut a plain run at a step: return what is left, and the node that the graph has for it."""
    what, faults = explorer.scenario, explorer.faults
    if not isinstance(step.effect, (Erase, Program)):
        return step.before, next(e.target for e in node.edges if (e.run, e.step) == (number, step.number))
    place = sector_of(step.effect, step.before)
    tears = list(faults.tears(step.effect, step.before, what.device))
    index = chance.randrange(len(tears))
    edges = [e for e in node.edges if (e.run, e.step) == (number, step.number)]
    if edges[0].kind is not None:
        # The same tear of the node's own contents says which class it is.
        before = list(contents(node.flash, node.runs[number]))[step.number]
        own = list(faults.tears(node.runs[number].effects[step.number], before, what.device))
        # (Where they hold other scrap, two tears may be one there, and then the wreck's own class is asked for.)
        twin = next((t for t in own if t.label == tears[index].label), tears[index])
        kind = explorer.identity.contents_class(place, twin.contents, twin.mark)
        raw = (kind, explorer.identity.raw_class(place, twin.contents, twin.mark))
        edges = [e for e in edges if e.kind in (kind, raw)]
    return tears[index].onto(step.before, place), edges[0].target


def test_the_smallest_case_closes_after_a_few_dozen_runs():
    """A handful of flash calls: where a search without merging needs tens of thousands of runs and never ends."""
    graph = explored(small("hardened"), THIN["all"])

    assert graph.closed
    assert graph.expanded < 50
    assert "safe" == graph.verdict


def test_a_budget_ends_the_search_and_is_never_called_safe():
    """`open` where nothing bad was found, `unsafe` where it was."""
    assert "open" == explored(small("hardened"), THIN["all"], budget=3).verdict
    assert "unsafe" == explored(small("mongoose"), THIN["prefix"], budget=20).verdict


def test_a_loop_without_a_cut_is_seen_however_small_the_budget_is():
    """What needs no cut is followed before anything that does."""
    graph = explored(small("mongoose", image="crashes"), THIN["prefix"], budget=4)

    assert not graph.closed
    assert ("stuck", 0) == (graph.counterexample.end, len(graph.counterexample.cuts))


def test_an_interrupt_gives_what_is_known_so_far():
    """Ctrl-C is no reason to lose an hour's work."""

    def interrupt(explorer):
        if explorer.expanded > 4:
            raise KeyboardInterrupt

    explorer = Explorer(small("hardened"), THIN["all"], progress=interrupt)
    explorer.explore()
    graph = graph_of(explorer)

    assert explorer.interrupted
    assert not graph.closed
    assert graph.nodes > 4
    assert "open" == graph.verdict


def test_a_stored_graph_is_the_graph(tmp_path):
    """Arrays and texts come back as they were."""
    graph = explored(small("single-record", image="flaky"), THIN["all"])
    graph.save(tmp_path / "graph.npz")
    loaded = CrashGraph.load(tmp_path / "graph.npz")

    assert graph.ends == loaded.ends
    assert graph.counterexample == loaded.counterexample
    assert (graph.closed, graph.wrecks, graph.labels) == (loaded.closed, loaded.wrecks, loaded.labels)
    (tmp_path / "graph.npz").write_bytes(b"nothing")
    with pytest.raises(OtalabError, match="not a stored crash graph"):
        CrashGraph.load(tmp_path / "graph.npz")


@pytest.mark.parametrize("sequencer", [2**64 - 2, 2**40 + 256, 2**32 + 1, 2**24, 2**16 + 3, 65536 + 255, 300, 20])
def test_where_the_sequencer_stands_changes_no_verdict(sequencer):
    """Renumbering is sound: beside a byte carry, near the top and near zero, the ends are the same."""
    what = small("hardened", image="flaky")
    record = select(Chip(what.device.board, what.flash), what.device.design).record
    place = what.device.board.records[0].address
    moved = what.flash.patched(place, codec(what.device.design).encode(replace(record, sequencer=sequencer)))

    assert explored(what, THIN["all"]).ends == explored(replace(what, flash=moved), THIN["all"]).ends

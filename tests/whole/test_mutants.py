"""Planted bugs are found, each with its shortest history; and a search that fires no cut says so."""

from __future__ import annotations

import pytest
from mutants import HARMLESS, MUTANTS, Mutant, rollback_told_to_nobody
from plain import enumerate_plainly, small

import otalab.bench.trace
from otalab.bench.scenario import Scenario
from otalab.errors import OtalabError
from otalab.faults.models import fault_model
from otalab.firmware import application, bootloader, image_checks, merge_times, record_writes, store, updater
from otalab.firmware.outcome import Bricked, Reset, Running
from otalab.formats.records import catalogue
from otalab.formats.records.lab import LabCodec
from otalab.graph.case import Case
from otalab.graph.check import Cell, check
from otalab.graph.history import ending, play
from otalab.hardware.effects import Program

LONG = ("check_without_the_sequencer", "sixteen_bit_check", "wrong_record_refreshed")


def marked(mutants):
    """Return mutants, those that take long with a mark that says so."""
    return [pytest.param(one, marks=pytest.mark.slow if one.name in LONG else ()) for one in mutants]


each_mutant = pytest.mark.parametrize("mutant", marked(MUTANTS), ids=lambda mutant: mutant.name)


def checked(what: Scenario, faults: str) -> Cell:
    """Check a device; where a bug makes torn records count, the graph does not close, and a few nodes must do."""
    case = Case(what.device.design.name, what.device.board.name, faults, what.new.temper, what.offers)
    return check(case, what, fault_model(faults), budget=300)


@each_mutant
def test_a_planted_bug_is_found_with_its_shortest_history(mutant):
    """This end, by cuts in these phases; and the plain firmware, without any graph, comes to it."""
    with mutant.planted():
        what = mutant.setting()
        found = checked(what, mutant.faults).graph.counterexample
        assert found is not None
        played = list(play(what, fault_model(mutant.faults), found.legs))
        plain = ending(what, played).name

    assert mutant.end == found.end
    assert mutant.phases == tuple(leg.phase for _, leg in found.cuts)
    assert mutant.end == plain


@each_mutant
def test_the_same_device_without_the_bug_is_safe(mutant):
    """The search is not pessimistic: what it found, the bug did."""
    assert "safe" == checked(mutant.setting(), mutant.faults).graph.verdict


# Left out: a device that resets for ever, and counts as it goes, never comes by the same contents twice.
ENDING = [mutant for mutant in MUTANTS if mutant.plant is not rollback_told_to_nobody]


@pytest.mark.parametrize("mutant", marked(ENDING), ids=lambda mutant: mutant.name)
def test_no_history_is_shorter(mutant):
    """Plain enumeration finds the same ends with as few cuts, and each cut as early."""
    cuts = len(mutant.phases)
    with mutant.planted():
        what = mutant.setting()
        found = checked(what, mutant.faults).graph.histories
        plain = enumerate_plainly(what, fault_model(mutant.faults), cuts)

    assert plain == {end: one.order for end, one in found.items() if one.order[0] <= cuts}


@pytest.mark.parametrize(
    "image", ["healthy", *(pytest.param(one, marks=pytest.mark.slow) for one in ("hangs", "crashes", "flaky"))]
)
@pytest.mark.parametrize("plant", HARMLESS)
def test_a_change_that_does_no_harm_is_called_safe(plant, image):
    """Two records and two checks forgive more than one would think; a search that cried wolf would not."""
    mutant = Mutant(plant, "", (), "all", image)
    with mutant.planted():
        assert "safe" == checked(mutant.setting(), mutant.faults).graph.verdict


def firmware():
    """Return everything in the firmware that a bug can be planted in."""
    modules = (application, bootloader, catalogue, image_checks, merge_times, record_writes, store, updater)
    tables = [dict(found) for module in modules for found in vars(module).values() if isinstance(found, dict)]
    names = [{name: id(found) for name, found in vars(part).items()} for part in (*modules, LabCodec)]
    return names, tables


@pytest.mark.parametrize("plant", [*(mutant.plant for mutant in MUTANTS), *HARMLESS])
def test_a_bug_is_gone_when_its_context_is_left(plant):
    """While it is planted the firmware is another, and afterwards it is what it was."""
    before = firmware()
    with Mutant(plant, "", ()).planted():
        planted = firmware() != before
    gone = firmware() == before

    assert planted
    assert gone


# A harness that is dead


def lifeless(monkeypatch, *effects, outcome):
    """Return a scenario whose firmware has only these effects."""

    def power_on(_chip, _device):
        yield from effects
        return outcome

    monkeypatch.setattr(otalab.bench.trace, "power_on", power_on)
    return small("hardened")


def test_cuts_that_fired_are_counted(monkeypatch):
    """One write, done or not: two cuts; and where it was done, doing it again is one more."""
    what = lifeless(monkeypatch, Program(0, b"\0"), outcome=Running(0, "1", True))

    assert 3 == checked(what, "atomic").as_object()["wrecks"]


@pytest.mark.parametrize("outcome", [Running(0, "2", True), Bricked("no reason"), Reset("no reason")])
def test_a_search_in_which_no_cut_fired_is_an_error(monkeypatch, outcome):
    """However such a device ends: neither `safe` nor a counterexample is to be had from it."""
    what = lifeless(monkeypatch, outcome=outcome)

    with pytest.raises(OtalabError, match="not one cut was fired"):
        checked(what, "atomic")

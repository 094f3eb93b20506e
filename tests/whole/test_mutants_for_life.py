"""Planted bugs that one update on a young device never meets, each with its shortest history."""

import pytest
from life_mutants import HARMLESS_IN_A_LIFE, LIFE_MUTANTS

from otalab.faults.models import fault_model
from otalab.graph.case import Case
from otalab.graph.check import Cell, check
from otalab.graph.history import ending, play

# What is wrong shows only where the design, or the counter's end, is what it is.
OWN = [mutant for mutant in LIFE_MUTANTS if mutant.near != "end"]


def checked(mutant) -> Cell:
    what = mutant.setting()
    case = Case(what.device.design.name, what.device.board.name, mutant.faults, what.new.temper, what.offers)
    return check(case, what, fault_model(mutant.faults), budget=300)


@pytest.mark.parametrize("mutant", LIFE_MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_is_found_where_a_second_update_or_a_boundary_meets_it(mutant):
    """
    This end, by cuts in these phases; and the plain firmware, without any graph, comes to it.
    """
    with mutant.planted():
        cell = checked(mutant)
        found = cell.graph.counterexample
        assert found is not None
        plain = ending(cell.scenario, list(play(cell.scenario, fault_model(mutant.faults), found.legs))).name

    assert (mutant.end, mutant.end) == (found.end, plain)
    assert mutant.phases == tuple(leg.phase for _, leg in found.cuts)


@pytest.mark.parametrize("mutant", OWN, ids=lambda mutant: mutant.name)
def test_the_same_life_without_the_bug_is_safe(mutant):
    """
    What was found, the bug did.
    """
    assert "safe" == checked(mutant).verdict


@pytest.mark.parametrize("mutant", HARMLESS_IN_A_LIFE, ids=lambda mutant: f"{mutant.name}-{mutant.faults}")
def test_a_change_that_does_no_harm_is_called_safe_there_too(mutant):
    """
    A proof is not pessimistic.
    """
    with mutant.planted():
        assert "safe" == checked(mutant).verdict

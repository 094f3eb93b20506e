"""For life: after each update another one may be offered, or none, and the graph of all that closes."""

import pytest
from plain import mini

from otalab import set_up
from otalab.bench.observer import judge
from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import life, run
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.firmware.outcome import Running
from otalab.firmware.requests import Offer, Status
from otalab.graph.case import Case
from otalab.graph.cell_words import headline
from otalab.graph.check import Cell, check_design
from otalab.graph.doubt import Doubter
from otalab.hardware.effects import Ask
from otalab.numbers.study import study


def for_life(design: str = "mongoose", image: str = "healthy") -> Scenario:
    return set_up(design, mini(), image=image, app_size=100, files={}, updates="forever")


def offered(what: Scenario, world: World, version: str) -> list[str | None]:
    """Return what a committed device that runs this version may be offered."""
    build = next(image.build_id for image in what.device.images if image.version == version)
    choices = what.choices(world, Ask("request", Status(version, build, True)), 0.0)
    return [what.offered(one.world).image.version if isinstance(one.answer, Offer) else None for one in choices]


def test_after_each_update_there_is_none_or_the_next_one_and_they_go_round() -> None:
    """Three names are enough: what is offered is neither what runs nor what ran before."""
    what = for_life()
    assert ["2"] == offered(what, World(), "1")
    assert [None, "next"] == offered(what, World(), "2")
    assert [None, "next but one"] == offered(what, World(past=1), "next")
    assert [None, "2"] == offered(what, World(past=2), "next but one")


def test_one_that_was_rolled_back_makes_way_for_another() -> None:
    """A good one, or one that is no good either."""
    what = for_life(image="hangs")
    assert ["2"] == offered(what, World(), "1")
    assert [None, "2", "good 2"] == offered(what, World(refused=True), "1")
    assert [None, "next but one", "good next but one"] == offered(what, World(refused=True), "good next")


def test_an_end_is_that_of_the_update_that_is_on_offer() -> None:
    """Whichever of a life that is: it runs and is committed, and the next one is not taken for lost."""
    what = for_life()
    first = life(what).last
    assert "updated" == judge(what, life(what)).name
    second = run(what, first.flash, World(), (1,))
    lived = life(what, second.flash, second.world)
    assert Running(0, "next", True) == lived.last.outcome
    assert "updated" == judge(what, lived).name


@pytest.fixture(scope="module", name="cell")
def proved_for_life() -> Cell:
    return check_design("mongoose", "atomic", board=mini(), app_size=100, files={}, updates="forever")


def test_a_graph_of_any_number_of_updates_closes_and_says_so(cell: Cell) -> None:
    """Sequencers are renumbered and roles turned: the verdict is for life, and an id plays in it."""
    assert cell.graph.closed
    assert ["updated"] == cell.graph.ends
    assert "safe for life: any number of updates, any number of cuts" == headline(cell)
    assert "/until-taken:forever:app=100:" in cell.case.text
    assert "forever" == Case.parse(f"{cell.case.text}/-")[0].updates


def test_what_one_update_does_is_what_the_first_of_a_life_does() -> None:
    """Every end that one update has, a life has too."""
    what = {"board": mini(), "app_size": 100, "files": {}}
    for design in ("single-record", "in-place"):
        once, ever = (check_design(design, "atomic", **what, updates=number).graph for number in (1, "forever"))
        assert set(once.ends) <= set(ever.ends)
        assert len(once.counterexample.cuts) == len(ever.counterexample.cuts)


def test_hostile_histories_of_a_life_end_as_its_graph_says(cell: Cell) -> None:
    """Lived by the plain firmware on plain contents, sequencers as they are."""
    doubt = Doubter(cell.scenario, fault_model("atomic"), 5).doubt(
        cell.graph.ends, lambda so_far: so_far.histories < 20
    )
    assert (20, None) == (doubt.histories, doubt.strange)


def test_a_life_that_is_no_loop_is_cut_all_the_same() -> None:
    """Sequencers that may not be renumbered never come by again: the graph does not close, and cuts were made."""
    cell = check_design("cc3200", "atomic", board="tiny", app_size=500, updates="forever", budget=40)
    assert ("open", False) == (cell.verdict, cell.graph.closed)
    assert cell.graph.fired > 0


@pytest.mark.slow
@pytest.mark.parametrize("image", ["healthy", "hangs", "crashes", "flaky"])
def test_the_default_design_is_safe_for_life(image: str) -> None:
    """Whatever the images are like, good ones among them."""
    cell = check_design("hardened", "atomic", image, mini(), app_size=100, files={}, updates="forever", budget=3000)
    assert ("safe", True) == (cell.verdict, cell.graph.closed)


def test_what_needs_an_end_refuses_a_life() -> None:
    """A risk is one of so many updates; an update that is offered once has no next one."""
    with pytest.raises(BadInput, match="updates forever: a risk is one of so many updates: give a number"):
        study("hardened", "0.01", board="tiny", updates="forever")
    with pytest.raises(BadInput, match="updates forever: an update that is offered once is lost with a cut"):
        set_up("hardened", "tiny", updates="forever", offer="once")
    with pytest.raises(BadInput, match="updates 'always': a whole number from 1 to 20, or forever, is needed"):
        set_up("hardened", "tiny", updates="always")

"""Several updates: each is offered once the one before it is over, and cuts may come in any of them."""

from dataclasses import replace

import pytest

from otalab.bench.observer import judge
from otalab.bench.scenario import Scenario, World
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.outcome import Running
from otalab.graph.case import Case
from otalab.graph.check import check_design
from otalab.graph.history import ending, play


def offered(design: str = "hardened", updates: int = 3, **options: object) -> Scenario:
    return set_up(design, "tiny", app_size=500, updates=updates, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("design", designs())
def test_undisturbed_every_update_goes_in_one_after_the_other(design: str) -> None:
    """The image of each starts, in turned slots, and the last one stays."""
    what = offered(design, 4)
    lived = life(what)
    started = [line.split()[2] for line in lived.log if line.startswith("Starting version")]
    assert ["1", "1.6", "1.7", "1.8", "2"] == list(dict.fromkeys(started))
    assert "updated" == judge(what, lived).name


def test_one_update_is_what_it_always_was() -> None:
    """A list of one changes nothing: neither the scenario nor the id."""
    assert set_up("hardened", "tiny") == set_up("hardened", "tiny", updates=1)
    assert () == set_up("hardened", "tiny").earlier
    assert "hardened/own/all/healthy/until-taken" == Case.of(offered(updates=1), "hardened", None, "all").text.replace(
        "tiny", "own"
    )


def test_an_update_that_was_rolled_back_makes_way_for_the_next() -> None:
    """The next one is offered to the old image, which takes it."""
    what = offered(updates=2)
    (bad,) = what.earlier
    broken = replace(bad.image, temper="hangs")
    images = tuple(broken if one == bad.image else one for one in what.device.images)
    what = replace(what, device=replace(what.device, images=images), earlier=(replace(bad, image=broken),))
    lived = life(what)
    assert ["1", "1.6", "1", "2"] == [line.split()[2] for line in lived.log if line.startswith("Starting version")]
    assert World(past=1) == lived.last.world
    assert "updated" == judge(what, lived).name


def test_files_that_each_image_brought_are_asked_for() -> None:
    """A device that stands on an earlier update has the files of that one."""
    what = offered(updates=2)
    first = replace(what, earlier=(), bundle=what.earlier[0].bundle, new=what.earlier[0].image)
    flash = life(first).last.flash
    lived = life(replace(what, offers="once"), flash, World(given=True, past=1))
    assert Running(1, "1.6", True) == lived.last.outcome
    assert "update-lost" == judge(what, lived).name
    region = what.device.board.slots[1].fs
    torn = flash.patched(region.address, bytes(region.size))
    assert "data-lost" == judge(what, life(replace(what, offers="once"), torn, World(given=True, past=1))).name


@pytest.mark.parametrize("text", ["until-taken:8", "until-taken:used", "until-taken:used:12", "until-taken"])
def test_an_id_says_how_many(text: str) -> None:
    """And is read as it was written."""
    identity = f"hardened/tiny/all/healthy/{text}/-"
    case, _ = Case.parse(identity)
    assert f"{case.text}/-" == identity
    assert ("used" in text, int(text.rpartition(":")[2]) if text[-1].isdigit() else 1) == (case.used, case.updates)


@pytest.mark.parametrize("text", ["until-taken:0", "until-taken:8:used", "until-taken:many", "until-taken:"])
def test_what_is_no_number_of_updates_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="a number of updates"):
        Case.parse(f"hardened/tiny/all/healthy/{text}/-")


def test_a_fault_that_shows_in_the_second_update_is_found_there() -> None:
    """Sequencers that two updates use up: safe over one, broken without any cut over three, as a replay shows."""
    short = replace(load_design("hardened"), sequencer_bits=16, reserve=2**16 - 6)
    assert "safe" == check_design(short, "atomic", board="tiny", app_size=500).verdict
    cell = check_design(short, "atomic", board="tiny", app_size=500, updates=3)
    bad = cell.graph.counterexample
    assert bad is not None
    assert ("not-updatable", []) == (bad.end, bad.cuts)
    assert "not-updatable" == ending(cell.scenario, list(play(cell.scenario, fault_model("atomic"), bad.legs))).name


def test_a_safe_design_is_safe_over_several() -> None:
    """Proved, with cuts anywhere in any of them."""
    cell = check_design("hardened", "atomic", board="tiny", app_size=500, updates=3)
    assert ("safe", ["updated", "update-lost"]) == (cell.verdict, cell.graph.ends)
    assert cell.graph.closed

"""A loader that copies an image to where it runs: cut as often as one likes it goes on, and there is no way back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from layouts import with_data
from plain import mini

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.bench.trailer_room import trailers_fit
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.firmware.bootloader import Start, boot
from otalab.firmware.catalogue import checked, load_design
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.explain import explain
from otalab.firmware.outcome import Running
from otalab.formats.records.trailer import UNITS
from otalab.graph.check import check_design
from otalab.graph.history import ending, play
from otalab.graph.repair import Change, repair
from otalab.hardware.board import Board, load_board
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Program

DESIGN = load_design("mcuboot-overwrite")
EARLY = checked(replace(DESIGN, noted="first"))
BOARDS = ("tiny", "lab-1M", "nrf52840-mcuboot")


def update(design: Design = DESIGN, board: Board | str = "tiny", **options: object) -> Scenario:
    return set_up(design, board, app_size=3000, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("board", BOARDS)
def test_an_image_waits_in_slot_1_and_runs_from_slot_0(board: str) -> None:
    """The trailer is written last before the restart, its magic first; it is erased once slot 0 is written."""
    what = update(board=board)
    lived = life(what)
    second = what.device.board.records[1].address
    first = [step.effect for step in lived.runs[0].during("switch")]
    then = [step.effect for step in lived.runs[1].steps if isinstance(step.effect, Erase | Program)]

    assert [second + 24, second + 16] == [effect.address for effect in first if isinstance(effect, Program)]
    assert Erase(what.device.board.geometry.sector_at(second)) == then[-1]
    assert Running(0, "2", True) == lived.last.outcome
    assert "record 1 is erased" in explain(Chip(what.device.board, lived.last.flash), DESIGN).reason


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("image", ["healthy", "flaky"])
def test_any_cut_is_made_good(board: str, image: str) -> None:
    """Under every model at once, on a new device and on a used one, and no update is lost once it waits."""
    for used in (False, True):
        graph = check_design("mcuboot-overwrite", "all", image, board, budget=60, used=used).graph
        assert (graph.verdict, graph.closed, tuple(graph.ends)) == ("safe", True, ("updated",))


def test_it_is_safe_for_life() -> None:
    """Any number of updates, any number of cuts."""
    graph = check_design("mcuboot-overwrite", "all", "healthy", "tiny", budget=200, updates="forever").graph
    assert ("safe", True) == (graph.verdict, graph.closed)


@pytest.mark.parametrize(("image", "ends"), [("hangs", "not-updatable"), ("crashes", "stuck")])
def test_there_is_no_way_back(image: str, ends: str) -> None:
    """A bad image stays, without any cut: what ran before it is gone."""
    graph = check_design("mcuboot-overwrite", "atomic", image, "tiny", budget=60).graph
    assert ends in graph.ends
    assert [] == [*graph.counterexample.cuts]


def test_a_note_that_comes_first_leaves_half_an_image() -> None:
    """One cut in the copy: nothing says that it has to be done again; `noted = "behind"` closes it."""
    what = update(EARLY)
    found = check_design(EARLY, "atomic", "healthy", "tiny", budget=100, app_size=3000).graph.counterexample

    assert 1 == len(found.cuts)
    assert "bricked" == ending(what, list(play(what, fault_model("atomic"), found.legs))).name
    assert "safe" == check_design(DESIGN, "atomic", "healthy", "tiny", budget=100).graph.verdict
    mended = repair(EARLY, ("atomic",), ("healthy",), "tiny")
    assert [(Change("noted", "first", "behind"),)] == [one.changes for one in mended.suggestions]


def test_where_the_image_is_not_whole_nothing_is_copied() -> None:
    """The trailer asks for a copy, and slot 1 fails its check: it is erased, and what runs goes on running."""
    what = update()
    board, waiting = what.device.board, life(what).runs[0].flash
    chip = Controller(board, waiting.patched(board.slots[1].app.address + 40, b"\0" * 8))
    before = chip.read(board.slots[0].app.address, board.slots[0].app.size)

    assert Start(0, committed=True, commit_within=0) == chip.carry_out(boot(chip, DESIGN))
    assert before == chip.read(board.slots[0].app.address, board.slots[0].app.size)
    assert "The image in slot 1 fails its check, and is not copied" in chip.log
    assert explain(chip, DESIGN).places[1].blank


@pytest.mark.parametrize("unit", UNITS)
def test_every_write_unit_has_its_trailer(unit: int) -> None:
    """A flag takes a unit of the part or more; a part with larger units is refused with the boards that fit."""
    plain = with_data("none")
    for part in (1, 8, 32):
        chip = replace(plain.part, name="W", program_unit=part)
        board = replace(plain, part=chip, geometry=replace(plain.geometry, program_unit=part))
        design = checked(replace(DESIGN, unit=unit))
        if part <= unit:
            assert Running(0, "2", True) == life(update(design, board)).last.outcome
        else:
            with pytest.raises(BadInput, match=f"it programs {part} bytes at a time.*it fits .*lab-1M"):
                update(design, board)


def test_a_layout_that_does_not_fit_is_told_in_one_line() -> None:
    """Slots that are not alike, and a trailer that is larger than the sector that it lies in."""
    with pytest.raises(BadInput, match="do not lie in as many sectors of the same sizes; it fits "):
        update(board=unequal())
    with pytest.raises(BadInput, match="it would overlap the image; it fits "):
        trailers_fit(mini(sector=96), replace(DESIGN, unit=32))


def unequal() -> Board:
    board = load_board("tiny")
    first, second = board.slots
    return replace(board, slots=(first, replace(second, app=replace(second.app, size=second.app.size // 2))))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"trial": "one-try"}, "the image that a trial would go back to is gone"),
        ({"placing": "beside"}, "whose trailers belong to slots"),
        ({"runs_from": "its-slot"}, "need each other"),
        ({"records": 1}, "each of two slots has a trailer"),
        ({"unit": 3}, "a write unit has 1, 4, 8, 16, 32 bytes"),
        ({"clear": "none"}, "need each other"),
    ],
)
def test_choices_that_contradict_each_other_are_told(change: dict[str, object], why: str) -> None:
    """By the choice that is wrong, with the reason."""
    with pytest.raises(BadInput, match=why):
        checked(replace(DESIGN, **change))  # type: ignore[arg-type]

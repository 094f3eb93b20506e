"""Layouts as the field has them: data in each slot, one partition for both, or none."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from layouts import with_data, with_factory

from otalab.bench.contents import default_bundle
from otalab.bench.observer import judge
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.controller import Controller
from otalab.firmware.updater import TARGETS, first_that_fits
from otalab.formats.bundle.manifest import Manifest, Part
from otalab.graph.check import check_design
from otalab.hardware.board import Board, load_board
from otalab.hardware.effects import Erase
from otalab.hardware.places import DATA, Region, Slot
from otalab.numbers.campaigns.wear import wear
from otalab.numbers.study import study

TWO_IN_ONE = (
    ("address = 0xd000, size = 0x6000", "address = 0x5000, size = 0x6000"),
    ('littlefs"', 'littlefs"\ndata = "each"'),
)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("board", ["lab-1M", "tiny", "esp32-4M"])
def test_a_board_is_read_as_it_is_written(data: str, board: str, tmp_path: Path) -> None:
    """Whatever it says of its data, the TOML of a board is read as the same board."""
    mine = with_data(data, board)
    (tmp_path / "mine.toml").write_text("\n".join(mine.toml_lines()))
    assert mine == load_board(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("data", ["kept", "none"])
@pytest.mark.parametrize("design", designs())
def test_an_update_leaves_data_alone_that_are_not_in_its_slot(design: str, data: str) -> None:
    """It goes in undisturbed and erases no sector of the data; a design that needs a file says so."""
    board = with_data(data)
    if data == "none" and load_design(design).interval_in == "updater.dat":
        with pytest.raises(BadInput, match="keeps its commit interval in a file, and board tiny has no file system"):
            set_up(design, board, app_size=500)
        return
    what = set_up(design, board, app_size=500)
    lived = life(what)
    assert "updated" == judge(what, lived).name
    erased = {step.effect.sector for run in lived.runs for step in run.steps if isinstance(step.effect, Erase)}
    assert load_design(design).interval_in == "updater.dat" or not erased & set(board.sectors_of(board.slots[0].fs))


@pytest.mark.parametrize(("data", "verdict"), [("kept", "safe"), ("none", "safe"), ("overwritten", "unsafe")])
@pytest.mark.parametrize("design", ["mongoose", "hardened"])
def test_data_that_each_update_overwrites_are_lost_at_the_first_cut(design: str, data: str, verdict: str) -> None:
    """Data that no update replaces, and none at all, are safe with the same design."""
    cell = check_design(design, board=with_data(data), faults="atomic", app_size=500, budget=60)
    assert verdict == cell.verdict
    if verdict == "unsafe":
        found = cell.graph.counterexample
        assert found is not None
        assert ("data-lost", 1) == (found.end, len(found.cuts))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (TWO_IN_ONE, 'data: "each", and slots have one fs: say "kept"'),
        ([('littlefs"', 'littlefs"\ndata = "kept"')], '"kept" is for one partition'),
        ([('littlefs"', 'littlefs"\ndata = "none"')], '"none", and the slots have fs: leave fs out'),
        ([("\nfs = { address = 0xd000, size = 0x6000 }", "")], "one has fs and another has none"),
        ([('littlefs"', 'littlefs"\ndata = "all"')], "'all' is not allowed; one of: each, kept, overwritten, none"),
    ],
)
def test_data_that_are_said_to_be_elsewhere_than_they_are_get_one_line(
    changes: Sequence[tuple[str, str]], says: str, tmp_path: Path
) -> None:
    """It names the line, what is wrong and what to write."""
    text = "\n".join(load_board("tiny").toml_lines())
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(BadInput, match=r"mine\.toml:\d+: ") as refused:
        load_board(str(tmp_path / "mine.toml"))
    assert says in str(refused.value)


def test_a_partition_that_both_slots_name_is_one_that_no_update_replaces(tmp_path: Path) -> None:
    """So does a stock ESP-IDF updater leave it, and none named is none; neither needs to be said."""
    text = "\n".join(load_board("tiny").toml_lines())
    shared, none = text.replace("0xd000, size = 0x6000", "0x5000, size = 0x6000"), re.sub(r"\nfs = .*", "", text)
    for data, mine in (("kept", shared), ("none", none)):
        (tmp_path / "mine.toml").write_text(mine)
        assert data == load_board(str(tmp_path / "mine.toml")).data
        assert with_data(data) == load_board(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("data", ["kept", "none"])
def test_data_that_no_update_replaces_do_not_wear(data: str) -> None:
    """Over many updates slots and records are erased in turn, and nothing else is."""
    what = study("mongoose", board=with_data(data), faults="atomic", rate="1/day", app_size=500)
    owners = {"record 0", "record 1", "slot 0 app", "slot 1 app"}
    assert owners == set(wear(what, 10, 5, endurance=1e5)["owner"])


# more slots, and a factory image


def test_a_board_with_a_factory_image_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Its slots keep their numbers, and the factory image is the last of them."""
    mine = with_factory(slots=3)
    (tmp_path / "mine.toml").write_text("\n".join(mine.toml_lines()))
    assert mine == load_board(str(tmp_path / "mine.toml"))
    assert (3, 4, True) == (mine.targets, len(mine.slots), mine.factory)


@pytest.mark.parametrize("slots", [2, 3, 4])
def test_updates_go_round_all_slots_and_never_into_the_factory_image(slots: int) -> None:
    """The first one goes from the factory image to slot 0, each later one to the next slot."""
    board = with_factory(slots=slots)
    what = set_up("esp-idf", board, app_size=500, updates=6)
    lived = life(what)
    started = [line.split()[-1] for line in lived.log if line.startswith("Updating slot")]
    assert [str(number % slots) for number in range(6)] == started
    assert "updated" == judge(what, lived).name
    erased = {step.effect.sector for run in lived.runs for step in run.steps if isinstance(step.effect, Erase)}
    assert not erased & set(board.sectors_of(board.slots[-1].app))


@pytest.mark.parametrize("faults", ["atomic", "torn-program", "torn-erase"])
@pytest.mark.parametrize("slots", [2, 3])
def test_a_factory_image_is_the_last_resort(slots: int, faults: str) -> None:
    """ESP-IDF's flow is safe from the factory on: without a record that counts, the factory image starts."""
    assert "safe" == check_design("esp-idf", board=with_factory(slots=slots), faults=faults, app_size=500).verdict


def test_what_crashes_on_trial_gives_way_to_the_factory_image() -> None:
    """No other record counts then, and no other slot has an image."""
    what = set_up("esp-idf", with_factory(), app_size=500, image="crashes")
    lived = life(what)
    assert "rolled-back" == judge(what, lived).name
    assert (
        "Starting version 1 in the factory slot"
        == [line for line in lived.log if line.startswith("Starting version")][-1]
    )


@pytest.mark.parametrize(("active", "others"), [(0, [3, 1, 2]), (1, [0, 3, 2]), (2, [1, 0, 3]), (3, [0, 1, 2])])
def test_a_loader_looks_down_to_the_factory_image_and_then_up(active: int, others: list[int]) -> None:
    """As `bootloader_utility_load_boot_image` goes; from the factory image on, up from slot 0."""
    assert others == list(with_factory(slots=3).others(active))


@pytest.mark.parametrize("slots", [2, 3])
def test_the_slot_before_is_the_one_that_an_update_came_from(slots: int) -> None:
    """Round and round, through every slot that updates are written to."""
    board = with_factory(slots=slots)

    assert [*range(slots)] == [board.slot_before(board.next_slot(slot)) for slot in range(slots)]


@pytest.mark.parametrize("design", designs())
def test_records_that_know_of_two_slots_are_refused_on_a_board_with_three(design: str) -> None:
    """The line names the formats that know of more."""
    if load_design(design).record in ("otadata", "mongoose"):
        what = set_up(design, with_factory(slots=3), app_size=500)
        assert "updated" == judge(what, life(what)).name
        return
    with pytest.raises(BadInput, match=r"know of two slots, and board tiny has 3: take a design with records\.format"):
        set_up(design, with_factory(slots=3))


def test_slots_of_different_sizes_take_what_fits_the_smallest() -> None:
    """An update that does not fit the next slot is refused by the device, and costs nothing."""
    board = load_board("tiny")
    half = board.geometry.sector_size
    first = board.slots[0]
    unequal = replace(board, slots=(first, replace(board.slots[1], app=replace(board.slots[1].app, size=half))))
    what = set_up("hardened", unequal)
    assert half == what.new.size
    assert "updated" == judge(what, life(what)).name
    what = set_up("hardened", unequal, bundle=set_up("hardened", board).bundle)
    lived = life(what)
    assert "update-lost" == judge(what, lived).name
    assert any("Image too big" in line for line in lived.log)


def unequal_three() -> Board:
    """Return a board with slots of two, one and three sectors, and one partition of data for all."""
    board = with_factory(slots=3)
    sector, first = board.geometry.sector_size, board.slots[0].app.address
    end = max(slot.app.end for slot in board.slots)
    apps = Region(first, 2 * sector), Region(end - 3 * sector, sector), Region(end - 2 * sector, 3 * sector)
    slots = tuple(Slot(app, board.slots[0].fs) for app in apps)
    geometry = replace(board.geometry, sectors=board.geometry.sectors + 1)
    return replace(board, slots=slots, factory=False, geometry=geometry)


@pytest.mark.parametrize(("sectors", "wanted"), [(1, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("design", ["esp-idf", "mongoose"])
def test_an_update_goes_to_the_smallest_slot_that_it_fits(design: str, sectors: int, wanted: int) -> None:
    """The one that runs is left out; by the rule of the next one a large image would not fit."""
    board, mine = unequal_three(), replace(load_design(design), name="mine", target="smallest")
    size = sectors * board.geometry.sector_size
    bundle = default_bundle(board, "2", size, own_check=mine.image_check == "own")
    what = set_up(mine, board, app_size=500, bundle=bundle)
    lived = life(what)
    assert f"Updating slot {wanted}" in lived.log
    assert "updated" == judge(what, lived).name
    beside = set_up(design, board, app_size=500, bundle=bundle)
    assert ("updated" if sectors == 1 else "update-lost") == judge(beside, life(beside)).name


def test_where_a_manifest_names_no_size_the_largest_slot_is_taken() -> None:
    """A device that cannot know takes no chance; of slots that are alike it takes the next one."""
    board, mine = unequal_three(), replace(load_design("esp-idf"), name="mine", target="smallest")
    targets, _ = TARGETS[mine.target](Controller(board, set_up(mine, board, app_size=500).flash), 0)
    assert (1, 2) == targets
    alike = with_factory(slots=3)
    targets, _ = TARGETS[mine.target](Controller(alike, set_up(mine, alike, app_size=500).flash), 1)
    assert (2, 0) == targets
    manifest = Manifest("lamp", "lab", "2", "1", (Part("app", "app", "a.bin", None, None, None),), b"")
    assert 2 == first_that_fits(board, (1, 2), manifest)

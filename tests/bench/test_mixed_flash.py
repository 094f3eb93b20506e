"""Boards whose sectors differ: of three sizes on one chip, or inside a controller and on a serial part beside it."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from own_code import code, example, needs_cc
from plain import Thin, enumerate_plainly, mini

from otalab.bench.observer import judge
from otalab.bench.programmed import programmed_too_often
from otalab.bench.recording import read_recording, write_recording
from otalab.bench.setup import set_up
from otalab.bench.trace import life, sector_of
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.firmware.catalogue import designs, load_design
from otalab.graph.check import check_design
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.hardware.board import Board, load_board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.geometry import Geometry, MixedGeometry
from otalab.hardware.places import Region, Slot
from otalab.numbers.campaigns.wear import wear
from otalab.numbers.study import study
from otalab.own.build import macros
from otalab.views.figures.risk import part_table
from otalab.views.player.widget import UpdatePlayer

IN_A_FILE = [name for name in designs() if load_design(name).interval_in == "updater.dat"]
# Images of some sectors of a slot.
LARGE = {"stm32f405": 140_000, "nrf52840-qspi": 9_000}
MIXED = ["stm32f405", "nrf52840-qspi"]


def in_pieces(board: Board, *sectors: int) -> Board:
    """Return a board in pieces of so many sectors, and what is left, that are all alike."""
    whole = board.geometry
    assert isinstance(whole, Geometry)
    counts = (*sectors, whole.sectors - sum(sectors))
    pieces = tuple(replace(whole, sectors=count) for count in counts)
    return replace(board, geometry=MixedGeometry(pieces), parts=(board.part,) * len(pieces))


def mini_mixed() -> Board:
    """Return a handful of sectors: records in small ones of the controller, slots in large ones of a part beside it."""
    one = mini()
    inside, beside = Geometry(256, 5, 64), Geometry(512, 2, 128)
    slots = tuple(Slot(Region(5 * 256 + n * 512, 512), Region(5 * 256 + (n + 1) * 512, 0)) for n in range(2))
    serial = replace(one.part, name="beside", sector_size=512, page_size=128)
    return replace(
        one, geometry=MixedGeometry((inside, beside)), parts=(one.part, serial), slots=slots, data="none",
        file_system="none",
    )  # fmt: skip


@pytest.mark.parametrize("design", designs())
@pytest.mark.parametrize("name", MIXED)
def test_every_design_that_fits_takes_an_update(name: str, design: str) -> None:
    """Every sector is erased at most once for an image, and each effect takes the time of the part that it works on."""
    lacks = dict.fromkeys(IN_A_FILE, "no file system") | dict.fromkeys(("esp32", "esp32-beside"), "second store")
    if name == "stm32f405" and design in lacks:
        with pytest.raises(BadInput, match=lacks[design]):
            set_up(design, name)
        return
    size = LARGE[name]
    what = set_up(design, name, app_size=size)
    lived = life(what)
    assert "updated" == judge(what, lived).name
    board = what.device.board
    for step in (step for run in lived.runs for step in run.steps):
        sector = sector_of(step.effect, step.before)
        if sector is not None:
            chip = board.part_of(sector)
            assert ("MX25" in chip.name) == (name != "stm32f405" and sector >= 256)
            size = len(step.effect.data) if isinstance(step.effect, Program) else 0
            assert step.seconds == (chip.program_seconds(size) if size else chip.erase_seconds())
    erased = [step.effect.sector for step in lived.runs[0].steps if isinstance(step.effect, Erase)]
    apps = [[sector for sector in erased if sector in board.sectors_of(slot.app)] for slot in board.slots]
    assert any(len(set(app)) == len(app) >= -(-size // board.block_of(board.slots[0].app)) for app in apps)


@pytest.mark.parametrize(("design", "faults"), [("mongoose", "torn-erase"), ("hardened", "atomic")])
def test_pieces_that_are_alike_are_one_flash(design: str, faults: str) -> None:
    """The same effects at the same times, and the same graph: verdict, ends, runs and wrecks."""
    one = load_board("tiny")
    two = in_pieces(one, 2, 9)
    here, there = (set_up(design, board, app_size=3000) for board in (one, two))
    assert [[(step.effect, step.at) for step in run.steps] for run in life(here).runs] == [
        [(step.effect, step.at) for step in run.steps] for run in life(there).runs
    ]
    assert here.flash.image == there.flash.image
    graphs = [check_design(design, board=board, faults=faults, app_size=500, budget=60).graph for board in (one, two)]
    assert 1 == len({(graph.verdict, *graph.ends, graph.nodes, graph.expanded, graph.wrecks) for graph in graphs})


@pytest.mark.parametrize("design", ["mongoose", "single-record"])
def test_what_is_found_there_plain_enumeration_finds(design: str) -> None:
    """Same ends, same shortest histories, with tears inside sectors of both sizes."""
    thin = Thin("thin", prefixes=(9, 83), fronts=(40, 300), zeros=(12,))
    what = set_up(replace(load_design(design), interval_in="record"), mini_mixed(), app_size=400)
    explorer = Explorer(what, thin, budget=3000)
    explorer.explore()
    found = {end: history.order for end, history in graph_of(explorer).histories.items()}
    assert enumerate_plainly(what, thin, 1) == {end: order for end, order in found.items() if order[0] <= 1}


@pytest.mark.parametrize(
    ("name", "sector", "faults"), [("stm32f405", 0x4000, "torn-erase"), ("nrf52840-qspi", 0x1000, "atomic")]
)
def test_the_shipped_boards_are_proved(name: str, sector: int, faults: str) -> None:
    """Under erases that stop half-way: a torn erase is as large as the sector that it stops in."""
    cell = check_design("hardened", board=name, faults=faults, app_size=500)
    assert "safe" == cell.verdict
    board = load_board(name)
    assert [sector, sector] == [board.block_of(record) for record in board.records]


@pytest.mark.parametrize("name", MIXED)
def test_a_board_is_read_as_it_is_written(name: str, tmp_path: Path) -> None:
    """Its parts and its sectors too."""
    board = load_board(name)
    (tmp_path / "mine.toml").write_text("\n".join(board.toml_lines()))
    assert board == load_board(str(tmp_path / "mine.toml"))


def test_a_recording_has_the_sectors_of_its_board(tmp_path: Path) -> None:
    """An erase without a size is of the sector that begins there."""
    lived = life(set_up("hardened", "stm32f405", app_size=300_000))
    write_recording(lived, tmp_path / "update.csv")
    board = load_board("stm32f405")
    again = [one for line in read_recording(tmp_path / "update.csv") for one in line.effects(board.geometry)]
    steps = [step for step in lived.runs[0].steps if step.phase in ("download", "switch")]
    assert [step.effect for step in steps if isinstance(step.effect, Erase | Program)] == again


def test_wear_goes_by_the_part_of_each_sector() -> None:
    """What is specified inside the controller is not what the serial part beside it stands."""
    what = study("hardened", board="nrf52840-qspi", faults="atomic", rate="1/day", app_size=500)
    table = wear(what, 12, 10, {"nRF52840": 10_000, "MX25R6435F": 100_000})
    assert {10_000: 2, 100_000: 130} == table.endurance.value_counts().to_dict()
    with pytest.raises(BadInput, match="part nRF52840: no endurance"):
        wear(what, 12, 10)


def test_its_risk_is_that_of_its_own_parts() -> None:
    """A table of parts has it under the names of all, and says of any other part that it cannot stand for them."""
    what = study("mongoose", board="stm32f405", faults="atomic", rate="1/day", app_size=500)
    table = part_table({"mongoose": what}, [what.scenario.part_names, "W25Q16JV"])
    assert [True, False] == list(table.low.notna())
    assert "names its parts itself" in table.why.iloc[1]
    assert "several sizes: 4 of 16384, 1 of 65536, 7 of 131072 bytes" == what.board.sectors_in_words
    assert "4096 bytes" == load_board("nrf52840-qspi").sectors_in_words


@pytest.mark.parametrize("name", MIXED)
def test_a_player_shows_every_sector_where_it_begins(name: str) -> None:
    """What the browser is told of the board, and the state of every sector after an update."""
    player = UpdatePlayer("hardened", name, app_size=500)
    tape = zlib.decompress(player.trace)
    head = json.loads(tape[4 : 4 + int.from_bytes(tape[:4], "little")])
    geometry = load_board(name).geometry
    assert [*map(geometry.start_of, range(geometry.count)), geometry.size] == head["board"]["starts"]
    owners = {owner: (first, count) for owner, first, count in head["board"]["owners"]}
    assert {"stm32f405": (2, 1), "nrf52840-qspi": (255, 1)}[name] == owners["record 1"]


def test_units_are_counted_by_the_limit_of_their_part() -> None:
    """A record that is programmed over itself is too much inside this controller, and nothing beside it is."""
    one = load_board("nrf52840-qspi")
    strict = replace(one, parts=(replace(one.parts[0], programs=1), one.parts[1]))
    twice = replace(load_design("hardened"), refresh="selected")
    said = programmed_too_often(set_up(twice, strict, app_size=500))
    assert "part nRF52840 takes one program of a unit of 4 bytes" in said
    assert "record" in said
    assert not programmed_too_often(set_up(load_design("mongoose"), strict, app_size=500))


PAGE = "\n".join(load_board("stm32f405").toml_lines())
BESIDE = "\n".join(load_board("nrf52840-qspi").toml_lines())


@pytest.mark.parametrize(
    ("page", "old", "new", "says"),
    [
        (
            PAGE,
            "0x4000\nsize = 0x4000",
            "0x5000\nsize = 0x4000",
            r"records\.0\.address: 0x5000 lies amid sector 1, which",
        ),
        (PAGE, "size = 0x60000 }", "size = 0x50000 }", r"slots\.0\.app\.size: 0x70000 lies amid sector 7, which goes"),
        (
            PAGE,
            "size = 0xe0000",
            "size = 0xe1000",
            r"flash\.2\.size: 921600 is not a multiple|0xe1000 bytes, and STM32F4",
        ),
        (PAGE, "size = 0xe0000", "size = 0x200000", r"flash\.2\.size: 0x200000 bytes, and STM32F405-128K has 0xe0000"),
        (PAGE, "[[flash]]", "[[flash]]\nkind = 1", r"unknown key; allowed: part, size"),
        (PAGE, 'data = "none"', 'data = "none"\npart = "W25Q16JV"', r"part: \[\[flash\]\] tables name each part"),
        (PAGE, '"STM32F405-64K"', '"STM32"', "STM32F405-64K"),
        (
            PAGE,
            '"STM32F405-64K"',
            '"STM32L053"',
            r"flash\.1\.part: an erase of the STM32L0 leaves zeros .*take a part whose",
        ),
        (PAGE, "[[flash]]\npart", "[[flash]]\nname", r"unknown key; allowed: part, size"),
        (BESIDE, "loader = { address = 0x0, size = 0xc000 }", "loader = { address = 0x0, size = 0xc001 }", "lies amid"),
        (
            PAGE,
            "0x8000\nsize = 0x4000",
            "0xc000\nsize = 0x14000",
            "only a loader and an application take sectors of several",
        ),
    ],
)
def test_a_page_that_cannot_be_gets_one_line(page: str, old: str, new: str, says: str, tmp_path: Path) -> None:
    """It names the place, what is wrong with it, and the way out."""
    assert old in page
    (tmp_path / "mine.toml").write_text(page.replace(old, new, 1))
    with pytest.raises(BadInput, match=says) as refused:
        load_board(str(tmp_path / "mine.toml"))
    assert 1 == len(str(refused.value).splitlines())


def test_a_region_over_the_end_of_a_chip_is_refused(tmp_path: Path) -> None:
    """No image lies on two chips."""
    (tmp_path / "mine.toml").write_text(
        BESIDE.replace("address = 0xfe000", "address = 0xf0000").replace("address = 0xff000", "address = 0xf1000")
        .replace("app = { address = 0x100000, size = 0x80000 }", "app = { address = 0xfe000, size = 0x82000 }")
    )  # fmt: skip
    with pytest.raises(
        BadInput, match=r"slot 0 app goes from 0xfe000 to 0x180000, over the end of nRF52840: nothing lies on"
    ):
        load_board(str(tmp_path / "mine.toml"))


def test_another_part_cannot_stand_for_several() -> None:
    """The board's own page is the way out."""
    with pytest.raises(BadInput, match=r"board stm32f405 names its parts itself \(STM32F405-16K, .*change its page"):
        set_up("hardened", "stm32f405", part="W25Q16JV")


TWINS = [("hardened", "hardened"), ("python", "mongoose")]


@pytest.mark.parametrize("board", MIXED)
@pytest.mark.parametrize(("folder", "design"), [pytest.param(*TWINS[0], marks=needs_cc), TWINS[1]])
def test_code_that_asks_how_flash_is_divided_is_the_twin_of_its_design(
    folder: str, design: str, board: str, tmp_path: Path
) -> None:
    """In C and in Python, on sectors of several sizes and beside an external part: verdict and ends are the same."""
    for faults in ("atomic", "weak-erase"):
        mine = check_design(example(tmp_path / faults, folder), board=board, faults=faults, app_size=5000)
        theirs = check_design(design, board=board, faults=faults, app_size=5000)
        assert mine.graph.closed and theirs.graph.closed
        assert (theirs.verdict, theirs.graph.ends) == (mine.verdict, mine.graph.ends)


@needs_cc
@pytest.mark.parametrize(
    ("at", "size", "wrong"),
    [("0x4000", "0x1000", "ota_erase"), ("0x14000", "0x4000", "ota_erase"), ("0xc000", "0x10000", "ota_erase")],
)
def test_an_erase_of_no_whole_sectors_is_how_a_run_ends(at: str, size: str, wrong: str, tmp_path: Path) -> None:
    """Whatever the size is where it lies: a sector of 16 KiB is erased whole, and one of 64 KiB not by a quarter."""
    source = f"uint32_t ota_boot(void) {{ ota_erase({at}, {size}); return OTA_SLOT_0; }}"
    what = set_up(code(tmp_path, source), "stm32f405", app_size=500)
    assert f"{wrong} of no whole sectors" in judge(what, life(what)).reason


@needs_cc
def test_a_constant_that_a_board_does_not_have_is_told_with_what_to_ask(tmp_path: Path) -> None:
    """Where the code uses it; a board on which all is alike in that has the constant."""
    constant = "uint32_t ota_boot(void) { return OTA_SLOT_0 + 0 * OTA_SECTOR_SIZE; }"
    with pytest.raises(BadInput, match=r"loader.c:2: .*it differs by address on this board: ask ota_sector_size\("):
        set_up(code(tmp_path / "c", constant), "stm32f405", app_size=500)
    assert "OTA_SECTOR_SIZE" in macros(load_board("nrf52840-qspi"))
    assert "OTA_PROGRAM_UNIT" not in macros(load_board("nrf52840-qspi"))
    assert {"OTA_SECTOR_SIZE", "OTA_PAGE_SIZE", "OTA_PROGRAM_UNIT"} <= macros(load_board("lab-1M")).keys()


def test_a_part_on_which_nothing_is_written_needs_no_times() -> None:
    """Nobody was seen to quote the erase of the 64 KiB sector, and nothing lies there; in use it is asked for."""
    board = load_board("stm32f405")
    assert ["STM32F405-16K", "STM32F405-128K"] == [chip.name for chip in board.written_parts]
    large = replace(board, records=(board.records[0], Region(0x10000, 0x10000)))
    with pytest.raises(BadInput, match="part STM32F405-64K: no erase_typ_ms"):
        set_up("hardened", large)


def test_its_default_fault_model_has_check_bits_by_piece() -> None:
    """A unit that cannot be read is one of a piece with check bits, and of no other."""
    one = load_board("nrf52840-qspi")
    assert isinstance(one.geometry, MixedGeometry)
    inside, beside = one.geometry.pieces
    board = replace(one, geometry=MixedGeometry((replace(inside, ecc=True), beside)))
    what = set_up("hardened", board, app_size=200)
    kinds: dict[str, set[bool]] = {"inside": set(), "beside": set()}
    for step in (step for step in life(what).runs[0].steps if isinstance(step.effect, Program)):
        tears = fault_model("torn-program").tears(step.effect, step.before, what.device)
        where = "inside" if step.effect.address < inside.size else "beside"
        kinds[where] |= {tear.label.startswith("unreadable") for tear in tears}
    assert {"inside": {True, False}, "beside": {False}} == kinds

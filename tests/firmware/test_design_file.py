"""A design in a page of TOML: what is good loads, what is not gets one line with file, line, key and the way out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from otalab.bench.observer import judge
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.firmware.catalogue import checked, designs, load_design
from otalab.firmware.design import Design, bounds, choices, decides, way_of, ways
from otalab.firmware.own_part import PARTS, says, with_part, without_part
from otalab.firmware.schema import design_schema
from otalab.hardware.board import boards, load_board
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Routine, pages
from otalab.settings import DATA

START = replace(load_design("single-record"), name="mine", board=load_board("lab-1M")).toml()

# What is replaced in the page of a good design, by what, and what the complaint says of it.
MALFORMED = [
    ('name = "mine"\n', "", r":1: name: missing"),
    ('name = "mine"', 'name = ""', r":1: name: a text is needed"),
    ('name = "mine"', "name = mine", r"not TOML: .*line 1"),
    ('name = "mine"', 'name = "mine"\nname = "yours"', r"not TOML: .*line 2"),
    ("[records]", "[record]", r":4: record: unknown key; allowed: name, summary, records"),
    ("summary = ", "offers = 3\nsummary = ", r"not TOML: "),
    ("count = 1", "count = 3", r":5: records.count: 3 is not allowed; one of: 1, 2"),
    ("count = 1", 'count = "1"', r":5: records.count: '1' is not allowed"),
    ("count = 1", "count = true", r":5: records.count: True is not allowed"),
    ("count = 1", "cuont = 1", r":5: records.cuont: unknown key; allowed: count, format"),
    (
        'format = "complete"',
        'format = "json"',
        r":6: records.format: 'json' is not allowed; one of: mongoose",
    ),
    ('guard = "crc32"', 'guard = "md5"', r":7: records.guard: 'md5' is not allowed; one of: none, crc16, crc32, own"),
    ('guard = "crc32"', 'guard = "own"', r":7: records.guard: .*formats that have a check"),
    ("bits = 64", "bits = 63", r":9: records.bits: 63 is not allowed; one of: 64, 32, 16"),
    ("journal = 1", "journal = 0", r":13: records.journal: an integer from 1 to 32"),
    ("journal = 1", "journal = 8", r":13: records.journal: only format .*mgos-boot"),
    ('placing = "beside"', 'placing = "own"', r":14: records.placing: only cc3200 and otadata"),
    ('state = "none"', 'state = "nvs"', r":18: records.state: .*need each other"),
    ('verify = "read-back"', 'verify = "move-on"', r":21: writes.verify: .*journal need each other"),
    ('clear = "none"', 'clear = "before-slot"', r":23: writes.clear: .*no inactive record to erase"),
    ('target = "inactive"', 'target = "running"', r":37: boot.trial: .*nothing to go back to"),
    ("reserve = 8", "reserve = -1", r":28: writes.reserve: an integer from 0 to 65536"),
    ('trial = "one-try"', 'trial = "attempts"', r":37: boot.trial: attempts needs format"),
    ("tries = 1", "tries = 201", r":38: boot.tries: an integer from 1 to 200"),
    ('kept_in = "record"', 'kept_in = "updater.dat"', r":50: commit.kept_in: .*merge at first boot"),
    ('note = "none"', 'note = "written"', r":56: merge.note: only"),
    ('part = "W25Q16JV"', 'part = "W25"', r":66: layout.part: 'W25' is not allowed; one of:"),
    ("flash_size = 0x100000", "flash_size = 0x100001", r":67: layout.flash_size: .*not a multiple"),
    ("address = 0x7000", "address = 0x7800", r":76: layout.records.1.address: 0x7800 is not a multiple"),
    ("address = 0x7000", "address = 0x6000", r"layout.records: record 1 at 0x6000 overlaps record 0"),
    ("0xa0000, size = 0x10000", "0xa0000, size = 0x90000", r"layout.slots.1.fs.size: the region ends at 0x130000"),
    ("app = { address = 0x60000", "ap = { address = 0x60000", r":92: layout.slots.1.ap: unknown key; allowed: app, fs"),
    ("[[layout.slots]]\napp = { address = 0x60000", "[other]\napp = { address = 0x60000", r"other: unknown key"),
]

VALIDATOR = Draft202012Validator(design_schema())
BY_ITSELF = re.compile("is not allowed|unknown key|an integer from|a text is needed|missing")


@pytest.fixture
def page(tmp_path: Path) -> Callable[[str, str], str]:
    """Return a function that writes the page with a change in it, and returns its path."""

    def write(old: str = "", new: str = "") -> str:
        assert old in START
        path = tmp_path / "mine.toml"
        path.write_text(START.replace(old, new, 1))
        return str(path)

    return write


@pytest.mark.parametrize(("old", "new", "complaint"), MALFORMED)
def test_what_is_wrong_gets_its_line(page: Callable[..., str], old: str, new: str, complaint: str) -> None:
    """File, line, key and what is allowed, in one line."""
    with pytest.raises(BadInput, match=rf"mine\.toml{'' if complaint.startswith(':') else '.*'}{complaint}") as told:
        load_design(page(old, new))

    assert 1 == len(str(told.value).splitlines())


def test_the_command_says_so_in_one_line_too(page: Callable[..., str]) -> None:
    """Exit status 2, and nothing on standard output."""
    command = [sys.executable, "-m", "otalab", "check", page("count = 1", "count = 3")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (2, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())


@pytest.mark.parametrize("name", designs())
def test_a_design_with_its_layout_is_loaded_as_it_was_shown(name: str, tmp_path: Path) -> None:
    """For every design of the catalogue and every board."""
    for board in boards():
        design = replace(load_design(name), board=load_board(board))
        path = tmp_path / f"{board}.toml"
        path.write_text(design.toml())

        assert design == load_design(str(path))


def test_a_design_runs_on_its_own_layout(page: Callable[..., str]) -> None:
    """Without a board, the device is the one that its page describes."""
    scenario = set_up(page("0xa0000, size = 0x10000", "0xa0000, size = 0x8000"))

    assert 0x8000 == scenario.device.board.slots[1].fs.size
    assert "lab-1M" == set_up("single-record").device.board.name


def test_no_contradiction_is_in_the_catalogue() -> None:
    """And a design that is put together in Python is held to the same rules as a page."""
    for name in designs():
        assert load_design(name) == checked(load_design(name))
    with pytest.raises(BadInput, match=r"boot.trial: .*nothing to go back to"):
        checked(replace(load_design("hardened"), target="running"))


def test_every_choice_says_what_it_decides() -> None:
    """Each has a place in the page, words, and what it may be."""
    assert set(ways().values()) == set(choices()) | set(bounds())
    assert all(decides(name) for name in ways().values())
    assert "records.guard" == way_of("guard")


def test_every_choice_among_names_is_a_function_by_name() -> None:
    """The keys of each of its tables are the values that a design may have, in their order, and no others."""
    assert {name: list(values) for name, values in choices().items()} == {name: list(PARTS[name][0]) for name in PARTS}
    assert [] == [name for name, tables in PARTS.items() for table in tables if set(table) != set(choices()[name])]


@pytest.mark.parametrize("choice", PARTS)
def test_every_value_has_words_of_its_own(choice: str) -> None:
    """What a function does and costs is the first sentence of its docstring; no two values of a choice share one."""
    words = [says(choice, value) for value in choices()[choice]]

    assert decides(choice) not in words
    assert len(words) == len(set(words))
    assert all(" " in one and one == one.strip() and not one.startswith("return ") for one in words)


def test_the_schema_is_what_the_file_says() -> None:
    """The copy for editors is the one that the table of choices makes."""
    assert design_schema() == json.loads((DATA / "design.schema.json").read_text())


@pytest.mark.parametrize("name", designs())
def test_the_catalogue_fits_the_schema(name: str) -> None:
    """With a layout and without."""
    VALIDATOR.check_schema(design_schema())
    for design in (load_design(name), replace(load_design(name), board=load_board("esp32-4M"))):
        VALIDATOR.validate(tomllib.loads(design.toml()))


@pytest.mark.parametrize(("old", "new", "complaint"), [one for one in MALFORMED if "not TOML" not in one[2]])
def test_an_editor_shows_what_is_malformed_by_itself(
    page: Callable[..., str], old: str, new: str, complaint: str
) -> None:
    """The schema refuses what no other choice can make right, and leaves contradictions to the loader."""
    found = list(VALIDATOR.iter_errors(tomllib.loads(Path(page(old, new)).read_text())))

    assert bool(BY_ITSELF.search(complaint)) == bool(found)


def test_a_part_of_ones_own_is_run_by_the_firmware() -> None:
    """A function in place of one of the firmware's is what writes the records, in every phase."""
    calls = []

    def noted(chip: Chip, design: Design, place: int, data: bytes) -> Routine[bool]:
        calls.append(place)
        yield Erase(chip.board.records[place].address // chip.board.geometry.sector_size)
        yield from pages(chip.board.records[place].address, data, chip.board.geometry.page_size)
        return True

    try:
        design = with_part(load_design("hardened"), "write", noted)
        scenario = set_up(design, "tiny", app_size=500)

        assert "updated" == judge(scenario, life(scenario)).name
        assert [1, 0, 1] == calls
    finally:
        without_part("write", "noted")


def test_a_part_does_not_take_the_place_of_one_of_the_labs() -> None:
    """Nor is every choice a function."""
    with pytest.raises(BadInput, match="give the function another name"):
        with_part(load_design("hardened"), "write", lambda: None, "once")
    with pytest.raises(BadInput, match="cannot be a function of one's own"):
        with_part(load_design("hardened"), "tries", lambda: None, "mine")
    with pytest.raises(BadInput, match="cannot be a function of one's own"):
        with_part(load_design("hardened"), "records", lambda: None, "mine")


@pytest.mark.parametrize("choice", sorted(PARTS.keys() - {"records", "sequencer_bits"}))
def test_every_choice_among_names_may_be_a_function_of_ones_own(choice: str) -> None:
    """The firmware calls it as it calls the lab's; with that of the design it was, the device does the same."""
    base = load_design("hardened")

    def mine(*given: Any) -> Any:
        return PARTS[choice][0][getattr(base, choice)](*given)

    try:
        design = with_part(base, choice, mine)
        scenario, known = set_up(design, "tiny", app_size=500), set_up(base, "tiny", app_size=500)

        assert judge(known, life(known)) == judge(scenario, life(scenario))
        assert life(known).last.flash == life(scenario).last.flash
        assert decides(choice) == says(choice, "mine")
    finally:
        without_part(choice, "mine")

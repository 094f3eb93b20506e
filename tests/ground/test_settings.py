"""A bad settings file gets its line, the key and what is allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from otalab.errors import BadInput
from otalab.firmware.catalogue import designs, load_design, read_design
from otalab.hardware.board import boards, load_board
from otalab.settings import DATA, Settings


@pytest.fixture
def edited(tmp_path: Path):
    """Return a function that writes a changed copy of a file in `data` and returns its path."""

    def edit(name: str, old: str, new: str) -> str:
        text = (DATA / name).read_text()
        assert old in text
        path = tmp_path / "copy.toml"
        path.write_text(text.replace(old, new, 1))
        return str(path)

    return edit


def test_the_catalogues_load() -> None:
    """Every file in data is good, and named as it is called."""
    assert {"esp32-4M", "esp8266-4M", "lab-1M", "tiny"} <= set(boards())
    assert {"hardened", "hardened-plus", "in-place", "mongoose", "single-record"} <= set(designs())
    assert boards() == [load_board(name).name for name in boards()]
    assert designs() == [load_design(name).name for name in designs()]


@pytest.mark.parametrize("name", designs())
def test_a_design_shown_is_a_design_loaded(name: str, tmp_path: Path) -> None:
    """What `--show` prints can be loaded, and is the same."""
    path = tmp_path / "shown.toml"
    path.write_text(load_design(name).toml())

    assert load_design(name) == read_design(Settings.load(path))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('guard = "none"', 'guard = "crc8"', r"copy.toml:8: records.guard: 'crc8' is not allowed; one of: none, crc16"),
        ("count = 2", "count = 3", r":6: records.count: 3 is not allowed; one of: 1, 2"),
        ("count = 2", "count = true", r":6: records.count: True is not allowed"),
        ("count = 2", "cuont = 2", r":6: records.cuont: unknown key; allowed: count, .*guard"),
        ("[boot]", "[boots]", r"boots: unknown key; allowed: name, .*boot"),
        ('trial = "timer"', 'trial = "one-try"', r"boot.trial: the loader cannot note a try in this format"),
        ("journal = 1", "journal = 33", r"records.journal: an integer from 1 to 32"),
        (
            'downgrade = "accept"',
            'downgrade = "never"',
            r"offers.downgrade: 'never' is not allowed; one of: accept, refuse",
        ),
        ("reserve = 0", "reserve = -1", r"writes.reserve: an integer from 0"),
        ("reserve = 0", "reserve = ", r"not TOML: .*line 28"),
        ('name = "mongoose"', "name = 7", r":2: name: a text is needed"),
    ],
)
def test_a_bad_design_names_its_line(edited, old: str, new: str, complaint: str) -> None:
    """Line, key, and the allowed values."""
    with pytest.raises(BadInput, match=complaint):
        load_design(edited("designs/mongoose.toml", old, new))


def test_what_a_design_does_not_say_is_as_in_hardened(tmp_path: Path) -> None:
    """A name and a sentence are a design."""
    path = tmp_path / "short.toml"
    path.write_text('name = "hardened"\nsummary = "short"\n')

    assert replace(load_design("hardened"), summary="short") == load_design(str(path))


@pytest.mark.parametrize(
    ("design", "old", "new", "complaint"),
    [
        ("hardened", 'target = "inactive"', 'target = "running"', r':\d+: boot.trial: target = "running" needs "none"'),
        ("in-place", 'trial = "none"', 'trial = "one-try"', r":\d+: boot.trial: .*has nothing to go back to"),
        (
            "single-record",
            'clear = "none"',
            'clear = "before-slot"',
            r"\d+: writes.clear: before-slot needs count",
        ),
        ("hardened-plus", "count = 2", "count = 1", r":\d+: writes.clear: .*no inactive record to erase"),
        ("hardened", 'no_record = "halt"', 'no_record = "slot-0"', r":\d+: boot.no_record: without a record there is"),
        ("esp-idf", 'guard = "own"', 'guard = "crc32"', r":\d+: records.guard: "),
        ("cc3200", 'when = "first-boot"', 'when = "none"', r":\d+: commit.kept_in: updater.dat reaches"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(
    edited, design: str, old: str, new: str, complaint: str
) -> None:
    """The complaint names the line of the choice that must give way, and the reason."""
    with pytest.raises(BadInput, match=complaint):
        load_design(edited(f"designs/{design}.toml", old, new))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('part = "W25Q16JV"', 'part = "W25"', r":5: part: 'W25' is not allowed"),
        ("flash_size = 0x100000", "flash_size = 0x100001", r":6: flash_size: .*not a multiple"),
        ("flash_size = 0x100000", "flash_size = 0x20000000", r":6: flash_size: an integer from 4096 to 268435456"),
        ("address = 0x7000", "address = 0x7001", r":15: records.1.address: 0x7001 is not a multiple"),
        ("address = 0x7000", "address = 0x6000", r"records: record 1 at 0x6000 overlaps record 0"),
        (
            "0xa0000, size = 0x10000",
            "0xa0000, size = 0x10000000",
            r":32: slots.1.fs.size: an integer from 1 to 16777216",
        ),
        ("0xa0000, size = 0x10000", "0xa0000, size = 0x70000", r":32: slots.1.fs.size: the region ends at 0x110000"),
        ("address = 0x60000", "address = 0x50000", r"slots: slot 1 app at 0x50000 overlaps slot 0 files"),
        ("[[slots]]\napp = { address = 0x10000", "[[slotz]]\napp = { address = 0x10000", r"slotz: unknown key"),
        ("size = 0x6000 }", 'size = "big" }', r":8: loader.size: an integer"),
    ],
)
def test_a_bad_board_names_its_line(edited, old: str, new: str, complaint: str) -> None:
    """Also inside tables and arrays of tables."""
    with pytest.raises(BadInput, match=complaint):
        load_board(edited("boards/lab-1M.toml", old, new))


def test_an_unknown_name_is_told_the_known_ones() -> None:
    """The way out is in the message."""
    with pytest.raises(BadInput, match=r"design 'mongose' is unknown; one of: .*mongoose"):
        load_design("mongose")
    with pytest.raises(BadInput, match=r"board 'lab' is unknown; one of: .*lab-1M"):
        load_board("lab")


def test_a_number_that_nobody_can_count_is_one_line(tmp_path) -> None:
    """Python refuses to read five thousand digits, and not as a fault of TOML."""
    (tmp_path / "long.toml").write_text(f"x = {'9' * 5000}\n")
    with pytest.raises(BadInput, match=r"long\.toml: not TOML: Exceeds the limit .* 5000 digits$"):
        Settings.load(tmp_path / "long.toml")

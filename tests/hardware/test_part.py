"""Flash parts come from a table with sources; a time it lacks is an error, never a guess."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from otalab.bench.observer import judge
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.hardware.board import boards, load_board
from otalab.hardware.geometry import MixedGeometry
from otalab.hardware.part import part, parts

DOCS = Path(__file__).parents[2] / "docs"


def test_the_default_part_has_its_datasheet_times() -> None:
    """W25Q16JV: 45 ms to erase a sector, 0.4 ms to program a page, whatever its size."""
    chip = part("W25Q16JV")

    assert (0.045, 0.4) == (chip.erase_seconds("typ"), chip.erase_seconds("max"))
    assert 0.0004 == pytest.approx(chip.program_seconds(1)) == pytest.approx(chip.program_seconds(256))


def test_on_chip_flash_is_timed_per_unit() -> None:
    """nRF52840: 41 us per word of four bytes, so a begun word counts whole."""
    assert 3 * 41e-6 == pytest.approx(part("nRF52840").program_seconds(9))


def test_every_row_keeps_its_evidence() -> None:
    """No part is without a grade and a source."""
    assert 35 == len(parts())
    assert all(chip.grade and chip.source and dict(chip.row)["part"] == name for name, chip in parts().items())


def test_a_missing_time_names_its_column() -> None:
    """A blank cell is not filled from anywhere else."""
    with pytest.raises(BadInput, match=r"M25P40: no erase_max_ms in data/flash_parts.csv"):
        part("M25P40").erase_seconds("max")


def test_an_unknown_part_is_told_the_known_ones() -> None:
    """The way out is in the message."""
    with pytest.raises(BadInput, match=r"'W25Q17' is not in .*W25Q16JV"):
        part("W25Q17")


def test_the_legend_tells_every_grade_source_and_column() -> None:
    """Whoever reads a row finds out what its letters mean."""
    legend = (DOCS / "flash_parts.md").read_text(encoding="utf-8")
    rows = [dict(chip.row) for chip in parts().values()]
    letters = {letter for row in rows for letter in re.findall(r"S\d+(?=;|$| )", row["src"])}

    assert [] == [
        letter for letter in sorted(letters) if not re.search(rf"^\|.*\b{letter}\b.*\|", legend, re.MULTILINE)
    ]
    assert [] == [grade for grade in {row["grade"] for row in rows} if f"| {grade} |" not in legend]
    stems = [re.sub(r"_(typ|max)_.*", "", name) for name in rows[0]]
    assert [] == [stem for stem in stems if f"`{stem}" not in legend]


def test_rows_of_one_part_are_of_one_operating_point() -> None:
    """All three are maxima at the slowest parallelism."""
    erases = {name: chip.erase_seconds("max") for name, chip in parts().items() if name.startswith("STM32F411")}

    assert {"STM32F411-16K": 0.8, "STM32F411-64K": 2.4, "STM32F411-128K": 4.0} == erases


@pytest.mark.parametrize("unit", [8, 16, 32])
@pytest.mark.parametrize("name", ["lab-1M", "esp32-4M", "esp32-4M-littlefs"])
def test_updates_go_in_with_units_of_many_bytes(name: str, unit: int) -> None:
    """Images and records are filled up to whole units; SPIFFS programs single bytes, and is refused in one line."""
    one = load_board(name)
    board = replace(one, part=replace(one.part, program_unit=unit), geometry=replace(one.geometry, program_unit=unit))
    if one.file_system == "spiffs":
        with pytest.raises(BadInput, match=rf"spiffs programs 1 byte at a time, and part .* units of {unit}: take"):
            set_up("hardened", board)
        return
    for design in ("mongoose", "hardened", "esp-idf"):
        what = set_up(design, board, app_size=777)
        assert "updated" == judge(what, life(what)).name


@pytest.mark.parametrize("name", boards())
def test_a_board_names_a_part_that_is_large_enough(name: str) -> None:
    """A flash of 4 MiB is no part of 2 MiB."""
    board = load_board(name)
    pieces = board.geometry.pieces if isinstance(board.geometry, MixedGeometry) else (board.geometry,)
    for chip, piece in zip(board.parts or (board.part,), pieces, strict=True):
        assert piece.size <= chip.size or (chip.name, chip.size) == ("nRF52840", 0)  # its name stands for several sizes


@pytest.mark.parametrize("name", ["STM32F405-16K", "STM32F411-64K", "CC3220SF"])
def test_sectors_of_another_size_are_not_taken_for_those_of_a_row(name: str, tmp_path: Path) -> None:
    """A board of all of an STM32F4 would have 64 sectors of 16 KiB, and the chip has four: one line, a way out."""
    page = tmp_path / "mine.toml"
    page.write_text(f'name = "mine"\nsummary = "x"\nplatform = "lab"\npart = "{name}"\nflash_size = 0x200000\n')
    with pytest.raises(
        BadInput, match=rf"mine\.toml:5: flash_size: 0x200000 bytes, and {name} has .*in a \[\[flash\]\] table"
    ):
        load_board(str(page))

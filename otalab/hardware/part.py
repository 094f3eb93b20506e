"""Flash parts: geometry and timings from the table in `data/flash_parts.csv`.

A serial NOR part is timed per *page*, on-chip flash per *program unit*; the column `kind` tells which.
A time that the table lacks is an error that names the column, never a guess.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import Literal

from otalab.errors import BadInput
from otalab.kept import kept_beside
from otalab.settings import DATA
from otalab.text import meant

Timing = Literal["typ", "max"]
ON_CHIP = "on-chip"
KEPT = 64  # parts whose columns are at hand
# STM32L0 and L1: `mcu-tools/mcuboot` pull request 327.
ERASES_TO_ZERO = ("STM32L0", "STM32L1")


@dataclass(frozen=True, slots=True)
class FlashPart:
    """One row of the table; `row` keeps every column, evidence grade and source included.

    `programs`: how often a unit may be programmed between two erases, or a row of `programs_size` bytes where that is
    not 0; 0: as often as one likes.  `ecc`: a unit has check bits of its own, and one that was programmed half cannot
    be read.  `size`: bytes of the part; 0 where its name stands for several.
    """

    name: str
    kind: str
    page_size: int
    program_unit: int
    sector_size: int
    grade: str
    source: str
    row: tuple[tuple[str, str], ...]
    programs: int = 0
    programs_size: int = 0
    ecc: bool = False
    size: int = 0

    def erase_seconds(self, timing: Timing = "typ") -> float:
        """Return how long erasing one sector takes, in seconds."""
        return _erase_seconds(self, timing)

    def program_seconds(self, size: int, timing: Timing = "typ") -> float:
        """Return how long programming `size` bytes inside one page takes, in seconds.

        Serial NOR takes a page time whatever the size: the datasheets' first-byte and next-byte times are
        given for few parts and not for the worst case, so they stay columns of the table.
        On-chip flash takes one unit time for each program unit that is touched.
        """
        time = _page_seconds(self, timing)
        return time * -(-size // self.program_unit) if self.kind == ON_CHIP else time

    @property
    def endurance(self) -> float:
        """How many erases a sector is specified for."""
        return self._number("endurance", "name a number, or take another part")

    def _time(self, column: str) -> float:
        return self._number(column, "take another part or timing")

    def _number(self, column: str, way_out: str) -> float:
        text = _columns(self)[column]
        if not text:
            raise BadInput(f"part {self.name}: no {column} in data/flash_parts.csv; {way_out}")
        return float(text)


# Asked for at each effect of a run, and a number is read out of its text once.
@kept_beside(KEPT)
def _erase_seconds(part: FlashPart, timing: Timing) -> float:
    return part._time(f"erase_{timing}_ms") / 1e3


@kept_beside(KEPT)
def _page_seconds(part: FlashPart, timing: Timing) -> float:
    return part._time(f"pp_{timing}_us") / 1e6


@kept_beside(KEPT)
def _columns(part: FlashPart) -> dict[str, str]:
    return dict(part.row)


@cache
def parts() -> dict[str, FlashPart]:
    """Return every part of the table by its name."""
    with (DATA / "flash_parts.csv").open(encoding="utf-8", newline="") as file:
        return {row["part"]: _part(row) for row in csv.DictReader(file)}


def part(name: str) -> FlashPart:
    """Return the part of this name; the name of a family will do where the table has one row of it."""
    if reason := other_way_round(name):
        raise BadInput(f"part {name}: {reason}")
    family = [row for row in parts() if row.startswith(f"{name}-")]
    if name not in parts() and len(family) == 1:
        name = family[0]
    if name not in parts():
        near = meant(name, parts())
        raise BadInput(f"part {name!r} is not in data/flash_parts.csv; one of: {', '.join(parts())}{near}")
    return parts()[name]


def other_way_round(name: str) -> str:
    """Return why a part is none of the lab's, if it erases to zero; else nothing."""
    family = next((known for known in ERASES_TO_ZERO if name.upper().startswith(known)), None)
    if family is None:
        return ""
    return (
        f"an erase of the {family} leaves zeros and a program sets ones, and the lab's flash is the other way round: "
        "take a part whose erase leaves ones"
    )


def _part(row: dict[str, str]) -> FlashPart:
    return FlashPart(
        name=row["part"],
        kind=row["kind"],
        page_size=int(row["page_B"]),
        program_unit=int(row["prog_unit_B"]),
        sector_size=int(row["erase_B"]),
        grade=row["grade"],
        source=row["src"],
        row=tuple(row.items()),
        programs=int(row["programs"] or 0),
        programs_size=int(row["programs_B"] or 0),
        ecc=bool(row["ecc_bits"]),
        size=int(row["size_B"] or 0),
    )

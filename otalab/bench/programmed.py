"""Units of flash that are programmed more often between erases than their part allows, seen in an undisturbed life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from otalab.bench.scenario import Scenario
from otalab.bench.trace import life, sector_of
from otalab.errors import BadInput
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import ERASED, Flash


def programmed_too_often(scenario: Scenario) -> str:
    """Return a sentence about the first unit that is programmed too often; empty if none is, or the part sets no limit.

    Programming what is there already counts, for the check bits of a unit are programmed with it.  Only an undisturbed
    life is looked at: what a design does after a cut may break the limit too.
    """
    board = scenario.device.board
    if not any(chip.programs for chip in board.parts or (board.part,)):
        return ""
    times: Counter[int] = Counter(_programmed(board, scenario.flash))
    for number, step in ((number, step) for number, run in enumerate(life(scenario).runs) for step in run.steps):
        sector = sector_of(step.effect, step.before)
        if sector is None:
            continue
        chip, unit = board.part_of(sector), _unit(board, sector)
        if isinstance(step.effect, Erase):
            start = board.geometry.start_of(sector)
            for address in range(start, start + board.geometry.size_of(sector), unit):
                times.pop(address, None)
        elif isinstance(step.effect, Program) and (most := chip.programs):
            end = step.effect.address + len(step.effect.data)
            touched = range(step.effect.address // unit * unit, end, unit)
            times.update(touched)
            if over := [address for address in touched if times[address] > most]:
                what = "row" if chip.programs_size else "unit"
                where = f"0x{over[0]:x} ({board.owner_of(sector)})"
                return (
                    f"part {chip.name} takes {_often(most)} of a {what} of {unit} bytes between two erases, and "
                    f"{scenario.device.firmware.name} programs {where} once more, in run {number}, effect {step.number}"
                )
    return ""


def require_programs(scenario: Scenario) -> None:
    """Refuse a design that programs a unit too often for its part: no proof of it would hold there."""
    if too_often := programmed_too_often(scenario):
        raise BadInput(f"{too_often}: take another part or board, or a design that erases first")


def _programmed(board: Board, flash: Flash) -> Iterator[int]:
    """Yield the addresses of all units that do not read erased: they were programmed once at least."""
    for sector, contents in enumerate(flash.sectors):
        if board.part_of(sector).programs and contents.count(ERASED) < len(contents):
            start, unit = board.geometry.start_of(sector), _unit(board, sector)
            blank = bytes([ERASED]) * unit
            yield from (start + at for at in range(0, len(contents), unit) if contents[at : at + unit] != blank)


def _unit(board: Board, sector: int) -> int:
    """Return how many bytes of a sector are programmed together, for the limit of its part."""
    return board.part_of(sector).programs_size or board.geometry.at(board.geometry.start_of(sector)).program_unit


def _often(most: int) -> str:
    return "one program" if most == 1 else f"{most} programs"

"""Units of flash that are programmed more often between erases than their part allows, seen in an undisturbed life."""

from __future__ import annotations

from collections import Counter

from otalab.bench.scenario import Scenario
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import ERASED, Flash


def programmed_too_often(scenario: Scenario) -> str:
    """Return a sentence about the first unit that is programmed too often; empty if none is, or the part sets no limit.

    Programming what is there already counts, for the check bits of a unit are programmed with it.  Only an undisturbed
    life is looked at: what a design does after a cut may break the limit too.
    """
    most, board = scenario.device.board.part.programs, scenario.device.board
    if not most:
        return ""
    unit, sector = board.part.programs_size or board.geometry.program_unit, board.geometry.sector_size
    times: Counter[int] = Counter(_programmed(scenario.flash, unit))
    for number, step in ((number, step) for number, run in enumerate(life(scenario).runs) for step in run.steps):
        if isinstance(step.effect, Erase):
            start = step.effect.sector * sector
            for address in range(start, start + sector, unit):
                times.pop(address, None)
        elif isinstance(step.effect, Program):
            end = step.effect.address + len(step.effect.data)
            touched = range(step.effect.address // unit * unit, end, unit)
            times.update(touched)
            if over := [address for address in touched if times[address] > most]:
                what = "row" if board.part.programs_size else "unit"
                where = f"0x{over[0]:x} ({board.owner_of(over[0] // sector)})"
                return (
                    f"part {board.part.name} takes {_often(most)} of a {what} of {unit} bytes between two erases, and "
                    f"{scenario.device.firmware.name} programs {where} once more, in run {number}, effect {step.number}"
                )
    return ""


def require_programs(scenario: Scenario) -> None:
    """Refuse a design that programs a unit too often for its part: no proof of it would hold there."""
    if too_often := programmed_too_often(scenario):
        raise BadInput(f"{too_often}: take another part or board, or a design that erases first")


def _programmed(flash: Flash, unit: int) -> list[int]:
    """Return the addresses of all units that do not read erased: they were programmed once at least."""
    size = flash.geometry.sector_size
    blank, blank_unit = bytes([ERASED]) * size, bytes([ERASED]) * unit
    return [
        number * size + at
        for number, contents in enumerate(flash.sectors)
        if contents != blank
        for at in range(0, size, unit)
        if contents[at : at + unit] != blank_unit
    ]


def _often(most: int) -> str:
    return "one program" if most == 1 else f"{most} programs"

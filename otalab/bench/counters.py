"""Boundaries of counters: where arithmetic of another kind than the firmware's would go wrong.

A device lives for years before a sequencer comes by one; here it is set up a few records before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from otalab.bench.scenario import Scenario
from otalab.errors import BadInput
from otalab.firmware.store import Family
from otalab.formats.records.record import Counting, Record

# The newest record is so many before the first one that lies beyond.
BEFORE = 2


def at_the_end(bits: int) -> int:
    """Come to where no sequencer is left: what is stepped on wraps around, or reads as erased flash."""
    return (1 << bits) - 1


def at_a_byte(bits: int) -> int:
    """Come to where the lowest byte carries into the second one."""
    return 3 << 8


def at_a_byte_sign(bits: int) -> int:
    """Come to where the lowest byte passes from 127 to 128: a signed one turns negative."""
    return 7 << 7


def at_half(bits: int) -> int:
    """Come to where the lower half of all bits carries into the upper half."""
    return 3 << bits // 2


def at_the_sign(bits: int) -> int:
    """Come to where the highest bit turns: a signed number of this width changes its sign."""
    return 1 << bits - 1


BOUNDARIES: dict[str, Callable[[int], int]] = {
    "end": at_the_end,
    "byte": at_a_byte,
    "byte-sign": at_a_byte_sign,
    "half": at_half,
    "sign": at_the_sign,
}


def moved_near(scenario: Scenario, name: str) -> Scenario:
    """Return the scenario with all boot records moved together to shortly before a boundary of their sequencers."""
    device = scenario.device
    family = device.families[0] if device.families else None
    records = _records(scenario, family) if family else {}
    newest = min((record.sequencer for record in records.values()), key=_age(family), default=None)
    if family is None or newest is None or not _counts(family, records):
        raise BadInput(f"a sequencer near {name}: the boot records of {device.firmware.name} have none")
    counting = family.codec.counting
    beyond = _beyond(counting, name)
    kept_back = device.records.reserve if device.records and name == "end" else 0
    shift = beyond - counting.step * (BEFORE + kept_back) - newest
    # A sequencer may name a slot as well.
    shift -= shift % (family.codec.stride or 1)
    flash = scenario.flash
    for address, record in records.items():
        if not record.config.withdrawn:
            moved = replace(record, sequencer=record.sequencer + shift)
            flash = flash.patched(address, family.codec.encode(moved))
    return replace(scenario, flash=flash, boundary=beyond)


def _beyond(counting: Counting, name: str) -> int:
    """Return the first sequencer beyond a boundary; what counts down has it where its complement would have it."""
    number = BOUNDARIES[name](counting.bits)
    if number > counting.erased:
        raise BadInput(f"a sequencer near {name}: there is no such boundary in {counting.bits} bits")
    return number if counting.step > 0 else counting.erased - number


def _age(family: Family | None) -> Callable[[int], int]:
    return family.codec.counting.age if family else int


def _counts(family: Family, records: dict[int, Record]) -> bool:
    """Say whether the next record has another sequencer."""
    return all(family.codec.follow(record, record.config).sequencer != record.sequencer for record in records.values())


def _records(scenario: Scenario, family: Family) -> dict[int, Record]:
    """Return every whole record by its address."""
    form, geometry = family.codec, scenario.flash.geometry
    records = {}
    for sector in family.sectors:
        contents = scenario.flash.sectors[sector]
        for start in range(0, family.size, form.size):
            record = form.decode(contents[start : start + form.size])
            if isinstance(record, Record):
                records[geometry.start_of(sector) + start] = record
    return records

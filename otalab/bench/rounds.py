"""Rounds: what updates do over and over, as the firmware itself goes through it on steady power.

Only sequencers tell one round from the next: firmware compares two of them and steps one, so that all of them moved by
the same amount is the same place again.
"""

from __future__ import annotations

from collections.abc import Hashable

from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import Run, life, run
from otalab.errors import BadInput
from otalab.firmware.outcome import Reset
from otalab.firmware.store import select
from otalab.formats.records.record import Record, Selection, renumbered
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash

# A journal comes by the same place only when its round has filled both areas.
MOST_RUNS = 200


def endless_round(scenario: Scenario) -> tuple[Run, ...]:
    """Return the runs of the round that a device goes through for ever; where chance decides, as if undisturbed.

    A device that comes to an end is `BadInput`.
    """
    runs: list[Run] = []
    states: dict[Hashable, int] = {}
    flash, world = scenario.flash, scenario.power_on(World())
    while len(runs) < MOST_RUNS:
        here = _place(scenario, flash), world
        if here in states:
            return tuple(runs[states[here] :])
        states[here] = len(runs)
        runs.append(run(scenario, flash, world))
        flash, world = runs[-1].flash, scenario.power_on(runs[-1].world)
        if not isinstance(runs[-1].outcome, Reset):
            raise BadInput(f"on steady power this device does not reset for ever: {runs[-1].outcome}")
    raise BadInput(f"in {MOST_RUNS} runs this device did not come by the same place again")


def turns(scenario: Scenario) -> tuple[bool, bool]:
    """Say whether, after an undisturbed update, the next one finds the slots, and the records, in turned roles."""
    lived = life(scenario)
    before, after = (_selected(scenario, flash) for flash in (scenario.flash, lived.last.flash))
    if lived.endless or after is None:
        raise BadInput(f"after this update there is no next one: {lived.last.outcome}")
    if before is None:
        raise BadInput("this update starts from what no record names, and later ones do not: take a used device")
    return before.config.active != after.config.active, before.place != after.place


def _selected(scenario: Scenario, flash: Flash) -> Selection | None:
    device = scenario.device
    return None if device.records is None else select(Chip(device.board, flash), device.records)


def _place(scenario: Scenario, flash: Flash) -> Hashable:
    """Return the contents with the sequencers of each store moved together; on steady power no record is torn."""
    sectors: list[Hashable] = list(flash.sectors)
    for family in scenario.device.families:
        form, count = family.codec, family.size // family.codec.size
        data = [
            flash.sectors[sector][number * form.size : (number + 1) * form.size]
            for sector in family.sectors
            for number in range(count)
        ]
        records = [form.decode(place) for place in data]
        whole = [record for record in records if isinstance(record, Record)]
        young = any(record.sequencer <= family.young for record in whole)
        numbered = iter(whole if young else renumbered(whole, form.counting, form.stride or 1))
        held = [
            next(numbered) if isinstance(record, Record) else raw for record, raw in zip(records, data, strict=True)
        ]
        for place, sector in enumerate(family.sectors):
            sectors[sector] = tuple(held[place * count : (place + 1) * count]), flash.sectors[sector][family.size :]
    return tuple(sectors), flash.marks

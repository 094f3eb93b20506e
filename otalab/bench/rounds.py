"""Rounds: what updates do over and over, as the firmware itself goes through it on steady power.

Only sequencers tell one round from the next: firmware compares two of them and steps one, so that all of them moved by
the same amount is the same place again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import RUNS, Run, life, run
from otalab.errors import BadInput
from otalab.firmware.outcome import Reset
from otalab.firmware.store import codec, families, select
from otalab.formats.records.record import Record, Selection
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash


def endless_round(scenario: Scenario) -> tuple[Run, ...]:
    """Return the runs of the round that a device goes through for ever; where chance decides, as if undisturbed.

    A device that comes to an end is `BadInput`.
    """
    runs: list[Run] = []
    seen: dict[Hashable, int] = {}
    flash, world = scenario.flash, scenario.power_on(World())
    while len(runs) < RUNS:
        here = _place(scenario, flash), world
        if here in seen:
            return tuple(runs[seen[here] :])
        seen[here] = len(runs)
        runs.append(run(scenario, flash, world))
        flash, world = runs[-1].flash, scenario.power_on(runs[-1].world)
        if not isinstance(runs[-1].outcome, Reset):
            raise BadInput(f"on steady power this device does not reset for ever: {runs[-1].outcome}")
    raise BadInput(f"in {RUNS} runs this device did not come by the same place again")


def turns(scenario: Scenario) -> tuple[bool, bool]:
    """Say whether, after an undisturbed update, the next one finds the slots, and the records, in turned roles."""
    lived = life(scenario)
    before, after = (_selected(scenario, flash) for flash in (scenario.flash, lived.last.flash))
    if lived.endless or before is None or after is None:
        raise BadInput(f"after this update there is no next one: {lived.last.outcome}")
    return before.config.active != after.config.active, before.place != after.place


def _selected(scenario: Scenario, flash: Flash) -> Selection | None:
    device = scenario.device
    return select(Chip(device.board, flash), device.design)


def _place(scenario: Scenario, flash: Flash) -> Hashable:
    """Return the contents with every sequencer counted from the one that counts."""
    board, design = scenario.device.board, scenario.device.design
    form, selected = codec(design), _selected(scenario, flash)
    sectors: list[Hashable] = list(flash.sectors)
    for sector in families(board, design)[0].sectors:
        contents = flash.sectors[sector]
        record = form.decode(contents[: form.size])
        if isinstance(record, Record) and selected:
            nearer = replace(record, sequencer=record.sequencer - selected.record.sequencer)
            sectors[sector] = nearer, contents[form.size :]
    return tuple(sectors), flash.marks

"""The update state beside the boot record: one word in a store of its own, which never loses it.

Without a word that was ever written, slot 0 runs and is committed.
"""

from __future__ import annotations

from otalab.formats.records.nvs import UPDATE_STATE, meaning, word
from otalab.formats.records.record import BootConfig, Record
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Routine
from otalab.hardware.flash import ERASED


def read_state(chip: Chip) -> BootConfig:
    """Return what the update state says."""
    newest = _newest(chip)
    return meaning(0) if newest is None else newest[1].config


def write_state(chip: Chip, config: BootConfig) -> Routine[None]:
    """Write the update state, beside the one that counts."""
    newest, geometry = _newest(chip), chip.board.geometry
    place, record = (1, Record(0, config)) if newest is None else newest
    address = chip.board.state[1 - place].address
    data = UPDATE_STATE.encode(UPDATE_STATE.follow(record, config))
    chip.say(f"Writing update state 0x{word(config):03x}")
    yield Erase(geometry.sector_at(address))
    unit = geometry.at(address).program_unit
    yield from geometry.pages(address, data + bytes([ERASED]) * (-len(data) % unit))


def _newest(chip: Chip) -> tuple[int, Record] | None:
    records = []
    for place, area in enumerate(chip.board.state):
        record = UPDATE_STATE.decode(chip.read_record(area.address, UPDATE_STATE.size))
        if isinstance(record, Record):
            records.append((place, record))
    return max(records, key=lambda at_place: at_place[1].sequencer, default=None)

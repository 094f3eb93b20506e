"""The boot record store: which record counts, and where the next one goes.

Of two valid records the one with the smaller sequencer is the newer.
The next record always goes to the place that is *not* selected: until it is whole, the selected one still counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otalab.board import Region
from otalab.chip import Chip
from otalab.design import Design
from otalab.effects import Erase, Routine, pages
from otalab.flash import ERASED
from otalab.record import GUARDS, RECORDS, BootConfig, Codec, Invalid, Record

TRIES = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """The record that counts, and the place it was read from."""

    place: int
    record: Record

    @property
    def config(self) -> BootConfig:
        return self.record.config


def codec(design: Design) -> Codec:
    """Return the record format of a design."""
    return GUARDS[design.guard](RECORDS[design.record])


def read(chip: Chip, design: Design) -> list[Record | Invalid]:
    """Return what each place of the design holds."""
    form = codec(design)
    return [form.decode(chip.read(place.address, form.size)) for place in chip.board.records[: design.records]]


def select(chip: Chip, design: Design) -> Selection | None:
    """Return the newest valid record; of two with the same sequencer, the first."""
    found = [Selection(n, record) for n, record in enumerate(read(chip, design)) if isinstance(record, Record)]
    return min(found, key=lambda selection: selection.record.sequencer, default=None)


def write(chip: Chip, design: Design, config: BootConfig) -> Routine[bool]:
    """Make `config` the newest record; return whether it is known to have gone in."""
    selected = select(chip, design)
    if selected is None:
        return False
    place = (selected.place + 1) % design.records
    record = selected.record.followed_by(config)
    chip.say(f"Writing boot record {place}: sequencer {record.sequencer}, {config.summary}")
    written = yield from WRITES[design.write](chip, chip.board.records[place], codec(design).encode(record))
    if not written:
        chip.say(f"Boot record {place} could not be written")
    return written


def once(chip: Chip, place: Region, data: bytes) -> Routine[bool]:
    """Erase and program, and believe that it worked."""
    # The erase comes first and the sequencer in the first bytes of the program: whatever is cut here,
    # an erased place is older than the record that still stands in the other one.
    yield from _put(chip, place, data)
    return True


def read_back(chip: Chip, place: Region, data: bytes) -> Routine[bool]:
    """Erase, program and read back, at most three times; always erase: what looks blank need not be."""
    for _ in range(TRIES):
        yield from _put(chip, place, data)
        if chip.read(place.address, len(data)) == data:
            return True
    return False


WRITES: dict[str, Callable[[Chip, Region, bytes], Routine[bool]]] = {"once": once, "read-back": read_back}


def _put(chip: Chip, place: Region, data: bytes) -> Routine[None]:
    geometry = chip.board.geometry
    yield Erase(place.address // geometry.sector_size)
    padding = bytes([ERASED]) * (-len(data) % geometry.program_unit)
    yield from pages(place.address, data + padding, geometry.page_size)

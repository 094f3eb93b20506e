"""Planted bugs that one update never meets: they need a second one, or a counter that is about to pass a boundary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from mutants import Mutant, Patch, sector_at
from plain import mini

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.firmware import record_writes, store, updater
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.firmware.merge import mounted
from otalab.firmware.writer import RegionWriter
from otalab.formats.records.catalogue import GUARDS
from otalab.formats.records.guard import Guarded
from otalab.formats.records.lab import LabCodec
from otalab.formats.records.record import BootConfig, Invalid, Record, SlotFacts
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Routine, pages

HALF, BYTE, SIGN = 2**32 - 1, 2**8 - 1, 2**63
SIGNS = int.from_bytes(b"\x80" * 8)

# How sequencers are compared


def compared_as(patch: Patch, age: Callable[[int], int]) -> None:
    """Compare sequencers by something else than their number."""

    def ages(_design: Design, records: Sequence[Record | Invalid]) -> list[int | None]:
        return [None if record.sequencer is None else age(record.sequencer) for record in records]

    patch.setattr(store, "_ages", ages)


def signed_bytes(patch: Patch) -> None:
    """Sequencers are compared byte by byte, as `char` is where it is signed: 128 comes before 127."""
    compared_as(patch, lambda sequencer: sequencer ^ SIGNS)


def signed_number(patch: Patch) -> None:
    """Sequencers are compared as signed numbers of 64 bits."""
    compared_as(patch, lambda sequencer: sequencer ^ SIGN)


def low_32_bits(patch: Patch) -> None:
    """Sequencers are compared by their low 32 bits, as a register of that width holds them."""
    compared_as(patch, lambda sequencer: sequencer & HALF)


def low_byte(patch: Patch) -> None:
    """Sequencers are compared by their lowest byte."""
    compared_as(patch, lambda sequencer: sequencer & BYTE)


def from_the_first_byte(patch: Patch) -> None:
    """Sequencers are compared from their first byte on, and that is the lowest one."""
    compared_as(patch, lambda sequencer: int.from_bytes(sequencer.to_bytes(8, "little")))


def distance_within_half(patch: Patch) -> None:
    """Newer is what lies at most half of all numbers further on: right until they wrap around, and then too."""
    compared_as(patch, lambda sequencer: (sequencer - SIGN // 2) % 2**64)


# How sequencers are stepped


def stepped_by(patch: Patch, after: Callable[[int], int]) -> None:
    """Have another next sequencer."""
    patch.setattr(LabCodec, "follow", lambda _codec, record, config: Record(after(record.sequencer), config))


def step_without_a_borrow(patch: Patch) -> None:
    """The lowest byte is stepped and nothing is borrowed from the next one."""
    stepped_by(patch, lambda sequencer: sequencer & ~BYTE | (sequencer - 1) & BYTE)


def step_of_32_bits(patch: Patch) -> None:
    """The lower half is stepped in a register of its own."""
    stepped_by(patch, lambda sequencer: sequencer & ~HALF | (sequencer - 1) & HALF)


def step_that_keeps_the_sign(patch: Patch) -> None:
    """The step stops at the smallest number that is positive."""
    stepped_by(patch, lambda sequencer: max(sequencer - 1, SIGN))


# What is done now and then


def housekeeping(patch: Patch) -> None:
    """Before every 256th record both places are erased: tidier, and for a moment there is no record at all."""

    def write(chip: Chip, design: Design, place: int, data: bytes) -> Routine[bool]:
        if int.from_bytes(data[:8], "little") % 256 == 0:
            for region in chip.board.records:
                yield Erase(sector_at(chip, region))
        return (yield from record_writes.read_back(chip, design, place, data))

    patch.setitem(record_writes.WRITES, "read-back", write)


def nothing_kept_back(patch: Patch) -> None:
    """Nobody asks how many sequencers are left."""
    patch.setattr(store, "used_up", lambda _design, _selected: "")


# Checks


def sum_of_32_bits(patch: Patch) -> None:
    """A sum of all bytes guards the record, as wide as the CRC that it stands for."""
    patch.setitem(GUARDS, "crc32", lambda codec: Guarded(codec, lambda body: sum(body) % 2**32, 4))


def check_without_four_bytes(patch: Patch) -> None:
    """The check begins after four bytes of the sequencer, those that change."""
    patch.setitem(GUARDS, "crc32", lambda codec: Guarded(codec, lambda body: crc32(body[4:]), 4))


# Slots, which turn their roles


def second_slot_for_ever(patch: Patch) -> None:
    """Updates go to slot 1, on a device that has taken none yet."""
    patch.setitem(updater.TARGETS, "inactive", lambda _chip, _active: ((1,), mounted))


def way_back_is_the_first_slot(patch: Patch) -> None:
    """The way back is slot 0, where the factory put the first image."""
    staged = BootConfig.staged

    def wrong(config: BootConfig, slot: int, facts: SlotFacts, interval: int) -> BootConfig:
        return replace(staged(config, slot, facts, interval), previous=0)

    patch.setattr(BootConfig, "staged", wrong)


def first_facts_are_kept(patch: Patch) -> None:
    """What the record says of slot 0 is what the factory wrote."""
    staged = BootConfig.staged

    def wrong(config: BootConfig, slot: int, facts: SlotFacts, interval: int) -> BootConfig:
        record = staged(config, slot, facts, interval)
        return replace(record, slots=(config.slots[0], record.slots[1]))

    patch.setattr(BootConfig, "staged", wrong)


def first_sector_not_erased(patch: Patch) -> None:
    """The first sector of a slot is not erased, as nothing was ever written there when it left the factory."""

    def write(writer: RegionWriter, data: bytes) -> Routine[None]:
        geometry, slots = writer._chip.board.geometry, writer._chip.board.slots
        for program in geometry.pages(writer._next, data):
            first = program.address in [slot.app.address for slot in slots]
            if geometry.begins_sector(program.address) and not first:
                yield Erase(geometry.sector_at(program.address))
            yield program
        writer._next += len(data)

    patch.setattr(RegionWriter, "_write", write)


def erase_spared_by_the_first_page(patch: Patch) -> None:
    """A place whose first page reads blank is not erased, and what was written is not read back."""

    def write(chip: Chip, _design: Design, number: int, data: bytes) -> Routine[bool]:
        place = chip.board.records[number]
        size = chip.board.geometry.page_size
        if chip.read(place.address, size).strip(b"\xff"):
            yield Erase(sector_at(chip, place))
        yield from pages(place.address, data, size)
        return True

    patch.setitem(record_writes.WRITES, "read-back", write)


@dataclass(frozen=True)
class LifeMutant(Mutant):
    """A bug with the updates, and the boundary of the sequencer, that it takes to see it."""

    updates: int | str = 2
    near: str | None = None

    @property
    def name(self) -> str:
        """The bug, or the design that has it."""
        return super().name if isinstance(self.design, str) else self.design.name

    def setting(self) -> Scenario:
        """Return the device and all updates that it is offered."""
        return set_up(
            self.design, mini(), image=self.image, app_size=100, files={}, updates=self.updates,
            sequencer_near=self.near, used=self.used,
        )  # fmt: skip


HARDENED = load_design("hardened")
SIXTEEN = replace(HARDENED, name="sixteen bits", sequencer_bits=16, reserve=0)
ONE_LEFT = replace(HARDENED, name="one kept back", reserve=1)


def nothing(patch: Patch) -> None:
    """Plant no bug: the choice that is wrong is the design's."""


# The bug, its end, the phases of the cuts that it takes, and the device.
LIFE_MUTANTS = [
    LifeMutant(signed_bytes, "stuck", (), near="byte-sign"),
    LifeMutant(signed_number, "stuck", (), near="sign"),
    LifeMutant(low_32_bits, "stuck", (), near="half"),
    LifeMutant(low_byte, "stuck", (), near="byte"),
    LifeMutant(from_the_first_byte, "stuck", (), near="byte"),
    LifeMutant(step_without_a_borrow, "stuck", (), near="byte"),
    LifeMutant(step_of_32_bits, "stuck", (), near="half"),
    LifeMutant(step_that_keeps_the_sign, "not-updatable", (), near="sign"),
    LifeMutant(housekeeping, "bricked", ("switch",), near="byte"),
    LifeMutant(nothing_kept_back, "stuck", (), near="end", updates=4),
    LifeMutant(nothing, "stuck", (), design=SIXTEEN, near="end"),
    LifeMutant(nothing, "not-updatable", (), design=ONE_LEFT, near="end"),
    LifeMutant(second_slot_for_ever, "bricked", ("download",)),
    LifeMutant(way_back_is_the_first_slot, "stuck", (), image="crashes"),
    LifeMutant(first_facts_are_kept, "not-updatable", ()),
    LifeMutant(first_sector_not_erased, "not-updatable", ()),
    LifeMutant(check_without_four_bytes, "bricked", ("switch",), "zeroed-erase", used=True, updates=1),
    LifeMutant(erase_spared_by_the_first_page, "not-updatable", ("rollback",), "weak-erase", "hangs", updates=1),
]
# They do no harm: compared over half of all numbers is compared; and what a cut leaves of a record has another sum.
HARMLESS_IN_A_LIFE = [
    LifeMutant(distance_within_half, "", (), near="sign"),
    *(
        LifeMutant(sum_of_32_bits, "", (), faults, updates=1)
        for faults in ("torn-program", "torn-erase", "zeroed-erase", "weak-erase")
    ),
]

"""Flash that holds anything at all where records lie, and firmware that is switched on with it and asked for things.

Tests and `benchmarks/any_flash.py` have it in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any

from otalab.bench.scenario import Scenario, World
from otalab.bench.setup import board_for, set_up
from otalab.bench.trace import life, run
from otalab.firmware.catalogue import load_design
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.device import power_on
from otalab.firmware.outcome import Bricked, Hung, Outcome, Reset, Running
from otalab.firmware.requests import BootState, Keep, Lost, Offer, Options, Snapshot
from otalab.firmware.store import Family, families, places
from otalab.firmware.user_file import INTERVAL_FILE
from otalab.formats.filesystems.kinds import MOUNTS, mount
from otalab.formats.filesystems.scratch import FileSystemFault, Scratch
from otalab.formats.records.record import Codec, Record, SlotFacts
from otalab.hardware.board import Board
from otalab.hardware.effects import Ask
from otalab.hardware.flash import Flash, Mark

SLOTS = (0, 1, 2, 5, 15, 16, 127, 128, 255)
NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**64 - 2, 2**64 - 1)
INTERVALS = (b"", b"\x05", b"\x3c\0\0\0", b"\xff" * 4, b"\xff\xff\xff\x7f", b"\xff" * 200, bytes(4))
MOST_EFFECTS = 20_000  # of a power-on, or each page of the flash so often:
MOST_TIMES = 4


@dataclass(frozen=True)
class Ground:
    """A device, and chips that it may well be found with: as shipped, on trial, after an update."""

    scenario: Scenario
    chips: tuple[Flash, ...]

    @property
    def kept(self) -> tuple[Family, ...]:
        """The places of its records."""
        return families(self.scenario.device.board, self.scenario.device.design)


@cache
def ground(design: Design | str, board: Board | str, temper: str) -> Ground:
    """Return a device whose applications are small, so that a life of it takes milliseconds."""
    design = load_design(design) if isinstance(design, str) else design
    what = set_up(design, board_for(design, board), image=temper, app_size=500)
    trial = run(what).flash
    after = life(what).last.flash
    chips = (what.flash, trial, after)
    return Ground(what, (*chips, *(with_interval(what, chip, data) for chip in chips[1:] for data in INTERVALS)))


def with_interval(what: Scenario, flash: Flash, data: bytes) -> Flash:
    """Return a chip in whose file systems the file with the commit interval holds these bytes, where it can."""
    board = what.device.board
    if board.file_system not in MOUNTS:
        return flash
    for slot in board.slots:
        scratch = Scratch(flash.read(slot.fs.address, slot.fs.size), board.geometry.at(slot.fs.address).sector_size)
        with suppress(FileSystemFault):  # the other slot may well hold no file system
            mount(board.file_system, scratch).write(INTERVAL_FILE, data)
            flash = flash.patched(slot.fs.address, scratch.contents)
    return flash


def spoilt(chance: Random, one: Ground) -> Flash:
    """Return a chip with anything in its record places, and marks anywhere."""
    flash = chance.choice(one.chips)
    board, design = one.scenario.device.board, one.scenario.device.design
    for family in one.kept:
        sectors = family.sectors
        addresses = [board.geometry.start_of(sector) for sector in sectors]
        if family.size != family.codec.size:
            every = places(board, design)
            # Of a journal, those near its beginning, the first of its other area, and some other one.
            addresses = [*every[:2], every[-design.journal], chance.choice(every)]
        for address in addresses:
            data = anything(chance, family.codec, flash.read(address, family.codec.size))
            flash = flash.patched(address, data)
        for sector in sectors:
            flash = marked(chance, family, flash, sector)
    if chance.randrange(4) == 0:
        flash = marked(chance, one.kept[0], flash, chance.randrange(board.geometry.count))
    return flash


def marked(chance: Random, family: Family, flash: Flash, sector: int) -> Flash:
    """Return a chip on which a sector may be weak or unstable."""
    contents = flash.sectors[sector]
    kind = chance.randrange(6)
    if kind == 0:
        return flash.with_sector(sector, contents, Mark(sector, "weak"))
    if kind == 1:
        size = family.codec.size
        other = anything(chance, family.codec, contents[:size]) + contents[size:]
        if other != contents:
            return flash.with_sector(sector, contents, Mark(sector, "unstable", other))
    return flash


def anything(chance: Random, codec: Codec, old: bytes) -> bytes:
    """Return what may lie in the place of a record: what lay there, noise, a torn one, or one with odd fields."""
    match chance.randrange(8):
        case 0:
            return old
        case 1:
            return chance.choice((b"\xff", b"\0")) * codec.size
        case 2:
            return chance.randbytes(codec.size)
        case 3:
            new, cut = odd_record(chance, codec, old), chance.randrange(codec.size)
            return new[:cut] + chance.choice((old, b"\xff" * codec.size, bytes(codec.size)))[cut:]
        case 4 | 5:
            return odd_fields(chance, codec, odd_record(chance, codec, old))
        case _:
            return odd_record(chance, codec, old)


def odd_record(chance: Random, codec: Codec, old: bytes) -> bytes:
    """Return a record as firmware would write it, whatever of its configuration is odd."""
    found = codec.decode(old)
    if not isinstance(found, Record):
        return odd_fields(chance, codec, old)
    config = found.config
    odd: dict[str, Any] = {
        "active": chance.choice(SLOTS),
        "committed": chance.random() < 0.5,
        "previous": chance.choice((None, *SLOTS)),
        "previously_committed": chance.random() < 0.5,
        "tried": chance.choice((0, 1, 2, 200, 255)),
        "interval": chance.choice([n for n in NUMBERS if n < 2**32]),
        "first": chance.random() < 0.5,
        "merge": chance.random() < 0.5,
        "withdrawn": chance.random() < 0.2,
        "slots": (odd_facts(chance, config.slots[0]), odd_facts(chance, config.slots[1])),
    }
    assert odd.keys() == {field.name for field in fields(config)}
    names = chance.sample(sorted(odd), chance.randint(1, 3))
    sequencer = found.sequencer if chance.random() < 0.7 else chance.choice(NUMBERS) % (codec.counting.erased + 1)
    return codec.encode(Record(sequencer, replace(config, **{name: odd[name] for name in names})))


def odd_facts(chance: Random, facts: SlotFacts) -> SlotFacts:
    """Return what a record says of a slot, or something odd."""
    return chance.choice((facts, SlotFacts(chance.choice([n for n in NUMBERS if n < 2**32]), facts.crc32, "\udcff")))


def odd_fields(chance: Random, codec: Codec, data: bytes) -> bytes:
    """Return a record with one to three of its fields odd, behind a check that fits."""
    spoilt, ends = bytearray(data), list(accumulate(codec.fields))
    for number in (chance.randrange(len(ends)) for _ in range(chance.randint(1, 3))):
        size = codec.fields[number]
        odd = chance.choice(NUMBERS).to_bytes(8, "little")[:size].ljust(size, b"\0")
        spoilt[ends[number] - size : ends[number]] = chance.choice((odd, chance.randbytes(size), b"\xff" * size))
    return codec.sealed(bytes(spoilt)) if chance.random() < 0.8 else bytes(spoilt)


def outcomes(chance: Random, one: Ground, flash: Flash) -> Iterator[Outcome]:
    """Switch a device on a few times, and ask it for things; every power-on must come to an outcome."""
    for _ in range(4):
        chip = Controller(one.scenario.device.board, flash)
        chip.settle = lambda _mark: chance.randrange(2)
        outcome = switched_on(chance, one.scenario, chip)
        assert isinstance(outcome, (Running, Hung, Reset, Bricked))
        yield outcome
        flash = chip.flash


def switched_on(chance: Random, what: Scenario, chip: Controller) -> Outcome:
    """Run the firmware once, with a world that asks for up to three things."""
    offer, wanted = chance.choice((what, what.probing())), chance.randrange(4)
    routine, answer = power_on(chip, what.device), None
    geometry = chip.board.geometry
    for _ in range(max(MOST_EFFECTS, MOST_TIMES * geometry.size // geometry.at(0).page_size)):
        try:
            effect = routine.send(answer)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        chip.board.geometry.check(effect)
        answer = None
        if isinstance(effect, Ask):
            wanted -= effect.question == "request"
            answer = _answer(chance, offer, effect) if effect.question != "request" or wanted >= 0 else None
        else:
            chip.now += what.seconds(effect)
        chip.apply(effect)
    raise AssertionError("this power-on comes to no end")


def _answer(chance: Random, what: Scenario, ask: Ask) -> Any:
    """Return what the world says: as it would without chance, but that it asks for anything."""
    match ask.question:
        case "request":
            more = odd_state(chance), Snapshot(set_as_revert=True, commit_timeout=5), Keep("a", b"b")
            return chance.choice((Offer(), "commit", "revert", "reboot", *more))
        case "healthy":
            return chance.random() < 0.8
        case "options":
            return Options(chance.choice((0, 60, 2**31)))
        case "piece" if chance.randrange(50) == 0:
            return Lost("the line is gone")
        case _:
            return what.choices(World(), ask, 0.0)[0].answer


def odd_state(chance: Random) -> BootState:
    """Return a boot state that somebody may ask for."""
    return BootState(
        active_slot=chance.choice((None, *SLOTS)),
        committed=chance.choice((None, True, False)),
        revert_slot=chance.choice((None, *SLOTS)),
        commit_timeout=chance.choice((None, 0, 60, 2**32 - 1)),
    )

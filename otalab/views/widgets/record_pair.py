"""Two boot records to be broken by hand, and what the firmware makes of them.

Which one counts, and why, is asked of the record store; what happens then, of the boot loader.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import run
from otalab.errors import BadInput
from otalab.firmware import record_writes, store
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.designed import decision
from otalab.firmware.explain import Explanation, explain, start_words
from otalab.formats.records.record import Codec, Record
from otalab.hardware.board import load_board
from otalab.hardware.flash import ERASED, Flash
from otalab.views.base import SMALLEST


@cache
def lamp() -> tuple[Scenario, Flash]:
    """Return the device that the records are put into, and its flash right after the switch to a new image."""
    scenario = set_up("hardened", SMALLEST, app_size=3000)
    return scenario, run(scenario).flash


def formats() -> tuple[Design, ...]:
    """Return one design for each way in which the catalogue keeps records, and one with a check of 16 bits."""
    published = load_design("mongoose")  # at the head of the menu
    known = [design for design in map(load_design, designs()) if _fits_a_pair(design)]
    known.append(replace(load_design("hardened"), name="hardened-crc16", guard="crc16"))
    kept: dict[tuple[int, str, str], Design] = {}
    # Of several that keep them alike, the one with the shortest name stands for all: `esp32`, not `esp32-2017`.
    for design in sorted(known, key=lambda design: len(design.name)):
        kept.setdefault((design.records, design.record, design.guard), design)
    return tuple(sorted(kept.values(), key=lambda design: (design != published, design.name)))


def _fits_a_pair(design: Design) -> bool:
    """Say whether a design keeps one record in an area, and numbers it."""
    places = store.places(load_board(SMALLEST), design)
    return len(places) == design.records and "sequencer" in store.codec(design).names


@dataclass(frozen=True, slots=True)
class WrittenPlace:
    """The bytes of one place, and the record that they were meant to be, where that is known."""

    data: bytes
    meant: Record | None = None

    @classmethod
    def whole(cls, form: Codec, data: bytes) -> WrittenPlace:
        """Return a place that was written in one go."""
        record = form.decode(data)
        return cls(data, record if isinstance(record, Record) else None)

    def bytes_in(self, form: Codec) -> bytes:
        """Return as many bytes as the format has; those that are missing read erased."""
        return self.data[: form.size].ljust(form.size, bytes([ERASED]))

    def carried(self, old: Codec, new: Codec) -> WrittenPlace:
        """Return the same record in another format, torn at the same byte; bytes of unknown meaning stay."""
        data = self.bytes_in(old)
        if self.meant is None:
            return self
        # As far from the first one as it was, the way that the other format counts.
        steps = abs(self.meant.sequencer - old.counting.first)
        counted = (new.counting.first + new.counting.step * steps) % (1 << new.counting.bits)
        meant = replace(self.meant, sequencer=counted)
        whole, again = old.encode(self.meant), new.encode(meant)
        if data == whole:
            return WrittenPlace(again, meant)
        kept = next(n for n, (byte, other) in enumerate(zip(data, whole, strict=True)) if byte != other)
        return WrittenPlace(again[:kept].ljust(new.size, bytes([ERASED])), meant)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two places of a design; every move returns the pair as it is afterwards."""

    design: Design
    places: tuple[WrittenPlace, WrittenPlace]

    @classmethod
    def shipped(cls, design: Design) -> Pair:
        """Return the records of an update that has just switched: the old image in one, the new one in the other."""
        scenario, flash = lamp()
        form = store.codec(scenario.device.design)
        first, second = (
            WrittenPlace.whole(form, flash.read(record.address, form.size)).carried(form, store.codec(design))
            for record in scenario.device.board.records
        )
        return cls(design, (first, second))

    @property
    def form(self) -> Codec:
        return store.codec(self.design)

    def bytes_of(self, place: int) -> bytes:
        return self.places[place].bytes_in(self.form)

    def under(self, design: Design) -> Pair:
        """Keep the records as another design keeps them."""
        first, second = (place.carried(self.form, store.codec(design)) for place in self.places)
        return Pair(design, (first, second))

    def having(self, number: int, place: WrittenPlace) -> Pair:
        """Change one place."""
        return replace(self, places=(place, self.places[1]) if number == 0 else (self.places[0], place))

    def edited(self, place: int, field: str, value: bytes) -> Pair:
        """Give a field other bytes, and the record the check that belongs to it."""
        form, data = self.form, self.bytes_of(place)
        number = form.names.index(field)
        end = list(accumulate(form.fields))[number]
        data = data[: end - form.fields[number]] + value + data[end:]
        return self.having(place, WrittenPlace.whole(form, form.sealed(data)))

    def poked(self, place: int, offset: int, value: int) -> Pair:
        """Set one byte and leave the check alone, as whatever flips a bit does."""
        data = self.bytes_of(place)
        return self.having(place, WrittenPlace(data[:offset] + bytes([value]) + data[offset + 1 :]))

    def torn(self, place: int, kept: int) -> Pair:
        """Keep the first bytes and let the rest read erased, as a cut program does."""
        meant = self.places[place].meant
        whole = self.bytes_of(place) if meant is None else self.form.encode(meant)
        return self.having(place, WrittenPlace(whole[:kept].ljust(self.form.size, bytes([ERASED])), meant))

    def zeroed(self, place: int) -> Pair:
        """Set all bytes to zero, as some parts do on the way to erased."""
        return self.having(place, WrittenPlace(bytes(self.form.size)))

    def numbered(self, place: int, sequencer: int) -> Pair:
        """Give a record another sequencer; one that was torn is whole again."""
        meant = self.places[place].meant
        if meant is None:
            return self.edited(place, "sequencer", sequencer.to_bytes(self.form.counting.bits // 8, "little"))
        record = replace(meant, sequencer=sequencer)
        return self.having(place, WrittenPlace(self.form.encode(record), record))

    def equal(self) -> Pair:
        """Give the second record the sequencer of the first."""
        return self.numbered(1, int.from_bytes(self.bytes_of(0)[: self.form.counting.bits // 8], "little"))

    def near_zero(self) -> Pair:
        """Let the sequencers stand at the last but one and the last: the next one wraps around."""
        last = self._last()
        return self.numbered(0, last - self.form.counting.step).numbered(1, last)

    def wrapped(self) -> Pair:
        """Let the second record be one that was written after the first had come to the last sequencer, and beyond."""
        return self.numbered(0, self._last()).numbered(1, self.form.counting.first)

    def _last(self) -> int:
        counting = self.form.counting
        return 1 if counting.step < 0 else counting.erased - 1

    def swapped(self) -> Pair:
        """Let the two places change their contents."""
        return replace(self, places=self.places[::-1])

    def written(self) -> Pair:
        """Let the firmware write one more record, as it does for every change; the configuration stays what it is."""
        chip = self.chip()
        selected = store.select(chip, self.design)
        if selected is None:
            raise BadInput("nothing counts, so the firmware would not know what to write: make one record whole first")
        chip.carry_out(record_writes.write(chip, self.design, selected.config))
        data = (chip.flash.read(record.address, self.form.size) for record in chip.board.records)
        first, second = (
            place if contents == place.bytes_in(self.form) else WrittenPlace.whole(self.form, contents)
            for place, contents in zip(self.places, data, strict=True)
        )
        return replace(self, places=(first, second))

    def chip(self) -> Controller:
        """Return a chip of the lamp that holds these records."""
        scenario, flash = lamp()
        board = scenario.device.board
        for place, record in enumerate(board.records):
            sector = board.geometry.sector_at(record.address)
            blank = bytes([ERASED]) * board.geometry.size_of(sector)
            flash = flash.with_sector(sector, self.bytes_of(place) + blank[self.form.size :])
        return Controller(board, flash)

    def explain(self) -> Explanation:
        """Return which place counts, and why."""
        return explain(self.chip(), self.design)

    def start(self) -> str:
        """Return in a few words what the boot loader does at the next power-on."""
        return start_words(decision(self.chip(), self.design), self.chip().board)

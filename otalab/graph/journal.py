"""The classes of a journal's sectors: which contents no firmware of the lab can tell apart, whatever is cut.

An entry behind a check of 32 bits or more is *blank*; *whole*, and then told apart by its bytes; or *scrap*.  Firmware
reads scrap as nothing at all, so what it is matters only to a later program over it, which can turn ones to zeros and
nothing else.  Let the *completions* of scrap be those of the records ever programmed in its place whose zeros it does
not go beyond, whole or in all but their check.  A bit is a record's *own* if it is a zero of it and of no other record
that was programmed in its place.  The classes of scrap are its sets of completions, with the own bits that each lacks:

- A whole program of a record R makes R of it if R is among them, and else scrap.  (Two records in one place, of which
  one's zeros hold all of the other's, could break this: then bytes decide.)  Whether what was programmed reads back,
  with its check or without, which some writers ask, is the same question.
- A program that is cut leaves scrap, with those of its completions that what was programmed by then does not go beyond;
  a bit that puts one out is a zero of the program and a one of that completion, so it is still a one in all scrap of
  the class, and the same sets are left of all of it.
  The class names own bits one by one, so of them too the same are left.
- Or it leaves a record, whole at last.  R itself is what the finished program leaves.  Another completion may be
  finished by it where all of its own bits that are missing are programmed too (by another record's program, none is):
  it depends on which of the others are missing, so it is taken to be possible of all scrap of the class (`completed`,
  with probability 0).

So what is found safe is safe.  What is found unsafe is played on plain contents; should a history lean on a record that
was taken to be completed, or should any effect leave more than a torn program does (a torn erase spares some bytes of
an entry, a mark hides some), the search is made anew by bytes.
Where no entry is scrap, whole records may be renumbered as in any other place.
Counts and probabilities of the tears of scrap that is torn again are those of the first of its class.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import reduce
from operator import and_

from otalab.bench.trace import Step, sector_of
from otalab.faults.tear import Tear
from otalab.firmware.design import OWN
from otalab.firmware.device import Device
from otalab.firmware.store import Family
from otalab.formats.records.guard import STRONG
from otalab.formats.records.record import Codec, Record, may_move, renumbered
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import ERASED, Flash

COMPLETED = "completed-"
BLANK = "blank"

_Place = tuple[int, int]  # a sector, and which entry of it


class Journal:
    """The records that were ever programmed, by place, and what they make of contents."""

    def __init__(self, family: Family, boundary: int | None = None) -> None:
        self._codec: Codec = family.codec
        self.size, self.places, self._young = family.size, family.sectors, family.young
        self._boundary = boundary
        self._programmed: dict[_Place, dict[bytes, int]] = {}
        self._scrap: set[_Place] = set()
        self._known: dict[tuple[_Place, bytes], Hashable] = {}
        self._numbers: dict[tuple[bytes, ...], dict[bytes, Record]] = {}
        self._decodes: dict[bytes, tuple[bytes | None]] = {}
        self._blank = bytes([ERASED]) * self._codec.size
        self.stale = False
        # Whether an effect was seen that leaves more than a torn program does.
        self.by_bytes = False

    def learn(self, flash: Flash, steps: Iterable[Step]) -> None:
        """Take note of the records that a run programmed, whole or not: pieces of one are put together."""
        pieces: dict[_Place, bytes] = {}
        for step in steps:
            effect = step.effect
            if isinstance(effect, Program) and (sector := sector_of(effect, flash)) in self.places:
                at = flash.geometry.place_of(effect.address)[1]
                place, start = (sector, at // self._codec.size), at % self._codec.size
                whole = pieces.get(place, bytes([ERASED]) * self._codec.size)
                whole = whole[:start] + effect.data + whole[start + len(effect.data) :]
                pieces[place] = whole = whole[: self._codec.size]
                if isinstance(self._codec.decode(whole), Record):
                    self._note(place, whole)

    def _note(self, place: _Place, record: bytes) -> None:
        known = self._programmed.setdefault(place, {})
        if record in known:
            return
        number = int.from_bytes(record)
        if any(_within(number, other) or _within(other, number) for other in known.values()):
            self.decide_by_bytes()
        known[record] = number
        # Scrap that this record could complete was told apart by others alone.
        self.stale = self.stale or place in self._scrap

    def decide_by_bytes(self) -> None:
        """Take contents for what they are from now on."""
        self.stale = self.stale or not self.by_bytes
        self.by_bytes = True

    def noted(self, effect: Erase | Program, before: Flash, sector: int, tears: Iterable[Tear]) -> Iterator[Tear]:
        """Yield what a cut can leave, and take note of it; more than bits that were to be programmed is left to bytes.

        Last come the records that are taken to be completed, if there are any.
        """
        old, new = before.sectors[sector], before.after(effect).sectors[sector]
        start = effect.address % len(old) if isinstance(effect, Program) else 0
        end = start + (len(effect.data) if isinstance(effect, Program) else 0)
        most, least = int.from_bytes(old[start:end]), int.from_bytes(new[start:end])
        if before.mark_of(sector) is not None:
            self.decide_by_bytes()
        for tear in tears:
            if not self.by_bytes and (tear.mark is not None or tear.contents not in (old, new)):
                # There are tens of thousands of tears, and no bit of them may differ beside those few bytes.
                ones = int.from_bytes(tear.contents[start:end])
                same = tear.contents[:start] == old[:start] and tear.contents[end:] == old[end:]
                if tear.mark is not None or not (same and _within(ones, most) and _within(least, ones)):
                    self.decide_by_bytes()
            yield tear
        if isinstance(effect, Program) and not self.by_bytes:
            for label, contents in self._completed(effect, old, sector, effect.address % len(old)):
                yield Tear(label, contents, None, (0.0,) * len(tear.weights))

    def renew(self) -> None:
        """Forget every class, and keep the records."""
        self._scrap.clear()
        self._numbers.clear()
        self._known.clear()
        self.stale = False

    def key(self, flash: Flash, sector: int, *, raw: bool) -> Hashable:
        """Return the class of what a look at a sector finds; where no area holds scrap, its records are renumbered."""
        areas = tuple([flash.sectors[place] for place in self.places])
        numbers = self._numbers.get(areas)
        if numbers is None:
            numbers = self._numbers[areas] = {} if flash.marks or self.by_bytes else self._renumbered(areas)
        contents = flash.sectors[sector]
        if not numbers:
            return self.sector_class(sector, contents) if raw else self.read_class(contents)
        entries = tuple([numbers.get(entry, BLANK if raw else None) for entry in self._entries(contents)])
        return (entries, contents[self.size :]) if raw else entries

    def _renumbered(self, areas: Iterable[bytes]) -> dict[bytes, Record]:
        """Return every record with the number it has when all are moved together; none where they may not be."""
        entries = dict.fromkeys(entry for contents in areas for entry in self._entries(contents))
        records = {entry: self._codec.decode(entry) for entry in entries if entry.count(ERASED) < len(entry)}
        whole = [record for record in records.values() if isinstance(record, Record)]
        counting, stride = self._codec.counting, self._codec.stride
        fixed = not may_move(whole, counting, self._young, self._boundary)
        if fixed or not stride or len(whole) < len(records):
            return {}
        return dict(zip(records, renumbered(whole, counting, stride), strict=True))

    def read_class(self, contents: bytes) -> Hashable:
        """Return the class of a sector's contents for whoever reads its records, and does no more."""
        return contents if self.by_bytes else tuple([self._decoded(entry)[0] for entry in self._entries(contents)])

    def sector_class(self, sector: int, contents: bytes) -> Hashable:
        """Return the class of a sector's contents for whoever compares or programs its records too."""
        if self.by_bytes:
            return contents
        entries = enumerate(self._entries(contents))
        return tuple([self._entry_class((sector, number), entry) for number, entry in entries]), contents[self.size :]

    def _completed(self, effect: Program, contents: bytes, sector: int, at: int) -> Iterator[tuple[str, bytes]]:
        """Yield what a cut program may leave of other scrap of the class: another record, completed."""
        size = self._codec.size
        number, start = divmod(at, size)
        entry, data = contents[number * size : (number + 1) * size], effect.data[: size - start]
        if self._decoded(entry)[0] is not None or entry.count(ERASED) == size:
            return
        records, ones = self._programmed.get((sector, number), {}), int.from_bytes(entry)
        # Own bits that the effect does not program stay as they are: no cut of it completes that record.
        kept = int.from_bytes((b"\xff" * start + data).ljust(size, b"\xff"))
        lacks = {record: bits & kept for record, bits in _own_bits(ones, records).items()}
        missing = [record for record, its_ones in records.items() if _within(its_ones, ones) and not lacks[record]]
        own = [record for record in missing if record[start : start + len(data)] == data]
        for rank, record in enumerate(missing):
            both = zip(data, record[start:], strict=False)
            if [record] != own and any(~programmed & ~wanted & 0xFF for programmed, wanted in both):
                left = contents[: number * size] + record + contents[(number + 1) * size :]
                yield f"{COMPLETED}{rank}", left

    def _entries(self, contents: bytes) -> list[bytes]:
        """Return the entries up to the last one in which anything is programmed; the others are blank."""
        size = self._codec.size
        entries = [contents[start : start + size] for start in range(0, self.size, size)]
        while entries and entries[-1] == self._blank:
            entries.pop()
        return entries

    def _decoded(self, entry: bytes) -> tuple[bytes | None]:
        """Return an entry that decodes, or whose sequencer is looked at all the same; else nothing."""
        known = self._decodes.get(entry)
        if known is None:
            record = self._codec.decode(entry)
            known = self._decodes[entry] = (entry if record.sequencer is not None else None,)
        return known

    def _entry_class(self, place: _Place, entry: bytes) -> Hashable:
        known = self._known.get((place, entry))
        if known is None:
            known = self._known[place, entry] = self._told_apart(place, entry)
        return known

    def _told_apart(self, place: _Place, entry: bytes) -> Hashable:
        if self._decoded(entry)[0] is not None:
            return entry
        if entry.count(ERASED) == len(entry):
            return BLANK
        self._scrap.add(place)
        ones, check = int.from_bytes(entry), self._codec.guard_bits
        records = self._programmed.get(place, {})
        whole = frozenset(record for record, its_ones in records.items() if _within(its_ones, ones))
        body = frozenset(record for record, its_ones in records.items() if _within(its_ones >> check, ones >> check))
        lacks = _own_bits(ones, records)
        return whole, (body, frozenset((record, lacks[record]) for record in whole))


def is_journal(device: Device, family: Family) -> bool:
    """Say whether places hold several guarded records each, and nothing but the lab's own functions looks at them."""
    design = device.firmware.design
    if design is None or family.codec.guard_bits < STRONG or family.size == family.codec.size:
        return False
    return not any(getattr(design, choice) in names for choice, names in OWN.items())


def _own_bits(ones: int, records: Mapping[bytes, int]) -> dict[bytes, int]:
    """Return for each record which of its own bits are still ones: zeros of it, and of no other record."""
    if len(records) == 1:
        return dict.fromkeys(records, 0)  # there is no other one that could complete it
    return {
        record: reduce(and_, (other for name, other in records.items() if name != record), ones & ~its_ones)
        for record, its_ones in records.items()
    }


def _within(ones: int, others: int) -> bool:
    """Say whether a program could make these contents of others: it turns ones to zeros, and nothing else."""
    return not ones & ~others

"""Identity: which contents of a sector no firmware can tell apart.

Outside the record places that is a sector's bytes and its mark; of code, the bytes that it was seen to look at.
In a record place it is what the codec makes of the bytes, now and after whatever a cut erase can still do to them:

- Bytes that decode are told apart by their bytes.
- Bytes that a guard of 32 bits or more refuses are one class, *scrap*, except those that an erase cut short could
  turn back into a record that was really written: they differ from it only in a stretch of zeros or ones at its
  beginning or end.  What an erase leaves of scrap is scrap again: a front that moves in from one end cannot get past
  a byte that is neither 00 nor ff without spoiling it, and what lies before such a byte was of that stretch already.
- Bytes without a guard, or behind a shorter one, are themselves.
- The blocks of a littlefs's root directory, where nobody but littlefs looks: `directories` has their classes.
- The sectors of a journal hold many records each: `journal` has their classes, where they are asked for.

The check of an ESP-IDF entry covers its sequencer alone, and that is enough: the two stand at its ends, so no stretch
of zeros or ones reaches the state between them before one of the two is spoilt (of all sequencers only 0, which no
entry has, or one whose check is all zeros or ones could be passed unspoilt), and entries that decode alike stay alike.
So is an entry that its state refuses: it decodes to nothing now, and to nothing whatever an erase makes of it.
What every passage through zeros can leave, an entry with sequencer 0 and an erased check, is of `passages`.
A program can write sequencer and check and leave the state; what that leaves decodes, and is told apart by its bytes.
The CC3200's records behind a check are not renumbered (stride 0): its tombstone has a sequencer that may not move.

All this holds where firmware looks at a record through the codec only.
Where a run looks at the bytes, or programs over them, bytes that do not decode are themselves.

Whole guarded records may be renumbered: firmware compares two sequencers and steps one, so shifting both by the same
amount changes nothing that it does; torn bytes stay as they are, and where there are any, or an unstable place that
may read as another record the next time, nothing is renumbered.
Nor is it while a sequencer is young: where small ones decide more than which record is newer; or near a boundary that
the device was set up at, for what is asked there is whether arithmetic holds.
Where no cut tears a record, those that nothing guards may be renumbered as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping

from otalab.bench.trace import Step, sector_of
from otalab.faults.tear import Tear
from otalab.firmware.device import Device
from otalab.firmware.store import Family
from otalab.formats.records.guard import STRONG
from otalab.formats.records.record import Record, may_move, renumbered
from otalab.graph.directories import Directory
from otalab.graph.journal import Journal, is_journal
from otalab.graph.passages import Passages, as_read, core
from otalab.graph.stretches import Stretches
from otalab.hardware.chip import Look
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash, Mark, hidden_by

SCRAP = "scrap"


class Identity:
    """Names the classes of sector contents for one device."""

    def __init__(
        self, device: Device, *, verdict_only: bool = False, by_stretches: bool = False, untorn: bool = False,
        boundary: int | None = None,
    ) -> None:  # fmt: skip
        # The lab's own firmware reads whole sectors, or records through a codec.
        self.stretches = Stretches(known=by_stretches and device.firmware.design is None)
        apart = [verdict_only and is_journal(device, family) for family in device.families]
        self._kinds = [
            _Kind(family, verdict_only=verdict_only, untorn=untorn, boundary=boundary)
            for family, other in zip(device.families, apart, strict=True)
            if not other
        ]
        self._journals = [
            Journal(family, boundary) for family, other in zip(device.families, apart, strict=True) if other
        ]
        self._directory = Directory(device.board)
        self._every: tuple[_Kind | Journal | Directory, ...] = (*self._kinds, *self._journals, self._directory)
        self._of = {sector: kind for kind in self._kinds for sector in kind.places}
        self._journal_of = {sector: journal for journal in self._journals for sector in journal.places}
        self._special = {*self._of, *self._journal_of, *self._directory.sectors}

    def __contains__(self, sector: int | None) -> bool:
        """Say whether a sector holds boot records."""
        return sector in self._of or sector in self._journal_of

    @property
    def stale(self) -> bool:
        """Whether something that was learnt makes classes wrong that were given away before."""
        return self.stretches.stale or any(kind.stale for kind in self._every)

    def minds(self, step: Step) -> bool:
        """Say whether an effect may teach something: an erase or a program of a record place, or of a directory."""
        sector = sector_of(step.effect, step.before)
        return sector in self or sector in self._directory.sectors

    def learn(self, flash: Flash, steps: Iterable[Step]) -> None:
        """Take note of records that a run found or wrote; `steps` are all that it minds, or more."""
        steps = list(steps)
        for kind in self._every:
            kind.learn(flash, steps)

    def renew(self) -> None:
        """Forget every class, and keep the records: a search that used classes that were wrong starts anew."""
        self.stretches.renew()
        for kind in self._every:
            kind.renew()

    def key(self, flash: Flash, look: Look) -> Hashable:
        """Return the class of what a look finds: the bytes, or what the record codec makes of them; marks included."""
        sector, raw = look
        if sector not in self._special and not flash.marks:  # first: nearly every look of a run is at such a sector
            return self.stretches.of(sector, flash.sectors[sector])
        kind = self._of.get(sector)
        known = kind.key(flash, sector, raw=raw) if kind else None
        if known is not None:
            return known
        contents = flash.sectors[sector]
        if journal := self._journal_of.get(sector):
            kept = journal.key(flash, sector, raw=raw)
            return (kept, hidden_by(flash.mark_of(sector), contents)) if flash.marks else kept
        if not raw and sector in self._directory.sectors:
            shown: Hashable = self._directory.read_class(contents)
        else:
            shown = contents if kind else self.stretches.of(sector, contents)
        return (shown, hidden_by(flash.mark_of(sector), contents)) if flash.marks else shown

    def raw_class(self, sector: int, contents: bytes, mark: Mark | None) -> Hashable:
        """Return the class of what a tear leaves where the bytes themselves will be looked at."""
        journal = self._journal_of.get(sector)
        kept = journal.sector_class(sector, contents) if journal else self._seen(sector, contents)
        return kept, hidden_by(mark, contents) if mark else None

    def records(self, flash: Flash, sector: int) -> tuple[bytes, ...]:
        """Return the records that decide, with the contents of a record place, what an erase of it can leave."""
        kind = self._of.get(sector)
        return kind.records(flash) if kind else ()

    def law(self, sector: int) -> Hashable:
        """Return what the classes of a record place follow from besides bytes; `None` where more than that decides."""
        kind = self._of.get(sector)
        return kind.law() if kind else None

    def size(self, sector: int) -> int:
        """Return how many bytes of a place decide its class; 0 of one that has no record."""
        kind = self._of.get(sector)
        return kind.size if kind else 0

    def take_over(self, sector: int, scrap: bytes, others: Mapping[bytes, Hashable]) -> None:
        """Take over what another search called bytes of a place: all scrap in a row, and others with their classes."""
        self._of[sector].take_over(scrap, others)

    def contents_class(self, sector: int, contents: bytes, mark: Mark | None) -> tuple[Hashable, Hashable]:
        """Return the class of what a tear leaves in one sector, whatever lies in the others."""
        hidden, kind = hidden_by(mark, contents) if mark else None, self._of.get(sector)
        if journal := self._journal_of.get(sector):
            return journal.read_class(contents), hidden
        if sector in self._directory.sectors:
            return self._directory.read_class(contents), hidden
        return (kind.record_class(contents[: kind.size]) if kind else self._seen(sector, contents)), hidden

    def _seen(self, sector: int, contents: bytes) -> Hashable:
        return contents if sector in self._of else self.stretches.of(sector, contents)

    def noted(self, effect: Erase | Program, before: Flash, sector: int, tears: Iterable[Tear]) -> Iterable[Tear]:
        """Return what a cut can leave, and what is taken to be possible for the sake of others of the same class."""
        if journal := self._journal_of.get(sector):
            return journal.noted(effect, before, sector, tears)
        kind = self._of.get(sector)
        return kind.noted(tears) if kind and isinstance(effect, Erase) else tears


class _Kind:
    """The classes of one family of places, which are looked at through one codec."""

    def __init__(self, family: Family, *, verdict_only: bool, untorn: bool, boundary: int | None) -> None:
        self._codec = family.codec
        self.size, self.places, self.young = family.size, family.sectors, family.young
        # A journal that is not told apart by its entries has many records in a sector; its bytes are themselves.
        self._strong = family.codec.guard_bits >= STRONG and family.size == family.codec.size
        # Where no cut tears a record, one without a guard is whole as well.
        self._counted = self._strong or (untorn and family.size == family.codec.size)
        self._boundary = boundary
        self._records: set[bytes] = set()
        self._cores: dict[bytes, tuple[int, int, bytes]] = {}
        self._passages = Passages(family.codec) if verdict_only and self._strong else None
        self._classes: dict[bytes, Hashable] = {}
        self.stale = False
        self._keys: dict[tuple[object, ...], tuple[Hashable, ...]] = {}
        self._last: tuple[Flash | None, tuple[Hashable, ...]] = None, ()

    def learn(self, flash: Flash, steps: Iterable[Step]) -> None:
        """Take note of records that a run found or wrote."""
        if not self._strong:
            return  # nothing is called scrap, so nothing can be almost a record
        records = {flash.sectors[place][: self.size] for place in self.places}
        for step in steps:
            if isinstance(step.effect, Program) and (sector := sector_of(step.effect, flash)) in self.places:
                records.add(step.before.after(step.effect).sectors[sector][: self.size])
        for data in records - self._records:
            if isinstance(record := self._codec.decode(data), Record):
                self._records.add(data)
                self._learn_record(as_read(self._codec, data), record)

    def _learn_record(self, data: bytes, record: Record) -> None:
        start, end = core(data)
        if self._passages and start == end:
            if self._passages.learn(data, record):
                self._cores = {other: core for other, core in self._cores.items() if not self._passages.is_near(other)}
                self.stale = self.stale or bool(self._classes)
        elif not (self._passages and self._passages.is_near(data)):
            self._cores[data] = start, end, data[start:end]
            # Bytes that were called scrap before this record was known may be almost this record.
            others = (as_read(self._codec, old) for old, kind in self._classes.items() if not isinstance(kind, bytes))
            if any(old[start:end] == data[start:end] for old in others):
                self.stale = True

    def noted(self, tears: Iterable[Tear]) -> Iterator[Tear]:
        """Yield what a cut erase can leave, and see whether it leaves every record that a passage through zeros can."""
        lefts = set()
        for tear in tears:
            if self._passages:
                lefts.add(as_read(self._codec, tear.contents[: self.size]))
            yield tear
        if self._passages and not self._passages.are_left(lefts):
            self._passages, self.stale = None, True
            for data in self._records:
                self._cores[as_read(self._codec, data)] = (*(span := core(data)), data[slice(*span)])

    def take_over(self, scrap: bytes, others: Mapping[bytes, Hashable]) -> None:
        """Take over what another search called bytes: all scrap in a row, and others with their classes."""
        for at in range(0, len(scrap), self.size):
            self._classes.setdefault(scrap[at : at + self.size], SCRAP)
        for data, kind in others.items():
            self._classes.setdefault(data, kind)

    def law(self) -> Hashable:
        """Return the format and the records that tears may be almost; `None` where passed records decide as well."""
        passed = self._passages and self._passages.met
        return None if passed else (self._codec, self.size, frozenset(self._cores.items()))

    def renew(self) -> None:
        """Forget every class, and keep the records."""
        self._classes.clear()
        self._keys.clear()
        self._last = None, ()
        self.stale = False

    def key(self, flash: Flash, sector: int, *, raw: bool) -> Hashable:
        """Return the class of what a look at a place finds, or `None` where its bytes are looked at and decide."""
        decoded = self._record_keys(flash)[self.places.index(sector)]
        if not raw:
            return decoded
        contents = flash.sectors[sector]
        if self.record_class(contents[: self.size]) == contents[: self.size]:
            # A whole record holds nothing but what it decodes to; its sequencer is only compared and stepped.
            return decoded, contents[self.size :]
        return None

    def records(self, flash: Flash) -> tuple[bytes, ...]:
        """Return the records that decide what an erase of one can leave; none where a strong check guards them."""
        return () if self._strong else tuple(flash.sectors[place][: self.size] for place in self.places)

    def _record_keys(self, flash: Flash) -> tuple[Hashable, ...]:
        if self._last[0] is flash:  # a run looks at every place of a family, most of them twice
            return self._last[1]
        contents = tuple([flash.sectors[place] for place in self.places])
        marks = tuple([flash.mark_of(place) for place in self.places]) if flash.marks else ()
        known = self._keys.get((contents, marks))
        if known is None:
            classes = [self.record_class(sector[: self.size]) for sector in contents]
            hidden = [hidden_by(mark, sector) for mark, sector in zip(marks, contents, strict=True)] if marks else []
            # An unstable place may yet read as a record with the sequencer that it was given, so others keep theirs.
            fixed = any(mark is not None and mark.kind == "unstable" for mark in marks)
            keys = classes if fixed else self._renumbered(classes)
            known = tuple(zip(keys, hidden, strict=True)) if marks else tuple(keys)
            self._keys[contents, marks] = known
        self._last = flash, known
        return known

    def _renumbered(self, classes: list[Hashable]) -> list[Hashable]:
        counting, stride = self._codec.counting, self._codec.stride
        known = [data for data in classes if isinstance(data, bytes) and self._counted]
        records = {data: record for data in known if isinstance(record := self._codec.decode(data), Record)}
        torn = any(kind != SCRAP and not isinstance(kind, bytes) for kind in classes)
        fixed = not may_move([*records.values()], counting, self.young, self._boundary)
        if torn or fixed or not stride:
            return classes
        numbers = dict(zip(records, renumbered([*records.values()], counting, stride), strict=True))
        return [numbers.get(kind, kind) if isinstance(kind, bytes) else kind for kind in classes]

    def record_class(self, data: bytes) -> Hashable:
        """Return the class of the bytes of a record."""
        known = self._classes.get(data)
        if known is None:
            known = self._classes[data] = self._told_apart(as_read(self._codec, data)) if self._strong else data
        return known

    def _told_apart(self, data: bytes) -> Hashable:
        if isinstance(record := self._codec.decode(data), Record):
            return (self._passages and self._passages.record_class(data, record)) or data
        if any(data.startswith(core, start) for start, _, core in self._cores.values()):
            return "almost", data
        return (self._passages and self._passages.scrap_class(data)) or SCRAP

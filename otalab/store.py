"""The boot record store: which record counts, and where the next one goes.

Of two valid records the one with the smaller sequencer is the newer.
The next record always goes to the place that is *not* selected: until it is whole, the selected one still counts.
A design with one record has no such place: from the erase to the end of the program, nothing counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otalab.board import Region
from otalab.chip import Chip
from otalab.design import Design
from otalab.effects import Erase, Routine, pages
from otalab.flash import ERASED
from otalab.record import GUARDS, RECORDS, BootConfig, Codec, Invalid, Record, counted

TRIES = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """The record that counts, and the place it was read from."""

    place: int
    record: Record

    @property
    def config(self) -> BootConfig:
        return self.record.config


@dataclass(frozen=True, slots=True)
class Explanation:
    """Which place counts, why, in one sentence, and what the store makes of each place."""

    selected: int | None
    reason: str
    places: tuple[str, ...]


def codec(design: Design) -> Codec:
    """Return the record format of a design."""
    return GUARDS[design.guard](RECORDS[design.record])


def read(chip: Chip, design: Design) -> list[Record | Invalid]:
    """Return what each place of the design holds."""
    form = codec(design)
    return [form.decode(chip.read_record(place.address, form.size)) for place in chip.board.records[: design.records]]


def select(chip: Chip, design: Design) -> Selection | None:
    """Return the newest valid record; of two with the same sequencer, the first."""
    found = [Selection(n, record) for n, record in enumerate(read(chip, design)) if isinstance(record, Record)]
    return min(found, key=lambda selection: selection.record.sequencer, default=None)


def explain(chip: Chip, design: Design) -> Explanation:
    """Say in words what `read` and `select` found: it is decided there, and only told here."""
    found, selected = read(chip, design), select(chip, design)
    tails = [_tail(chip, design, place, record) for place, record in enumerate(found)]
    places = tuple(_told(place, record, selected) + tails[place] for place, record in enumerate(found))
    if selected is None:
        said = "; ".join(f"record {place} is {words}" for place, words in enumerate(places))
        return Explanation(None, f"Nothing counts: {said}.", places)
    chosen = selected.place
    others = [_against(selected, place, record, tails[place]) for place, record in enumerate(found) if place != chosen]
    why = "; ".join(others) or "the design has no other"
    return Explanation(chosen, f"Record {chosen} counts: {why}{tails[chosen]}.", places)


def write(chip: Chip, design: Design, config: BootConfig) -> Routine[bool]:
    """Make `config` the newest record; return whether it is known to have gone in."""
    selected = select(chip, design)
    if selected is None:
        return False
    # Before the other place is erased: from then on this record stands alone, and one that an interrupted
    # program left weak may read well now and be gone at the next power-on.
    yield from REFRESHES[design.refresh](chip, design, selected)
    place, record = next_place(design, selected), selected.record.followed_by(config)
    chip.say(f"Writing boot record {place}: sequencer {record.sequencer}, {config.summary}")
    written = yield from WRITES[design.write](chip, chip.board.records[place], codec(design).encode(record))
    if not written:
        chip.say(f"Boot record {place} could not be written")
    return written


def make_ready(chip: Chip, design: Design) -> Routine[None]:
    """Do to the records what must be done before a slot is written."""
    selected = select(chip, design)
    if selected is None:
        return
    # In this order: once the other record is erased, the selected one stands alone.
    yield from REFRESHES[design.refresh](chip, design, selected)
    yield from CLEARS[design.clear](chip, design, selected)


def next_place(design: Design, selected: Selection) -> int:
    """Return the place of the next record: the one that is not selected, where there are two."""
    return (selected.place + 1) % design.records


def untouched(chip: Chip, design: Design, selected: Selection) -> Routine[None]:
    """Leave the records as they are."""
    return
    yield


def over_itself(chip: Chip, design: Design, selected: Selection) -> Routine[None]:
    """Program the selected record over itself: no bit changes, and one that was programmed by half is now whole."""
    place = chip.board.records[selected.place]
    chip.say(f"Programming boot record {selected.place} over itself")
    yield from _program(chip, place, chip.read(place.address, codec(design).size))


def cleared(chip: Chip, design: Design, selected: Selection) -> Routine[None]:
    """Erase the record that does not count: it speaks of an image that will soon be overwritten."""
    place = next_place(design, selected)
    chip.say(f"Erasing boot record {place}")
    yield Erase(chip.board.records[place].address // chip.board.geometry.sector_size)


def once(chip: Chip, place: Region, data: bytes) -> Routine[bool]:
    """Erase and program, and believe that it worked."""
    # The erase comes first and the sequencer in the first bytes of the program: whatever is cut here,
    # an erased place is older than the record that still stands in the other one, where there is another one.
    yield from _put(chip, place, data)
    return True


def read_back(chip: Chip, place: Region, data: bytes) -> Routine[bool]:
    """Erase, program and read back, at most three times; always erase: what looks blank need not be."""
    # All tries write what was worked out before the first one: where there is one place,
    # its erase leaves no record that a later try could start from.
    for _ in range(TRIES):
        yield from _put(chip, place, data)
        if chip.read(place.address, len(data)) == data:
            return True
    return False


Care = Callable[[Chip, Design, Selection], Routine[None]]
REFRESHES: dict[str, Care] = {"none": untouched, "selected": over_itself}
CLEARS: dict[str, Care] = {"none": untouched, "before-slot": cleared}
WRITES: dict[str, Callable[[Chip, Region, bytes], Routine[bool]]] = {"once": once, "read-back": read_back}


def _put(chip: Chip, place: Region, data: bytes) -> Routine[None]:
    yield Erase(place.address // chip.board.geometry.sector_size)
    yield from _program(chip, place, data)


def _program(chip: Chip, place: Region, data: bytes) -> Routine[None]:
    geometry = chip.board.geometry
    padding = bytes([ERASED]) * (-len(data) % geometry.program_unit)
    yield from pages(place.address, data + padding, geometry.page_size)


def _told(place: int, record: Record | Invalid, selected: Selection | None) -> str:
    if isinstance(record, Invalid):
        return f"no record, {record.reason}"
    counts = "counts" if selected is not None and place == selected.place else "does not count"
    return f"{counts}: sequencer {counted(record.sequencer)}, {record.config.summary}"


def _against(selected: Selection, place: int, record: Record | Invalid, tail: str) -> str:
    """Say how the selected record compares with another one; the comparison is made afresh, not taken for granted."""
    if isinstance(record, Invalid):
        return f"record {place} is no record, {record.reason}{tail}"
    own, other = selected.record.sequencer, record.sequencer
    if own == other:
        return f"both sequencers are {counted(own)}, and it comes {'first' if selected.place < place else 'last'}"
    than = "smaller than" if own < other else "larger than"
    return f"its sequencer {counted(own)} is {than} {counted(other)}, so it is taken for the newer one"


def _tail(chip: Chip, design: Design, place: int, record: Record | Invalid) -> str:
    """Say how much of a place reads erased at its end, as a torn program leaves it, unless a guard vouches for it."""
    form = codec(design)
    data = chip.read_record(chip.board.records[place].address, form.size)
    erased = form.size - len(data.rstrip(bytes([ERASED])))
    if not 0 < erased < form.size or (form.guard_bits and isinstance(record, Record)):
        return ""
    if isinstance(record, Invalid):
        return f", and its last {erased} of {form.size} bytes read erased"
    return f", though its last {erased} of {form.size} bytes read erased: nothing guards them"

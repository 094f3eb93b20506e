"""The boot record store: which record counts, and where the next one goes.

In the published design the valid record with the smaller sequencer is the newer, and the next one always goes to the
place that is *not* selected: until it is whole, the selected one still counts.
Other designs have one place, write in their own place, or append to a journal; each of their rules has a name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from otalab.firmware.design import Design
from otalab.firmware.update_state import read_state, write_state
from otalab.formats.records.catalogue import GUARDS, KEEPERS, RECORDS
from otalab.formats.records.nvs import UPDATE_STATE
from otalab.formats.records.record import BootConfig, Codec, Counting, Invalid, Record, counted
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Routine, pages
from otalab.hardware.flash import ERASED

TRIES = 3
Found = Sequence[Record | Invalid]
# What a record is written for: a new image, a start that is counted, a commit, a way back, or something else.
Move = Literal["stage", "try", "commit", "revert", "other"]


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


@dataclass(frozen=True, slots=True)
class Family:
    """Places whose contents are looked at through one codec: its sectors, and how many bytes of each it looks at."""

    codec: Codec
    sectors: tuple[int, ...]
    size: int


@cache
def codec(design: Design) -> Codec:
    """Return the record format of a design."""
    counting = Counting(-1 if design.sequencer == "decreasing" else 1, design.sequencer_bits)
    return KEEPERS[design.store](GUARDS[design.guard](RECORDS[design.record](counting)))


def places(board: Board, design: Design) -> list[int]:
    """Return the address of every place that a record may have, in the order in which they are read."""
    areas, size = board.records[: design.records], codec(design).size
    return [area.address + number * size for area in areas for number in range(design.journal)]


def families(board: Board, design: Design) -> tuple[Family, ...]:
    """Return the boot records, and the update state where the design has one."""
    form = codec(design)
    areas = tuple(board.sectors_of(area).start for area in board.records[: design.records])
    records = Family(form, areas, form.size * design.journal)
    if design.state == "none":
        return (records,)
    states = tuple(board.sectors_of(area).start for area in board.state)
    return records, Family(UPDATE_STATE, states, UPDATE_STATE.size)


def read(chip: Chip, design: Design) -> list[Record | Invalid]:
    """Return what each place of the design holds."""
    form = codec(design)
    return [form.decode(chip.read_record(address, form.size)) for address in places(chip.board, design)]


def select(chip: Chip, design: Design) -> Selection | None:
    """Return the record that the boot loader takes, if there is one that it can use."""
    found = read(chip, design)
    place = taken(design, found)
    record = None if place is None else found[place]
    return Selection(place, record) if place is not None and isinstance(record, Record) else None


def taken(design: Design, found: Found) -> int | None:
    """Return the place that the design's rule takes; there may be nothing usable in it."""
    return (newest if design.journal == 1 else scanned)(design, found)


def newest(design: Design, found: Found) -> int | None:
    """Take the newest of all sequencers; of two that are the same, the first or the last."""
    ages = _ages(design, found)
    order = range(len(ages)) if design.tie == "first" else reversed(range(len(ages)))
    known = [(age, place) for place in order if (age := ages[place]) is not None]
    return min(known, key=lambda one: one[0])[1] if known else None


def scanned(design: Design, found: Found) -> int | None:
    """Read each area up to the first place that is no record, or none newer than all before it; take the last."""
    ages = _ages(design, found)
    best: int | None = None
    for start in range(0, len(found), design.journal):
        for place in range(start, start + design.journal):
            age, former = ages[place], None if best is None else ages[best]
            if age is None or (former is not None and age >= former):
                break
            best = place
    return best


def current(chip: Chip, design: Design) -> Selection | None:
    """Return the record as the running image has it: what it holds in RAM counts more than what flash says by now."""
    held: Selection | None = chip.held
    if held is not None:
        return held
    selected = select(chip, design)
    if selected is None or design.state == "none":
        return selected
    return replace(selected, record=replace(selected.record, config=read_state(chip)))


def explain(chip: Chip, design: Design) -> Explanation:
    """Say in words what `read` and `select` found: it is decided there, and only told here."""
    found, selected = read(chip, design), select(chip, design)
    tails = [_tail(chip, design, place, record) for place, record in enumerate(found)]
    told = tuple(_told(place, record, selected) + tails[place] for place, record in enumerate(found))
    if selected is None:
        return Explanation(None, f"Nothing counts: {_why_nothing(design, found, told)}.", told)
    chosen = selected.place
    if design.journal > 1:
        return Explanation(chosen, f"Record {chosen} counts: it is the last one that the journal leads to.", told)
    others = [
        _against(design, selected, place, record, tails[place]) for place, record in enumerate(found) if place != chosen
    ]
    why = "; ".join(others) or "the design has no other"
    return Explanation(chosen, f"Record {chosen} counts: {why}{tails[chosen]}.", told)


def write(chip: Chip, design: Design, config: BootConfig, move: Move = "other") -> Routine[bool]:
    """Make `config` the newest record; return whether it is known to have gone in."""
    return (yield from STATES[design.state](chip, design, config, move))


def write_record(chip: Chip, design: Design, config: BootConfig, move: Move) -> Routine[bool]:
    """Write a boot record, where the design puts it."""
    selected = select(chip, design) or chip.held
    if selected is None:
        return False
    # Before the other place is erased: from then on this record stands alone, and one that an interrupted
    # program left weak may read well now and be gone at the next power-on.
    yield from REFRESHES[design.refresh](chip, design, selected)
    place, record = PLACINGS[design.placing](chip, design, config, move)
    chip.say(f"Writing boot record {place}: sequencer {record.sequencer}, {record.config.summary}")
    written = yield from WRITES[design.write](chip, design, place, codec(design).encode(record))
    if not written:
        chip.say(f"Boot record {place} could not be written")
    return written


def write_both(chip: Chip, design: Design, config: BootConfig, move: Move) -> Routine[bool]:
    """Write the update state, then the boot record: two stores, and a cut between the two leaves them at odds."""
    if move == "commit":
        # The state goes on naming the slot that the update came from; it only no longer says that this one is new.
        own = current(chip, design)
        config = replace(config, previous=own.config.previous if own else None)
    yield from write_state(chip, config)
    selected = select(chip, design)
    if selected is not None and selected.config.active == config.active:
        return True  # ESP-IDF writes nothing for the slot that is set already
    return (yield from write_record(chip, design, config, move))


def make_ready(chip: Chip, design: Design) -> Routine[None]:
    """Do to the records what must be done before a slot is written."""
    selected = select(chip, design)
    if selected is None:
        return
    # In this order: once the other record is erased, the selected one stands alone.
    yield from REFRESHES[design.refresh](chip, design, selected)
    yield from CLEARS[design.clear](chip, design, selected)


def make_default(chip: Chip, design: Design, config: BootConfig) -> Routine[None]:
    """Erase all records and write the first one anew."""
    for area in chip.board.records[: design.records]:
        yield Erase(area.address // chip.board.geometry.sector_size)
    form = codec(design)
    yield from _program(chip, design, places(chip.board, design)[0], form.encode(Record(form.counting.first, config)))


def next_place(design: Design, selected: Selection) -> int:
    """Return the place of the next record: the one that is not selected, where there are two."""
    return (selected.place + 1) % (design.records * design.journal)


def beside(chip: Chip, design: Design, config: BootConfig, move: Move) -> tuple[int, Record]:
    """Put every record into the place that is not selected, or into the next one of a journal."""
    selected = select(chip, design) or chip.held
    return next_place(design, selected), codec(design).follow(selected.record, config)


def in_its_own_place(chip: Chip, design: Design, config: BootConfig, move: Move) -> tuple[int, Record]:
    """Put a new image's record into the other place; whatever becomes of it is written over itself."""
    own = current(chip, design)
    if own is None or move in ("stage", "other"):
        return beside(chip, design, config, move)
    # Going back is not a new record, it is the end of this one: then the other counts again.
    config = replace(own.config, withdrawn=True) if move == "revert" else config
    return own.place, replace(own.record, config=config)


def untouched(chip: Chip, design: Design, selected: Selection) -> Routine[None]:
    """Leave the records as they are."""
    return
    yield


def over_itself(chip: Chip, design: Design, selected: Selection) -> Routine[None]:
    """Program the selected record over itself: no bit changes, and one that was programmed by half is now whole."""
    address = places(chip.board, design)[selected.place]
    chip.say(f"Programming boot record {selected.place} over itself")
    yield from _program(chip, design, address, chip.read(address, codec(design).size))


def cleared(chip: Chip, design: Design, selected: Selection) -> Routine[None]:
    """Erase the record that does not count: it speaks of an image that will soon be overwritten."""
    place = next_place(design, selected)
    chip.say(f"Erasing boot record {place}")
    yield Erase(places(chip.board, design)[place] // chip.board.geometry.sector_size)


def once(chip: Chip, design: Design, place: int, data: bytes) -> Routine[bool]:
    """Erase and program, and believe that it worked."""
    # The erase comes first and the sequencer in the first bytes of the program: whatever is cut here,
    # an erased place is older than the record that still stands in the other one, where there is another one.
    yield from put_record(chip, design, place, data)
    return True


def read_back(chip: Chip, design: Design, place: int, data: bytes) -> Routine[bool]:
    """Erase, program and read back, at most three times; always erase: what looks blank need not be."""
    # All tries write what was worked out before the first one: where there is one place,
    # its erase leaves no record that a later try could start from.
    for _ in range(TRIES):
        yield from put_record(chip, design, place, data)
        if chip.read(places(chip.board, design)[place], len(data)) == data:
            return True
    return False


def move_on(chip: Chip, design: Design, place: int, data: bytes) -> Routine[bool]:
    """Program and read back; what did not go in is written once more, at the start of the other area."""
    yield from put_record(chip, design, place, data)
    if chip.read_record(places(chip.board, design)[place], len(data)) == data:
        return True
    other = 0 if place >= design.journal else design.journal
    chip.say(f"Boot record {place} does not read back, going on at {other}")
    yield from put_record(chip, design, other, data)
    return chip.read_record(places(chip.board, design)[other], len(data)) == data


def put_record(chip: Chip, design: Design, place: int, data: bytes) -> Routine[None]:
    """Erase a place, as the design has it, and program a record into it."""
    address = places(chip.board, design)[place]
    if ERASES[design.erase](chip, address):
        yield Erase(address // chip.board.geometry.sector_size)
    yield from program_record(chip, design, place, data)


def program_record(chip: Chip, design: Design, place: int, data: bytes) -> Routine[None]:
    """Program a record into a place, in the order that the design has, whatever lies there."""
    yield from _program(chip, design, places(chip.board, design)[place], data)


def always(chip: Chip, address: int) -> bool:
    """Erase before every record that begins a sector."""
    return address % chip.board.geometry.sector_size == 0


def unless_blank(chip: Chip, address: int) -> bool:
    """Spare the erase where all reads blank: what looks blank need not be."""
    sector = chip.board.geometry.sector_size
    return address % sector == 0 and chip.read(address, sector).count(ERASED) < sector


Care = Callable[[Chip, Design, Selection], Routine[None]]
REFRESHES: dict[str, Care] = {"none": untouched, "selected": over_itself}
CLEARS: dict[str, Care] = {"none": untouched, "before-slot": cleared}
WRITES: dict[str, Callable[[Chip, Design, int, bytes], Routine[bool]]] = {
    "once": once,
    "read-back": read_back,
    "move-on": move_on,
}
ERASES: dict[str, Callable[[Chip, int], bool]] = {"always": always, "unless-blank": unless_blank}
PLACINGS: dict[str, Callable[[Chip, Design, BootConfig, Move], tuple[int, Record]]] = {
    "beside": beside,
    "own": in_its_own_place,
}
STATES: dict[str, Callable[[Chip, Design, BootConfig, Move], Routine[bool]]] = {
    "none": write_record,
    "nvs": write_both,
}


def _program(chip: Chip, design: Design, address: int, data: bytes) -> Routine[None]:
    geometry = chip.board.geometry
    data = data + bytes([ERASED]) * (-len(data) % geometry.program_unit)
    head = -(-codec(design).fields[0] // geometry.program_unit) * geometry.program_unit
    if design.order == "sequencer-last":
        # Until its sequencer is there, a record is as old as erased flash, whatever else of it is torn.
        yield from pages(address + head, data[head:], geometry.page_size)
        data = data[:head]
    yield from pages(address, data, geometry.page_size)


def _ages(design: Design, found: Found) -> list[int | None]:
    """Return what a newer record has less of, for every place; `None` where there is no sequencer."""
    age = codec(design).counting.age
    return [None if one.sequencer is None else age(one.sequencer) for one in found]


def _why_nothing(design: Design, found: Found, told: tuple[str, ...]) -> str:
    """Say why there is no record to go by: none is there, or one is taken that turns out to be none."""
    place = taken(design, found)
    if place is not None:
        return f"by its sequencer record {place} is taken, and only then seen to be {told[place]}"
    if design.journal > 1:
        return "the journal holds no record"
    return "; ".join(f"record {place} is {words}" for place, words in enumerate(told))


def _told(place: int, record: Record | Invalid, selected: Selection | None) -> str:
    if isinstance(record, Invalid):
        return f"no record, {record.reason}"
    counts = "counts" if selected is not None and place == selected.place else "does not count"
    return f"{counts}: sequencer {counted(record.sequencer)}, {record.config.summary}"


def _against(design: Design, selected: Selection, place: int, record: Record | Invalid, tail: str) -> str:
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
    data = chip.read_record(places(chip.board, design)[place], form.size)
    erased = form.size - len(data.rstrip(bytes([ERASED])))
    if not 0 < erased < form.size or (form.guard_bits and isinstance(record, Record)):
        return ""
    if isinstance(record, Invalid):
        return f", and its last {erased} of {form.size} bytes read erased"
    return f", though its last {erased} of {form.size} bytes read erased: nothing guards them"

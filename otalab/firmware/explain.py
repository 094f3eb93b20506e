"""Why a boot record counts: the one sentence for it, which player, report, labs and `inspect` say alike.

It is decided in `store`, and only told here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otalab.firmware import store
from otalab.firmware.bootloader import Start
from otalab.firmware.design import Design
from otalab.firmware.outcome import Bricked, Reset
from otalab.formats.records.record import BLANK, Invalid, Record, Selection, counted
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip
from otalab.hardware.flash import ERASED


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """A place that a record may have: its number and address, its bytes, what they decode to, and a sentence on it."""

    number: int
    address: int
    data: bytes
    found: Record | Invalid
    sentence: str

    def __str__(self) -> str:
        return self.sentence

    @property
    def blank(self) -> bool:
        """Whether nothing was ever written here, or all of it is erased again."""
        return self.data.count(ERASED) == len(self.data)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Which place counts, why, in one sentence, and what the store makes of each place.

    `telling` are the places that tell something: all, but the blank ones of a journal; the first one if all of it is
    blank.
    """

    selected: int | None
    reason: str
    places: tuple[RecordPlace, ...]
    telling: tuple[RecordPlace, ...]


@dataclass(frozen=True, slots=True)
class RecordTeller:
    """How a way of keeping records is told: why a place counts, why none does, and which places tell something."""

    why: Callable[[Design, tuple[RecordPlace, ...], Selection], str]
    why_none: Callable[[Design, tuple[RecordPlace, ...]], str]
    telling: Callable[[tuple[RecordPlace, ...]], tuple[RecordPlace, ...]]


def teller(design: Design) -> RecordTeller:
    """Return how the records of a design are told: an area that takes several is a journal."""
    return OF_A_JOURNAL if design.journal > 1 else OF_SINGLE_PLACES


def explain(chip: Chip, design: Design) -> Explanation:
    """Say in words what `store.read` and `store.select` found."""
    records, selected = store.read(chip, design), store.select(chip, design)
    number = None if selected is None else selected.place
    places = tuple(_place(chip, design, place, record, number) for place, record in enumerate(records))
    by = teller(design)
    why = _why_none(design, places) if selected is None else by.why(design, places, selected)
    head = "No record counts" if selected is None else f"Record {selected.place} counts"
    return Explanation(number, f"{head}: {why}.", places, by.telling(places))


def start_words(start: Start | Bricked | Reset, board: Board) -> str:
    """Return in a few words what the boot loader does at a power-on."""
    match start:
        case Bricked(reason):
            return f"the boot loader halts: {reason}"
        case Reset(reason):
            return f"the boot loader starts anew: {reason}"
        case Start(slot, committed, within):
            state = "committed" if committed else f"dirty, {within} s to commit" if within else "dirty"
            return f"the boot loader starts {board.slot_name(slot)}: {state}"


def invalid_words(invalid: Invalid, more: str = "") -> str:
    """Return what is wrong with a place, as what follows on "record 1 is"."""
    return invalid.reason if invalid.reason == BLANK else f"invalid ({invalid.reason}{more})"


def _place(chip: Chip, design: Design, number: int, record: Record | Invalid, selected: int | None) -> RecordPlace:
    form, address = store.codec(design), store.places(chip.board, design)[number]
    data = chip.read_record(address, form.size)
    tail = _tail(design, record, data)
    if isinstance(record, Invalid):
        what = f"is {'' if record.reason == BLANK else 'invalid: '}{record.reason}"
    else:
        sequencer = f"sequencer {counted(record.sequencer)}, " if "sequencer" in form.names else ""
        what = f"{'counts' if number == selected else 'does not count'}: {sequencer}{record.config.summary}"
    return RecordPlace(number, address, data, record, f"Record {number} {what}{tail}.")


def _last_of_the_scan(design: Design, places: tuple[RecordPlace, ...], selected: Selection) -> str:
    return "it is the last one that the scan of the journal comes to"


def _newest(design: Design, places: tuple[RecordPlace, ...], selected: Selection) -> str:
    """Say how the place that counts compares with the others."""
    own = places[selected.place]
    others = [_against(design, selected, place) for place in places if place.number != selected.place]
    return ("; ".join(others) or "the design has no other") + _tail(design, own.found, own.data)


def _why_none(design: Design, places: tuple[RecordPlace, ...]) -> str:
    """Say why there is no record to go by: none is valid, or one is taken that turns out to be invalid."""
    place = store.taken(design, [place.found for place in places])
    if place is not None and isinstance(record := places[place].found, Invalid):
        return f"record {place} is taken by its sequencer, and only then seen to be {invalid_words(record)}"
    return teller(design).why_none(design, places)


def _none_in_the_journal(design: Design, places: tuple[RecordPlace, ...]) -> str:
    return "the journal holds no valid record"


def _each_invalid(design: Design, places: tuple[RecordPlace, ...]) -> str:
    return "; ".join(_invalid(design, place) for place in places)


def _written(places: tuple[RecordPlace, ...]) -> tuple[RecordPlace, ...]:
    return tuple(place for place in places if not place.blank) or places[:1]


def _all(places: tuple[RecordPlace, ...]) -> tuple[RecordPlace, ...]:
    return places


def _against(design: Design, selected: Selection, place: RecordPlace) -> str:
    """Say how the selected record compares with another one; the comparison is made afresh, not taken for granted."""
    if isinstance(place.found, Invalid):
        return _invalid(design, place)
    own, other = selected.record.sequencer, place.found.sequencer
    first = "first" if selected.place < place.number else "last"
    if "sequencer" not in store.codec(design).names:
        return f"it is the {first} of two that are valid, and no sequencer tells which is newer"
    if own == other:
        return f"both sequencers are {counted(own)}, and of two equal ones the {first} counts"
    than = "smaller than" if own < other else "larger than"
    return f"its sequencer {counted(own)} is {than} {counted(other)}, so it is taken for the newer one"


def _invalid(design: Design, place: RecordPlace) -> str:
    assert isinstance(place.found, Invalid)
    return f"record {place.number} is {invalid_words(place.found, _tail(design, place.found, place.data))}"


def _tail(design: Design, record: Record | Invalid, data: bytes) -> str:
    """Say how much of a place is erased at its end, as a torn program leaves it, unless a guard vouches for it."""
    erased = len(data) - len(data.rstrip(bytes([ERASED])))
    if not 0 < erased < len(data) or (store.codec(design).guard_bits and isinstance(record, Record)):
        return ""
    if isinstance(record, Invalid):
        return f", and its last {erased} of {len(data)} bytes are erased"
    return f", though its last {erased} of {len(data)} bytes are erased: nothing guards them"


OF_SINGLE_PLACES = RecordTeller(_newest, _each_invalid, _all)
OF_A_JOURNAL = RecordTeller(_last_of_the_scan, _none_in_the_journal, _written)

"""Writing boot records: where the next one goes, and how it is put there.

In the published design the next record always goes to the place that is *not* selected: until it is whole, the selected
one still counts.
Other designs have one place, write in their own place, or append to a journal; each of their rules has a name, and the
first sentence of its function says what it does and what it costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from otalab.firmware import store, trailers
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.placings import COPIES, PLACINGS, Move, next_place
from otalab.firmware.update_state import write_state
from otalab.formats.records.record import BootConfig, Record, Selection
from otalab.hardware.effects import Erase, Routine
from otalab.hardware.flash import ERASED

TRIES = 3
Pieces = tuple[tuple[int, bytes], ...]


def write(chip: Controller, design: Design, config: BootConfig, move: Move = "other") -> Routine[bool]:
    """Make `config` the newest record; return whether it is known to have gone in."""
    return (yield from STATE_WRITES[design.state](chip, design, config, move))


def write_record(chip: Controller, design: Design, config: BootConfig, move: Move) -> Routine[bool]:
    """Write boot records alone: there is no second store that could be at odds with them."""
    selected = store.standing(chip, design)
    if selected is None:
        return False
    # Before the other place is erased: from then on this record stands alone, and one that an interrupted
    # program left weak may read well now and be gone at the next power-on.
    yield from REFRESHES[design.refresh](chip, design, selected)
    first, record = PLACINGS[design.placing](chip, design, config, move)
    written = True
    for place in COPIES[design.placing](design, first):
        yield from MAKES_WAY[design.placing](chip, design, place)
        written = (yield from put_whole(chip, design, place, record)) and written
    return written


def put_whole(chip: Controller, design: Design, place: int, record: Record) -> Routine[bool]:
    """Write a record into a place, and say whether it is known to have gone in."""
    chip.say(f"Writing boot record {place}: sequencer {record.sequencer}, {record.config.summary}")
    written = yield from WRITES[design.write](chip, design, place, store.codec(design).encode(record))
    if not written:
        chip.say(f"Boot record {place} could not be written")
    return written


def write_both(chip: Controller, design: Design, config: BootConfig, move: Move) -> Routine[bool]:
    """Write the update state, then the boot record: two stores, and a cut between the two leaves them at odds."""
    yield from write_state(chip, config)
    selected = store.select(chip, design)
    if selected is not None and selected.config.active == config.active:
        return True  # ESP-IDF writes nothing for the slot that is set already
    return (yield from write_record(chip, design, config, move))


def make_ready(chip: Controller, design: Design) -> Routine[None]:
    """Do to the records what must be done before a slot is written."""
    selected = store.select(chip, design)
    if selected is None:
        return
    # In this order: once the other record is erased, the selected one stands alone.
    yield from REFRESHES[design.refresh](chip, design, selected)
    yield from CLEARS[design.clear](chip, design, selected)


def no_copies(chip: Controller, design: Design) -> Routine[None]:
    """Leave places as they are: the one that does not count is no copy."""
    return
    yield


def brought_into_line(chip: Controller, design: Design) -> Routine[None]:
    """Write what counts into every place that says something else: the first one first, so that one stays whole."""
    selected = store.select(chip, design)
    if selected is None:
        return
    for place, record in enumerate(store.read(chip, design)):
        if record != selected.record:
            yield from put_whole(chip, design, place, selected.record)


def nothing_made(chip: Controller, design: Design, place: int) -> Routine[None]:
    """Leave the other place as it is."""
    return
    yield


def other_zeroed(chip: Controller, design: Design, place: int) -> Routine[None]:
    """Fill the other place with zeros before a record is written over itself: no old one may count in its stead."""
    selected, form = store.select(chip, design), store.codec(design)
    if selected is None or selected.place != place:
        return
    other = next_place(design, selected)
    address = store.places(chip.board, design)[other]
    chip.say(f"Filling boot record {other} with zeros")
    yield Erase(chip.board.geometry.sector_at(address))
    yield from _program(chip, design, address, bytes(form.size))


def as_it_lies(chip: Controller, design: Design, selected: Selection) -> Routine[None]:
    """Leave the selected record as it lies, also one that an interrupted program left weak."""
    return
    yield


def over_itself(chip: Controller, design: Design, selected: Selection) -> Routine[None]:
    """Program the selected record over itself: no bit changes, and one that was programmed by half is now whole."""
    address = store.places(chip.board, design)[selected.place]
    chip.say(f"Programming boot record {selected.place} over itself")
    yield from _program(chip, design, address, chip.read(address, store.codec(design).size))


def kept(chip: Controller, design: Design, selected: Selection) -> Routine[None]:
    """Keep the record that does not count, also while the slot that it may speak of is overwritten."""
    return
    yield


def cleared(chip: Controller, design: Design, selected: Selection) -> Routine[None]:
    """Erase the record that does not count: it speaks of an image that will soon be overwritten."""
    place = next_place(design, selected)
    chip.say(f"Erasing boot record {place}")
    yield Erase(chip.board.geometry.sector_at(store.places(chip.board, design)[place]))


def given_up(chip: Controller, design: Design, selected: Selection) -> Routine[None]:
    """Write a record in which the slot to be written has no tries and was never successful: nothing leads there now.

    Android's updater does so before its download (`DownloadAction::PerformAction`, `SetSlotAsUnbootable`).
    """
    config = replace(selected.config, previous=None)
    yield from write_record(chip, design, config, "other")


def once(chip: Controller, design: Design, place: int, data: bytes) -> Routine[bool]:
    """Erase and program, and believe that it worked."""
    # The erase comes first and the sequencer in the first bytes of the program: whatever is cut here,
    # an erased place is older than the record that still stands in the other one, where there is another one.
    yield from put_record(chip, design, place, data)
    return True


def read_back(chip: Controller, design: Design, place: int, data: bytes) -> Routine[bool]:
    """Erase, program and read back, at most three times; always erase: what looks blank need not be."""
    # All tries write what was worked out before the first one: where there is one place,
    # its erase leaves no record that a later try could start from.
    for _ in range(TRIES):
        yield from put_record(chip, design, place, data)
        if chip.read(store.places(chip.board, design)[place], len(data)) == data:
            return True
    return False


def move_on(chip: Controller, design: Design, place: int, data: bytes) -> Routine[bool]:
    """Program and read back; what did not go in is written once more, at the start of the other area, or of its own."""
    yield from put_record(chip, design, place, data)
    if chip.read_record(store.places(chip.board, design)[place], len(data)) == data:
        return True
    other = (place // design.journal + 1) * design.journal % (design.records * design.journal)
    chip.say(f"Boot record {place} does not read back, going on at {other}")
    yield from put_record(chip, design, other, data)
    return chip.read_record(store.places(chip.board, design)[other], len(data)) == data


def move_on_by_body(chip: Controller, design: Design, place: int, data: bytes) -> Routine[bool]:
    """Move on likewise, but compare only what the check is computed over: a wrong check passes, and RAM goes by it.

    Later records follow that one, and the next search stops before it.
    """
    other = (place // design.journal + 1) * design.journal % (design.records * design.journal)
    body = len(data) - store.codec(design).guard_bits // 8
    for tried in (place, other):
        yield from put_record(chip, design, tried, data)
        if chip.read(store.places(chip.board, design)[tried], body) == data[:body]:
            record = store.codec(design).decode(data)
            chip.written = Selection(tried, record) if isinstance(record, Record) else None
            return True
        chip.say(f"Boot record {tried} does not read back")
    return False


def put_record(chip: Controller, design: Design, place: int, data: bytes) -> Routine[None]:
    """Erase a place, as the design has it, and program a record into it."""
    address = store.places(chip.board, design)[place]
    if ERASES[design.erase](chip, address):
        yield Erase(chip.board.geometry.sector_at(address))
    yield from program_record(chip, design, place, data)


def program_record(chip: Controller, design: Design, place: int, data: bytes) -> Routine[None]:
    """Program a record into a place, in the order that the design has, whatever lies there."""
    yield from _program(chip, design, store.places(chip.board, design)[place], data)


def at_once(data: bytes, _head: int) -> Pieces:
    """Program a record from its first byte to its last: a torn one begins like a whole one."""
    return ((0, data),)


def sequencer_last(data: bytes, head: int) -> Pieces:
    """Program the sequencer after all the rest: it costs one more program.

    Until its sequencer is there, a record is as old as erased flash, whatever else of it is torn.
    """
    return (head, data[head:]), (0, data[:head])


def always(chip: Controller, address: int) -> bool:
    """Erase before every record that begins a sector, however blank it reads."""
    return chip.board.geometry.begins_sector(address)


def unless_blank(chip: Controller, address: int) -> bool:
    """Spare the erase where all reads blank: what looks blank need not be."""
    sector, offset = chip.board.geometry.place_of(address)
    size = chip.board.geometry.size_of(sector)
    return offset == 0 and chip.read(address, size).count(ERASED) < size


def _program(chip: Controller, design: Design, address: int, data: bytes) -> Routine[None]:
    geometry, unit = chip.board.geometry, chip.board.geometry.at(address).program_unit
    data = data + bytes([ERASED]) * (-len(data) % unit)
    head = -(-store.codec(design).fields[0] // unit) * unit
    for start, piece in ORDERS[design.order](data, head):
        yield from geometry.pages(address + start, piece)


Care = Callable[[Controller, Design, Selection], Routine[None]]
REFRESHES: dict[str, Care] = {"none": as_it_lies, "selected": over_itself}
CLEARS: dict[str, Care] = {
    "none": kept,
    "before-slot": cleared,
    "slot-given-up": given_up,
    "trailer": trailers.cleared,
}
WRITES: dict[str, Callable[[Controller, Design, int, bytes], Routine[bool]]] = {
    "once": once,
    "read-back": read_back,
    "move-on": move_on,
    "move-on-by-body": move_on_by_body,
    "flags": trailers.flags,
}
ERASES: dict[str, Callable[[Controller, int], bool]] = {"always": always, "unless-blank": unless_blank}
# Before a record is written into a place.
MAKES_WAY: dict[str, Callable[[Controller, Design, int], Routine[None]]] = {
    "beside": nothing_made,
    "own": nothing_made,
    "own-then-beside": other_zeroed,
    "copied-at-start": nothing_made,
    "both": nothing_made,
    "of-the-slot": nothing_made,
}
# What a loader does for the copies of a record before it decides anything, and once it has decided.
REPAIRS: dict[str, Callable[[Controller, Design], Routine[None]]] = {
    "beside": no_copies,
    "own": no_copies,
    "own-then-beside": no_copies,
    "copied-at-start": no_copies,
    "both": brought_into_line,
    "of-the-slot": no_copies,
}
ALIGNS: dict[str, Callable[[Controller, Design], Routine[None]]] = {
    "beside": no_copies,
    "own": no_copies,
    "own-then-beside": no_copies,
    "copied-at-start": brought_into_line,
    "both": no_copies,
    "of-the-slot": no_copies,
}
STATE_WRITES: dict[str, Callable[[Controller, Design, BootConfig, Move], Routine[bool]]] = {
    "none": write_record,
    "nvs": write_both,
}
# From the bytes of a record and how many of them hold the sequencer: what is programmed first, and what then.
ORDERS: dict[str, Callable[[bytes, int], Pieces]] = {"at-once": at_once, "sequencer-last": sequencer_last}

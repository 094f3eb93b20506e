"""Writing boot records: where the next one goes, and how it is put there.

In the published design the next record always goes to the place that is *not* selected: until it is whole, the selected
one still counts.
Other designs have one place, write in their own place, or append to a journal; each of their rules has a name, and the
first sentence of its function says what it does and what it costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from otalab.firmware import store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.store import YOUNG
from otalab.firmware.update_state import write_state
from otalab.formats.records.record import BootConfig, Record, Selection
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Routine
from otalab.hardware.flash import ERASED, Flash

TRIES = 3
# What a record is written for: a new image, a start that is counted, a commit, a way back, or something else.
Move = Literal["stage", "try", "commit", "revert", "other"]
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
    place, record = PLACINGS[design.placing](chip, design, config, move)
    yield from MAKES_WAY[design.placing](chip, design, place)
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


def next_place(design: Design, selected: Selection) -> int:
    """Return the place of the next record: the one that is not selected, where there are two."""
    return (selected.place + 1) % (design.records * design.journal)


def beside(chip: Controller, design: Design, config: BootConfig, move: Move) -> tuple[int, Record]:
    """Put every record into the place that is not selected, or into the next one of a journal."""
    selected = store.standing(chip, design)
    assert selected is not None, "there is nothing that the next record could follow"
    return next_place(design, selected), store.codec(design).follow(selected.record, config)


def in_its_own_place(chip: Controller, design: Design, config: BootConfig, move: Move) -> tuple[int, Record]:
    """Put a new image's record into the other place; whatever becomes of it is written over itself."""
    own = store.current(chip, design)
    if own is None or move in ("stage", "other"):
        return beside(chip, design, config, move)
    # Going back is not a new record, it is the end of this one: then the other counts again.
    config = replace(own.config, withdrawn=True) if move == "revert" else config
    return own.place, replace(own.record, config=config)


def own_then_beside(chip: Controller, design: Design, config: BootConfig, move: Move) -> tuple[int, Record]:
    """Write over place 0 while it counts with a sequencer of 9 or less, and only later into the other place.

    Until then every record is erased before the next one is there: a cut between the two leaves none.
    """
    place, record = beside(chip, design, config, move)
    selected = store.select(chip, design)
    # So that an image from before Mongoose OS 2.13, which only knows place 0, finds its record there.
    young = selected is not None and selected.place == 0 and selected.record.sequencer <= YOUNG[design.placing]
    return (0 if young else place), record


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


def unwritten(flash: Flash, board: Board, design: Design) -> Flash:
    """Ship a device with nothing in the other place."""
    return flash


def with_zeros(flash: Flash, board: Board, design: Design) -> Flash:
    """Ship a device with zeros in the other place, as `otadata.bin` of Mongoose OS has them."""
    return flash.patched(store.places(board, design)[1], bytes(store.codec(design).size))


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
CLEARS: dict[str, Care] = {"none": kept, "before-slot": cleared}
WRITES: dict[str, Callable[[Controller, Design, int, bytes], Routine[bool]]] = {
    "once": once,
    "read-back": read_back,
    "move-on": move_on,
    "move-on-by-body": move_on_by_body,
}
ERASES: dict[str, Callable[[Controller, int], bool]] = {"always": always, "unless-blank": unless_blank}
PLACINGS: dict[str, Callable[[Controller, Design, BootConfig, Move], tuple[int, Record]]] = {
    "beside": beside,
    "own": in_its_own_place,
    "own-then-beside": own_then_beside,
}
# Before a record is written into a place.
MAKES_WAY: dict[str, Callable[[Controller, Design, int], Routine[None]]] = {
    "beside": nothing_made,
    "own": nothing_made,
    "own-then-beside": other_zeroed,
}
# What lies beside the first record of a new device.
SHIPS: dict[str, Callable[[Flash, Board, Design], Flash]] = {
    "beside": unwritten,
    "own": unwritten,
    "own-then-beside": with_zeros,
}
STATE_WRITES: dict[str, Callable[[Controller, Design, BootConfig, Move], Routine[bool]]] = {
    "none": write_record,
    "nvs": write_both,
}
# From the bytes of a record and how many of them hold the sequencer: what is programmed first, and what then.
ORDERS: dict[str, Callable[[bytes, int], Pieces]] = {"at-once": at_once, "sequencer-last": sequencer_last}

"""Where boot records go: the place of the next one, who else gets a copy of it, and what a new device has there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from otalab.firmware import store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.store import YOUNG
from otalab.formats.records.record import BootConfig, Record, Selection
from otalab.hardware.board import Board
from otalab.hardware.flash import Flash

# What a record is written for: a new image, a start that is counted, a commit, a way back, or something else.
Move = Literal["stage", "try", "commit", "revert", "other"]


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


def always_first(chip: Controller, design: Design, config: BootConfig, move: Move) -> tuple[int, Record]:
    """Write over place 0, which the loader copies to place 1 once it has decided what to start.

    So `ab_select_slot` of U-Boot: it writes over the first copy also where the second is torn, and two cuts lose both.
    """
    selected = store.standing(chip, design)
    assert selected is not None, "there is nothing that the next record could follow"
    return 0, store.codec(design).follow(selected.record, config)


def first_of_both(chip: Controller, design: Design, config: BootConfig, move: Move) -> tuple[int, Record]:
    """Write over place 0, then the same into place 1, and have the loader repair a copy before it writes anything.

    So that one of the two is whole at any moment, and neither is old: every record wears both places.
    """
    return always_first(chip, design, config, move)


def behind_its_slot(chip: Controller, design: Design, config: BootConfig, move: Move) -> tuple[int, Record]:
    """Put a record behind the slot that it speaks of, as a trailer: no sequencer is needed to tell two apart."""
    return config.active, Record(0, config)


def alone(design: Design, place: int) -> tuple[int, ...]:
    """Write a record once."""
    return (place,)


def twice(design: Design, place: int) -> tuple[int, ...]:
    """Write a record into every place, the first one first: at any moment one of them is whole."""
    return tuple(range(design.records))


def unwritten(flash: Flash, board: Board, design: Design) -> Flash:
    """Ship a device with nothing in the other place."""
    return flash


def with_zeros(flash: Flash, board: Board, design: Design) -> Flash:
    """Ship a device with zeros in the other place, as `otadata.bin` of Mongoose OS has them."""
    return flash.patched(store.places(board, design)[1], bytes(store.codec(design).size))


def with_copy(flash: Flash, board: Board, design: Design) -> Flash:
    """Ship a device with the first record in every place."""
    first, *others = store.places(board, design)
    for other in others:
        flash = flash.patched(other, flash.read(first, store.codec(design).size))
    return flash


PLACINGS: dict[str, Callable[[Controller, Design, BootConfig, Move], tuple[int, Record]]] = {
    "beside": beside,
    "own": in_its_own_place,
    "own-then-beside": own_then_beside,
    "copied-at-start": always_first,
    "both": first_of_both,
    "of-the-slot": behind_its_slot,
}
# The places that a record is written into, in this order.
COPIES: dict[str, Callable[[Design, int], tuple[int, ...]]] = {
    "beside": alone,
    "own": alone,
    "own-then-beside": alone,
    "copied-at-start": alone,
    "both": twice,
    "of-the-slot": alone,
}
# What lies beside the first record of a new device.
SHIPS: dict[str, Callable[[Flash, Board, Design], Flash]] = {
    "beside": unwritten,
    "own": unwritten,
    "own-then-beside": with_zeros,
    "copied-at-start": with_copy,
    "both": with_copy,
    "of-the-slot": unwritten,
}

"""Writing MCUboot's trailers: flags that are programmed one by one, and the erase that takes them all."""

from __future__ import annotations

from otalab.firmware import store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.formats.records.record import Selection
from otalab.hardware.effects import Erase, Routine


def flags(chip: Controller, design: Design, place: int, data: bytes) -> Routine[bool]:
    """Program the flags that a trailer lacks, the magic first, and erase nothing: the rest stays as it is.

    So `boot_set_next` of MCUboot: what is set was erased before the slot was written.
    """
    address, form = store.places(chip.board, design)[place], store.trailer_codec(design)
    wanted = form.read(data)
    assert wanted is not None, "a trailer without a magic says nothing"
    whole = store.trailer_at(chip, design, address) is not None
    for at, piece in reversed([*form.pieces(wanted)]):
        if chip.read_record(address, form.size)[at : at + len(piece)] != piece:
            yield from set_flag(chip, address + at, piece, whole=whole)
    return True


def set_flag(chip: Controller, address: int, piece: bytes, *, whole: bool) -> Routine[None]:
    """Program one flag; of a trailer whose magic is `whole`, what lies below it is known from what it says."""
    chip.appends = whole
    try:
        yield from chip.board.geometry.pages(address, piece)
    finally:
        chip.appends = False


def cleared(chip: Controller, design: Design, selected: Selection) -> Routine[None]:
    """Erase the trailer of the slot to be written: an image that is not whole yet must not be asked for.

    On the real device it is a part of the slot, and goes with it.
    """
    yield from erased(chip)


def erased(chip: Controller) -> Routine[None]:
    """Erase the trailer behind slot 1: nothing waits there."""
    chip.say("Erasing the trailer of slot 1")
    yield Erase(chip.board.geometry.sector_at(chip.board.records[1].address))

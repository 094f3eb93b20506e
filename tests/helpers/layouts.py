"""Boards with their data elsewhere than in each slot, with more slots, or with a factory image."""

from dataclasses import replace

from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.hardware.board import Board, load_board
from otalab.hardware.places import Region, Slot


def with_data(data: str, name: str = "tiny") -> Board:
    """Return a board of the lab with data as they are named: one partition for both slots, or none at all."""
    board = load_board(name)
    if data == "each":
        return board
    shared = board.slots[0].fs
    slots = tuple(Slot(slot.app, Region(slot.app.end, 0) if data == "none" else shared) for slot in board.slots)
    kind = "none" if data == "none" else board.file_system
    return replace(board, data=data, file_system=kind, slots=slots)


def with_factory(*, slots: int = 2) -> Board:
    """Return a tiny board with a factory image and so many slots, and one partition of data for all."""
    board = with_data("kept")
    sector, files = board.geometry.sector_size, board.slots[0].fs
    free = range(files.end, board.geometry.size, 2 * sector)
    state = {area.address // sector for area in board.state}
    places = [at for at in free if not state & {at // sector, at // sector + 1}]
    made = [Slot(Region(at, 2 * sector), files) for at in (board.slots[0].app.address, *places)]
    return replace(board, slots=tuple(made[: slots + 1]), factory=True)


def in_large_units(name: str) -> Design:
    """Return a design of the catalogue for a part with words of 32 bytes: the flags of a trailer take one each."""
    design = load_design(name)
    return replace(design, unit=32) if design.record == "mcuboot" else design

"""Boards with their data elsewhere than in each slot."""

from dataclasses import replace

from otalab.hardware.board import Board, Region, Slot, load_board


def with_data(data: str, name: str = "tiny") -> Board:
    """Return a board of the lab with data as they are named: one partition for both slots, or none at all."""
    board = load_board(name)
    if data == "each":
        return board
    shared = board.slots[0].fs
    slots = tuple(Slot(slot.app, Region(slot.app.end, 0) if data == "none" else shared) for slot in board.slots)
    kind = "none" if data == "none" else board.file_system
    return replace(board, data=data, file_system=kind, slots=(slots[0], slots[1]))

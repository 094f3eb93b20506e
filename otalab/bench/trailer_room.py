"""Whether a board has room for a loader that brings images to slot 0: slots alike, and units for its flags."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from otalab.errors import BadInput
from otalab.firmware.design import Design
from otalab.firmware.store import codec
from otalab.hardware.board import Board, boards, load_board


def trailers_fit(board: Board, design: Design) -> None:
    """Refuse a board on which a design cannot bring an image to slot 0, with the boards on which it can."""
    lacks = NEEDS.get(design.runs_from, nothing)
    missing = next(lacks(board, design), "")
    if missing:
        fit = [name for name in boards() if not next(lacks(load_board(name), design), "")]
        where = ", ".join(fit) or "no board here"
        raise BadInput(f"design {design.name}, board {board.name}: {missing}; it fits {where}")


def nothing(board: Board, design: Design) -> Iterator[str]:
    """Need nothing but slots: an image runs where it was written."""
    return iter(())


def to_copy(board: Board, design: Design) -> Iterator[str]:
    """Yield what a board lacks for a loader that copies one slot over the other."""
    if board.targets != 2:
        yield f"an image waits in one slot and runs from the other, and there are {board.targets}"
    first, second = board.slots[:2]
    for what, here, there in (("applications", first.app, second.app), ("files", first.fs, second.fs)):
        alike = [[*map(board.geometry.size_of, board.sectors_of(region))] for region in (here, there)]
        if alike[0] != alike[1]:
            yield f"the {what} of its two slots do not lie in as many sectors of the same sizes"
    units = [board.geometry.at(area.address).program_unit for area in board.records]
    if max(units) > design.unit:
        yield f"it programs {max(units)} bytes at a time, and a flag of a trailer takes {design.unit} (records.unit)"
    size = codec(design).size
    room = min(board.geometry.size_of(board.geometry.sector_at(area.address)) for area in board.records)
    if size > room:
        yield f"a trailer takes {size} bytes, and the sector behind a slot has {room}: it would overlap the image"


NEEDS: dict[str, Callable[[Board, Design], Iterator[str]]] = {"its-slot": nothing, "copied": to_copy}

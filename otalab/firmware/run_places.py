"""Where an image runs: in the slot that it was written to, or in the first one, to which the loader has to bring it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from otalab.firmware import no_record, store, trailers
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image_checks import passes
from otalab.formats.records.record import BootConfig
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Routine
from otalab.hardware.flash import ERASED


def in_its_slot(chip: Controller, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Start an image where it was written: what ran before stays whole in its own slot."""
    return config
    yield


def copied(chip: Controller, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Copy an image that waits in slot 1 over the one in slot 0, which is gone then: there is no way back.

    Nothing is noted on the way: whatever a cut leaves, the next start finds the trailer, and copies from the beginning.
    So `boot_copy_image` of MCUboot with `MCUBOOT_OVERWRITE_ONLY`, and `MCUBOOT_OVERWRITE_ONLY_KEEP_BACKUP`: without
    that the head of slot 1 is erased as well.
    """
    if config.active == 0:
        return config
    if passes(chip, design, config):
        yield from NOTED[design.noted](over_the_first(chip), trailers.erased(chip))
    else:
        chip.say("The image in slot 1 fails its check, and is not copied")
        yield from trailers.erased(chip)
    selected = store.select(chip, design)
    return selected.config if selected else no_record.without_record(chip, design, 0)


def over_the_first(chip: Controller) -> Routine[None]:
    """Copy all of slot 1 over slot 0, its data too where each slot has its own."""
    chip.say("Copying slot 1 over slot 0")
    for here, there in pairs(chip.board):
        yield from copy_sector(chip, there, here)


def pairs(board: Board) -> Iterator[tuple[int, int]]:
    """Yield every sector of slot 0 with its counterpart in slot 1."""
    first, second = board.slots[:2]
    yield from zip(board.sectors_of(first.app), board.sectors_of(second.app), strict=True)
    if board.data == "each":
        yield from zip(board.sectors_of(first.fs), board.sectors_of(second.fs), strict=True)


def copy_sector(chip: Controller, source: int, target: int) -> Routine[None]:
    """Erase a sector and copy another one there, but for pages that are all erased."""
    geometry = chip.board.geometry
    data = chip.read(geometry.start_of(source), geometry.size_of(source))
    yield Erase(target)
    for program in geometry.pages(geometry.start_of(target), data):
        if program.data.count(ERASED) < len(program.data):
            yield program


def behind(work: Routine[None], note: Routine[None]) -> Routine[None]:
    """Note that an image has come to where it runs once it has: a cut before that has it done again."""
    yield from work
    yield from note


def first(work: Routine[None], note: Routine[None]) -> Routine[None]:
    """Note that an image has come to where it runs before it has: a cut in between leaves half of it, and no note."""
    yield from note
    yield from work


RUNS_FROM: dict[str, Callable[[Controller, Design, BootConfig], Routine[BootConfig]]] = {
    "its-slot": in_its_slot,
    "copied": copied,
}
NOTED: dict[str, Callable[[Routine[None], Routine[None]], Routine[None]]] = {
    "behind": behind,
    "first": first,
}

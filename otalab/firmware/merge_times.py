"""When old files are carried over: before the switch, or by the new image when it first starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from otalab.errors import OtalabError, OutOfTable
from otalab.firmware import bootloader, record_writes, store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.merge import FOLDERS, Mount, carry_over, mounted
from otalab.firmware.outcome import Reset
from otalab.formats.records.record import BootConfig, Selection
from otalab.hardware.effects import Routine
from otalab.hardware.places import Region


def merged_now(chip: Controller, old: Region, new: Region, mount_old: Mount, folders: str) -> Routine[None]:
    """Carry old files over while the old image still runs."""
    yield from carry_over(chip, old, new, mount_old, FOLDERS[folders])


def merged_later(_chip: Controller, _old: Region, _new: Region, _mount_old: Mount, _folders: str) -> Routine[None]:
    """Leave old files to the new image."""
    return
    yield


def not_merged(_chip: Controller, _old: Region, _new: Region, _mount_old: Mount, _folders: str) -> Routine[None]:
    """Carry nothing over."""
    return
    yield


def merged_before(chip: Controller, design: Design, slot: int) -> Routine[Reset | None]:
    """Carry old files over before the switch, while the old image still runs: a cut leaves it as it was."""
    return None
    yield


def merge_at_first_boot(chip: Controller, design: Design, slot: int) -> Routine[Reset | None]:
    """Carry old files over when the new image first starts, before anything uses them: each start of a trial may do so.

    What an earlier attempt left half done is not looked at.
    """
    own = store.current(chip, design)
    # Where the format does not say whether it is still to be done, every start of a trial does it.
    if own is None or own.config.committed or not (own.config.merge or not store.codec(design).tells_merge):
        return None
    old = chip.board.slot_before(slot) if own.config.previous is None else own.config.previous
    if not (yield from chip.during("merge", merged(chip, design, old, slot, own))):
        reason = "its files could not be carried over"
        yield from chip.during("rollback", bootloader.roll_back(chip, design, own.config, reason))
        return Reset(reason)
    yield from chip.during("merge", NOTES[design.merge_note](chip, design, own.config))
    return None


def never_merged(chip: Controller, design: Design, slot: int) -> Routine[Reset | None]:
    """Carry nothing over: what a user kept on the device is lost with every update."""
    return None
    yield


def merged(chip: Controller, design: Design, old: int, new: int, own: Selection) -> Routine[bool]:
    """Carry the files of one slot over to another; return whether the trial of a record may go on."""
    folders = FOLDERS[design.folders]
    try:
        # Without a file system there is nothing to go on with, also where a file that does not fit is ignored.
        done = yield from carry_over(chip, chip.board.slot(old).fs, chip.board.slot(new).fs, mounted, folders)
    except OutOfTable as fault:
        # What lies behind the table gives the address of no file system, and the mount fails.
        chip.say(f"The old file system cannot be mounted: {fault}")
        return False
    except OtalabError as fault:
        chip.say(f"Files could not be carried over: {fault}")
        return MERGE_FAULTS[design.merge_fault]()
    if done:
        MERGED[design.merge_fault](chip, own)
    return done


def not_noted(chip: Controller, design: Design, config: BootConfig) -> Routine[None]:
    """Note nothing once files were carried over: the next start of the trial does it again."""
    return
    yield


def noted(chip: Controller, design: Design, config: BootConfig) -> Routine[None]:
    """Write down that files were carried over: it costs a record, and no later start does it again."""
    yield from record_writes.write(chip, design, config.merged())


def give_up() -> bool:
    """Give a trial up whose files cannot be carried over: the update is lost, the files are not."""
    return False


def go_on() -> bool:
    """Go on with a trial whose files cannot be carried over: the new image must do without them."""
    return True


def go_on_marked() -> bool:
    """Go on with a trial whose files cannot be carried over, and let its commit say that they still are to be.

    Nobody looks at that mark again.
    """
    return True


def not_remembered(chip: Controller, own: Selection) -> None:
    """Know of no mark: a commit clears it."""


def remembered(chip: Controller, own: Selection) -> None:
    """Clear the mark in RAM, where the commit takes it from."""
    chip.held = replace(own, record=replace(own.record, config=own.config.merged()))


def mark_cleared(config: BootConfig, trusted: BootConfig) -> BootConfig:
    """Commit without a mark that files are to be carried over."""
    return trusted


def mark_left(config: BootConfig, trusted: BootConfig) -> BootConfig:
    """Commit with the mark as it is."""
    return replace(trusted, merge=config.merge)


# What the updater does before the switch, and what the new image does when it first starts.
BEFORE_SWITCH: dict[str, Callable[[Controller, Region, Region, Mount, str], Routine[None]]] = {
    "before-switch": merged_now,
    "first-boot": merged_later,
    "none": not_merged,
}
AT_FIRST_BOOT: dict[str, Callable[[Controller, Design, int], Routine[Reset | None]]] = {
    "before-switch": merged_before,
    "first-boot": merge_at_first_boot,
    "none": never_merged,
}
NOTES: dict[str, Callable[[Controller, Design, BootConfig], Routine[None]]] = {"none": not_noted, "written": noted}
MERGE_FAULTS: dict[str, Callable[[], bool]] = {"revert": give_up, "ignore": go_on, "leave": go_on_marked}
MERGED: dict[str, Callable[[Controller, Selection], None]] = {
    "revert": not_remembered,
    "ignore": not_remembered,
    "leave": remembered,
}
MARKS: dict[str, Callable[[BootConfig, BootConfig], BootConfig]] = {
    "revert": mark_cleared,
    "ignore": mark_cleared,
    "leave": mark_left,
}

"""The application: it starts, tests itself, commits, and takes updates.

What an image would compute is not modelled, only its temper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from otalab.errors import OtalabError
from otalab.firmware import boot_state, bootloader, store
from otalab.firmware.design import Design
from otalab.firmware.image import Image, Temper
from otalab.firmware.merge import carry_over, mounted
from otalab.firmware.outcome import Hung, Outcome, Reset, Running
from otalab.firmware.updater import update
from otalab.firmware.user_file import INTERVAL_FILE, read_file, remove_file, write_file
from otalab.hardware.chip import Chip, under_timer
from otalab.hardware.effects import Ask, BootState, Keep, Offer, Recording, Report, Routine, Snapshot, Status, Wait

REBOOT_SECONDS = 0.1


def run(chip: Chip, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Start an image in its slot."""
    chip.say(f"Starting version {image.version} in slot {slot}")
    # First of all: whatever happens from here on, the next boot must find the way back.
    yield from FIRST_THINGS.get(design.trial, nothing_first)(chip, design)
    yield Wait("boot", image.boot_seconds)
    reset = yield from MERGES[design.merge](chip, design, slot)
    if reset is not None:
        return reset
    main = TEMPERS[image.temper](chip, design, image, slot)
    seconds = yield from TIMERS[design.timer](chip, design, slot)
    if not seconds:
        return (yield from main)
    return (yield from under_timer(chip, main, seconds, lambda: bootloader.on_commit_timer(chip, design)))


def nothing_first(chip: Chip, design: Design) -> Routine[None]:
    """Leave it to the loader to find the way back."""
    return
    yield


def switch_back(chip: Chip, design: Design) -> Routine[None]:
    """Switch back in flash, and remember in RAM what started this image; only a commit switches forward again."""
    own = store.current(chip, design)
    if own is None or own.config.committed:
        return
    # The world is told first, as of every rollback: this one only waits to be lifted.
    yield Ask("refuse", "switched back until it is committed")
    chip.say("Switching back until this image is committed")
    yield from chip.during("rollback", store.write(chip, design, own.config.reverted(), "revert"))
    chip.held = own


def no_merge(chip: Chip, design: Design, slot: int) -> Routine[Reset | None]:
    """Carry nothing over at first boot: it was done before the switch, or is not done at all."""
    return None
    yield


def merge_at_first_boot(chip: Chip, design: Design, slot: int) -> Routine[Reset | None]:
    """Carry the old files over before anything uses them; what an earlier attempt left half done is not looked at."""
    own = store.current(chip, design)
    if own is None or own.config.committed or not (own.config.merge or design.record not in TELLS_MERGE):
        return None
    old = 1 - slot if own.config.previous is None else own.config.previous
    if not (yield from chip.during("merge", merged(chip, design, old, slot))):
        reason = "its files could not be carried over"
        yield from chip.during("rollback", bootloader.roll_back(chip, design, own.config, reason))
        return Reset(reason)
    if design.merge_note == "written":
        yield from chip.during("merge", store.write(chip, design, own.config.merged()))
    return None


def merged(chip: Chip, design: Design, old: int, new: int) -> Routine[bool]:
    """Carry the files of one slot over to another; return whether the trial may go on."""
    try:
        # Without a file system there is nothing to go on with, also where a file that does not fit is ignored.
        return (yield from carry_over(chip, chip.board.slots[old].fs, chip.board.slots[new].fs, mounted))
    except OtalabError as fault:
        chip.say(f"Files could not be carried over: {fault}")
        return design.merge_fault == "ignore"


def timed_by_the_loader(chip: Chip, design: Design, slot: int) -> Routine[int]:
    """Start no timer: the loader did."""
    return 0
    yield


def timed_by_the_image(chip: Chip, design: Design, slot: int) -> Routine[int]:
    """Return in how many seconds the timer that the image starts for itself is due; 0: it starts none."""
    own = store.current(chip, design)
    if own is None or own.config.committed:
        return 0
    if design.interval_in != "updater.dat":
        return own.config.interval
    data = yield from read_file(chip, chip.board.slots[slot].fs, INTERVAL_FILE)
    return int.from_bytes(data or b"", "little")


def works(chip: Chip, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Test itself, commit if that went well, then do what it is asked."""
    if not committed(chip, design):
        yield Wait("health check", image.health_seconds)
        if image.commits == "itself" and (yield Ask("healthy", image.version)):
            yield from commit(chip, design, slot)
    reset = yield from serve(chip, design, image, slot)
    if reset is None:
        # Nobody will ask for anything any more: what is left is the commit timer, if one still runs.
        yield Wait("idle", inf)
    return reset or Running(slot, image.version, committed(chip, design))


def serve(chip: Chip, design: Design, image: Image, slot: int) -> Routine[Reset | None]:
    """Do what is asked until something needs a reset, or nobody asks any more."""
    while (request := (yield Ask("request", status(chip, design, image)))) is not None:
        match request:
            case Offer():
                report = yield from chip.during("download", update(chip, design, image, slot, request))
                reset = report.fine
            case Recording():
                yield from chip.during("download", replay_recording(chip, request))
                report, reset = Report(True, "Recording replayed"), True
            case BootState():
                report, reset = (yield from boot_state.set_state(chip, design, request)), False
            case Snapshot():
                report, reset = (yield from boot_state.snapshot(chip, design, request)), False
            case Keep():
                report, reset = (yield from write_file(chip, slot, request)), False
            case "commit":
                done = yield from commit(chip, design, slot)
                report, reset = Report(done, "Ok" if done else "Error"), False
            case "revert":
                done = yield from revert(chip, design)
                report, reset = Report(done, "Ok" if done else "Error"), done
            case _:
                report, reset = Report(True, "Ok"), True
        yield Ask("report", report)
        if reset:
            yield Wait("reboot", REBOOT_SECONDS)
            return Reset(report.message)
    return None


def replay_recording(chip: Chip, recording: Recording) -> Routine[None]:
    """Do what an updater did elsewhere, from its first effect on: it does not know what an earlier run had done."""
    for phase, effect in recording.effects:
        chip.phase = phase
        yield effect


def hangs(chip: Chip, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Start, and do nothing ever after."""
    yield Wait("hang", inf)
    return Hung(slot, image.version)


def crashes(chip: Chip, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Start, and reset before anything else happens."""
    return Reset(f"version {image.version} crashed")
    yield


def status(chip: Chip, design: Design, image: Image) -> Status:
    """Return what the device would tell a server of itself."""
    return Status(image.version, image.build_id, committed(chip, design))


def committed(chip: Chip, design: Design) -> bool:
    """Say whether the running firmware is committed."""
    selected = store.current(chip, design)
    return selected is not None and selected.config.committed


def commit(chip: Chip, design: Design, slot: int) -> Routine[bool]:
    """Set the commit flag: the firmware is good; false if there was nothing to commit."""
    selected = store.current(chip, design)
    if selected is None or selected.config.committed:
        return False
    trusted = selected.config.trusted()
    done = yield from chip.during("commit", store.write(chip, design, trusted, "commit"))
    if done and chip.held is not None:
        chip.held = replace(chip.held, record=replace(chip.held.record, config=trusted))
    if design.interval_in == "updater.dat":
        # After the record: without the file a restart would take the image for one that needs no timer.
        yield from chip.during("commit", remove_file(chip, chip.board.slots[slot].fs, INTERVAL_FILE))
    chip.say("Committed" if done else "Commit failed")
    return done


def revert(chip: Chip, design: Design) -> Routine[bool]:
    """Give the new firmware up before its timer does; false if it is committed: then there is no way back."""
    selected = store.current(chip, design)
    if selected is None or selected.config.committed:
        return False
    yield from chip.during("rollback", bootloader.roll_back(chip, design, selected.config, "asked to revert"))
    return True


# Formats that say themselves whether files are still to be carried over; with the others every trial does it.
TELLS_MERGE = ("cc3200", "mgos-boot", "rboot", "otadata-mongoose")
FIRST_THINGS: dict[str, Callable[[Chip, Design], Routine[None]]] = {
    # Every other trial leaves it to the loader.
    "switch-back": switch_back,
}
MERGES: dict[str, Callable[[Chip, Design, int], Routine[Reset | None]]] = {
    "before-switch": no_merge,
    "first-boot": merge_at_first_boot,
    "none": no_merge,
}
TIMERS: dict[str, Callable[[Chip, Design, int], Routine[int]]] = {
    "loader": timed_by_the_loader,
    "image": timed_by_the_image,
}
TEMPERS: dict[Temper, Callable[[Chip, Design, Image, int], Routine[Outcome]]] = {
    "healthy": works,
    "flaky": works,
    "hangs": hangs,
    "crashes": crashes,
}

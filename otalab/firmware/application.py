"""The application: it starts, tests itself, commits, and takes updates.

What an image would compute is not modelled, only its temper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from otalab.errors import OtalabError, OutOfTable
from otalab.firmware import boot_state, bootloader, record_writes, store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image import Image, Temper
from otalab.firmware.merge import carry_over, mounted
from otalab.firmware.outcome import Hung, Outcome, Reset, Running
from otalab.firmware.requests import BootState, Keep, Offer, Recording, Report, Snapshot, Status
from otalab.firmware.timer import under_timer
from otalab.firmware.updater import update
from otalab.firmware.user_file import INTERVAL_FILE, read_file, remove_file, write_file
from otalab.formats.records.record import BootConfig
from otalab.hardware.effects import Ask, Routine, Wait

REBOOT_SECONDS = 0.1


def run(chip: Controller, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Start an image in its slot."""
    chip.say(f"Starting version {image.version} in slot {slot}")
    # First of all: whatever happens from here on, the next boot must find the way back.
    yield from FIRST_THINGS[design.trial](chip, design)
    yield Wait("boot", image.boot_seconds)
    reset = yield from MERGES[design.merge](chip, design, slot)
    if reset is not None:
        return reset
    main = TEMPERS[image.temper](chip, design, image, slot)
    seconds = yield from TIMERS[design.timer](chip, design, slot)
    if not seconds:
        return (yield from main)
    return (yield from under_timer(chip, main, seconds, lambda: bootloader.on_commit_timer(chip, design)))


def nothing_first(chip: Controller, design: Design) -> Routine[None]:
    """Leave it to the loader to find the way back."""
    return
    yield


def switch_back(chip: Controller, design: Design) -> Routine[None]:
    """Switch back in flash, and remember in RAM what started this image; only a commit switches forward again."""
    own = store.current(chip, design)
    if own is None or own.config.committed:
        return
    # The world is told first, as of every rollback: this one only waits to be lifted.
    yield Ask("refuse", "switched back until it is committed")
    chip.say("Switching back until this image is committed")
    yield from chip.during("rollback", record_writes.write(chip, design, own.config.reverted(), "revert"))
    chip.held = own


def merged_before(chip: Controller, design: Design, slot: int) -> Routine[Reset | None]:
    """Carry old files over before the switch, while the old image still runs: a cut leaves it as it was."""
    return None
    yield


def never_merged(chip: Controller, design: Design, slot: int) -> Routine[Reset | None]:
    """Carry nothing over: what a user kept on the device is lost with every update."""
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
    old = 1 - slot if own.config.previous is None else own.config.previous
    if not (yield from chip.during("merge", merged(chip, design, old, slot))):
        reason = "its files could not be carried over"
        yield from chip.during("rollback", bootloader.roll_back(chip, design, own.config, reason))
        return Reset(reason)
    yield from chip.during("merge", NOTES[design.merge_note](chip, design, own.config))
    return None


def not_noted(chip: Controller, design: Design, config: BootConfig) -> Routine[None]:
    """Note nothing once files were carried over: the next start of the trial does it again."""
    return
    yield


def noted(chip: Controller, design: Design, config: BootConfig) -> Routine[None]:
    """Write down that files were carried over: it costs a record, and no later start does it again."""
    yield from record_writes.write(chip, design, config.merged())


def merged(chip: Controller, design: Design, old: int, new: int) -> Routine[bool]:
    """Carry the files of one slot over to another; return whether the trial may go on."""
    try:
        # Without a file system there is nothing to go on with, also where a file that does not fit is ignored.
        return (yield from carry_over(chip, chip.board.slot(old).fs, chip.board.slot(new).fs, mounted))
    except OutOfTable as fault:
        # What lies behind the table gives the address of no file system, and the mount fails.
        chip.say(f"The old file system cannot be mounted: {fault}")
        return False
    except OtalabError as fault:
        chip.say(f"Files could not be carried over: {fault}")
        return MERGE_FAULTS[design.merge_fault]()


def give_up() -> bool:
    """Give a trial up whose files cannot be carried over: the update is lost, the files are not."""
    return False


def go_on() -> bool:
    """Go on with a trial whose files cannot be carried over: the new image must do without them."""
    return True


def timed_by_the_loader(chip: Controller, design: Design, slot: int) -> Routine[int]:
    """Let the loader start the commit timer: it runs from the first moment on, whatever the image does."""
    return 0
    yield


def timed_by_the_image(chip: Controller, design: Design, slot: int) -> Routine[int]:
    """Let the image start its own commit timer once it is up: what hangs before that hangs for ever.

    Returns in how many seconds it is due; 0: none is started.
    """
    own = store.current(chip, design)
    if own is None or own.config.committed:
        return 0
    return (yield from commit_interval(chip, design, own.config, slot))


def commit_interval(chip: Controller, design: Design, config: BootConfig, slot: int) -> Routine[int]:
    """Return the commit interval of what a slot runs, from where the design keeps it; in seconds, 0: none."""
    return (yield from KEPT_INTERVALS[design.interval_in](chip, config, slot))


def interval_of_the_record(chip: Controller, config: BootConfig, slot: int) -> Routine[int]:
    """Return the commit interval that the record has; 0 where it has none."""
    return config.interval
    yield


def interval_of_the_file(chip: Controller, config: BootConfig, slot: int) -> Routine[int]:
    """Return the commit interval that the file in the slot's file system has; 0 without one.

    Real code takes the file for a C structure that begins with a signed number of four bytes, and arms no timer unless
    that is positive; where a cut left fewer bytes it reads what lies behind them in RAM, which the lab takes for zeros.
    """
    data = yield from read_file(chip, chip.board.slots[slot].fs, INTERVAL_FILE)
    return max(0, int.from_bytes((data or b"")[:4].ljust(4, b"\0"), "little", signed=True))


def works(chip: Controller, design: Design, image: Image, slot: int) -> Routine[Outcome]:
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


def serve(chip: Controller, design: Design, image: Image, slot: int) -> Routine[Reset | None]:
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


def replay_recording(chip: Controller, recording: Recording) -> Routine[None]:
    """Do what an updater did elsewhere, from its first effect on: it does not know what an earlier run had done."""
    for phase, effect in recording.effects:
        chip.phase = phase
        yield effect


def hangs(chip: Controller, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Start, and do nothing ever after."""
    yield Wait("hang", inf)
    return Hung(slot, image.version)


def crashes(chip: Controller, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Start, and reset before anything else happens."""
    return Reset(f"version {image.version} crashed")
    yield


def status(chip: Controller, design: Design, image: Image) -> Status:
    """Return what the device would tell a server of itself."""
    return Status(image.version, image.build_id, committed(chip, design))


def committed(chip: Controller, design: Design) -> bool:
    """Say whether the running firmware is committed."""
    selected = store.current(chip, design)
    return selected is not None and selected.config.committed


def commit(chip: Controller, design: Design, slot: int) -> Routine[bool]:
    """Set the commit flag: the firmware is good; false if there was nothing to commit."""
    selected = store.current(chip, design)
    if selected is None or selected.config.committed:
        return False
    trusted = selected.config.trusted()
    done = yield from chip.during("commit", record_writes.write(chip, design, trusted, "commit"))
    if done and chip.held is not None:
        chip.held = replace(chip.held, record=replace(chip.held.record, config=trusted))
    # After the record: without the file a restart would take the image for one that needs no timer.
    yield from chip.during("commit", DONE_WITH[design.interval_in](chip, slot))
    chip.say("Committed" if done else "Commit failed")
    return done


def nothing_to_remove(chip: Controller, slot: int) -> Routine[None]:
    """Leave the commit interval where it is: nobody asks a committed record for it."""
    return
    yield


def file_removed(chip: Controller, slot: int) -> Routine[None]:
    """Remove the file with the commit interval."""
    yield from remove_file(chip, chip.board.slots[slot].fs, INTERVAL_FILE)


def revert(chip: Controller, design: Design) -> Routine[bool]:
    """Give the new firmware up before its timer does; false if it is committed: then there is no way back."""
    selected = store.current(chip, design)
    if selected is None or selected.config.committed:
        return False
    yield from chip.during("rollback", bootloader.roll_back(chip, design, selected.config, "asked to revert"))
    return True


FIRST_THINGS: dict[str, Callable[[Controller, Design], Routine[None]]] = {
    "none": nothing_first,
    "timer": nothing_first,
    "one-try": nothing_first,
    "one-start": nothing_first,
    "attempts": nothing_first,
    "switch-back": switch_back,
}
MERGES: dict[str, Callable[[Controller, Design, int], Routine[Reset | None]]] = {
    "before-switch": merged_before,
    "first-boot": merge_at_first_boot,
    "none": never_merged,
}
NOTES: dict[str, Callable[[Controller, Design, BootConfig], Routine[None]]] = {"none": not_noted, "written": noted}
MERGE_FAULTS: dict[str, Callable[[], bool]] = {"revert": give_up, "ignore": go_on}
KEPT_INTERVALS: dict[str, Callable[[Controller, BootConfig, int], Routine[int]]] = {
    "record": interval_of_the_record,
    "updater.dat": interval_of_the_file,
    "nowhere": interval_of_the_record,
}
DONE_WITH: dict[str, Callable[[Controller, int], Routine[None]]] = {
    "record": nothing_to_remove,
    "updater.dat": file_removed,
    "nowhere": nothing_to_remove,
}
TIMERS: dict[str, Callable[[Controller, Design, int], Routine[int]]] = {
    "loader": timed_by_the_loader,
    "image": timed_by_the_image,
}
TEMPERS: dict[Temper, Callable[[Controller, Design, Image, int], Routine[Outcome]]] = {
    "healthy": works,
    "flaky": works,
    "hangs": hangs,
    "crashes": crashes,
}

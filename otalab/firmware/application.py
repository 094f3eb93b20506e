"""The application: it starts, tests itself, commits, and takes updates.

What an image would compute is not modelled, only its temper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from otalab.firmware import boot_state, bootloader, data_places, intervals, merge_times, record_writes, store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image import Image, Temper
from otalab.firmware.outcome import Hung, Outcome, Reset, Running
from otalab.firmware.requests import BootState, Keep, Offer, Recording, Report, Snapshot, Status
from otalab.firmware.timer import under_timer
from otalab.firmware.updater import update
from otalab.firmware.user_file import write_file
from otalab.formats.records.record import BootConfig
from otalab.hardware.effects import Ask, Routine, Wait

REPLAYED = "Recording replayed"
REBOOT_SECONDS = 0.1


def run(chip: Controller, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Start an image in its slot."""
    chip.say(f"Starting version {image.version} in {chip.board.slot_name(slot)}")
    # Once and for all: what this image writes later it does know of.
    standing = store.standing(chip, design)
    chip.blind = standing is not None and not store.SEES[design.sees](design, standing)
    # First of all: whatever happens from here on, the next boot must find the way back.
    yield from FIRST_THINGS[design.trial](chip, design)
    yield Wait("boot", image.boot_seconds)
    if not MOUNTS[design.finds](chip, design, slot):
        return Reset("its file system cannot be mounted")
    reset = yield from merge_times.AT_FIRST_BOOT[data_places.MERGES[chip.board.data](design.merge)](chip, design, slot)
    if reset is not None:
        return reset
    main = BEHAVIOURS[image.temper](chip, design, image, slot)
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


def files_by_table(chip: Controller, design: Design, slot: int) -> bool:
    """Mount the file system that the partition table has for the slot."""
    return True


def files_by_record(chip: Controller, design: Design, slot: int) -> bool:
    """Mount what lies at the address that the record has: torn, it leads where no file system is."""
    if chip.board.data == "none":
        return True
    own = store.current(chip, design)
    facts = own.config.slots[own.config.active] if own is not None and own.config.active in (0, 1) else None
    region = chip.board.slot(slot).fs
    return facts is not None and facts.files_at == region.address and 0 < facts.files <= region.size


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
    return (yield from intervals.commit_interval(chip, design, own.config, slot))


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
                report, reset = Report(True, REPLAYED), True
            case BootState():
                report, reset = (yield from boot_state.set_state(chip, design, slot, request)), False
            case Snapshot():
                report, reset = (yield from boot_state.snapshot(chip, design, slot, request)), False
            case Keep():
                report, reset = (yield from write_file(chip, store.MOUNTED[design.sees](chip, slot), request)), False
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
    trusted = WAYS_BACK[design.way_back](selected.config, selected.config.trusted())
    trusted = merge_times.MARKS[design.merge_fault](selected.config, trusted)
    done = yield from chip.during("commit", record_writes.write(chip, design, trusted, "commit"))
    if done and chip.held is not None:
        chip.held = replace(chip.held, record=replace(chip.held.record, config=trusted))
    # After the record: without the file a restart would take the image for one that needs no timer.
    yield from chip.during("commit", intervals.DONE_WITH[design.interval_in](chip, slot))
    chip.say("Committed" if done else "Commit failed")
    return done


def way_back_dropped(config: BootConfig, trusted: BootConfig) -> BootConfig:
    """Forget where the update came from."""
    return trusted


def way_back_kept(config: BootConfig, trusted: BootConfig) -> BootConfig:
    """Go on naming the slot that the update came from; the record only no longer says that this one is new."""
    return replace(trusted, previous=config.previous)


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
MOUNTS: dict[str, Callable[[Controller, Design, int], bool]] = {"table": files_by_table, "record": files_by_record}
TIMERS: dict[str, Callable[[Controller, Design, int], Routine[int]]] = {
    "loader": timed_by_the_loader,
    "image": timed_by_the_image,
}
WAYS_BACK: dict[str, Callable[[BootConfig, BootConfig], BootConfig]] = {
    "dropped": way_back_dropped,
    "kept": way_back_kept,
}
BEHAVIOURS: dict[Temper, Callable[[Controller, Design, Image, int], Routine[Outcome]]] = {
    "healthy": works,
    "flaky": works,
    "hangs": hangs,
    "crashes": crashes,
}

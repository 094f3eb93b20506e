"""The application: it starts, tests itself, commits, and takes updates.

What an image would compute is not modelled, only its temper.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from otalab import boot_state, bootloader, store
from otalab.chip import Chip
from otalab.design import Design
from otalab.effects import Ask, BootState, Keep, Offer, Recording, Report, Routine, Snapshot, Status, Wait
from otalab.image import Image, Temper
from otalab.outcome import Hung, Outcome, Reset, Running
from otalab.updater import update
from otalab.user_file import write_file

REBOOT_SECONDS = 0.1


def run(chip: Chip, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Start an image in its slot."""
    chip.say(f"Starting version {image.version} in slot {slot}")
    yield Wait("boot", image.boot_seconds)
    return (yield from TEMPERS[image.temper](chip, design, image, slot))


def works(chip: Chip, design: Design, image: Image, slot: int) -> Routine[Outcome]:
    """Test itself, commit if that went well, then do what it is asked."""
    if not committed(chip, design):
        yield Wait("health check", image.health_seconds)
        if image.commits == "itself" and (yield Ask("healthy", image.version)):
            yield from commit(chip, design)
    reset = yield from serve(chip, design, image)
    if reset is None:
        # Nobody will ask for anything any more: what is left is the commit timer, if one still runs.
        yield Wait("idle", inf)
    return reset or Running(slot, image.version, committed(chip, design))


def serve(chip: Chip, design: Design, image: Image) -> Routine[Reset | None]:
    """Do what is asked until something needs a reset, or nobody asks any more."""
    while (request := (yield Ask("request", status(chip, design, image)))) is not None:
        match request:
            case Offer():
                report = yield from chip.during("download", update(chip, design, image, request))
                reset = report.fine
            case Recording():
                yield from chip.during("download", replay_recording(chip, request))
                report, reset = Report(True, "Recording replayed"), True
            case BootState():
                report, reset = (yield from boot_state.set_state(chip, design, request)), False
            case Snapshot():
                report, reset = (yield from boot_state.snapshot(chip, design, request)), False
            case Keep():
                report, reset = (yield from write_file(chip, design, request)), False
            case "commit":
                done = yield from commit(chip, design)
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
    selected = store.select(chip, design)
    return selected is not None and selected.config.committed


def commit(chip: Chip, design: Design) -> Routine[bool]:
    """Set the commit flag: the firmware is good; false if there was nothing to commit."""
    selected = store.select(chip, design)
    if selected is None or selected.config.committed:
        return False
    done = yield from chip.during("commit", store.write(chip, design, selected.config.trusted()))
    chip.say("Committed" if done else "Commit failed")
    return done


def revert(chip: Chip, design: Design) -> Routine[bool]:
    """Give the new firmware up before its timer does; false if it is committed: then there is no way back."""
    selected = store.select(chip, design)
    if selected is None or selected.config.committed:
        return False
    yield from chip.during("rollback", bootloader.roll_back(chip, design, selected.config, "asked to revert"))
    return True


TEMPERS: dict[Temper, Callable[[Chip, Design, Image, int], Routine[Outcome]]] = {
    "healthy": works,
    "flaky": works,
    "hangs": hangs,
    "crashes": crashes,
}

"""The boot loader: choose a slot, start the commit timer if the image is dirty, start the image; roll back.

It knows the records and the slots and nothing of the updater: the two meet only in flash, as on a real board.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from otalab.firmware import record_writes, store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image_checks import FINDS, passes
from otalab.firmware.no_record import NO_RECORD
from otalab.firmware.outcome import Bricked, Reset
from otalab.firmware.run_places import RUNS_FROM
from otalab.firmware.unwritten import UNWRITTEN, WATCHDOG_SECONDS
from otalab.formats.records.record import BootConfig
from otalab.hardware.effects import Ask, Routine, Wait


@dataclass(frozen=True, slots=True)
class Start:
    """The loader's decision: start this slot, and how long a dirty image has to commit (seconds; 0: no timer)."""

    slot: int
    committed: bool
    commit_within: int


def boot(chip: Controller, design: Design) -> Routine[Start | Bricked | Reset]:
    """Decide what to start."""
    yield from record_writes.REPAIRS[design.placing](chip, design)
    selected = store.select(chip, design)
    config: BootConfig | Reset | None = None
    if selected is not None:
        chip.say(f"Boot record {selected.place}: sequencer {selected.record.sequencer}, {selected.config.summary}")
        config = yield from TRIALS[design.trial](chip, design, selected.config)
    if config is None:
        config = yield from NO_RECORD[design.no_record](chip, design)
    if config is None:
        return Bricked("no valid boot record")
    if isinstance(config, Reset):
        return config
    yield from record_writes.ALIGNS[design.placing](chip, design)
    config = yield from RUNS_FROM[design.runs_from](chip, design, config)
    if not chip.board.has_slot(config.active):
        return Bricked(f"the boot record names slot {config.active}, which this board does not have")
    if not passes(chip, design, config):
        chip.say(f"The image in slot {config.active} fails its checksum")
        return (yield from BAD_IMAGES[design.bad_image](chip, design, config))
    decided = start(chip, design, config)
    if not config.committed:
        # Where the image runs its own timer, the loader knows of none.
        within = f": commit within {decided.commit_within} s" if decided.commit_within else ""
        chip.say(f"Slot {config.active} is dirty{within}")
    return decided


def start(chip: Controller, design: Design, config: BootConfig) -> Start:
    """Start what a configuration names, wherever that is found."""
    within = 0 if config.committed else TIMED[design.timer](config)
    named = FINDS[design.finds](chip.board, config)
    return Start(config.active if named is None else named.active, config.committed, within)


def timed(config: BootConfig) -> int:
    """Start the timer that the record asks for."""
    return config.interval


def untimed(_config: BootConfig) -> int:
    """Start none: the image will."""
    return 0


def on_commit_timer(chip: Controller, design: Design) -> Routine[Reset | None]:
    """Handle the commit timer: exit silently if the firmware was committed, else roll back and reset."""
    selected = store.current(chip, design)
    if selected is None or selected.config.committed:
        return None
    chip.say("Update commit timeout expired")
    yield from chip.during("rollback", roll_back(chip, design, selected.config, "not committed in time"))
    return Reset("commit timer: rolled back")


def roll_back(chip: Controller, design: Design, config: BootConfig, reason: str) -> Routine[bool]:
    """Set image and flag back to their previous values; return whether the record is known to have gone in."""
    back = config.reverted()
    chip.say(f"Rolling back to {chip.board.slot_name(back.active)}: {reason}")
    # The world is told before the record is written: were it told after it, a cut between the two
    # would leave an old image that is offered the refused one again, and the loop would never close.
    yield Ask("refuse", reason)
    return (yield from record_writes.write(chip, design, back, "revert"))


def go_back(chip: Controller, design: Design, config: BootConfig, reason: str) -> Routine[BootConfig | Reset | None]:
    """Roll back before anything is started, and act on what counts then, if there is something."""
    written = yield from chip.during("rollback", roll_back(chip, design, config, reason))
    counts = WAYS_BACK[design.placing](chip, design, config.reverted())
    return counts if written else (yield from UNWRITTEN[design.unwritten](counts))


def as_written(_chip: Controller, _design: Design, back: BootConfig) -> BootConfig:
    """Act on what the new record says, whether it went in or not."""
    return back


def what_counts_now(chip: Controller, design: Design, back: BootConfig) -> BootConfig | None:
    """Act on the record that counts once the other one was given up, if there is one."""
    selected = store.select(chip, design)
    return None if selected is None else selected.config


def no_trial(chip: Controller, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Know nothing of dirty images: what a record names is committed, and there is no way back."""
    return config if config.committed else config.trusted()
    yield


def as_it_is(chip: Controller, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Let a dirty image run as often as it likes: the commit timer alone ends its trial, and never a crash."""
    return config
    yield


def left_to_the_image(chip: Controller, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Leave a trial to the image: it switches back in flash first of all, and forward again by its commit."""
    return config
    yield


def one_try(chip: Controller, design: Design, config: BootConfig) -> Routine[BootConfig | Reset | None]:
    """Note each start of a dirty image once it was checked: one that had its tries, or is not whole, is rolled back."""
    if config.committed:
        return config
    if config.tried >= design.tries:
        reason = "it was tried before and did not commit"
    elif not passes(chip, design, config):
        reason = f"the image in slot {config.active} fails its checksum"
    else:
        # Written before it is acted on: a try that leaves no trace is free again after every
        # power cut, and an image that crashes would boot for ever.
        written = yield from record_writes.write(chip, design, config.spent(), "try")
        if written:
            return config.spent()
        reason = "its try could not be recorded"
    return (yield from go_back(chip, design, config, reason))


def one_start(chip: Controller, design: Design, config: BootConfig) -> Routine[BootConfig | Reset | None]:
    """Note each start of a dirty image before anything is looked at: one that was started is not started again."""
    if config.committed:
        return config
    if config.tried >= design.tries:
        reason = "it was started before and did not commit"
        return (yield from go_back(chip, design, config, reason))
    written = yield from record_writes.write(chip, design, config.spent(), "try")
    return config.spent() if written else (yield from UNWRITTEN[design.unwritten](config.spent()))


def attempts(chip: Controller, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Count attempts as rBoot does: only a commit ends that, so each start after a rollback writes the record."""
    if not config.first:
        return config
    previous = config.active if config.previous is None else config.previous
    back = replace(config, active=previous, committed=True, tried=0) if config.tried else config.spent()
    settled = SETTLED[design.bad_image](chip, design, back)
    if settled is None:
        return back
    if not config.tried:
        yield from record_writes.write(chip, design, settled, "try")
        return settled
    if not config.committed:
        chip.say(f"Rolling back to slot {previous}: it was started before and did not commit")
        yield Ask("refuse", "it was started before and did not commit")
    yield from chip.during("rollback", record_writes.write(chip, design, settled, "revert"))
    return settled


def as_decided(chip: Controller, design: Design, decided: BootConfig) -> BootConfig | None:
    """Write down what was decided, before any image is looked at."""
    return decided


def whichever_is_whole(chip: Controller, design: Design, decided: BootConfig) -> BootConfig | None:
    """Write down the slot of an image that is whole; nothing where there is none."""
    others = (replace(decided, active=slot) for slot in chip.board.others(decided.active))
    return next((config for config in (decided, *others) if passes(chip, design, config)), None)


def halt(chip: Controller, design: Design, config: BootConfig) -> Routine[Start | Bricked | Reset]:
    """Stop where an image fails its check: the device is dead until somebody comes."""
    return Bricked(f"the image in slot {config.active} fails its checksum")
    yield


def watchdog(chip: Controller, design: Design, config: BootConfig) -> Routine[Start | Bricked | Reset]:
    """Wait for the watchdog where an image fails its check: without a trial that counts, the device resets for ever."""
    yield Wait("watchdog", WATCHDOG_SECONDS)
    return Reset(f"watchdog: the image in slot {config.active} fails its checksum")


def the_other_noted(chip: Controller, design: Design, config: BootConfig) -> Routine[Start | Bricked | Reset]:
    """Start the other slot's image where one fails its check, and write down that it is the one from now on.

    What else the record says stays: if it was committed, the other image is.
    """
    decided = yield from the_other(chip, design, config)
    if isinstance(decided, Start):
        yield from record_writes.write(chip, design, replace(config, active=decided.slot))
    return decided


def the_other(chip: Controller, design: Design, config: BootConfig) -> Routine[Start | Bricked | Reset]:
    """Start the other slot's image where one fails its check, if that one is whole: it is done again at every start.

    Of several slots it is the first whose image is whole, of those before it down to a factory image, then behind it.
    """
    for other in (replace(config, active=slot) for slot in chip.board.others(config.active)):
        if passes(chip, design, other):
            chip.say(f"Starting {chip.board.slot_name(other.active)} instead")
            return start(chip, design, other)
    return Bricked("no slot has an image that passes its check")
    yield


Decide = Callable[[Controller, Design, BootConfig], Routine[BootConfig | Reset | None]]
TRIALS: dict[str, Decide] = {
    "none": no_trial,
    "timer": as_it_is,
    "one-try": one_try,
    "one-start": one_start,
    "attempts": attempts,
    "switch-back": left_to_the_image,
}
TIMED: dict[str, Callable[[BootConfig], int]] = {"loader": timed, "image": untimed}
WAYS_BACK: dict[str, Callable[[Controller, Design, BootConfig], BootConfig | None]] = {
    "beside": as_written,
    "own": what_counts_now,
    "own-then-beside": as_written,
    "copied-at-start": as_written,
    "both": as_written,
    "of-the-slot": as_written,
}
BAD_IMAGES: dict[str, Callable[[Controller, Design, BootConfig], Routine[Start | Bricked | Reset]]] = {
    "halt": halt,
    "reset": watchdog,
    "other": the_other,
    "other-noted": the_other_noted,
}
# The configuration that a trial writes down, from what it has decided: some loaders look at the images before that.
SETTLED: dict[str, Callable[[Controller, Design, BootConfig], BootConfig | None]] = {
    "halt": as_decided,
    "reset": as_decided,
    "other": as_decided,
    "other-noted": whichever_is_whole,
}

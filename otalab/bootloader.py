"""The boot loader: choose a slot, start the commit timer if the image is dirty, start the image; roll back.

It knows the records and the slots and nothing of the updater: the two meet only in flash, as on a real board.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otalab import store
from otalab.chip import Chip
from otalab.design import Design
from otalab.effects import Ask, Routine
from otalab.outcome import Bricked, Reset
from otalab.record import BootConfig


@dataclass(frozen=True, slots=True)
class Start:
    """The loader's decision: start this slot, and how long a dirty image has to commit (seconds; 0: no timer)."""

    slot: int
    committed: bool
    commit_within: int


def boot(chip: Chip, design: Design) -> Routine[Start | Bricked]:
    """Decide what to start."""
    selected = store.select(chip, design)
    if selected is None:
        return Bricked("no valid boot record")
    config = selected.config
    chip.say(f"Boot record {selected.place}: sequencer {selected.record.sequencer}, {config.summary}")
    if not config.committed:
        config = yield from TRIALS[design.trial](chip, design, config)
    if config.active >= len(chip.board.slots):
        return Bricked(f"the boot record names slot {config.active}, which this board does not have")
    if not IMAGE_CHECKS[design.image_check](chip, config):
        return Bricked(f"the image in slot {config.active} fails its checksum")
    if not config.committed:
        chip.say(f"Slot {config.active} is dirty: commit within {config.interval} s")
    return Start(config.active, config.committed, 0 if config.committed else config.interval)


def on_commit_timer(chip: Chip, design: Design) -> Routine[Reset | None]:
    """Handle the commit timer: exit silently if the firmware was committed, else roll back and reset."""
    selected = store.select(chip, design)
    if selected is None or selected.config.committed:
        return None
    chip.say("Update commit timeout expired")
    yield from chip.during("rollback", roll_back(chip, design, selected.config, "not committed in time"))
    return Reset("commit timer: rolled back")


def roll_back(chip: Chip, design: Design, config: BootConfig, reason: str) -> Routine[BootConfig]:
    """Set image and flag back to their previous values; return the configuration to act on."""
    back = config.reverted()
    chip.say(f"Rolling back to slot {back.active}: {reason}")
    # The world is told before the record is written: were it told after it, a cut between the two
    # would leave an old image that is offered the refused one again, and the loop would never close.
    yield Ask("refuse", reason)
    yield from store.write(chip, design, back)
    return back


def no_trial(chip: Chip, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Know nothing of dirty images: what a record names is started, and no timer with it."""
    return config.trusted()
    yield


def until_the_timer(chip: Chip, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Let a dirty image run as often as it likes: only the timer ends its trial."""
    return config
    yield


def one_try(chip: Chip, design: Design, config: BootConfig) -> Routine[BootConfig]:
    """Let a dirty image run once: one that was tried before, or is not whole, is reverted."""
    if config.tried:
        reason = "it was tried before and did not commit"
    elif not IMAGE_CHECKS[design.image_check](chip, config):
        reason = f"the image in slot {config.active} fails its checksum"
    else:
        # Written before it is acted on: a try that leaves no trace is free again after every
        # power cut, and an image that crashes would boot for ever.
        written = yield from store.write(chip, design, config.spent())
        if written:
            return config.spent()
        reason = "its try could not be recorded"
    return (yield from chip.during("rollback", roll_back(chip, design, config, reason)))


def unchecked(chip: Chip, config: BootConfig) -> bool:
    """Start whatever lies there."""
    return True


def checksum(chip: Chip, config: BootConfig) -> bool:
    """Compare the image with the length and CRC-32 in the record."""
    if config.active >= len(chip.board.slots):
        return False
    region, facts = chip.board.slots[config.active].app, config.slots[config.active]
    return facts.length <= region.size and facts.fit(chip.read(region.address, facts.length))


TRIALS: dict[str, Callable[[Chip, Design, BootConfig], Routine[BootConfig]]] = {
    "none": no_trial,
    "timer": until_the_timer,
    "one-try": one_try,
}
IMAGE_CHECKS: dict[str, Callable[[Chip, BootConfig], bool]] = {"none": unchecked, "crc32": checksum}

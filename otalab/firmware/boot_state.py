"""The boot state as one who asks from outside may set it, and the snapshot: what runs, copied to the other slot.

The firmware does both by the rules of its design; whoever asks only names what he wants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zlib import crc32

from otalab.errors import BundleFault
from otalab.firmware import intervals, record_writes, store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image_checks import lying, passes
from otalab.firmware.requests import BootState, Report, Snapshot
from otalab.firmware.writer import RegionWriter
from otalab.formats.filesystems.scratch import FileSystemFault
from otalab.formats.records.record import BootConfig, SlotFacts
from otalab.hardware.board import Board
from otalab.hardware.effects import Routine
from otalab.hardware.places import Region

UNREADABLE, UNWRITTEN = "Failed to get boot state", "Failed to set boot state"
UNSET = "Failed to set commit timeout"
NOT_NOW, NOT_COPIED = "Cannot create snapshots in uncommitted state", "Failed to create snapshot"
SNAPSHOT = "Snapshot created"


def set_state(chip: Controller, design: Design, slot: int, wanted: BootState) -> Routine[Report]:
    """Set what the boot record says, and the commit interval, where the device can."""
    report = yield from SETS_STATE[design.set_state](chip, design, wanted)
    if report.fine and wanted.commit_timeout is not None:
        return (yield from interval_set(chip, design, slot, wanted.commit_timeout))
    return report


def interval_set(chip: Controller, design: Design, slot: int, seconds: int) -> Routine[Report]:
    """Have the commit interval kept where the running image of a slot looks for it."""
    try:
        yield from chip.during("switch", intervals.SETS[design.interval_in](chip, chip.board.slots[slot].fs, seconds))
    except FileSystemFault as fault:
        return Report(False, f"{UNSET}: {fault}")
    return Report(True, "Ok")


def state_refused(chip: Controller, design: Design, wanted: BootState) -> Routine[Report]:
    """Refuse to set the boot state: this updater never learnt it."""
    return Report(False, f"{UNWRITTEN}: this device cannot")
    yield


def state_written(chip: Controller, design: Design, wanted: BootState) -> Routine[Report]:
    """Write a boot record with other values; it counts from the next boot on."""
    selected = store.current(chip, design)
    if selected is None:
        return Report(False, UNREADABLE)
    config = changed(selected.config, wanted)
    config = SETS_DIRTY[design.set_dirty](config, wanted)
    # The same reserve as for an update: the record that says this must not be the last one.
    refused = store.used_up(design, selected) or _unstartable(chip, design, config)
    if refused:
        chip.say(f"{UNWRITTEN}: {refused}")
        return Report(False, f"{UNWRITTEN}: {refused}")
    written = yield from chip.during("switch", record_writes.write(chip, design, config))
    return Report(written, "Ok" if written else UNWRITTEN)


def _unstartable(chip: Controller, design: Design, config: BootConfig) -> str:
    return "" if startable(chip, design, config) else "it names a slot that could not be started"


def changed(config: BootConfig, wanted: BootState) -> BootConfig:
    """Return a configuration with the fields that are wanted otherwise; a dirty one has its try before it."""
    return replace(
        config,
        active=config.active if wanted.active_slot is None else wanted.active_slot,
        committed=config.committed if wanted.committed is None else wanted.committed,
        previous=config.previous if wanted.revert_slot is None else wanted.revert_slot,
        interval=config.interval if wanted.commit_timeout is None else wanted.commit_timeout,
        previously_committed=True,
        tried=0,
        first=False if wanted.committed is None else not wanted.committed,
    )


def on_trial(config: BootConfig, wanted: BootState) -> BootConfig:
    """Give an image that is set dirty its trial: it is started once, and commits or is rolled back."""
    return config


def tried(config: BootConfig, wanted: BootState) -> BootConfig:
    """Set an image dirty as one that was started already: the next start rolls it back."""
    return replace(config, tried=1, first=False) if wanted.committed is False else config


def startable(chip: Controller, design: Design, config: BootConfig) -> bool:
    """Say whether the loader would start every slot that a configuration can lead to, by the design's own check."""
    named = {config.active} | ({config.previous} if config.previous is not None else set())
    reached = {config.active} if config.committed else named
    there = all(map(chip.board.has_slot, named))
    return there and all(passes(chip, design, replace(config, active=slot)) for slot in reached)


def snapshot(chip: Controller, design: Design, slot: int, wanted: Snapshot) -> Routine[Report]:
    """Copy the running application and its files to the slot that does not run, where the device can."""
    report = yield from SNAPSHOTS[design.snapshot](chip, design, wanted)
    if report.fine and wanted.set_as_revert and wanted.commit_timeout is not None:
        kept = yield from interval_set(chip, design, slot, wanted.commit_timeout)
        return report if kept.fine else kept
    return report


def snapshot_refused(chip: Controller, design: Design, wanted: Snapshot) -> Routine[Report]:
    """Refuse to copy what runs: this updater never learnt it."""
    selected = store.current(chip, design)
    on_trial = selected is None or not selected.config.committed
    return Report(False, NOT_NOW if on_trial else f"{NOT_COPIED}: this device cannot")
    yield


def snapshot_copied(chip: Controller, design: Design, wanted: Snapshot) -> Routine[Report]:
    """Copy the running application and its files to the slot that does not run."""
    selected = store.current(chip, design)
    if selected is None:
        return Report(False, UNREADABLE)
    if not selected.config.committed:
        return Report(False, NOT_NOW)
    config, source = selected.config, selected.config.active
    if not chip.board.has_slot(source):
        return Report(False, NOT_COPIED)
    target, facts, slots = chip.board.next_slot(source), config.facts(source), chip.board.slots
    # rBoot and the loader of ESP-IDF name a slot and no length: whatever is in it is copied.
    length = facts.length if store.codec(design).tells_image else slots[source].app.size
    if refused := uncopied(chip, design, facts, source, length):
        return Report(False, f"{NOT_COPIED}: {refused}")
    # As in an update, and for the same reason: no record may speak of what lies there while it changes.
    yield from chip.during("download", record_writes.make_ready(chip, design))
    try:
        yield from chip.during("download", copied(chip, slots[source].app, slots[target].app, length))
        if chip.board.data == "each":
            yield from chip.during("merge", copied(chip, slots[source].fs, slots[target].fs, slots[source].fs.size))
    except BundleFault:
        return Report(False, NOT_COPIED)
    copies = lying(facts, slots[0]), lying(facts, slots[1])
    with_copy = replace(config, slots=copies, interval=wanted.commit_timeout or 0, previously_committed=True)
    if wanted.set_as_revert:
        # Already tried: the running image has no second start, the next boot without a commit takes the copy.
        with_copy = replace(with_copy, committed=False, previous=target, tried=1)
    # Last: until it is written, the old record knows of no copy, and nothing leads to one that is half done.
    written = yield from chip.during("switch", record_writes.write(chip, design, with_copy))
    return Report(written, SNAPSHOT if written else UNWRITTEN)


def uncopied(chip: Controller, design: Design, facts: SlotFacts, source: int, length: int) -> str:
    """Return why a slot cannot be copied, or nothing."""
    target = chip.board.next_slot(source)
    here, there = chip.board.slots[source], chip.board.slots[target]
    if not length:
        return "the boot record does not say how long the running image is"
    if store.codec(design).tells_image and not facts.fit(chip.read_region(here.app)):
        return "the running image is not the one that its boot record tells of"
    if length > there.app.size or here.fs.size > there.fs.size:
        return f"slot {target} is smaller than slot {source}"
    return ""


def copied(chip: Controller, source: Region, target: Region, size: int) -> Routine[None]:
    """Copy the first bytes of a region, sector by sector, and compare."""
    writer, geometry, end = RegionWriter(chip, target), chip.board.geometry, source.address + size
    for sector in geometry.sectors_of(source.address, size):
        start = geometry.start_of(sector)
        yield from writer.add(chip.read(start, min(geometry.size_of(sector), end - start)))
    yield from writer.finish(crc32(chip.read(source.address, size)))


SETS_DIRTY: dict[str, Callable[[BootConfig, BootState], BootConfig]] = {"on-trial": on_trial, "tried": tried}
SETS_STATE: dict[str, Callable[[Controller, Design, BootState], Routine[Report]]] = {
    "written": state_written,
    "refused": state_refused,
}
SNAPSHOTS: dict[str, Callable[[Controller, Design, Snapshot], Routine[Report]]] = {
    "copied": snapshot_copied,
    "refused": snapshot_refused,
}


def told_as_active(config: BootConfig, board: Board) -> int:
    """Tell the slot that runs as the way back where there is none."""
    return config.active if config.previous is None else config.previous


def told_as_other(config: BootConfig, board: Board) -> int:
    """Tell the other slot as the way back, of several the one before, whatever lies in it."""
    return board.slot_before(config.active)


def told_as_none(config: BootConfig, board: Board) -> int:
    """Tell -1, no slot, where there is no way back."""
    return -1 if config.previous is None else config.previous


TELLS_REVERT: dict[str, Callable[[BootConfig, Board], int]] = {
    "active": told_as_active,
    "other": told_as_other,
    "none": told_as_none,
}

"""Recordings: what an updater did to flash elsewhere, explored against the lab's boot loader.

A recording holds bytes and no program: after a cut it begins again at its first operation, and it writes the same
records whatever lies there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from zlib import crc32

from otalab.bench.observer import judge
from otalab.bench.recording import RecordedOperation
from otalab.bench.recording_findings import (
    against_its_record,
    against_what_was_named,
    findings,
    left_out,
    unguarded,
)
from otalab.bench.scenario import Choice, Scenario, World
from otalab.bench.setup import set_up
from otalab.bench.trace import life, sector_of
from otalab.errors import BadInput
from otalab.firmware import store
from otalab.firmware.bootloader import Start
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.device import Device, Firmware
from otalab.firmware.image import Image
from otalab.firmware.requests import REFUSED, Offer, Recording
from otalab.formats.filesystems.kinds import read_files
from otalab.formats.records.guard import STRONG
from otalab.formats.records.record import Record, SlotFacts
from otalab.hardware.board import Board
from otalab.hardware.effects import Ask, Effect, Erase, Phase, Program, Wait
from otalab.hardware.flash import Flash
from otalab.hardware.places import Region

# How the boot loader begins to say why it does not start what it was told to.
REASONS = ("The image in slot", "Rolling back", "No valid boot record", "Update commit timeout")
# Clocks are not exact: what is shorter (seconds) is no pause.
INSTANT = 1e-6


class RefusedStart(BadInput):
    """Contents before the update from which no device starts."""


class RefusedUpdate(BadInput):
    """An update that leaves what was there, with nothing that would tell the new image."""


@dataclass(frozen=True, slots=True, repr=False)
class RecordedScenario(Scenario):
    """A scenario in which the update on offer is a recording; the probe is an update of the lab's own.

    `findings` are sentences on the recording itself, `not_taken` why it does not even go in undisturbed.
    """

    recording: Recording | None = None
    findings: tuple[str, ...] = ()
    not_taken: str = ""

    def __post_init__(self) -> None:
        if self.recording and not REFUSED[self.offers](True):
            raise BadInput("a recording is not offered again: its records are older than that of a rollback")

    def probing(self) -> Scenario:
        return Scenario.probing(replace(self, recording=None))

    def choices(self, world: World, ask: Ask, now: float) -> tuple[Choice, ...]:
        answers, offer = Scenario.choices(self, world, ask, now), self.recording or Offer()
        return tuple(
            replace(choice, answer=offer) if isinstance(choice.answer, Offer) else choice for choice in answers
        )


def recorded_scenario(
    recording: Sequence[RecordedOperation],
    design: str | Design | Firmware,
    board: str | Board,
    initial: bytes | None = None,
    new: tuple[str, int, int] | None = None,
) -> RecordedScenario:
    """Return the scenario in which the update that a device is offered is a recording.

    `initial` is the flash that it begins with; as shipped if not given.
    `new` is the image that it brings: version, slot, length; if not given, what the undisturbed recording leaves in
    the slot that the boot loader then starts.
    """
    base = set_up(design, board)
    device, home = base.device, base.device.board
    flash = base.flash if initial is None else Flash.of(home.geometry, initial)
    start, old, said = _started(device, flash)
    if old is None or not start.committed:
        raise RefusedStart(
            f"the initial contents start no committed image ({said}); choose the design and board of theirs"
        )
    effects = tuple(_replayed(base, recording))
    done = _left(device, flash, [effect for _, effect in effects])
    after, lying, said = _started(device, done)
    slot, image = _brought(device, flash, done, start.slot, (after.slot, lying))
    sentences = [*findings(home, flash, recording, start.slot, old.size)]
    if new is not None:
        slot, image = _named(home, done, *new)
        sentences.append(against_what_was_named(_newest(device, done), *new))
    sentences += [_broken(device, done), left_out(home, recording, slot)]
    if image.digest == old.digest:
        raise RefusedUpdate(f"undisturbed, the recording leaves the image that was there ({said}); name the new one")
    if image.version == old.version:
        image = replace(image, version=f"{image.version}+recorded")
    files, brought = _files(home, flash, start.slot), _files(home, done, slot)
    device = replace(device, images=(old, image, base.probe))
    parts = (base.part, base.timing, flash, old, image, b"", base.probe, base.probe_bundle, files, brought)
    scenario = RecordedScenario(device, *parts, recording=Recording(effects), findings=tuple(filter(None, sentences)))
    return replace(scenario, not_taken=_not_taken(scenario))


def _named(board: Board, done: Flash, version: str, slot: int, length: int) -> tuple[int, Image]:
    """Return the slot and the image that somebody says a recording brings."""
    if not (0 <= slot < board.targets and 0 < length <= board.slots[slot].app.size):
        most = board.targets - 1
        raise BadInput(f"a new image of {length} bytes does not lie in slot {slot} of {board.name}: 0 to {most}")
    return slot, _image(version, done, board.slots[slot].app, length)


def records_of(device: Device) -> Design:
    """Return the choices by which boot records are read; a recording is looked at through them."""
    if device.records is None:
        raise BadInput(
            f"{device.firmware.name} does not say how its boot records are, and a recording is read by that: "
            "give its page a table [records]"
        )
    return device.records


def _not_taken(scenario: RecordedScenario) -> str:
    """Return why an update does not go in though nothing disturbs it: the loader's reason, and how it ends."""
    lived = life(scenario)
    end = judge(scenario, lived)
    if end.name == "updated":
        return _unguarded(scenario, lived.last.flash)
    reasons = [line for line in lived.log if line.startswith(REASONS)]
    return f"Undisturbed, the update does not go in: {'; '.join([*reasons[:1], end.name])}, {end.reason}."


def _unguarded(scenario: RecordedScenario, flash: Flash) -> str:
    """Return why nobody can say that an image is whole, where neither its record nor a check of its own tells."""
    device, staged = scenario.device, _newest(scenario.device, flash)
    active = staged.config.active if staged else -1
    guarded = device.firmware.checks_itself or staged is None or staged.config.facts(active).length
    return "" if guarded or not device.board.has_slot(active) else unguarded(device.board, flash, active)


def _brought(
    device: Device, flash: Flash, done: Flash, running: int, after: tuple[int, Image | None]
) -> tuple[int, Image]:
    """Return the slot and the image that a recording brings: what is started then, or what a record named on the way.

    Where the record's length and CRC-32 are not those of what lies there, it is an image that nobody has: never whole.
    """
    slot, image = after
    if image is None:
        # A loader that halts starts nothing that could be known again: then no image is the new one.
        return device.board.next_slot(running), Image("recorded", "", 0, b"")
    staged = _newest(device, done)
    facts = staged.config.slots[staged.config.active] if staged and staged.config.active in (0, 1) else SlotFacts()
    named = staged is not None and staged != _newest(device, flash) and facts.length and facts.crc32
    if not named or staged is None:
        return slot, image
    region = device.board.slots[staged.config.active].app
    if facts.fit(done.read(region.address, region.size)):
        return slot, image
    return staged.config.active, Image(facts.version or "recorded", f"{facts.crc32:08x}", facts.length, b"")


def _broken(device: Device, done: Flash) -> str:
    """Return what is wrong with the image that the newest record names."""
    staged = _newest(device, done)
    if staged is None or not device.board.has_slot(staged.config.active):
        return ""
    slot = staged.config.active
    return against_its_record(device.board, done, slot, staged.config.facts(slot))


def _newest(device: Device, flash: Flash) -> Record | None:
    selected = store.select(Controller(device.board, flash), records_of(device))
    return None if selected is None else selected.record


def _replayed(base: Scenario, recording: Sequence[RecordedOperation]) -> Iterator[tuple[Phase, Erase | Program | Wait]]:
    """Yield the effects of a recording in their phases; none begins before the time that it was recorded at."""
    board, now = base.device.board, 0.0
    for operation in recording:
        for effect in operation.effects(board.geometry):
            record = board.owner_of(sector_of(effect, base.flash) or 0).startswith("record")
            phase: Phase = "switch" if record else "download"
            if operation.time is not None and operation.time - now > INSTANT:
                yield phase, Wait("pause", operation.time - now)
                now = operation.time
            yield phase, effect
            now += base.seconds(effect)


def _left(device: Device, flash: Flash, effects: Sequence[Effect]) -> Flash:
    """Return what the effects leave; refuse them where the explorer would take one boot record for another.

    Under a strong guard it takes records that differ by their sequencers for the same, since the lab's firmware only
    compares and steps those; a recording writes the ones that it has.
    """
    stages, form = [*accumulate(effects, Flash.after, initial=flash)], store.codec(records_of(device))
    for number, address in enumerate(store.places(device.board, records_of(device))):
        records = {form.decode(stage.read(address, form.size)) for stage in stages}
        configs = [record.config for record in records if isinstance(record, Record)]
        if form.guard_bits >= STRONG and len(set(configs)) < len(configs):
            raise BadInput(
                f"the recording changes boot record {number} by its sequencer alone, which no proof covers: "
                "record a single update, and give the contents that it began with"
            )
    return stages[-1]


def _started(device: Device, flash: Flash) -> tuple[Start, Image | None, str]:
    """Return what the boot loader makes of contents: the image that it starts, or none if it halts; and its words."""
    chip = Controller(device.board, flash)
    start = device.decision(chip)
    selected = store.select(chip, records_of(device))
    if not isinstance(start, Start):
        return Start(0, True, 0), None, start.reason
    said = next((line for line in chip.log if line.startswith(REASONS)), chip.log[-1] if chip.log else "")
    if selected is None:
        return Start(0, True, 0), None, said
    region, facts = device.board.slots[start.slot].app, selected.config.facts(start.slot)
    length = facts.length if facts.fit(chip.read_region(region)) else region.size
    return start, _image(facts.version, chip.flash, region, length), said


def _image(version: str, flash: Flash, region: Region, length: int) -> Image:
    app = flash.read(region.address, length)
    return Image.of(version or "recorded", f"{crc32(app):08x}", app)


def _files(board: Board, flash: Flash, slot: int) -> tuple[tuple[str, bytes], ...]:
    region, sector = board.slots[slot].fs, board.block_of(board.slots[slot].fs)
    contents = flash.read(region.address, region.size)
    return tuple(sorted((read_files(contents, sector, board.file_system) or {}).items()))

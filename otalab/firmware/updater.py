"""The updater: from a bundle that comes in piece by piece to a new partition that the boot loader will try.

Nothing that runs is touched: the new image goes to the inactive slot, files are carried over there,
and only then a boot record, written beside the one that counts, says so.
A design whose target is the running slot does otherwise, so that it can be seen why nobody should.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha1

from otalab.errors import BundleFault, OtalabError
from otalab.firmware import data_places, intervals, merge_times, record_writes, store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image import Image
from otalab.firmware.image_checks import lying, passes
from otalab.firmware.merge import Mount, held_in_ram, mounted
from otalab.firmware.platforms import require_digest, require_parts, said
from otalab.firmware.requests import Lost, Offer, Report
from otalab.firmware.writer import RegionWriter, WrittenRegion
from otalab.formats.bundle.manifest import Manifest, Part
from otalab.formats.bundle.reader import BundleReader, ManifestRead, PartBegins, PartData, PartEnds
from otalab.formats.bundle.signatures import UNCHECKED, refusal
from otalab.formats.records.record import BootConfig, Selection, SlotFacts
from otalab.hardware.board import Board
from otalab.hardware.effects import Ask, Routine
from otalab.hardware.places import Region, Slot

APPLIED = "Update applied, finalizing"
BUSY = "Update already in progress"
UNCOMMITTED = "Previous update has not been committed yet"
UNREADABLE = "Could not read current boot cfg"
# The core's words where its back-end knows of no boot state (`updater_context_create`).
UNSEEN = {"area-0": "OTA is not supported"}
SAME_VERSION = "Version is the same as current"
VERSION_LIMIT = 128  # where the boot record holds no version; it goes into logs and the shadow
BUILD_ID_SIZE = 128  # "20260102-030405/1.1-g0123abc-main" has 33; it goes into the shadow, which has 8 KiB for all


def update(chip: Controller, design: Design, running: Image, active: int, offer: Offer) -> Routine[Report]:
    """Take an update in, steps 2 to 4 of the published procedure; any failure leaves the old record in charge."""
    try:
        selected = claim(chip, design)
        active = SPARES[design.spares](chip, design, selected.config, active)
        old = chip.board.slots[active].fs
        targets, mount_old = TARGETS[design.target](chip, active)
        mount_old = data_places.READS[chip.board.data](chip, old, mount_old)
        target, facts = yield from chip.during("download", download(chip, design, targets, running, offer))
        slot = chip.board.slots[target]
        before_switch = merge_times.BEFORE_SWITCH[data_places.MERGES[chip.board.data](design.merge)]
        yield from chip.during("merge", before_switch(chip, old, slot.fs, mount_old, design.folders))
        options = yield Ask("options")
        if isinstance(options, Lost):
            raise BundleFault(options.reason)
        interval = yield from chip.during(
            "switch", intervals.KEEPS[design.interval_in](chip, old, options.commit_timeout)
        )
        running_config = replace(selected.config, active=active)
        staged = STAGED[design.trial](running_config.staged(target, facts, interval))
        # The last thing that is written, and the only one that the boot loader looks at:
        # before it a new partition is so many bytes that nobody asks for, and an overwritten one no image at all.
        written = yield from chip.during("switch", record_writes.write(chip, design, staged, "stage"))
    except OtalabError as fault:
        reason = said(chip.board.platform, fault)
        chip.say(f"Update aborted: {reason}")
        return Report(False, reason)
    return Report(True, APPLIED) if written else Report(False, "Could not write new boot cfg")


def claim(chip: Controller, design: Design) -> Selection:
    """Return the record that counts, or say why no update may start now."""
    selected = store.current(chip, design)
    if selected is None:
        raise BundleFault(UNSEEN.get(design.sees, UNREADABLE))
    if not selected.config.committed:
        raise BundleFault(UNCOMMITTED)
    if fault := store.used_up(design, selected):
        raise BundleFault(fault)
    return selected


def boots_next(chip: Controller, design: Design, config: BootConfig, running: int) -> int:
    """Spare the slot that is started next: the running one, unless a boot state set by hand names the other one."""
    return config.active if passes(chip, design, config) else running


def runs_now(chip: Controller, design: Design, config: BootConfig, running: int) -> int:
    """Spare the slot that runs, whatever the records say by now."""
    return running


def beside(chip: Controller, active: int) -> tuple[tuple[int, ...], Mount]:
    """Write to the slot that does not run, of several to the next one: what runs stays whole, and so do its files."""
    return (chip.board.next_slot(active),), mounted


def smallest(chip: Controller, active: int) -> tuple[tuple[int, ...], Mount]:
    """Write to the smallest slot that does not run and that the image fits; where no size is named, to the largest.

    Of two alike it is the next one.
    """
    board, first = chip.board, chip.board.next_slot(active)
    following = ((first + step) % board.targets for step in range(board.targets))
    others = (slot for slot in following if slot != active)
    return tuple(sorted(others, key=lambda slot: board.slots[slot].app.size)), mounted


def in_place(chip: Controller, active: int) -> tuple[tuple[int, ...], Mount]:
    """Write over the slot that runs: it needs no second slot, and from its first erase on there is no way back.

    Its files are gone from flash by the time they are needed, so RAM holds them.
    """
    if active >= chip.board.targets:
        raise BundleFault("The factory image runs, which no update replaces")
    return (active,), held_in_ram(chip, chip.board.slots[active].fs)


def dirty(config: BootConfig) -> BootConfig:
    """Promise nothing: the image must commit itself."""
    return config


def download(
    chip: Controller, design: Design, targets: Sequence[int], running: Image, offer: Offer
) -> Routine[tuple[int, SlotFacts]]:
    """Write a bundle's application and file system into the first slot that it fits.

    Return its number, and what the boot record will say of it.
    """
    reader, position, version = BundleReader(), 0, ""
    target, slot = targets[0], chip.board.slots[targets[0]]
    writer: RegionWriter | None = None
    facts: dict[str, SlotFacts] = {}
    while not reader.ended:
        piece = yield Ask("piece", position)
        if isinstance(piece, Lost):
            raise BundleFault(piece.reason)
        if not piece:
            reader.close()
        position += len(piece)
        for event in reader.feed(piece):
            match event:
                case ManifestRead(manifest):
                    accept(chip, design, manifest, running, offer)
                    target, version = first_that_fits(chip.board, targets, manifest), manifest.version
                    slot = chip.board.slots[target]
                    yield from make_way(chip, design, target, event)
                case PartBegins(part, size):
                    writer = yield from writer_for(chip, design, slot, part, size)
                case PartData(_, data) if writer:
                    yield from writer.add(data)
                case PartEnds(part, size, check) if writer:
                    yield from writer.finish(check)
                    require_digest(chip.board.platform, part)
                    if part.role == "fs" and chip.board.file_system != "raw":
                        # An image may be smaller than its region: what an older one left there is not part of it.
                        yield from writer.blank_rest()
                    facts[part.role] = SlotFacts(size, check, version, files=size)
                    chip.say(f"Wrote {part.name}, {size} bytes")
    return target, lying(replace(facts["app"], files=facts["fs"].files if "fs" in facts else slot.fs.size), slot)


def make_way(chip: Controller, design: Design, target: int, read: ManifestRead) -> Routine[None]:
    """Take a manifest for good, and have no record speak of the slot that will be written."""
    chip.say(f"Updating slot {target}")
    yield from require_signatures(chip, read)
    # Not before: a bundle that is refused by its manifest writes nothing.
    # Not after: a slot must not change while a record that may yet count speaks of what lay there.
    yield from record_writes.make_ready(chip, design)


def first_that_fits(board: Board, targets: Sequence[int], manifest: Manifest) -> int:
    """Return the first slot whose application partition has room for what the manifest says; the last one if none."""
    size = next((part.size for part in manifest.parts if part.role == "app" and part.size is not None), None)
    fits = (slot for slot in targets if size is not None and size <= board.slots[slot].app.size)
    return next(fits, targets[-1])


def writer_for(chip: Controller, design: Design, slot: Slot, part: Part, size: int) -> Routine[RegionWriter | None]:
    """Return what writes a part into its place in the slot; a part that has none there is only checked."""
    region = {"app": slot.app, "fs": data_places.PLACES[chip.board.data](slot)}.get(part.role)
    if region and size > region.size:
        raise BundleFault(f"Image too big: {part.name} has {size} bytes, its slot {region.size}")
    if region is None:
        return None
    if LIES[design.lying](chip, region, part, size):
        chip.say(f"Skip writing {part.name} (digest matches)")
        return WrittenRegion(chip, region)
    writer = RegionWriter(chip, region)
    yield from SLOT_ERASES[design.slot_erase](writer)
    return writer


def always_written(chip: Controller, region: Region, part: Part, size: int) -> bool:
    """Write a file whatever lies in its slot: nobody looks there before it is erased."""
    return False


def app_lies(chip: Controller, region: Region, part: Part, size: int) -> bool:
    """Spare the application where the bytes in its slot have its SHA-1; it reads all of them first."""
    return part.role == "app" and any_lies(chip, region, part, size)


def any_lies(chip: Controller, region: Region, part: Part, size: int) -> bool:
    """Spare any file where the bytes in its slot have its SHA-1; it reads all of them first."""
    lies = sha1(chip.read(region.address, size), usedforsecurity=False).hexdigest()
    return lies == part.sha1


def accept(chip: Controller, design: Design, manifest: Manifest, running: Image, offer: Offer) -> None:
    """Refuse a manifest that is not for this device, or brings nothing new."""
    if not manifest.runs_on(chip.board.platform):
        raise BundleFault("Wrong platform")
    if offer.ignore_same_version and manifest.same_as(running.version, running.build_id):
        raise BundleFault(SAME_VERSION)
    room = store.codec(design).version_size
    if len(manifest.version.encode()) > (room or VERSION_LIMIT):
        raise BundleFault(f"Version too long: {manifest.version!r:.60}, {said_room(room)}")
    if len(manifest.build_id) > BUILD_ID_SIZE:
        raise BundleFault(f"Build id too long: {len(manifest.build_id)} characters, at most {BUILD_ID_SIZE}")
    DOWNGRADES[design.downgrade](manifest.version, running.version)
    require_parts(chip.board.platform, manifest, data_places.PARTS[chip.board.data])
    chip.say(f"FW: {manifest.name} {manifest.version} {manifest.build_id} for {manifest.platform}")


def said_room(room: int) -> str:
    """Say how long a version may be, and why."""
    return f"the boot record has {room} bytes for it" if room else f"at most {VERSION_LIMIT} bytes"


def require_signatures(chip: Controller, read: ManifestRead) -> Routine[None]:
    """Refuse a bundle that lacks a signature which this device requires; the keys are kept and used elsewhere."""
    if chip.sig_req_mask == UNCHECKED:
        return
    mask = yield Ask("signed", read)
    if fault := refusal(read.manifest, mask, chip.sig_req_mask):
        raise BundleFault(fault)
    chip.say(f"Signatures 0x{mask:02x}")


def any_version(_new: str, _running: str) -> None:
    """Take older versions too, be they as full of holes as they were."""


def not_older(new: str, running: str) -> None:
    """Refuse an older version, where both are dotted numbers: what else a version may be has no age."""
    ages = [_numbers(version) for version in (new, running)]
    if ages[0] is not None and ages[1] is not None and ages[0] < ages[1]:
        raise BundleFault(f"Downgrade refused: version {new} is older than {running}")


def _numbers(version: str) -> list[int] | None:
    """Return a version as the numbers that it compares by, or `None`; 1.0 is 1."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*", version):
        return None
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


# The slots that an update may be written to, the first that it fits; and how old files are mounted then.
TARGETS: dict[str, Callable[[Controller, int], tuple[tuple[int, ...], Mount]]] = {
    "inactive": beside,
    "smallest": smallest,
    "running": in_place,
}
SPARES: dict[str, Callable[[Controller, Design, BootConfig, int], int]] = {"next": boots_next, "running": runs_now}
SLOT_ERASES: dict[str, Callable[[RegionWriter], Routine[None]]] = {
    "by-sector": RegionWriter.sector_by_sector,
    "whole": RegionWriter.erase_whole,
}
LIES: dict[str, Callable[[Controller, Region, Part, int], bool]] = {
    "written": always_written,
    "app-skipped": app_lies,
    "skipped": any_lies,
}
DOWNGRADES: dict[str, Callable[[str, str], None]] = {"accept": any_version, "refuse": not_older}
STAGED: dict[str, Callable[[BootConfig], BootConfig]] = {
    "none": BootConfig.trusted,
    "timer": dirty,
    "one-try": dirty,
    "one-start": dirty,
    "attempts": dirty,
    "switch-back": dirty,
}

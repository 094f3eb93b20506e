"""Planted bugs: one wrong function or table entry each, and the shortest history that betrays it.

A bug is planted with pytest's `monkeypatch` and gone when its context is left.
The table at the end has, for each, the end that it leads to, the cuts that it needs and the device that shows it;
without the bug that device is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from zlib import crc32

import pytest
from plain import mini

from otalab.bench.contents import default_bundle
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.errors import BundleFault
from otalab.firmware import application, bootloader, image_checks, merge_times, record_writes, store, updater
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.firmware.image import Image
from otalab.firmware.merge import carry_over, mounted
from otalab.firmware.requests import Offer, Report
from otalab.formats.records.catalogue import GUARDS
from otalab.formats.records.guard import Guarded
from otalab.formats.records.lab import LabCodec
from otalab.formats.records.record import BootConfig, Record, Selection, SlotFacts
from otalab.hardware.board import load_board
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Ask, Erase, Routine, pages
from otalab.hardware.places import Region

Patch = pytest.MonkeyPatch
Taken = tuple[int, SlotFacts]

# Records


def newest_or_nothing(patch: Patch) -> None:
    """Sequencers are compared before checks are: where the newest record is torn, none counts.

    The second record, which is there for this very moment, is never asked.
    """

    def select(chip: Chip, design: Design) -> Selection | None:
        places = range(design.records)
        newest = min(places, key=lambda place: sequencer(chip, chip.board.records[place]))
        found = store.read(chip, design)[newest]
        return Selection(newest, found) if isinstance(found, Record) else None

    patch.setattr(store, "select", select)


def highest_sequencer_is_overwritten(patch: Patch) -> None:
    """The record with the highest sequencer is taken for the old one, whichever it was that the device started from.

    A record that was torn after its sequencer seems newer than the one that counts, and that is overwritten.
    """

    def write(chip: Chip, design: Design, _place: int, data: bytes) -> Routine[bool]:
        highest = max(range(2), key=lambda place: sequencer(chip, chip.board.records[place]))
        return (yield from record_writes.read_back(chip, design, highest, data))

    patch.setitem(record_writes.WRITES, "read-back", write)


def sequencer_not_stepped(patch: Patch) -> None:
    """The next record has the sequencer of the last one: the switch is never seen, and the update never ends."""
    patch.setattr(LabCodec, "follow", lambda _codec, record, config: Record(record.sequencer, config))


def sixteen_bit_check(patch: Patch) -> None:
    """A CRC-16 guards the record: among all that half an erase can leave, something has the right one."""
    patch.setitem(GUARDS, "crc32", GUARDS["crc16"])


def check_without_the_sequencer(patch: Patch) -> None:
    """The check begins after the sequencer: an old record whose erase has just begun becomes the newest.

    That does harm once the slot of which the old record speaks is written anew, so not on a factory-fresh device.
    """
    patch.setitem(GUARDS, "crc32", lambda codec: Guarded(codec, lambda body: crc32(body[8:]), 4))


def blank_is_erased(patch: Patch) -> None:
    """A place that reads blank is not erased, and what was written is not read back.

    After an erase that was cut short a place can read blank, and hold only half of what is programmed.
    """

    def write(chip: Chip, _design: Design, number: int, data: bytes) -> Routine[bool]:
        place = chip.board.records[number]
        if chip.read_region(place).strip(b"\xff"):
            yield Erase(sector_at(chip, place))
        yield from pages(place.address, data, chip.board.geometry.page_size)
        return True

    patch.setitem(record_writes.WRITES, "read-back", write)


def wrong_record_refreshed(patch: Patch) -> None:
    """The record that does not count is programmed over itself: the one that does stays as weak as it may be."""

    def refresh(chip: Chip, design: Design, selected: Selection) -> Routine[None]:
        other = record_writes.next_place(design, selected)
        yield from record_writes.over_itself(chip, design, Selection(other, selected.record))

    patch.setitem(record_writes.REFRESHES, "selected", refresh)


# The update


def switch_before_verify(patch: Patch) -> None:
    """A record names the new slot before a byte of it is written, let alone verified.

    Where the loader checks no image, only the order of the writes keeps it from starting half of one.
    """

    def early(chip: Chip, design: Design, slots: Sequence[int], running: Image, offer: Offer) -> Routine[Taken]:
        staged = updater.claim(chip, design).config.staged(slots[0], SlotFacts(), 60)
        yield from chip.during("switch", record_writes.write(chip, design, staged))
        return (yield from download(chip, design, slots, running, offer))

    download = updater.download
    patch.setattr(updater, "download", early)


def always_the_second_slot(patch: Patch) -> None:
    """Updates go to slot 1: right for a factory-fresh device, and over the running image for every other."""
    patch.setitem(updater.TARGETS, "inactive", lambda _chip, _active: ((1,), mounted))


def abandoned_slot_is_refused(patch: Patch) -> None:
    """A slot is written only if it is blank or holds what the record says; one that was abandoned half-way is neither.

    The device runs on, and takes no update ever after.
    """

    def wary(chip: Chip, design: Design, slots: Sequence[int], running: Image, offer: Offer) -> Routine[Taken]:
        facts = updater.claim(chip, design).config.slots[slots[0]]
        contents = chip.read_region(chip.board.slots[slots[0]].app)
        if contents.strip(b"\xff") and not facts.fit(contents):
            raise BundleFault("the slot holds something unknown")
        return (yield from download(chip, design, slots, running, offer))

    download = updater.download
    patch.setattr(updater, "download", wary)


def merge_after_the_switch(patch: Patch) -> None:
    """Files are carried over once the record is written, and after a cut nobody asks whether they were."""

    def switch_first(chip: Chip, design: Design, running: Image, active: int, offer: Offer) -> Routine[Report]:
        report = yield from update(chip, design, running, active, offer)
        old, new = chip.board.slots[active].fs, chip.board.slots[1 - active].fs
        yield from chip.during("merge", carry_over(chip, old, new, mounted))
        return report

    update = updater.update
    patch.setattr(merge_times, "carry_over", lambda *_: iter(()))
    patch.setattr(application, "update", switch_first)


# The trial


def try_leaves_no_trace(patch: Patch) -> None:
    """No record says that a dirty image was started: one that crashes before its timer is due starts for ever."""
    patch.setitem(bootloader.TRIALS, "one-try", bootloader.as_it_is)


def commit_over_old_bits(patch: Patch) -> None:
    """The commit is programmed over the record that counts, with no erase.

    Programming turns no zero into a one: the flag stays as it was, the check does not match any more,
    and every good image is rolled back.
    """

    def commit(chip: Chip, design: Design, slot: int) -> Routine[bool]:
        selected = store.select(chip, design)
        if selected is None or selected.config.committed:
            return False
        data = store.codec(design).encode(replace(selected.record, config=selected.config.trusted()))
        address = chip.board.records[selected.place].address
        yield from pages(address, data, chip.board.geometry.page_size)
        return True

    patch.setattr(application, "commit", commit)


def old_image_gone_before_the_commit(patch: Patch) -> None:
    """A new image erases the old one and then commits: in between there is nothing to go back to."""

    def commit(chip: Chip, design: Design, slot: int) -> Routine[bool]:
        selected = store.select(chip, design)
        if selected and not selected.config.committed:
            yield Erase(sector_at(chip, chip.board.slots[1 - selected.config.active].app))
        return (yield from careful(chip, design, slot))

    careful = application.commit
    patch.setattr(application, "commit", commit)


def rollback_over_the_selected_record(patch: Patch) -> None:
    """The rollback is written where the selected record lies; a commit that was cut short may have left no other."""

    def roll_back(chip: Chip, design: Design, config: BootConfig, reason: str) -> Routine[BootConfig]:
        yield Ask("refuse", reason)
        yield from in_place(chip, design, config.reverted())
        return config.reverted()

    patch.setattr(bootloader, "roll_back", roll_back)


def rollback_told_to_nobody(patch: Patch) -> None:
    """The world does not hear of a rollback: an image that is no good is offered again, and taken, for ever."""

    def roll_back(chip: Chip, design: Design, config: BootConfig, _reason: str) -> Routine[BootConfig]:
        yield from record_writes.write(chip, design, config.reverted())
        return config.reverted()

    patch.setattr(bootloader, "roll_back", roll_back)


# Changes that do no harm


def commit_in_place(patch: Patch) -> None:
    """The commit is written where the selected record lies: the staged one stands beside it, good for another try."""

    def commit(chip: Chip, design: Design, slot: int) -> Routine[bool]:
        selected = store.select(chip, design)
        if selected is None or selected.config.committed:
            return False
        return (yield from chip.during("commit", in_place(chip, design, selected.config.trusted())))

    patch.setattr(application, "commit", commit)


def dirty_images_unchecked(patch: Patch) -> None:
    """The loader checks committed images only: a dirty one was verified before any record named it."""

    def check(chip: Chip, config: BootConfig) -> bool:
        return not config.committed or image_checks.checksum(chip, config)

    patch.setitem(image_checks.IMAGE_CHECKS, "crc32", check)


HARMLESS = [commit_in_place, dirty_images_unchecked]


def sequencer(chip: Chip, place: Region) -> int:
    """Return what lies where a record has its sequencer, be it valid or not."""
    return int.from_bytes(chip.read(place.address, 8), "little")


def sector_at(chip: Chip, region: Region) -> int:
    """Return the first sector of a region."""
    return chip.board.sectors_of(region).start


def in_place(chip: Chip, design: Design, config: BootConfig) -> Routine[bool]:
    """Make `config` the newest record, in the place of the one that counts."""
    selected = store.select(chip, design)
    if selected is None:
        return False
    form = store.codec(design)
    data = form.encode(form.follow(selected.record, config))
    return (yield from record_writes.read_back(chip, design, selected.place, data))


@dataclass(frozen=True)
class Mutant:
    """A bug, the end that it leads to, the phases of the cuts that this takes, and the device that shows it.

    `files`: the device has files that can be lost; `used`: it has taken an update before.
    """

    plant: Callable[[Patch], None]
    end: str
    phases: tuple[str, ...]
    faults: str = "atomic"
    image: str = "healthy"
    design: str | Design = "hardened"
    files: bool = False
    used: bool = False

    @property
    def name(self) -> str:
        return self.plant.__name__

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have the bug in the firmware, for as long as the context lasts."""
        with pytest.MonkeyPatch.context() as patch:
            self.plant(patch)
            store.forget_formats()
            yield
        store.forget_formats()

    def setting(self) -> Scenario:
        """Return the device and the update that it is offered."""
        if not self.used:
            return self._offered("2", self.image)
        first, second = self._offered("2", "healthy"), self._offered("3", self.image)
        device = replace(second.device, images=(first.new, *second.device.images))
        return replace(second, device=device, flash=life(first).last.flash, old=first.new)

    def _offered(self, version: str, image: str) -> Scenario:
        board, size = (load_board("tiny"), 500) if self.files else (mini(), 100)
        files = {"conf9.json": b"{}", "index.html": b"an old page"} if self.files else {}
        bundle = default_bundle(board, version, size)
        return set_up(self.design, board, image=image, bundle=bundle, app_size=size, files=files)


UNCHECKED = replace(load_design("hardened"), name="unchecked", image_check="none")

MUTANTS = [
    Mutant(newest_or_nothing, "bricked", ("switch",)),
    Mutant(highest_sequencer_is_overwritten, "bricked", ("switch", "switch")),
    Mutant(sequencer_not_stepped, "stuck", ()),
    Mutant(sixteen_bit_check, "bricked", ("switch",), "torn-erase"),
    Mutant(check_without_the_sequencer, "bricked", ("switch",), "zeroed-erase", used=True),
    Mutant(blank_is_erased, "not-updatable", ("rollback",), "weak-erase", "hangs"),
    Mutant(wrong_record_refreshed, "bricked", ("switch", "boot"), "unstable", design="hardened-plus"),
    Mutant(switch_before_verify, "bricked", ("switch",), design=UNCHECKED),
    Mutant(always_the_second_slot, "bricked", ("download",), used=True),
    Mutant(abandoned_slot_is_refused, "not-updatable", ("download",)),
    Mutant(merge_after_the_switch, "data-lost", ("switch",), files=True),
    Mutant(try_leaves_no_trace, "stuck", (), image="crashes"),
    Mutant(commit_over_old_bits, "not-updatable", ()),
    Mutant(old_image_gone_before_the_commit, "bricked", ("trial",)),
    Mutant(rollback_over_the_selected_record, "bricked", ("commit", "rollback")),
    Mutant(rollback_told_to_nobody, "stuck", (), image="hangs"),
]

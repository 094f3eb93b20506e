"""What a loader checks of an image before it starts it, and what a default record says of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zlib import crc32

from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.formats.image_check import whole
from otalab.formats.records.record import BootConfig, SlotFacts
from otalab.hardware.board import Board
from otalab.hardware.places import Slot


def passes(chip: Controller, design: Design, config: BootConfig) -> bool:
    """Say whether the slot that a configuration names is there, and its image passes the design's check."""
    named = FINDS[design.finds](chip.board, config) if chip.board.has_slot(config.active) else None
    return named is not None and IMAGE_CHECKS[design.image_check](chip, named)


def by_table(board: Board, config: BootConfig) -> BootConfig | None:
    """Find a slot by the partition table: wherever a record came from, the slot that it names is there."""
    return config


def by_record(board: Board, config: BootConfig) -> BootConfig | None:
    """Find an image at the address that the record has for its slot: one that is torn leads where no image begins."""
    facts = config.facts(config.active)
    lies = next((number for number, slot in enumerate(board.slots) if slot.app.address == facts.at), None)
    return None if lies is None else replace(config, active=lies, slots=(facts, facts))


def unchecked(chip: Controller, config: BootConfig) -> bool:
    """Start whatever lies there, without a look at it."""
    return True


def checksum(chip: Controller, config: BootConfig) -> bool:
    """Compare the image with the length and the CRC-32 in the record: it reads all of the image at every start."""
    region, facts = chip.board.slot(config.active).app, config.facts(config.active)
    return facts.length <= region.size and facts.fit(chip.read(region.address, facts.length))


def own_check(chip: Controller, config: BootConfig) -> bool:
    """Ask the image itself: its format has a length and a check, whatever the record says."""
    region = chip.board.slot(config.active).app
    # One that is whole in front of what cannot be read is not read any further.
    return whole(chip.read_up_to_fault(region)) or whole(chip.read_region(region))


def no_facts(_chip: Controller, _slot: int) -> SlotFacts:
    """Say nothing of an image that nobody will compare with its record."""
    return SlotFacts()


def facts_of_all(chip: Controller, slot: int) -> SlotFacts:
    """Say what lies in all of slot 0: where an image ends, nobody knows; and of no image in the other slot."""
    app = chip.board.slots[slot].app
    return SlotFacts() if slot else SlotFacts(app.size, crc32(chip.read_region(app)))


def size_of_all(chip: Controller, slot: int) -> SlotFacts:
    """Say how large a slot is: an image in it says itself where it ends."""
    return SlotFacts(chip.board.slots[slot].app.size)


def plain() -> bool:
    """Build an image without a check of its own: nobody asks for one."""
    return False


def self_checked() -> bool:
    """Build an image with the check of its own that the loader asks for."""
    return True


def lying(facts: SlotFacts, slot: Slot) -> SlotFacts:
    """Return what is known of an image with where its slot lies."""
    return replace(facts, at=slot.app.address, files_at=slot.fs.address, files=facts.files or slot.fs.size)


def default_facts(chip: Controller, design: Design) -> tuple[SlotFacts, SlotFacts]:
    """Return what a default record says of both slots."""
    first, second = (
        lying(FACTS[design.image_check](chip, number), slot) for number, slot in enumerate(chip.board.slots[:2])
    )
    return first, second


FINDS: dict[str, Callable[[Board, BootConfig], BootConfig | None]] = {"table": by_table, "record": by_record}
FACTS: dict[str, Callable[[Controller, int], SlotFacts]] = {"none": no_facts, "crc32": facts_of_all, "own": size_of_all}
# Whether an image that is built for such a loader carries a check of its own.
CHECKED: dict[str, Callable[[], bool]] = {"none": plain, "crc32": plain, "own": self_checked}
IMAGE_CHECKS: dict[str, Callable[[Controller, BootConfig], bool]] = {
    "none": unchecked,
    "crc32": checksum,
    "own": own_check,
}

"""What a loader checks of an image before it starts it, and what a default record says of one."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.formats.image_check import whole
from otalab.formats.records.record import BootConfig, SlotFacts
from otalab.hardware.board import Region


def passes(chip: Controller, design: Design, config: BootConfig) -> bool:
    """Say whether the slot that a configuration names is there, and its image passes the design's check."""
    return chip.board.has_slot(config.active) and IMAGE_CHECKS[design.image_check](chip, config)


def unchecked(chip: Controller, config: BootConfig) -> bool:
    """Start whatever lies there, without a look at it."""
    return True


def checksum(chip: Controller, config: BootConfig) -> bool:
    """Compare the image with the length and the CRC-32 in the record: it reads all of the image at every start."""
    region, facts = chip.board.slot(config.active).app, config.slots[config.active]
    return facts.length <= region.size and facts.fit(chip.read(region.address, facts.length))


def own_check(chip: Controller, config: BootConfig) -> bool:
    """Ask the image itself: its format has a length and a check, whatever the record says."""
    return whole(chip.read_region(chip.board.slot(config.active).app))


def no_facts(_chip: Controller, _app: Region) -> SlotFacts:
    """Say nothing of an image that nobody will compare with its record."""
    return SlotFacts()


def facts_of_all(chip: Controller, app: Region) -> SlotFacts:
    """Say what lies in all of a slot: where an image ends, nobody knows."""
    return SlotFacts(app.size, crc32(chip.read_region(app)))


FACTS: dict[str, Callable[[Controller, Region], SlotFacts]] = {"none": no_facts, "crc32": facts_of_all, "own": no_facts}
IMAGE_CHECKS: dict[str, Callable[[Controller, BootConfig], bool]] = {
    "none": unchecked,
    "crc32": checksum,
    "own": own_check,
}

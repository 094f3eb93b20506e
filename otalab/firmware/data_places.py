"""What an update does to data, by where a board has them: a partition for each slot, one for both, or none.

What a board names here selects these functions, as the choices of a design select theirs.
"""

from __future__ import annotations

from collections.abc import Callable

from otalab.firmware.controller import Controller
from otalab.firmware.merge import Mount, held_in_ram
from otalab.hardware.places import Region, Slot


def own_place(slot: Slot) -> Region | None:
    """Write the files of an update into the data of its own slot: what runs keeps the other ones."""
    return slot.fs


def place_of_both(slot: Slot) -> Region | None:
    """Write the files of an update over the ones that run: from the first erase on a cut loses them."""
    return slot.fs


def no_place(slot: Slot) -> Region | None:
    """Take an application alone: what an update brings besides is checked, and written nowhere."""
    return None


def as_the_target_has_it(chip: Controller, old: Region, mount_old: Mount) -> Mount:
    """Read old files where they lie, or from RAM where the running slot is the target."""
    return mount_old


def out_of_ram(chip: Controller, old: Region, mount_old: Mount) -> Mount:
    """Hold old files in RAM: they are overwritten before they are carried over."""
    return held_in_ram(chip, old)


def merged_as_designed(merge: str) -> str:
    """Carry files over when the design does it."""
    return merge


def nothing_to_merge(merge: str) -> str:
    """Carry nothing over: files lie where they lay, or there are none."""
    return "none"


def merged_before_alone(merge: str) -> str:
    """Carry over what RAM holds before the switch; at the first boot there is nothing left to carry over."""
    return merge if merge == "before-switch" else "none"


# Where the files of an update go; how old ones are read; when they are carried over; which parts an update must have.
PLACES: dict[str, Callable[[Slot], Region | None]] = {
    "each": own_place,
    "kept": no_place,
    "overwritten": place_of_both,
    "none": no_place,
}
READS: dict[str, Callable[[Controller, Region, Mount], Mount]] = {
    "each": as_the_target_has_it,
    "kept": as_the_target_has_it,
    "overwritten": out_of_ram,
    "none": as_the_target_has_it,
}
MERGES: dict[str, Callable[[str], str]] = {
    "each": merged_as_designed,
    "kept": nothing_to_merge,
    "overwritten": merged_before_alone,
    "none": nothing_to_merge,
}
PARTS: dict[str, tuple[str, ...]] = {
    "each": ("app", "fs"),
    "kept": ("app",),
    "overwritten": ("app", "fs"),
    "none": ("app",),
}

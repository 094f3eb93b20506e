"""The device: a board, the firmware that runs on it, and every image that it may come to run.

Whoever lets one live asks its firmware and nothing else, be it the lab's own or somebody's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Protocol, runtime_checkable

from otalab.errors import BadInput, ReadFault
from otalab.firmware import store
from otalab.firmware.bootloader import Start
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image import Image
from otalab.firmware.outcome import Bricked, Outcome, Reset
from otalab.firmware.store import Family
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Routine
from otalab.hardware.flash import Flash

DIGESTS = 256  # of slots as they were started; each holds its sectors, which the flash of some node has as well


@runtime_checkable
class Firmware(Protocol):
    """Whatever runs on a device: it is switched on, and comes to an outcome.

    `identity`: the name that an id has of it, with a digest where a name alone is not enough.
    `board`: the partition table that it was written for, if there is one.
    `design`: the choices that select all of it; `None` where it is code.
    `records`: the choices by which its boot records are read; `None` where nobody has said how they are.
    `offers`, `interval`: how long an update stands, and seconds to commit one, where the scenario does not say.
    `checks_itself`: its images carry a check of their own.
    """

    @property
    def name(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def board(self) -> Board | None: ...
    @property
    def design(self) -> Design | None: ...
    @property
    def records(self) -> Design | None: ...
    @property
    def offers(self) -> str: ...
    @property
    def interval(self) -> int: ...
    @property
    def checks_itself(self) -> bool: ...

    def toml(self) -> str:
        """Return the page that it is made from; of code it holds a digest of all sources as well."""
        ...

    def power_on(self, chip: Controller, device: Device) -> Routine[Outcome]:
        """Run once, from power-on to quiescence, a halt or a reset."""
        ...

    def decision(self, chip: Controller, device: Device) -> Start | Bricked | Reset:
        """Drive the boot loader alone to its decision, on steady power; the chip holds what it wrote on the way."""
        ...

    def shipped(self, device: Device, flash: Flash, app: bytes) -> Flash:
        """Return the flash with the first boot record in it; an application of these bytes lies in the first slot."""
        ...

    def first_slot(self, board: Board) -> int:
        """Return the slot that a device has its first image in."""
        ...

    def committed(self, image: Image) -> Image:
        """Return an image as it is committed: by itself, or by hand."""
        ...


@dataclass(frozen=True, slots=True)
class Device:
    """A board, its firmware, and every image that may come to lie in its slots.

    `sig_req_mask`: which signatures an update must bear, bit i for key i; -1 asks for none, 0 takes no update at all.
    """

    board: Board
    firmware: Firmware
    images: tuple[Image, ...]
    sig_req_mask: int = -1

    @property
    def design(self) -> Design:
        """The design of the lab's own firmware; code has none, and what needs one says so."""
        if self.firmware.design is None:
            raise BadInput(f"{self.firmware.name} is code and has no design, which this needs: name a design instead")
        return self.firmware.design

    @property
    def records(self) -> Design | None:
        """The choices by which the boot records are read; `None` where nobody has said how they are."""
        return self.firmware.records

    @property
    def families(self) -> tuple[Family, ...]:
        """The places whose contents are looked at through a codec."""
        return () if self.records is None else store.families(self.board, self.records)

    @property
    def places(self) -> tuple[int, ...]:
        """The address of every place that a boot record may have, as far as anybody has said how they are."""
        return () if self.records is None else store.places(self.board, self.records)

    def decision(self, chip: Controller) -> Start | Bricked | Reset:
        """Ask the boot loader what it would start."""
        return self.firmware.decision(chip, self)

    def image_in(self, chip: Chip, slot: int) -> Image | None:
        """Return the image that lies whole in a slot; starting an image reads all of its slot."""
        region = chip.board.slots[slot].app
        contents = chip.read_up_to_fault(region)
        # Whole, it is known by its sectors: most starts of a search are of slots that were started before.
        parts = chip.flash.held(region.address, region.size) if len(contents) == region.size else (contents,)
        known = {(image.size, image.digest): image for image in self.images}
        lying = ((size, _digest(parts, size)) for size in {image.size for image in self.images})
        return next((known[key] for key in lying if key in known), None)


@lru_cache(DIGESTS)
def _digest(parts: tuple[bytes, ...], size: int) -> bytes:
    return sha256(b"".join(parts)[:size]).digest()


def power_on(chip: Controller, device: Device) -> Routine[Outcome]:
    """Run the firmware once, from power-on to quiescence, a halt or a reset."""
    chip.sig_req_mask, chip.faults = device.sig_req_mask, True
    try:
        return (yield from device.firmware.power_on(chip, device))
    except ReadFault as fault:
        chip.say(f"Crashed: {fault}")
        return Reset(f"crash: {fault}")

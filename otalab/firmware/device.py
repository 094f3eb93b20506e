"""The device: boot loader, commit timer and application in one room, from power-on until nothing more happens."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from otalab.errors import OutOfTable
from otalab.firmware import application, bootloader
from otalab.firmware.bootloader import Start
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image import Image
from otalab.firmware.outcome import Bricked, Outcome, Reset
from otalab.firmware.timer import under_timer
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Routine


@dataclass(frozen=True, slots=True)
class Device:
    """A board, the design of its firmware, and every image that may come to lie in its slots.

    `sig_req_mask`: which signatures an update must bear, bit i for key i; -1 asks for none, 0 takes no update at all.
    """

    board: Board
    design: Design
    images: tuple[Image, ...]
    sig_req_mask: int = -1

    def image_in(self, chip: Chip, slot: int) -> Image | None:
        """Return the image that lies whole in a slot; starting an image reads all of its slot."""
        contents = chip.read_region(chip.board.slots[slot].app)
        known = {(image.size, image.digest): image for image in self.images}
        lying = ((size, sha256(contents[:size]).digest()) for size in {image.size for image in self.images})
        return next((known[key] for key in lying if key in known), None)


def power_on(chip: Controller, device: Device) -> Routine[Outcome]:
    """Run the firmware once, from power-on to quiescence, a halt or a reset."""
    chip.sig_req_mask = device.sig_req_mask
    start = yield from loaded(chip, device.design)
    if isinstance(start, Reset):
        return start
    if isinstance(start, Bricked):
        chip.say(f"Halted: {start.reason}")
        return start
    image = device.image_in(chip, start.slot)
    if image is None:
        return Bricked(f"slot {start.slot} was started, and what lies there is not a whole image")
    chip.phase = "boot" if start.committed else "trial"
    try:
        return (yield from started(chip, device, image, start))
    except OutOfTable as fault:
        # An exception of the processor, or the watchdog soon after: either way the device restarts.
        chip.say(f"Crashed: {fault}")
        return Reset(f"crash: {fault}")


def loaded(chip: Controller, design: Design) -> Routine[Start | Bricked | Reset]:
    """Run the boot loader; nothing watches over it, so one that crashes does not come back."""
    try:
        return (yield from bootloader.boot(chip, design))
    except OutOfTable as fault:
        return Bricked(f"the boot loader crashed: {fault}")


def started(chip: Controller, device: Device, image: Image, start: Start) -> Routine[Outcome]:
    """Run what the loader chose to start, beside the commit timer if the loader started that."""
    main = application.run(chip, device.design, image, start.slot)
    if not start.commit_within:
        return (yield from main)

    def handler() -> Routine[Reset | None]:
        return bootloader.on_commit_timer(chip, device.design)

    # The timer runs beside the image and not in it: an image that hangs cannot keep it from firing.
    return (yield from under_timer(chip, main, start.commit_within, handler))


def decision(chip: Controller, design: Design) -> Start | Bricked | Reset:
    """Drive the boot loader alone to its decision, on steady power; the chip holds what it wrote on the way."""
    return chip.carry_out(loaded(chip, design))

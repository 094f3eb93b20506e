"""The lab's own firmware: boot loader, commit timer and application in one room, as a design selects them."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from otalab.errors import OutOfTable, ReadFault
from otalab.firmware import application, bootloader, placings
from otalab.firmware.bootloader import Start
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.device import Device
from otalab.firmware.image import COMMITS, Image
from otalab.firmware.image_checks import CHECKED, lying
from otalab.firmware.no_record import FIRST_SLOTS
from otalab.firmware.outcome import Bricked, Outcome, Reset
from otalab.firmware.store import codec
from otalab.firmware.timer import under_timer
from otalab.formats.records.record import BootConfig, Record, SlotFacts
from otalab.hardware.board import Board
from otalab.hardware.effects import Routine
from otalab.hardware.flash import Flash


@dataclass(frozen=True, slots=True)
class Designed:
    """The firmware that a design selects."""

    design: Design

    @property
    def name(self) -> str:
        return self.design.name

    @property
    def identity(self) -> str:
        return self.design.name

    @property
    def summary(self) -> str:
        return self.design.summary

    @property
    def board(self) -> Board | None:
        return self.design.board

    @property
    def records(self) -> Design:
        return self.design

    @property
    def offers(self) -> str:
        return self.design.offers

    @property
    def interval(self) -> int:
        return self.design.interval

    @property
    def checks_itself(self) -> bool:
        return CHECKED[self.design.image_check]()

    def toml(self) -> str:
        """Return the page of the design."""
        return self.design.toml()

    def power_on(self, chip: Controller, device: Device) -> Routine[Outcome]:
        """Run the loader, and what it starts."""
        start = yield from loaded(chip, self.design)
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
            return (yield from started(chip, self.design, image, start))
        except (OutOfTable, ReadFault) as fault:
            # An exception of the processor, or the watchdog soon after: either way the device restarts.
            chip.say(f"Crashed: {fault}")
            return Reset(f"crash: {fault}")

    def decision(self, chip: Controller, device: Device) -> Start | Bricked | Reset:
        """Run the loader alone."""
        return decision(chip, self.design)

    def shipped(self, device: Device, flash: Flash, app: bytes) -> Flash:
        """Put the first record in its place: version and facts of slot 0, committed; none for a factory image."""
        form, board = codec(self.design), device.board
        if self.first_slot(board):
            return flash
        facts = SlotFacts(len(app), crc32(app), device.images[0].version)
        slots = lying(facts, board.slots[0]), lying(SlotFacts(), board.slots[1])
        record = Record(form.counting.first, BootConfig(0, True, slots))
        flash = flash.patched(board.records[0].address, form.encode(record))
        return placings.SHIPS[self.design.placing](flash, board, self.design)

    def first_slot(self, board: Board) -> int:
        """Return the slot of the first image: slot 0, or that of a factory image."""
        return FIRST_SLOTS[self.design.no_record](board)

    def committed(self, image: Image) -> Image:
        """Let an image be committed as the design has it."""
        return COMMITS[self.design.commit](image)


def loaded(chip: Controller, design: Design) -> Routine[Start | Bricked | Reset]:
    """Run the boot loader; nothing watches over it, so one that crashes does not come back."""
    try:
        return (yield from bootloader.boot(chip, design))
    except (OutOfTable, ReadFault) as fault:
        return Bricked(f"the boot loader crashed: {fault}")


def started(chip: Controller, design: Design, image: Image, start: Start) -> Routine[Outcome]:
    """Run what the loader chose to start, beside the commit timer if the loader started that."""
    main = application.run(chip, design, image, start.slot)
    if not start.commit_within:
        return (yield from main)

    def handler() -> Routine[Reset | None]:
        return bootloader.on_commit_timer(chip, design)

    # The timer runs beside the image and not in it: an image that hangs cannot keep it from firing.
    return (yield from under_timer(chip, main, start.commit_within, handler))


def decision(chip: Controller, design: Design) -> Start | Bricked | Reset:
    """Drive the boot loader alone to its decision, on steady power; the chip holds what it wrote on the way."""
    return chip.carry_out(loaded(chip, design))

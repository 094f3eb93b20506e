"""One power-on of code: calls of its entries, and what they do, one effect at a time."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import inf
from types import TracebackType
from typing import NamedTuple, Self

from otalab.errors import LostRunner, OtalabError, ReadFault
from otalab.firmware.controller import Controller
from otalab.firmware.device import Device
from otalab.firmware.merge import carry_over, mounted
from otalab.hardware.effects import Ask, Effect, Erase, Phase, Program, Routine, Wait
from otalab.hardware.places import Region
from otalab.own import runner as say
from otalab.own.died import Died, died
from otalab.own.download import Download
from otalab.own.page import Page
from otalab.own.runner import Runner, Silent
from otalab.own.same import Same

ENTRIES = (
    *("ota_boot", "ota_commit_within", "ota_timer", "ota_started"),
    *("ota_committed", "ota_confirm", "ota_update", "ota_factory"),
)
NO_FILES, NO_ROOM, NO_BYTES = 1, 2, 0xFFFFFFFF
_ENTRY = struct.Struct("<4I")


class KINDS:
    """The kinds of lines in a journal, as in `runner.c`."""

    READ, ERASE, PROGRAM, WAIT, LOG, REFUSE = range(1, 7)


class JournalLine(NamedTuple):
    """One line of the journal."""

    kind: int
    address: int
    size: int
    data: bytes


def entries(journal: bytes) -> Iterator[JournalLine]:
    """Yield the lines of a journal."""
    at = 0
    while at + _ENTRY.size <= len(journal):
        kind, address, size, length = _ENTRY.unpack_from(journal, at)
        at += _ENTRY.size
        yield JournalLine(kind, address, size, journal[at : at + length])
        at += (length + 3) & ~3


def once(effect: Effect) -> Routine[None]:
    """Yield one effect."""
    yield effect


class Power(ABC):
    """Code that is switched on, whatever runs it: calls of its entries, and what they do to the chip."""

    def __init__(self, page: Page, chip: Controller, device: Device, same: Same) -> None:
        self._page, self._chip, self._same = page, chip, same
        self._download = Download(chip.board.platform)
        geometry = chip.board.geometry
        # So many programs would write all of the flash four times over.
        self._limit = 4 * geometry.size // geometry.at(0).page_size
        self._switches = {chip.board.sectors_of(area).start for area in chip.board.records}
        # What is read like that is a record, and looked at through its format.
        self._records = {(place, device.families[0].codec.size) for place in device.places}

    @abstractmethod
    def __enter__(self) -> Self: ...
    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def give(self, data: bytes) -> None:
        """Lay what the factory says of its image in reach of the code."""

    @abstractmethod
    def provides(self, entry: str) -> bool:
        """Say whether the code has an entry."""

    @abstractmethod
    def bypassed(self) -> None:
        """Take note that the chip was written by another hand."""

    @abstractmethod
    def call(self, entry: str) -> Routine[int]:
        """Call an entry and yield what it does; return what it returns, or raise `Died`."""

    @property
    def fault(self) -> str:
        """Why a download is no good; empty if it is."""
        return self._download.fault

    def _phase(self, effect: Effect) -> Phase:
        """Return the phase of an effect: what an updater writes into a boot record switches over."""
        chip = self._chip
        sector = effect.sector if isinstance(effect, Erase) else -1
        if isinstance(effect, Program):
            sector = chip.board.geometry.sector_at(effect.address)
        return "switch" if chip.phase == "download" and sector in self._switches else chip.phase

    def _read(self, address: int, size: int) -> None:
        """Note a read; one of exactly a record is a look at what its format makes of it."""
        self._chip.note_read(address, size, raw=(address, size) not in self._records, alone=True)
        try:
            self._chip.require_readable(address, size)
        except ReadFault as fault:
            raise Died(str(fault)) from None
        self._same.says("read", (address, size))
        self._same.hears(self._chip.flash.read(address, size))

    def _carried_over(self, old: int, new: int, size: int) -> Routine[int]:
        try:
            done = yield from carry_over(self._chip, Region(old, size), Region(new, size), mounted)
        except OtalabError as fault:
            self._chip.say(f"Files could not be carried over: {fault}")
            return NO_ROOM
        return 0 if done else NO_FILES


class RunnerPower(Power):
    """Code in C that is switched on: it works on a copy of the flash, and the chip follows it effect by effect."""

    def __init__(self, runner: Runner, page: Page, chip: Controller, device: Device, same: Same) -> None:
        super().__init__(page, chip, device, same)
        self._runner = runner

    def __enter__(self) -> Self:
        runner, flash = self._runner, self._chip.flash
        runner.publish(flash)
        runner.mark([mark.sector for mark in flash.marks])
        milliseconds = max(1, round(1000 * self._page.seconds))
        runner.put(used=0, effects=self._limit, milliseconds=milliseconds, wild=runner.get("wild") + 89)
        runner.tell(say.POWER_ON)
        if runner.hear() != say.READY:
            raise LostRunner
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner.alive:
            self._runner.leave()

    def give(self, data: bytes) -> None:
        """Lay bytes in reach of the code."""
        self._runner.send(data)

    def provides(self, entry: str) -> bool:
        """Say whether the code has an entry."""
        return bool(self._runner.get("provided") >> ENTRIES.index(entry) & 1)

    def bypassed(self) -> None:
        """Take note that the chip was written by another hand: from here on each read asks what lies there."""
        self._runner.mark(range(self._chip.board.geometry.count))

    def call(self, entry: str) -> Routine[int]:
        """Call an entry and yield what it does; return what it returns, or raise `Died`."""
        self._same.hears(entry)
        self._runner.put(function=ENTRIES.index(entry))
        command = say.CALL
        while True:
            # Beside a timer nothing may run ahead: each effect is waited for.
            self._runner.put(sync=int(self._chip.timer_due < inf))
            self._runner.tell(command)
            message = self._hear(entry)
            value = self._runner.values()
            # What was done before the end is done: a loader may crash behind a write.
            yield from self._followed(self._runner.journal())
            if message == say.RETURNED:
                self._same.says(entry, value[0])
                return value[0]
            yield from self._answered(message, value, entry)
            command = say.GO

    def _hear(self, entry: str) -> int:
        try:
            return self._runner.hear()
        except Silent:
            self._runner.stop()
            raise Died(f"{entry} does not come back: it waits for ever", hangs=True) from None

    def _answered(self, message: int, value: tuple[int, ...], entry: str) -> Routine[None]:
        """Give what a call waits for."""
        match message:
            case say.OFFER:
                image = yield from self._download.image()
                self._give(image, 0 if image else 1)
            case say.DOWNLOAD:
                data = yield from self._download.bytes_of(*value[:3])
                self._give(data, NO_BYTES if data is None else len(data))
            case say.CARRY_OVER:
                done = yield from self._chip.during("merge", self._carried_over(*value[:3]))
                self._give(None, done)
                self._same.hears(self._chip.flash.sectors)
                self._runner.publish(self._chip.flash)
            case say.MARKED:
                self._runner.publish(self._chip.flash)
            case say.ENDED:
                status, said = self._runner.get("status"), self._runner.said()
                raise died(entry, status, said, self._page.sources, self._page.seconds)
            case say.WRONG:
                raise self._wrong(value, entry)

    def _give(self, data: bytes | None, value: int) -> None:
        self._runner.send(data or b"")
        self._runner.put(value0=value)
        self._same.hears((data, value))

    def _wrong(self, value: tuple[int, ...], entry: str) -> Died:
        what = self._runner.mailbox().split(b"\0")[0].decode(errors="replace")
        self._runner.leave()
        if not what:
            return Died(f"{entry} does not end: it did more than {self._limit} things", hangs=True)
        return Died(f"{what}: {value[1]} bytes at 0x{value[0]:x} cannot be asked of this part, in {entry}")

    def _followed(self, journal: bytes) -> Routine[None]:
        """Do to the chip what the code did, in order."""
        chip, geometry = self._chip, self._chip.board.geometry
        for kind, address, size, data in entries(journal):
            match kind:
                case KINDS.READ:
                    self._read(address, size)
                    continue
                case KINDS.LOG:
                    chip.say(data.decode(errors="backslashreplace"))
                    effect: Effect | None = None
                case KINDS.ERASE:
                    effect = Erase(geometry.sector_at(address))
                case KINDS.PROGRAM:
                    effect = Program(address, data)
                case KINDS.WAIT:
                    effect = Wait(data.decode(errors="backslashreplace"), address / 1000)
                case KINDS.REFUSE:
                    effect = Ask("refuse", data.decode(errors="backslashreplace"))
                case _:
                    raise OtalabError(
                        f"{self._page.name}: its journal holds {kind}: the code wrote over the lab's memory"
                    )
            self._same.does((kind, address, data))
            if effect is not None:
                yield from chip.during(self._phase(effect), once(effect))

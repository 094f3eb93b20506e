"""One power-on of code: calls of its entries, and what they do, one effect at a time."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from otalab.errors import OtalabError, ReadFault
from otalab.firmware import data_places
from otalab.firmware.controller import Controller
from otalab.firmware.device import Device
from otalab.firmware.merge import carry_over, mounted
from otalab.hardware.effects import Effect, Erase, Phase, Program, Routine
from otalab.hardware.places import Region
from otalab.own.call_memory import CallMemory, JournalLine
from otalab.own.died import Died
from otalab.own.download import Download
from otalab.own.page import Page
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


class DeviceFacts:
    """What is the same for each power-on of code on a board; whatever images lie there."""

    def __init__(self, device: Device) -> None:
        self.board, self.memory = device.board, CallMemory()
        # Compiled for another board it is another program; of all that a board is, this is found once.
        self.program = hash(device.board)
        geometry = device.board.geometry
        # So many programs would write all of the flash four times over.
        self.limit = 4 * geometry.size // geometry.at(0).page_size
        self.slots = {slot.app.address: number for number, slot in enumerate(device.board.slots)}
        self.switches = {device.board.sectors_of(area).start for area in device.board.records}
        # What is read like that is a record, and looked at through its format.
        self.records = {(place, device.families[0].codec.size) for place in device.places}


class Power(ABC):
    """Code that is switched on, whatever runs it: calls of its entries, and what they do to the chip."""

    def __init__(self, page: Page, chip: Controller, facts: DeviceFacts, same: Same) -> None:
        self._page, self._chip, self._facts, self._same = page, chip, facts, same
        self._begun: Download | None = None

    @property
    def _download(self) -> Download:
        """The update that comes in; most runs have none."""
        if self._begun is None:
            board = self._chip.board
            self._begun = Download(board.platform, data_places.PARTS[board.data])
        return self._begun

    @property
    def slots(self) -> dict[int, int]:
        """The numbers of the slots, by where they begin."""
        return self._facts.slots

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
        return "switch" if chip.phase == "download" and sector in self._facts.switches else chip.phase

    def _read(self, address: int, size: int) -> bytes:
        """Read, and hold against what equal runs have read."""
        data = self._look(address, size)
        self._same.says("read", (address, size))
        self._same.hears(data)
        return data

    def _look(self, address: int, size: int) -> bytes:
        """Read and note that; of exactly a record it is a look at what its format makes of it."""
        self._chip.note_read(address, size, raw=(address, size) not in self._facts.records, alone=True)
        try:
            self._chip.require_readable(address, size)
        except ReadFault as fault:
            raise Died(str(fault)) from None
        return self._chip.flash.read(address, size)

    def _carried_over(self, old: int, new: int, size: int) -> Routine[int]:
        if not size:
            return 0  # a board without files
        try:
            done = yield from carry_over(self._chip, Region(old, size), Region(new, size), mounted)
        except OtalabError as fault:
            self._chip.say(f"Files could not be carried over: {fault}")
            return NO_ROOM
        return 0 if done else NO_FILES

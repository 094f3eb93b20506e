"""A chip in its socket: the only mutable thing in the lab.

It holds the present contents, the clock since power-on, and what firmware said and read.
All of it but the contents is gone when the power is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from otalab.errors import ReadFault
from otalab.hardware.board import Board
from otalab.hardware.effects import Effect, Erase, Phase, Program, Routine
from otalab.hardware.flash import Flash, Mark
from otalab.hardware.places import Region
from otalab.text import one_line

T = TypeVar("T")


class Look(NamedTuple):
    """A look at a sector: at the bytes themselves, or only at what a record codec makes of them."""

    sector: int
    raw: bool


class Stretch(NamedTuple):
    """Bytes of a sector that were looked at, and no others of that look: from `start` up to `end`."""

    sector: int
    start: int
    end: int


class Draw(NamedTuple):
    """What chance decided: which possibility it took, of how many."""

    taken: int
    of: int


class Chip:
    """The flash, clock and log that one run of the firmware sees."""

    def __init__(self, board: Board, flash: Flash) -> None:
        self.board = board
        self.flash = flash
        self.now = 0.0
        self.phase: Phase = "boot"
        self.log: list[str] = []
        self.said_in: list[Phase] = []  # for each line, the phase in which it was said
        self.effects = 0
        # What decided this run, in order: the first look at a sector, unless the run had erased it before, and chance.
        self.path: list[Look | Draw] = []
        self.killed: set[int] = set()
        # Whether what is programmed goes where nobody but its reader has looked: see `otalab.graph.directories`.
        self.appends = False
        # Of every sector on the path: were its bytes looked at?
        self._seen: dict[int, bool] = {}
        # Where bytes were looked at: here and there, and of which sectors all that is asked for counts as all of them.
        self.stretches: set[Stretch] = set()
        self.wholly: set[int] = set()
        # Before which effect which unstable sector was found to read otherwise.
        self.swaps: list[tuple[int, int]] = []
        self.settle: Callable[[Mark], int] = lambda _mark: 0
        # Whether a read of what cannot be read is a fault: for firmware that runs, not for whoever looks at contents.
        self.faults = False

    def read(self, address: int, length: int) -> bytes:
        """Return bytes from flash, and note which sectors were read."""
        self.note_read(address, length)
        self.require_readable(address, length)
        return self.flash.read(address, length)

    def require_readable(self, address: int, length: int) -> None:
        """Raise `ReadFault` where running firmware reads a unit that was programmed, or erased, half."""
        unit = self.flash.unreadable(address, length) if self.faults and self.flash.marks else None
        if unit is not None:
            raise ReadFault(f"the word at 0x{unit:x} cannot be read: its check bits do not belong to it")

    def read_region(self, region: Region) -> bytes:
        """Return the whole of a region, and note it."""
        return self.read(region.address, region.size)

    def read_up_to_fault(self, region: Region) -> bytes:
        """Return a region up to the first unit that cannot be read: whoever needs no more does not go there."""
        self.note_read(region.address, region.size)
        unit = self.flash.unreadable(region.address, region.size) if self.faults and self.flash.marks else None
        return self.flash.read(region.address, region.size if unit is None else max(0, unit - region.address))

    def read_record(self, address: int, length: int) -> bytes:
        """Return bytes that nobody looks at but a record codec."""
        self.note_read(address, length, raw=False)
        self.require_readable(address, length)
        return self.flash.read(address, length)

    def note_read(self, address: int, length: int, *, raw: bool = True, alone: bool = False) -> None:
        """Note sectors as read, unless this run had wholly erased them before; `alone`: no byte beside was seen."""
        touched = self.flash.geometry.sectors_of(address, length)
        for sector in touched:
            if sector in self.killed:
                continue
            if not alone:
                self.wholly.add(sector)
            elif raw and sector not in self.wholly:
                self._note_stretch(sector, address, length, single=len(touched) == 1)
            noted = self._seen.get(sector)
            # Who has seen the bytes has seen what a codec makes of them.
            if noted or noted is raw:
                continue
            self._seen[sector] = raw
            self.path.append(Look(sector, raw))
            if noted is None and self.flash.marks:
                self._settle(sector)

    def _note_stretch(self, sector: int, address: int, length: int, *, single: bool) -> None:
        geometry = self.flash.geometry
        size, start = geometry.size_of(sector), address - geometry.start_of(sector)
        # Most reads are of one whole sector, or of a part of one.
        if not single:
            self.stretches.add(Stretch(sector, max(start, 0), min(start + length, size)))
        elif length == size:
            self.wholly.add(sector)
        else:
            self.stretches.add(Stretch(sector, start, start + length))

    def forget_reads(self) -> None:
        """Forget what was read so far: where nobody asks what decided the run, it is only in the way."""
        for noted in (self.path, self._seen, self.stretches, self.wholly):
            noted.clear()

    def _settle(self, sector: int) -> None:
        """Decide how an unstable sector reads for as long as the power stays on."""
        mark = self.flash.mark_of(sector)
        if mark and mark.kind == "unstable" and self.settle(mark):
            self.swaps.append((self.effects, sector))
            self.flash = self.flash.swapped(sector)

    def apply(self, effect: Effect, after: Callable[[Flash, Effect], Flash] = Flash.after) -> None:
        """Let an effect run to its end; `after` is what finds the contents then, if that is known already."""
        if isinstance(effect, Program):
            # What a program leaves depends on the bits below it, so it counts as a read of them.
            if self.flash.geometry.sector_at(effect.address) not in self.killed:
                self.note_read(effect.address, len(effect.data), raw=not self.appends, alone=True)
            self.flash = after(self.flash, effect)
        elif isinstance(effect, Erase):
            self.flash = after(self.flash, effect)
            self.killed.add(effect.sector)
        self.effects += 1

    def carry_out(self, routine: Routine[T]) -> T:
        """Return what comes of a routine that asks nobody: all its effects, on steady power and without a clock."""
        while True:
            try:
                self.apply(next(routine))
            except StopIteration as end:
                result: T = end.value
                return result

    def say(self, line: str) -> None:
        """Write a line to the boot log; names and versions in it are somebody's, and make no line of their own."""
        self.log.append(one_line(line))
        self.said_in.append(self.phase)

    def during(self, phase: Phase, routine: Routine[T]) -> Routine[T]:
        """Run a routine as a phase of the update, for whoever watches."""
        before, self.phase = self.phase, phase
        try:
            return (yield from routine)
        finally:
            self.phase = before

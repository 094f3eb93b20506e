"""The tape: a life as the browser gets it, once; from then on stepping needs no kernel.

A tape is one compressed block: a JSON head, tables of numbers in columns, and a pool of bytes.
What an effect changed is a *delta*: a sector, an offset, a length, and where its new bytes lie in the pool.
The same bytes lie in the pool once, so a second download costs little; and the tape of a recovery leans on the pool
of the undisturbed life that the browser has already.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Iterator
from itertools import pairwise
from math import inf, isnan, nan
from typing import Any

from otalab.bench.sector_states import STATES, SectorStates, Slots
from otalab.bench.trace import Run, Step, sector_of
from otalab.graph.history import Played
from otalab.hardware.effects import PHASES, Erase, Program
from otalab.hardware.flash import ERASED, Flash
from otalab.views.player.life import PlayedLife
from otalab.views.player.records import records
from otalab.views.player.words import effect_words, end_words

KINDS = ("erase", "program", "wait", "ask", "end")
NO_SECTOR = 2**32 - 1
BLANK = 2**32 - 1
FAST = 1


class BytePool:
    """Bytes that deltas point to, each stretch once; `lean` on another one and only new ones are stored."""

    def __init__(self, lean: BytePool | None = None) -> None:
        self.start: int = lean.start + len(lean.data) if lean else 0
        self.data: bytearray = bytearray()
        self._known: dict[bytes, int] = dict(lean._known) if lean else {}

    def place(self, contents: bytes) -> int:
        """Return where these bytes lie, and put them there if they are new."""
        if contents.count(ERASED) == len(contents):
            return BLANK
        place = self._known.get(contents)
        if place is None:
            place = self._known[contents] = self.start + len(self.data)
            self.data += contents
        return place


class Tape:
    """A life from a position on, written down; `pool` and `lines` are kept for what comes after."""

    def __init__(self, lived: PlayedLife, first: int = 0, lean: BytePool | None = None) -> None:
        self.lived, self.pool, self.lines = lived, BytePool(lean), list[str]()
        self._device = lived.scenario.device
        self._states, self._slots = SectorStates(self._device), Slots(self._device)
        columns = {"at": "d", "seconds": "d", "left": "d"}
        columns |= dict.fromkeys(("kind", "phase", "run", "effect", "sector", "offset", "length"), "I")
        columns |= {f"delta_{name}": "I" for name in ("position", "sector", "offset", "length", "source")}
        columns |= {f"state_{name}": "I" for name in ("position", "sector", "state")}
        self._columns: dict[str, array[Any]] = {name: array(code) for name, code in columns.items()}
        self._moments: list[dict[str, Any]] = []
        self._packed: bytes | None = None
        self.log: list[tuple[int, int, str]] = []
        board = self._device.board
        self._owners = {sector: name for name, region in board.owners() for sector in board.sectors_of(region)}
        self._places = list(self._device.families[0].sectors) if self._device.families else []
        number, effect = lived.at(first)
        self.first = self._position = first
        self._shipped = 0
        if first == 0:
            self._begin()
        for later in range(number, len(lived.played)):
            self._run(later, effect if later == number else 0)

    def packed(self) -> bytes:
        """Return the block that goes to the browser; the same one each time, for all who show this life."""
        if self._packed is None:
            self._packed = self._pack()
        return self._packed

    def _pack(self) -> bytes:
        head = self._head()
        tables, body = [], bytearray()
        for name, column in self._columns.items():
            if sys.byteorder == "big":
                column.byteswap()
            tables.append([name, column.typecode, len(body), len(column)])
            body += column.tobytes()
            body += bytes(-len(body) % 8)
        head["tables"], head["bytes"] = tables, len(body)
        # A version that a torn record names need not be text: what is none is escaped as JSON would.
        text = json.dumps(head, ensure_ascii=False).encode(errors="backslashreplace")
        text += b" " * (-(len(text) + 4) % 8)
        return zlib.compress(b"".join((len(text).to_bytes(4, "little"), text, body, self.pool.data)), FAST)

    def _head(self) -> dict[str, Any]:
        """Return what is told once: names, sentences, and where things lie."""
        lived, board = self.lived, self._device.board
        return {
            "first": self.first,
            "positions": len(lived),
            "runs": lived.starts[:-1],
            "cuts": [
                start + leg.leg.step
                for start, leg in zip(lived.starts, lived.played, strict=False)
                if leg.leg.step is not None
            ],
            "lines": self.lines,
            "moments": self._moments,
            "log": self.log,
            "end": {"name": lived.end.name, "reason": lived.end.reason},
            "pool": self.pool.start,
            "shipped": self._shipped,
            "kinds": KINDS,
            "phases": PHASES,
            "states": STATES,
            "board": {
                "name": board.name,
                "sectors": board.geometry.count,
                "starts": [*map(board.geometry.start_of, range(board.geometry.count)), board.geometry.size],
                "owners": [[name, *_span(board.sectors_of(region))] for name, region in board.owners()],
            },
        }

    def left(self, position: int) -> float:
        """Return the seconds left on the commit timer once the effect at a position is done; nan if none runs."""
        return float(self._columns["left"][position - self.first])

    def timer(self, position: int) -> float | None:
        """Return the seconds left on the commit timer, none below 0; `None` if it does not run."""
        left = self.left(position)
        return None if isnan(left) else max(left, 0.0)

    def phase(self, position: int) -> str:
        """Return the phase at a position."""
        return PHASES[int(self._columns["phase"][position - self.first])]

    def _add(self, prefix: str, **row: float) -> None:
        for name, value in row.items():
            self._columns[prefix + name].append(value)

    def _begin(self) -> None:
        """Write down what the device was shipped with."""
        for sector, contents in enumerate(self.lived.scenario.flash.sectors):
            if (source := self.pool.place(contents)) != BLANK:
                self._add("delta_", position=0, sector=sector, offset=0, length=len(contents), source=source)
                self._shipped += 1

    def _run(self, number: int, begin: int) -> None:
        """Write down a run, or its rest from an effect on."""
        lived, played = self.lived, self.lived.played[number]
        before = lived.played[number - 1].flash if number else lived.scenario.flash
        if begin:
            written = {sector_of(step.effect, before) for step in played.steps[:begin]}
            self._states.resume(played.steps[begin].before, {sector for sector in written if sector is not None})
        else:
            self._changed(self._states.power_on(before))
        first, length = lived.starts[number], lived.starts[number + 1] - lived.starts[number]
        # What was said after the effect that is cut was not said.
        self.log += [(first + n, number, line) for n, line in played.run.log if begin <= n < length]
        phase, looked = None, False
        for step, flash in zip(played.steps[begin:], _afters(played, begin), strict=True):
            torn = step.number == played.leg.step
            self._swap(played.run, step.number, step.before)
            self._effect(played, step, flash, torn=torn)
            self._row(number, step, flash, torn=torn)
            # Looking into a slot takes time: once when a phase begins to write to it, and once when it is over.
            begun = self._slots.touched and not looked
            if step.phase != phase or torn or begun or self._recording(step):
                self._moment(flash)
            phase, looked = step.phase, step.phase == phase and (looked or begun)
            self._position += 1
        if played.leg.step is None:
            self._swap(played.run, len(played.steps), played.flash)
            self._end(number, len(played.steps))
            self._moment(played.flash)
            self._position += 1

    def _effect(self, played: Played, step: Step, flash: Flash, *, torn: bool) -> None:
        """Write down what an effect changed, or its tear."""
        sector = sector_of(step.effect, flash)
        if sector is None:
            return
        old, new = step.before.sectors[sector], flash.sectors[sector]
        start, end = 0, len(new)
        if isinstance(step.effect, Program):
            start = step.effect.address % len(new)
            end = start + len(step.effect.data)
        if not torn or old != new:
            self._delta(sector, start, new[start:end])
        finished = not torn or played.leg.tear in ("before", "after")
        erased = isinstance(step.effect, Erase) and (not torn or played.leg.tear == "after")
        self._slots.touch(sector)
        self._changed(self._states.touch(flash, sector, erased=erased, torn=not finished))

    def _swap(self, run: Run, effect: int, flash: Flash) -> None:
        """Write down which unstable sectors were found to read otherwise before an effect."""
        for when, sector in run.swaps:
            if when == effect:
                self._delta(sector, 0, flash.sectors[sector])
                self._slots.touch(sector)
                self._changed(self._states.touch(flash, sector, torn=True))

    def _delta(self, sector: int, offset: int, contents: bytes) -> None:
        source, length = self.pool.place(contents), len(contents)
        self._add("delta_", position=self._position, sector=sector, offset=offset, length=length, source=source)

    def _changed(self, sectors: list[tuple[int, int]]) -> None:
        for sector, state in sectors:
            self._add("state_", position=self._position, sector=sector, state=state)

    def _recording(self, step: Step) -> bool:
        return sector_of(step.effect, step.before) in self._places

    def _moment(self, flash: Flash) -> None:
        """Write down records and slots where they differ from before."""
        moment = {**records(self._device, flash), "slots": self._slots.words(flash)}
        if not self._moments or moment != {key: self._moments[-1][key] for key in moment}:
            self._moments.append({"position": self._position, **moment})

    def _row(self, number: int, step: Step, after: Flash, *, torn: bool) -> None:
        sector, offset, length = NO_SECTOR, 0, 0
        geometry = step.before.geometry
        match step.effect:
            case Erase(sector):
                length = geometry.size_of(sector)
            case Program(address, data):
                (sector, offset), length = geometry.place_of(address), len(data)
        left = step.due - step.at - (0 if torn else step.seconds)
        self._add("", at=step.at, seconds=step.seconds, left=left if step.due < inf else nan)
        kind, phase = KINDS.index(type(step.effect).__name__.lower()), PHASES.index(step.phase)
        self._add("", kind=kind, phase=phase, run=number, effect=step.number)
        self._add("", sector=sector, offset=offset, length=length)
        owner = self._owners.get(sector, "free")
        self.lines.append(
            effect_words(number, step, after, owner, self.lived.played[number].leg.tear if torn else None)
        )

    def _end(self, number: int, effect: int) -> None:
        run = self.lived.played[number].run
        phase = PHASES.index(run.steps[-1].phase if run.steps else "boot")
        self._add("", at=run.seconds, seconds=0.0, left=nan, kind=KINDS.index("end"), phase=phase)
        self._add("", run=number, effect=effect, sector=NO_SECTOR, offset=0, length=0)
        over = number == len(self.lived.played) - 1
        self.lines.append(end_words(number, run.outcome, self.lived.end if over else None))


def _span(sectors: range) -> tuple[int, int]:
    return sectors.start, len(sectors)


def _afters(played: Played, begin: int) -> Iterator[Flash]:
    """Yield the contents after each effect of a leg, the last one done or torn."""
    steps = played.steps[begin:]
    for step, following in pairwise(steps):
        # What the next effect meets is what this one left, unless an unstable sector was found to read otherwise.
        yield step.before.after(step.effect) if played.run.swaps else following.before
    if steps:
        torn = played.leg.step is not None
        yield played.flash if torn else steps[-1].before.after(steps[-1].effect)

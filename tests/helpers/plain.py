"""The crash search without any cleverness: every wreck a state of its own, for the explorer to be held against.

Only the observer remembers what became of the probe where all of flash is the same; that is held against a fresh one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from otalab.bench.observer import Observer
from otalab.bench.scenario import Scenario, World
from otalab.bench.setup import set_up
from otalab.bench.trace import every_run, sector_of
from otalab.faults.tear import Tear
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.firmware.store import codec
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash, Mark
from otalab.hardware.geometry import Geometry
from otalab.hardware.part import part
from otalab.hardware.places import Region, Slot

SECTOR, PAGE = 256, 64


# Journals are kept short here: two records to an area, so that the second update already begins one anew.
JOURNAL = 2


def mini(app_sectors: int = 1, fs_sectors: int = 1, sector: int = SECTOR) -> Board:
    """Return a board of a handful of sectors, without a file system that the lab could read."""
    chip = replace(part("W25Q16JV"), sector_size=sector, page_size=PAGE)
    ends = iter(range(0, 10**6, sector))

    def region(sectors: int) -> Region:
        first = next(ends)
        for _ in range(sectors - 1):
            next(ends)
        return Region(first, sectors * sector)

    loader, records = region(1), (region(1), region(1))
    one, other = (Slot(region(app_sectors), region(fs_sectors)) for _ in range(2))
    state = region(1), region(1)
    geometry = Geometry(sector, next(ends) // sector, PAGE)
    return Board("mini", "a handful of sectors", "lab", chip, geometry, "raw", loader, records, (one, other), state)


def shrunk(board: Board, sector: int) -> Board:
    """Return a board with all of its regions and its file system, in sectors of so few bytes."""
    times = board.geometry.sector_size // sector

    def region(one: Region) -> Region:
        return Region(one.address // times, one.size // times)

    return replace(
        board,
        name=f"{board.name} in sectors of {sector}",
        part=replace(board.part, sector_size=sector),
        geometry=replace(board.geometry, sector_size=sector),
        loader=region(board.loader),
        records=tuple(map(region, board.records)),
        slots=tuple(Slot(region(slot.app), region(slot.fs)) for slot in board.slots),
        state=tuple(map(region, board.state)),
    )


def small(
    design: str | Design, app_size: int = 100, image: str = "healthy", app_sectors: int = 1, **more: Any
) -> Scenario:
    """Return an update of a few effects, on a board whose sectors just hold the design's records."""
    design = load_design(design) if isinstance(design, str) else design
    design = replace(design, journal=min(design.journal, JOURNAL))
    if design.interval_in == "updater.dat":
        # There is no file system to keep it in, so there is no timer.
        more.setdefault("commit_timeout", 0)
    size = codec(design).size * design.journal
    board = mini(app_sectors, sector=max(SECTOR, 1 << (size - 1).bit_length()))
    return set_up(design, board, app_size=app_size, image=image, **more)


@dataclass(frozen=True)
class Thin:
    """A fault model of a few tears, so that plain enumeration ends."""

    name: str = "thin"
    prefixes: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    fronts: tuple[int, ...] = ()
    zeros: tuple[int, ...] = ()
    backs: tuple[int, ...] = ()
    through: tuple[int, ...] = ()
    weak: bool = False
    unstable: bool = False
    members = ("thin",)
    shares = (1.0,)

    def tears(self, effect: Erase | Program, before: Flash, _device: object) -> Iterator[Tear]:
        sector = sector_of(effect, before)
        assert sector is not None
        old, after = before.sectors[sector], before.after(effect)
        mark, done, later = before.mark_of(sector), after.sectors[sector], after.mark_of(sector)
        found = {(old, mark): "before", (done, later): "after"}
        if isinstance(effect, Program):
            for length in self.prefixes:
                if 0 < length < len(effect.data):
                    left = before.after(Program(effect.address, effect.data[:length]))
                    found.setdefault((left.sectors[sector], left.mark_of(sector)), f"prefix-{length}")
                    if self.unstable and left.sectors[sector] != done:
                        unstable = Mark(sector, "unstable", left.sectors[sector])
                        found.setdefault((done, unstable), f"unstable-{length}")
            for length in self.missing:
                if 0 < length < len(effect.data):
                    left = before.after(Program(effect.address + length, effect.data[length:]))
                    found.setdefault((left.sectors[sector], left.mark_of(sector)), f"missing-{length}")
        else:
            for label, left in self._of_erase(old):
                found.setdefault((left, mark), label)
            if self.weak:
                found.setdefault((done, Mark(sector, "weak")), "weak")
        weight = 1 / len(found)
        return iter([Tear(label, contents, mark, (weight,)) for (contents, mark), label in found.items()])

    def _of_erase(self, old: bytes) -> Iterator[tuple[str, bytes]]:
        ones = b"\xff" * len(old)
        yield from ((f"front-{front}", ones[:front] + old[front:]) for front in self.fronts)
        yield from ((f"back-{back}", old[:back] + ones[back:]) for back in self.backs)
        yield from ((f"through-{back}", bytes(back) + ones[back:]) for back in self.through)
        for front in self.zeros:
            yield f"zeros-{front}", bytes(front) + old[front:]
            yield f"tail-{front}", old[:-front] + bytes(front)

    def by_kinds(self, _most: int) -> Thin:
        """Leave all: it is thin already."""
        return self

    def count(self, effect: Erase | Program, before: Flash, device: object) -> int:
        return len(list(self.tears(effect, before, device)))


Order = tuple[int, tuple[tuple[int, int], ...]]


Alike = Callable[[Flash], Hashable] | None


def enumerate_plainly(what: Scenario, faults: Thin, cuts: int, alike: Alike = None) -> dict[str, Order]:
    """Return every end that at most this many cuts can lead to, with its shortest history: how many, and where.

    `alike`: what contents have in common with those that are the same; without it, all of their bits.
    """
    found: dict[str, Order] = {}
    seen: set[tuple[Hashable, World]] = set()
    observer = Observer(what)
    ticket = count()
    waiting = [(0, (), next(ticket), 0, (what.flash, what.power_on(World())))]
    while waiting:
        used, where, _, number, state = heapq.heappop(waiting)
        if told_apart(state, alike) in seen:
            continue
        seen.add(told_apart(state, alike))
        taken = [(one, observer.judge_run(one)[0]) for one in every_run(what, *state)]
        ends = [end.name for _, end in taken if end]
        for end in ends or (["stuck"] if loops(observer, state, alike) else []):
            found.setdefault(end, (used, where))
        for one, end in taken:
            if end is None:
                after = (one.flash, what.power_on(one.world))
                heapq.heappush(waiting, (used, where, next(ticket), number + 1, after))
            for step in one.steps if used < cuts else ():
                for left in lefts(what, faults, step):
                    fell = (*where, (number, step.number))
                    cut = (left, what.power_on(step.world))
                    heapq.heappush(waiting, (used + 1, fell, next(ticket), number + 1, cut))
    return found


def lefts(what: Scenario, faults: Thin, step: object) -> Iterator[Flash]:
    """Yield what a cut in a step can leave."""
    sector = sector_of(step.effect, step.before)
    if sector is None:
        yield step.before
        return
    for tear in faults.tears(step.effect, step.before, what.device):
        yield tear.onto(step.before, sector)


def told_apart(state: tuple[Flash, World], alike: Alike) -> tuple[Hashable, World]:
    """Return what tells a state from others."""
    return (alike(state[0]) if alike else state[0]), state[1]


def loops(observer: Observer, state: tuple[Flash, World], alike: Alike = None) -> bool:
    """Say whether a device only ever resets itself from here on."""
    seen, waiting = {told_apart(state, alike)}, [state]
    for here in waiting:
        for one in every_run(observer.scenario, *here):
            if observer.judge_run(one)[0]:
                return False
            after = (one.flash, observer.scenario.power_on(one.world))
            if told_apart(after, alike) not in seen:
                seen.add(told_apart(after, alike))
                waiting.append(after)
    return True

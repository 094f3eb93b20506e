"""A second way to "how likely": devices that live one after the other, with a clock, tears and a judge of its own.

It shares the firmware, the chip and the world that answers with the lab, and nothing that weighs: no graph, no walk, no
table of tears, no observer.
The tears are the laws that `otalab check --explain-faults` tells in words, written down once more; the supply fails at
moments of one clock, which goes on over resets and cuts; files are read by littlefs itself.
Tests and `benchmarks/independent.py` have it in common.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache
from hashlib import shake_256
from math import inf
from random import Random
from typing import Any, NamedTuple

import numpy as np
from littlefs import LittleFS, LittleFSError
from littlefs.context import UserContext

from otalab.bench.scenario import Scenario, World
from otalab.firmware.controller import Controller
from otalab.firmware.device import power_on
from otalab.firmware.outcome import Bricked, Hung, Reset, Running
from otalab.hardware.effects import Ask, Erase, Program, Wait
from otalab.hardware.flash import Flash, Mark

MEMBERS = ("atomic", "torn-program", "torn-bits", "torn-erase", "zeroed-erase", "weak-erase")
KEPT = 512  # power-ons whose course is remembered


class Moment(NamedTuple):
    """An effect under way: how long it takes, and what was there when it began."""

    effect: Any
    seconds: float
    flash: Flash
    world: World


class Course(NamedTuple):
    """What a device does after a power-on if nobody cuts it."""

    moments: tuple[Moment, ...]
    outcome: Any
    flash: Flash
    world: World


class Fate(NamedTuple):
    """What became of one device."""

    end: str
    cuts: int
    seconds: float


@dataclass
class Simulation:
    """Devices of one scenario under a supply that fails so often an hour; `faults` is a member of `all`, or `all`."""

    scenario: Scenario
    faults: str
    per_hour: float
    _courses: OrderedDict[tuple[Flash, World], Course] = field(default_factory=OrderedDict)
    _loops: dict[tuple[Flash, World], bool] = field(default_factory=dict)

    def live(self, random: Random) -> Fate:
        """Return what becomes of one device."""
        flash, world, clock, cuts = self.scenario.flash, World(), 0.0, 0
        fails = random.expovariate(self.per_hour / 3600)
        while True:
            course = self._course(flash, world)
            if isinstance(course.outcome, Reset) and self._for_ever(flash, world):
                return Fate("stuck", cuts, clock)
            for moment in course.moments:
                if clock + moment.seconds > fails:
                    flash = self._left(moment, (fails - clock) / moment.seconds, random)
                    world, cuts, clock = moment.world, cuts + 1, fails
                    fails += random.expovariate(self.per_hour / 3600)
                    break
                clock += moment.seconds
            else:
                if not isinstance(course.outcome, Reset):
                    return Fate(self._judged(course), cuts, clock)
                flash, world = course.flash, course.world

    def _course(self, flash: Flash, world: World) -> Course:
        world = self.scenario.power_on(world)
        course = self._courses.pop((flash, world), None) or follow(self.scenario, flash, world)
        self._courses[flash, world] = course
        if len(self._courses) > KEPT:
            self._courses.popitem(last=False)
        return course

    def _for_ever(self, flash: Flash, world: World) -> bool:
        """Say whether the device comes by the same place again and again while the power stays on."""
        begun, seen = (flash, world), set()
        while begun not in self._loops:
            course = self._course(flash, world)
            if not isinstance(course.outcome, Reset) or (flash, self.scenario.power_on(world)) in seen:
                self._loops[begun] = isinstance(course.outcome, Reset)
            seen.add((flash, self.scenario.power_on(world)))
            flash, world = course.flash, course.world
        return self._loops[begun]

    def _left(self, moment: Moment, share: float, random: Random) -> Flash:
        """Return the flash that a cut leaves once this share of an effect has passed."""
        if isinstance(moment.effect, (Ask, Wait)):
            return moment.flash
        member = random.choice(MEMBERS) if self.faults == "all" else self.faults
        if isinstance(moment.effect, Program):
            return half_programmed(moment.flash, moment.effect, member, share, random)
        return half_erased(moment.flash, moment.effect.sector, member, share, random)

    def _judged(self, course: Course) -> str:
        what, one = self.scenario, course.outcome
        if isinstance(one, Bricked):
            return "bricked"
        if isinstance(one, Hung) or not one.committed:
            return "not-updatable"
        wanted = dict(what.files) | (dict(what.brought) if one.version == what.new.version else {})
        region = what.device.board.slots[one.slot].fs
        if what.files and not holds(course.flash.read(region.address, region.size), wanted, what.part.sector_size):
            return "data-lost"
        is_new = one.version == what.new.version
        if (is_new and not what.new.works) or not takes(what.probing(), course.flash, what.probe.version):
            return "not-updatable"
        if is_new:
            return "updated"
        return "rolled-back" if course.world.refused and not what.new.works else "update-lost"


def follow(scenario: Scenario, flash: Flash, world: World) -> Course:
    """Run the firmware from power-on to its outcome; where it would take chance to go on, this is the wrong tool."""
    chip, moments, answer = Controller(scenario.device.board, flash), [], None
    routine = power_on(chip, scenario.device)
    while True:
        try:
            effect = routine.send(answer)
        except StopIteration as over:
            return Course(tuple(moments), over.value, chip.flash, world)
        before, answer, seconds = world, None, 0.0
        if isinstance(effect, Ask):
            (choice,) = scenario.choices(world, effect, chip.now)
            answer, world, seconds = choice.answer, choice.world, choice.seconds
        elif isinstance(effect, Wait):
            seconds = effect.seconds
        elif isinstance(effect, Erase):
            seconds = scenario.part.erase_seconds(scenario.timing)
        else:
            seconds = scenario.part.program_seconds(len(effect.data), scenario.timing)
        # Who waits without end has come to it.
        moments.append(Moment(effect, seconds if seconds < inf else 0.0, chip.flash, before))
        chip.apply(effect)
        chip.now += seconds


def takes(scenario: Scenario, flash: Flash, version: str) -> bool:
    """Say whether a device, from these contents on and while the power stays on, comes to run this version."""
    world, seen = scenario.power_on(World()), set()
    while (flash, world) not in seen:
        seen.add((flash, world))
        course = follow(scenario, flash, world)
        if not isinstance(course.outcome, Reset):
            return isinstance(course.outcome, Running) and course.outcome.version == version
        flash, world = course.flash, scenario.power_on(course.world)
    return False


def holds(contents: bytes, wanted: dict[str, bytes], block: int) -> bool:
    """Say whether a littlefs has all of these files."""
    fs = LittleFS(
        UserContext(buffer=bytearray(contents)), block_size=block, block_count=len(contents) // block, mount=False
    )
    try:
        fs.mount()
        for name, data in wanted.items():
            with fs.open(name, "rb") as file:
                if file.read() != data:
                    return False
    except (LittleFSError, OSError):
        return False
    return True


def half_programmed(flash: Flash, effect: Program, member: str, share: float, random: Random) -> Flash:
    """Return what a cut leaves of a program: whole bytes from the first one on, and maybe some bits of the next."""
    if member not in ("torn-program", "torn-bits"):
        return flash
    sector, start = divmod(effect.address, flash.geometry.sector_size)
    mark, old = flash.mark_of(sector), bytearray(flash.sectors[sector])
    # In a sector that was not erased in full, the later half of what is programmed is lost.
    halves = 2 if mark else 1
    if member == "torn-program":
        unit = flash.geometry.program_unit
        done = int(share * len(effect.data)) // unit * unit // halves
    else:
        done = int(share * (len(effect.data) // halves))
        pending = old[start + done] & ~effect.data[done] & 0xFF if done < len(effect.data) // halves else 0
        bits = pending
        while pending and bits == pending:
            bits = pending & random.getrandbits(8)
        old[start + done] &= ~bits & 0xFF
    for at in range(done):
        old[start + at] &= effect.data[at]
    return flash.with_sector(sector, bytes(old), mark)


def half_erased(flash: Flash, sector: int, member: str, share: float, random: Random) -> Flash:
    """Return what a cut leaves of an erase, by the phases that the member gives it."""
    old, mark = flash.sectors[sector], flash.mark_of(sector)
    size = len(old)
    blank, zeros = b"\xff" * size, bytes(size)
    over = zeros if member == "zeroed-erase" else old
    if member == "weak-erase" and share >= 0.9:
        return flash.with_sector(sector, blank, Mark(sector, "weak"))
    if member not in ("torn-erase", "zeroed-erase"):
        return flash.with_sector(sector, blank)
    if share >= 0.9:
        left = slowly(over, 22 if share < 0.95 else 286)
    elif member == "zeroed-erase" and share < 1 / 3:
        left = grown(old, zeros, share * 3, random)
    else:
        begun = 1 / 3 if member == "zeroed-erase" else 0.0
        left = grown(over, blank, (share - begun) / (0.9 - begun), random)
    return flash.with_sector(sector, left, mark)


def grown(old: bytes, new: bytes, share: float, random: Random) -> bytes:
    """Return the new contents over this share of the old ones, from one end or the other."""
    done = int(share * len(old))
    if random.random() < 0.5:
        return new[:done] + old[done:]
    return old[: len(old) - done] + new[len(old) - done :]


def slowly(old: bytes, one_in: int) -> bytes:
    """Return the contents erased, but for the zeros in the slow cells."""
    return (np.frombuffer(old, np.uint8) | ~slow_cells(len(old), one_in)).tobytes()


@cache
def slow_cells(size: int, one_in: int) -> np.ndarray:
    """Return which cells are slow: the same ones always, those of the model's silicon."""
    luck = np.frombuffer(shake_256(b"slow cells").digest(16 * size), ">u2")
    return np.packbits(luck < 2**16 // one_in)

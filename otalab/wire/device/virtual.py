"""The virtual device: the one firmware, driven over a flash file and by the clock on the wall.

It decides nothing itself: it carries out the firmware's effects, and hands on what comes in by the wire.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

from otalab.bench.cost import NOT_UP
from otalab.errors import BundleFault
from otalab.files import refused
from otalab.firmware import store
from otalab.firmware.controller import Controller
from otalab.firmware.device import Device, power_on
from otalab.firmware.image import Image
from otalab.firmware.outcome import Bricked, Outcome, Reset
from otalab.firmware.requests import LATE, Offer, Report, Status
from otalab.firmware.updater import claim
from otalab.formats.bundle.reader import ManifestRead
from otalab.hardware.effects import Ask, Effect, Erase, Program, Routine, Wait
from otalab.hardware.part import FlashPart
from otalab.text import shared_line
from otalab.wire.device.flash_file import FlashFile
from otalab.wire.device.known_images import KnownImages
from otalab.wire.device.request import Request

LOG_LINES = 500
GIVES_WAY = 64  # effects that take no time, before others in this process have a turn
REFUSED_SECONDS = 1.0  # before a file that could not be written is tried again
RESTARTED, NO_POWER = "The device has restarted", "The device has no power"
# Waits that belong to the device and not to a race with the outside; the time scale applies to them.
OWN_WAITS = ("boot", "health check", "reboot")
CHANGES = (Erase, Program)


class VirtualDevice:
    """A device whose power is the process that it runs in.

    `verified` says which signatures of a bundle are good: it has the keys, bit i of its answer is for key i.
    """

    def __init__(
        self,
        device: Device,
        part: FlashPart,
        file: FlashFile,
        known: KnownImages,
        temper: Image,
        *,
        time_scale: float = 1.0,
        seed: int | None = None,
        tell: Callable[[str], None] = lambda _line: None,
        verified: Callable[[ManifestRead], int] = lambda _read: 0,
    ) -> None:
        self.device = device
        self.part = part
        self.file = file
        self.known = known
        self.temper = temper
        self.time_scale = time_scale
        self.chance = random.Random(seed)
        self.tell = tell
        self.verified = verified
        self.state = "rebooting"
        # Why it is bricked, if it is.
        self.reason = ""
        self.log: list[str] = []
        self.chip = Controller(device.board, file.flash)
        # What the last power-on, or reset, found in flash.
        self.powered_with = file.flash
        self.requests: asyncio.Queue[Request] = asyncio.Queue()
        self.current: Request | None = None
        self.on_status: Callable[[Status], None] = lambda _status: None
        self.powered_at = time.monotonic()
        # What it is called on the wire, if not by its address.
        self.name = ""
        # One of the two is set: `up` from the firmware's first question what to do, until the next reset.
        self.up, self.down = asyncio.Event(), asyncio.Event()
        self._paced, self._effects = 0.0, 0

    @property
    def phase(self) -> str:
        """The phase that the firmware is in; after the commit nothing is on trial any more."""
        return "committed" if self.chip.phase == "trial" and self._committed() else self.chip.phase

    def _committed(self) -> bool:
        if self.device.records is None:
            return False
        # A chip of our own: looking must not count as reading by the firmware.
        chip = Controller(self.device.board, self.chip.flash)
        chip.remember(self.chip)
        current = store.current(chip, self.device.records)
        return current is not None and current.config.committed

    async def live(self) -> None:
        """Run from power-on, through every reset, until the power goes."""
        while isinstance(outcome := await self._run(), Reset):
            self._say(f"Reset: {outcome.reason}")
        self.state = "bricked" if isinstance(outcome, Bricked) else "running"
        self.reason = outcome.reason if isinstance(outcome, Bricked) else ""
        self._goes_down()
        self._say(f"{type(outcome).__name__}: {getattr(outcome, 'reason', 'nothing more will happen')}")

    def power_lost(self) -> None:
        """Be without power: what was in RAM is gone, and what is in flash is all there is."""
        self.state, self.chip = "off", Controller(self.device.board, self.chip.flash)
        self._goes_down()
        self._forget(NO_POWER)
        self._say("Power off: the plug is pulled")

    def _goes_down(self) -> None:
        self.up.clear()
        self.down.set()

    def _forget(self, because: str = RESTARTED) -> None:
        """Answer what was asked of the run that is over: a commit meant for one image must not meet the next one."""
        waiting = [self.current] if self.current else []
        while not self.requests.empty():
            waiting.append(self.requests.get_nowait())
        for request in waiting:
            if not request.report.done():
                request.report.set_result(Report(False, because))
        self.current = None

    def refusal(self) -> str | None:
        """Return why no update can start now, in the firmware's words, or `None` if one can."""
        try:
            claim(self.chip, self.device.design)
        except BundleFault as fault:
            return str(fault)
        return None

    async def ask(self, request: Request) -> Report:
        """Hand a request to the firmware and wait for its report."""
        await self.requests.put(request)
        return await request.report

    async def _run(self) -> Outcome:
        self.device = replace(self.device, images=self.known.images)
        self._forget()
        self.chip, self.state = Controller(self.device.board, self.chip.flash), "rebooting"
        self.powered_with = self.chip.flash
        self._say("Power on")
        self._goes_down()
        started = self.powered_at = self._paced = time.monotonic()
        routine, answer, lines_told, phase = power_on(self.chip, self.device), None, 0, ""
        while True:
            self.chip.now = time.monotonic() - started
            try:
                effect = self._to_next_wait(routine, answer)
            except StopIteration as end:
                await self._in_file()
                outcome: Outcome = end.value
                return outcome
            finally:
                if len(self.chip.log) > lines_told or self.chip.phase != phase:
                    await self._in_file()  # before anybody hears of it
                for line in self.chip.log[lines_told:]:
                    self._say(line)
                lines_told = len(self.chip.log)
                if self.chip.phase != phase:
                    phase = self.chip.phase
                    self.tell(f"phase {self.phase}")
            answer = None if self._at_once(effect) else await self._carry_out(effect)

    def _to_next_wait(self, routine: Routine[Outcome], answer: Any) -> Effect:
        """Run the firmware to an effect that takes time, or before which it said something, and return that."""
        lines, phase, effect = len(self.chip.log), self.chip.phase, routine.send(answer)
        while len(self.chip.log) == lines and self.chip.phase is phase and self._at_once(effect):
            effect = routine.send(None)
        return effect

    def _at_once(self, effect: Effect) -> bool:
        """Carry out what takes no time, as a step and not as a wait; return whether that is done."""
        if self.time_scale or self.file.sync or not isinstance(effect, CHANGES):
            return False
        if (self._effects + 1) % GIVES_WAY == 0:
            return False  # which gives way
        self._effects += 1
        self.chip.apply(effect, self.file.after)
        self.file.hold(effect, self.chip.flash)
        return True

    async def _carry_out(self, effect: Effect) -> Any:
        # Before anybody else has a turn, or hears of it.
        await self._in_file()
        match effect:
            # A cut in an erase leaves it done and one in a program leaves it not done:
            # the flip points that the lab's arithmetic has for effects that are all or nothing.
            case Erase():
                await self._apply(effect)
                await self._pace(self.device.board.part_under(effect, self.part).erase_seconds())
            case Program(_, data):
                await self._pace(self.device.board.part_under(effect, self.part).program_seconds(len(data)))
                await self._apply(effect)
            case Wait(what, seconds):
                self.state = "rebooting" if what in NOT_UP else "running"
                if what in OWN_WAITS:
                    await self._pace(seconds)
                    await asyncio.sleep(0)
                else:
                    await asyncio.sleep(seconds if seconds < inf else 1e9)
            case Ask():
                return await self._answer(effect)
        return None

    async def _apply(self, effect: Effect) -> None:
        self.chip.apply(effect, self.file.after)
        self.file.hold(effect, self.chip.flash)
        await self._in_file()

    async def _in_file(self) -> None:
        """Have in the file what was noted for it; on a disk too if that is asked for."""
        while self.file.is_behind:
            try:
                if self.file.sync:
                    await asyncio.to_thread(self.file.flush)
                else:
                    self.file.flush()
            except OSError as error:
                # A disk that is full today may have room tomorrow; until then the chip is a very slow one.
                self._say(f"{refused(self.file.path, error, 'written')}; waiting until it can")
                await asyncio.sleep(REFUSED_SECONDS)

    async def _pace(self, seconds: float) -> None:
        """Let scaled time pass; sleeps shorter than the clock can tell are saved up."""
        now = time.monotonic()
        self._paced = max(self._paced, now - 0.05) + seconds * self.time_scale
        self._effects += 1
        if self._paced - now > 0.002 or (not self.time_scale and self._effects % GIVES_WAY == 0):
            await asyncio.sleep(self._paced - now if self.time_scale else 0)

    async def _answer(self, ask: Ask) -> Any:
        match ask.question, ask.detail:
            case "request", Status() as status:
                self.on_status(status)
                return await self._next_request(ask.deadline)
            case "piece", _ if self.current and self.current.upload:
                return await self.current.upload.piece()
            case "signed", ManifestRead() as read:
                return self.verified(read)
            case "options", _ if self.current and self.current.upload:
                return await self.current.upload.options()
            case "healthy", str(version):
                running = next((image for image in self.known.images if image.version == version), self.temper)
                return self.chance.random() >= running.failure
            case "report", Report() as report:
                self._finish(report)
        return None

    async def _next_request(self, deadline: float | None) -> Any:
        self.state = "running"
        self.chip.forget_reads()  # 20 KB of each device of a fleet
        self.down.clear()
        self.up.set()
        try:
            async with asyncio.timeout(None if deadline in (None, inf) else max(0.0, deadline - self.chip.now)):
                request = await self.requests.get()
                while request.report.done():
                    # Who asked has gone away before we came to it.
                    request = await self.requests.get()
        except TimeoutError:
            return LATE
        self.current = request
        if isinstance(request.wanted, Offer):
            self.state = "updating"
        return request.wanted

    def _finish(self, report: Report) -> None:
        if self.current and not self.current.report.done():
            self.current.report.set_result(report)
        self.current, self.state = None, "running"

    def _say(self, line: str) -> None:
        line = shared_line(line)
        self.log = [*self.log[-LOG_LINES:], line]
        self.tell(line)

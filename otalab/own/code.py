"""Code as the firmware of a device: its boot loader, its timer and its updater are somebody's, its images the lab's.

An image behaves as its temper says, as those of the lab's own firmware do; what it writes is written by the code.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property, partial
from math import inf
from pathlib import Path

from otalab.errors import BadInput
from otalab.firmware.application import REBOOT_SECONDS, REPLAYED, replay_recording
from otalab.firmware.bootloader import Start
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.device import Device
from otalab.firmware.image import Image, commits_itself
from otalab.firmware.outcome import Bricked, Hung, Outcome, Reset, Running
from otalab.firmware.requests import Offer, Recording, Report, Status
from otalab.firmware.timer import under_timer
from otalab.firmware.updater import APPLIED
from otalab.hardware.board import Board, load_board
from otalab.hardware.effects import Ask, Phase, Routine, Wait
from otalab.hardware.flash import Flash
from otalab.own.build import built
from otalab.own.died import Died
from otalab.own.download import packed
from otalab.own.page import Page
from otalab.own.power import DeviceFacts, Power
from otalab.own.python import PythonPower
from otalab.own.runner import Runner
from otalab.own.runner_power import RunnerPower
from otalab.own.same import Same

PHASE_OF: dict[str, Phase] = {"ota_update": "download", "ota_confirm": "commit", "ota_timer": "rollback"}
INTERVAL = 60
MOST_BOARDS = 16
# One process for each program, and none that was inherited from another process of Python.
_RUNNERS: dict[tuple[int, Page, Board], Runner] = {}


@dataclass(frozen=True, repr=False)
class CodeFirmware:
    """Somebody's code, in C or in Python.

    `known` is what its runs were seen to do, so that two equal ones are found to differ; `facts` what is the same for
    each power-on, by the board.
    """

    page: Page
    known: dict[int, tuple[int, str]] = field(default_factory=dict, compare=False, repr=False)
    facts: dict[int, DeviceFacts] = field(default_factory=dict, compare=False, repr=False)

    design: None = field(default=None, init=False)
    offers: str = field(default="until-taken", init=False)
    interval: int = field(default=INTERVAL, init=False)

    @property
    def name(self) -> str:
        return self.page.name

    @property
    def identity(self) -> str:
        return self.page.identity

    @property
    def summary(self) -> str:
        return self.page.summary

    @property
    def checks_itself(self) -> bool:
        return self.page.self_checking

    @property
    def records(self) -> Design | None:
        return self.page.records

    @cached_property
    def in_python(self) -> bool:
        """Whether it is a module of Python."""
        return self.page.in_python

    @cached_property
    def board(self) -> Board | None:
        """The board that the page names."""
        return load_board(self.page.board) if self.page.board else None

    def toml(self) -> str:
        """Return the page of the folder, below the name that all sources have a digest in."""
        return f"# {self.identity}\n{self.page.text}"

    def __repr__(self) -> str:
        """Name it as ids do."""
        return f"CodeFirmware({self.identity})"

    def __getstate__(self) -> dict[str, object]:
        # What is known is of this process: Python's hashes of texts are others in the next one.
        return {**self.__dict__, "known": {}, "facts": {}}

    def power_on(self, chip: Controller, device: Device) -> Routine[Outcome]:
        """Run the code once, from power-on to quiescence, a halt or a reset."""
        with self._switched_on(chip, device) as power:
            start = yield from loaded(power, chip)
            if isinstance(start, Bricked):
                chip.say(f"Halted: {start.reason}")
                return start
            image = device.image_in(chip, start.slot)
            if image is None:
                return Bricked(f"slot {start.slot} was started, and what lies there is not a whole image")
            chip.phase = "boot" if start.committed else "trial"
            return (yield from CodeImage(power, chip, image, start).survived())

    def decision(self, chip: Controller, device: Device) -> Start | Bricked | Reset:
        """Run the boot loader alone."""
        with self._switched_on(chip, device) as power:
            return chip.carry_out(loaded(power, chip))

    def shipped(self, device: Device, flash: Flash, app: bytes) -> Flash:
        """Let the code do what it does at the factory, and look whether it starts twice alike."""
        chip, board = Controller(device.board, flash), device.board
        with self._switched_on(chip, device) as power:
            image = packed(device.images[0].version, len(app), board.slots[0].fs.size)
            power.give(image)
            if power.provides("ota_factory"):
                chip.carry_out(power.call("ota_factory"))
        for _ in range(2):
            self.decision(Controller(board, chip.flash), device)
        return chip.flash

    def first_slot(self, board: Board) -> int:
        """Return the slot of the first image."""
        return 0

    def committed(self, image: Image) -> Image:
        """Let an image commit itself."""
        return commits_itself(image)

    def _facts(self, device: Device) -> DeviceFacts:
        """Return what is the same for each power-on on a board; found by the board itself, which is quick."""
        facts = self.facts.get(id(device.board))
        if facts is None:
            if len(self.facts) >= MOST_BOARDS:
                self.facts.clear()
            facts = self.facts[id(device.board)] = DeviceFacts(device)  # which keeps it: its id stays its own
        return facts

    def _switched_on(self, chip: Controller, device: Device) -> Power:
        same, facts = Same(self.name, self.known), self._facts(device)
        if self.in_python:
            return PythonPower(self.page, chip, facts, same)
        return RunnerPower(partial(running, self.page, device.board), self.page, chip, facts, same)


def running(page: Page, board: Board) -> Runner:
    """Return the process that runs a page's code on a board; one that is gone is started anew."""
    key = os.getpid(), page, board
    runner = _RUNNERS.get(key)
    if runner is not None and not runner.alive:
        runner.stop()
        runner = None
    if runner is None:
        runner = _RUNNERS[key] = Runner(built(page, board), board.geometry.size)
    if not runner.get("provided") & 1:
        raise BadInput(f"{page.folder}: no file of its sources defines ota_boot, and nothing starts without it")
    return runner


def let_go(folder: Path) -> None:
    """End the processes that run what a folder held."""
    for key in [key for key in _RUNNERS if key[1].folder == folder]:
        _RUNNERS.pop(key).stop()


def loaded(power: Power, chip: Controller) -> Routine[Start | Bricked]:
    """Run the boot loader; nothing watches over it, so one that crashes does not come back."""
    try:
        address = yield from power.call("ota_boot")
        if not address:
            return Bricked("the boot loader halts")
        slot = power.slots.get(address)
        if slot is None:
            return Bricked(f"0x{address:x} was started, where no slot begins")
        within = yield from power.call("ota_commit_within")
    except Died as end:
        return Bricked(f"the boot loader {'hangs' if end.hangs else 'crashed'}: {end.reason}")
    if not within:
        return Start(slot, (yield from is_committed(power, timed=False)), 0)
    chip.say(f"Slot {slot} has {within} s to commit")
    return Start(slot, False, within)


def is_committed(power: Power, *, timed: bool, confirmed: bool = False) -> Routine[bool]:
    """Ask the code whether what runs is to stay.

    Without such an entry it is once it is confirmed, or where neither a timer nor a way to confirm it waits for that.
    """
    if power.provides("ota_committed"):
        return bool((yield from power.call("ota_committed")))
    return confirmed or not (timed or power.provides("ota_confirm"))


class CodeImage:
    """The image that was started, beside the commit timer if the loader asked for one."""

    def __init__(self, power: Power, chip: Controller, image: Image, start: Start) -> None:
        self._power, self._chip, self._image, self._start = power, chip, image, start
        self._confirmed = False

    def survived(self) -> Routine[Outcome]:
        """Run it; one that crashes is reset, one that hangs stays until the timer ends it."""
        within = self._start.commit_within
        main = self._run()
        try:
            return (yield from under_timer(self._chip, main, within, self._timer) if within else main)
        except Died as end:
            self._chip.say(f"Crashed: {end.reason}")
            return Reset(f"crash: {end.reason}")

    def _run(self) -> Routine[Outcome]:
        image, slot = self._image, self._start.slot
        self._chip.say(f"Starting version {image.version} in slot {slot}")
        try:
            return (yield from self._behaved())
        except Died as end:
            if not end.hangs:
                raise
            self._chip.say(f"Hangs: {end.reason}")
            yield Wait("hang", inf)
            return Hung(slot, image.version)

    def _behaved(self) -> Routine[Outcome]:
        """Start, and do what the temper says."""
        image, slot = self._image, self._start.slot
        # First of all: whatever happens from here on, the next boot must find the way back.
        yield from self._call("ota_started")
        yield Wait("boot", image.boot_seconds)
        match image.temper:
            case "hangs":
                yield Wait("hang", inf)
                return Hung(slot, image.version)
            case "crashes":
                return Reset(f"version {image.version} crashed")
        return (yield from self._works())

    def _works(self) -> Routine[Outcome]:
        image = self._image
        if not (yield from self._committed()):
            yield Wait("health check", image.health_seconds)
            if image.commits == "itself" and (yield Ask("healthy", image.version)):
                yield from self._confirm()
        while True:
            status = Status(image.version, image.build_id, (yield from self._committed()))
            request = yield Ask("request", status)
            if request is None:
                break
            report = yield from self._done(request)
            yield Ask("report", report)
            if report.message in (APPLIED, REPLAYED):
                yield Wait("reboot", REBOOT_SECONDS)
                return Reset(report.message)
        yield Wait("idle", inf)
        return Running(self._start.slot, image.version, (yield from self._committed()))

    def _done(self, request: object) -> Routine[Report]:
        if request == "commit":
            done = yield from self._confirm()
            return Report(done, "Ok" if done else "Error")
        if isinstance(request, Offer):
            failed = yield from self._call("ota_update")
            reason = self._power.fault or f"ota_update returned {failed}"
            if failed:
                self._chip.say(f"Update aborted: {reason}")
            return Report(False, reason) if failed else Report(True, APPLIED)
        if isinstance(request, Recording):
            yield from self._chip.during("download", replay_recording(self._chip, request))
            self._power.bypassed()
            return Report(True, REPLAYED)
        return Report(False, "Not supported")

    def _confirm(self) -> Routine[bool]:
        self._confirmed = not (yield from self._call("ota_confirm"))
        return self._confirmed

    def _committed(self) -> Routine[bool]:
        timed = bool(self._start.commit_within)
        return (yield from is_committed(self._power, timed=timed, confirmed=self._confirmed))

    def _timer(self) -> Routine[Reset | None]:
        if (yield from self._call("ota_timer")):
            return Reset("commit timer: rolled back")
        return None

    def _call(self, entry: str) -> Routine[int]:
        call = self._power.call(entry)
        return (yield from self._chip.during(PHASE_OF[entry], call) if entry in PHASE_OF else call)

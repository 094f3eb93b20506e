"""Code in C that is switched on: known runs are looked up, others made by its process on a copy of the flash.

The process is switched on when somebody needs it, and then makes again what was looked up so far.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from types import TracebackType
from typing import Self

from otalab.errors import OtalabError
from otalab.firmware.controller import Controller
from otalab.hardware.effects import Ask, Effect, Erase, Program, Routine, Wait
from otalab.own import runner as say
from otalab.own.call_memory import CallNode, JournalLine
from otalab.own.died import Died, died
from otalab.own.page import Page
from otalab.own.power import ENTRIES, KINDS, NO_BYTES, DeviceFacts, Power, entries, once
from otalab.own.runner import Runner, Silent
from otalab.own.same import Same


class RunnerPower(Power):
    """Code in C that is switched on; the chip follows it effect by effect."""

    def __init__(
        self, opened: Callable[[], Runner], page: Page, chip: Controller, facts: DeviceFacts, same: Same
    ) -> None:
        super().__init__(page, chip, facts, same)
        self._opened, self._process, self._command = opened, None, say.POWER_ON
        # What lies there when the power comes on, as it becomes by what is made again.
        self._shadow = chip.flash
        self._calls: list[str] = []
        # Where it stands in what is known of the code, past how many lines; nowhere, once it heard of more than flash.
        self._at: CallNode | None = facts.memory.root
        self._line = 0

    _process: Runner | None

    @property
    def _runner(self) -> Runner:
        assert self._process is not None
        return self._process

    def __enter__(self) -> Self:
        if self._chip.flash.marks:
            self._at = None  # what these sectors read as is no matter of bytes alone
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.alive:
            self._process.leave()

    def give(self, data: bytes) -> None:
        """Lay bytes in reach of the code."""
        self._switch_on()
        self._at = None
        self._runner.send(data)

    def provides(self, entry: str) -> bool:
        """Say whether the code has an entry."""
        memory = self._facts.memory
        if memory.provided is None:
            provided = self._opened().get("provided")
            memory.provided = frozenset(name for number, name in enumerate(ENTRIES) if provided >> number & 1)
        return entry in memory.provided

    def bypassed(self) -> None:
        """Take note that the chip was written by another hand: from here on each read asks what lies there."""
        self._switch_on()
        self._at = None
        self._runner.mark(range(self._chip.board.geometry.count))

    def call(self, entry: str) -> Routine[int]:
        """Call an entry and yield what it does; return what it returns, or raise `Died`."""
        again = 0
        # Beside a timer a call may never come to its end.
        if self._process is None and self._at is not None and self._chip.timer_due == inf:
            value, again = yield from self._looked_up(entry)
            if value is not None:
                return value
        else:
            self._enter(entry)
        self._switch_on()
        return (yield from self._made(entry, again))

    # What is known

    def _enter(self, entry: str) -> None:
        """Go to where a call begins, if its past is known."""
        known = self._at is not None and self._at.value is not None and self._chip.timer_due == inf
        self._at = self._facts.memory.child(self._at, entry) if known and self._at is not None else None
        self._line = 0

    def _looked_up(self, entry: str) -> Routine[tuple[int | None, int]]:
        """Yield what a call is known to do; return its value, or `None` behind so many lines of what is known."""
        assert self._at is not None
        again, node = 0, self._facts.memory.child(self._at, entry)
        while True:
            self._at, self._line = node, len(node.lines)
            for line in tuple(node.lines):
                again += 1
                yield from self._does(line)
            if node.value is not None:
                self._calls.append(entry)
                if node.visited():
                    self._switch_on()
                return node.value, again
            if node.look is None:
                return None, again
            again += 1
            node = self._facts.memory.child(node, self._look(*node.look))

    def _note(self, line: JournalLine) -> None:
        """Take note of what is done, where that is not known yet."""
        if self._at is not None:
            if self._line == len(self._at.lines):
                self._at.lines.append(line)
            self._line += 1

    def _note_read(self, address: int, size: int, data: bytes) -> None:
        if self._at is not None:
            self._at.look = address, size
            self._at, self._line = self._facts.memory.child(self._at, data), 0

    # What is made

    def _switch_on(self) -> None:
        """Let the process begin with what lay there when the power came on, and make again what was looked up."""
        if self._process is not None:
            return
        runner = self._process = self._opened()
        runner.ready()
        runner.publish(self._shadow)
        runner.mark([mark.sector for mark in self._shadow.marks])
        milliseconds = max(1, round(1000 * self._page.seconds))
        runner.put(used=0, effects=self._facts.limit, milliseconds=milliseconds, wild=runner.get("wild") + 89, sync=0)
        self._command = say.POWER_ON
        self._same.hears(self._facts.program)
        for entry in self._calls:
            self._make_again(entry)

    def _first(self) -> int:
        """Return the word for a call; the power comes on with the first one."""
        command, self._command = self._command, say.CALL
        return command

    def _make_again(self, entry: str) -> None:
        self._same.hears(entry)
        self._runner.put(function=ENTRIES.index(entry))
        self._runner.tell(self._first())
        while True:
            message = self._hear(entry)
            value = self._runner.values()
            for line in entries(self._runner.journal()):
                self._again(line)
            if message == say.FULL:
                self._runner.tell(say.GO)
                continue
            # Where it ends otherwise than it did, that is told apart as well.
            self._same.says(entry, value[0] if message == say.RETURNED else ("does not return", message))
            return

    def _again(self, line: JournalLine) -> None:
        """Hold what is made again against what is known; the chip has done it."""
        kind, address, size, data = line
        if kind == KINDS.READ:
            self._same.says("read", (address, size))
            self._same.hears(self._shadow.read(address, size))
            return
        self._same.does((kind, address, data))
        if kind in (KINDS.ERASE, KINDS.PROGRAM):
            self._shadow = self._shadow.after(self._effect(line))

    def _made(self, entry: str, again: int) -> Routine[int]:
        """Let the process make a call, whose first lines are known and done."""
        self._same.hears(entry)
        self._runner.put(function=ENTRIES.index(entry))
        command = self._first()
        while True:
            # Beside a timer nothing may run ahead: each effect is waited for.
            self._runner.put(sync=int(self._chip.timer_due < inf))
            self._runner.tell(command)
            message = self._hear(entry)
            value = self._runner.values()
            # What was done before the end is done: a loader may crash behind a write.
            for line in entries(self._runner.journal()):
                if again:
                    again -= 1
                    self._again(line)
                else:
                    yield from self._followed(line)
            if message == say.RETURNED:
                self._same.says(entry, value[0])
                if self._at is not None:
                    if self._at.value is not None:
                        self._at.visited()
                    self._at.value = value[0]
                return value[0]
            if message != say.FULL:
                self._at = None  # from here on answers decide too
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
            return Died(f"{entry} does not end: it did more than {self._facts.limit} things", hangs=True)
        return Died(f"{what}: {value[1]} bytes at 0x{value[0]:x} cannot be asked of this part, in {entry}")

    def _followed(self, line: JournalLine) -> Routine[None]:
        """Do to the chip what the code did."""
        kind, address, size, data = line
        if kind == KINDS.READ:
            self._note_read(address, size, self._read(address, size))
            return
        self._same.does((kind, address, data))
        self._note(line)
        yield from self._does(line)

    def _does(self, line: JournalLine) -> Routine[None]:
        if line.kind == KINDS.LOG:
            self._chip.say(line.data.decode(errors="backslashreplace"))
            return
        effect = self._effect(line)
        yield from self._chip.during(self._phase(effect), once(effect))

    def _effect(self, line: JournalLine) -> Effect:
        kind, address, _, data = line
        match kind:
            case KINDS.ERASE:
                return Erase(self._chip.board.geometry.sector_at(address))
            case KINDS.PROGRAM:
                return Program(address, data)
            case KINDS.WAIT:
                return Wait(data.decode(errors="backslashreplace"), address / 1000)
            case KINDS.REFUSE:
                return Ask("refuse", data.decode(errors="backslashreplace"))
        raise OtalabError(f"{self._page.name}: its journal holds {kind}: the code wrote over the lab's memory")

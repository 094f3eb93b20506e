"""The runner as a process: started once, forked for each power-on, spoken to through a file in memory and two pipes.

A file in memory and one byte in a pipe are all that is said: no binding has to be built, the code lives in a process
that may die, and what it did is read as bytes.
"""

from __future__ import annotations

import atexit
import mmap
import os
import select
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from otalab.errors import BadInput, LostRunner
from otalab.hardware.flash import Flash

# As in `runner.c`.
POWER_ON, GO, CALL, LEAVE = 1, 2, 3, 4
READY, RETURNED, EFFECT, FULL, OFFER, DOWNLOAD, CARRY_OVER, MARKED, WRONG, ENDED = range(1, 11)
WORDS = (
    *("command", "function", "sync", "message", "status", "value0", "value1", "value2", "value3"),
    *("used", "milliseconds", "effects", "provided", "wild", "child"),
)
AT = {name: 4 * number for number, name in enumerate(WORDS)}
SECTORS, MAILBOX, JOURNAL = 16384, 65536, 1 << 22
MARKS_AT = 4 * len(WORDS)
MAILBOX_AT = MARKS_AT + SECTORS
JOURNAL_AT = MAILBOX_AT + MAILBOX
FLASH_AT = JOURNAL_AT + JOURNAL
# A call that neither works nor says anything for so long is taken for one that waits for ever; work has a limit of its
# own, in processor time.
SILENCE_SECONDS = 60
WATCH = "detect_leaks=0:abort_on_error=0:exitcode=99:color=never:allow_addr2line=1"
_WORD = struct.Struct("<I")


class Silent(Exception):
    """A call waits for something that will never come."""


class Runner:
    """One program that was built, running; its flash is what was last published to it."""

    def __init__(self, program: Path, size: int) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the process
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._file.truncate(FLASH_AT + size)
        self.memory = mmap.mmap(self._file.fileno(), FLASH_AT + size)
        theirs, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        inherited = self._file.fileno(), theirs, answers
        try:
            self._process = subprocess.Popen(
                [str(program.absolute()), *map(str, inherited)],
                cwd=program.parent,
                env={"ASAN_OPTIONS": WATCH, "UBSAN_OPTIONS": "print_stacktrace=0", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                pass_fds=inherited,
                start_new_session=True,
            )
        except OSError as error:
            raise BadInput(f"{program}: cannot be started: {error.strerror}") from error
        finally:
            os.close(theirs)
            os.close(answers)
        self._published: list[bytes | None] = []
        self._marked = False
        # Whether it waits for the next word, and whether something is switched on that has not ended.
        self.quiet, self._on = True, False
        # Whether what was switched on was told to end, and nobody has heard yet that it did.
        self._leaves = False
        atexit.register(self.stop)
        if self.hear() != READY:
            raise BadInput(f"{program}: did not start; {self.said()[:200]!r}")

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def get(self, name: str) -> int:
        """Return a number of what is shared."""
        return int(_WORD.unpack_from(self.memory, AT[name])[0])

    def put(self, **numbers: int) -> None:
        """Set numbers of what is shared."""
        for name, number in numbers.items():
            _WORD.pack_into(self.memory, AT[name], number)

    def values(self) -> tuple[int, ...]:
        """Return the four numbers of a message."""
        return struct.unpack_from("<4I", self.memory, AT["value0"])

    def mailbox(self, size: int = 256) -> bytes:
        """Return what lies in the mailbox."""
        return self.memory[MAILBOX_AT : MAILBOX_AT + size]

    def send(self, data: bytes) -> None:
        """Lay bytes into the mailbox."""
        self.memory[MAILBOX_AT : MAILBOX_AT + len(data)] = data

    def mark(self, sectors: Sequence[int]) -> None:
        """Say which sectors are not as they seem: what they read as is asked for each time."""
        if not sectors and not self._marked:
            return
        self.memory[MARKS_AT:MAILBOX_AT] = bytes(SECTORS)
        for sector in sectors:
            self.memory[MARKS_AT + sector] = 1
        self._marked = bool(sectors)

    def journal(self) -> bytes:
        """Return what was done since the last look, and begin anew."""
        used = min(self.get("used"), JOURNAL)
        self.put(used=0)
        return self.memory[JOURNAL_AT : JOURNAL_AT + used]

    def publish(self, flash: Flash, sectors: Sequence[int] | None = None) -> None:
        """Lay contents into the flash that is shared: those that have changed since the last time."""
        start_of = flash.geometry.start_of
        if not self._published:
            self._published = [None] * flash.geometry.count
        wanted = (
            zip(sectors, map(flash.sectors.__getitem__, sectors), strict=True) if sectors else enumerate(flash.sectors)
        )
        for sector, contents in wanted:
            if self._published[sector] is not contents:
                at = FLASH_AT + start_of(sector)
                self.memory[at : at + len(contents)] = contents
                self._published[sector] = contents

    def tell(self, command: int) -> None:
        """Say one thing; the process is then at work."""
        self._need_open()
        self.put(command=command)
        self.quiet = False
        try:
            os.write(self._orders, b"\0")
        except OSError as error:
            self.stop()  # a killed process may seem alive for a while: whoever tries again must not meet it
            raise LostRunner from error

    def hear(self) -> int:
        """Wait for what is said next."""
        self._need_open()
        if not select.select([self._answers], [], [], SILENCE_SECONDS)[0]:
            raise Silent
        if not os.read(self._answers, 1):
            self.stop()
            raise LostRunner
        self.quiet, message = True, self.get("message")
        self._on = message not in (READY, ENDED)
        return message

    def _need_open(self) -> None:
        """Be lost once it was stopped: the numbers of its pipes may be those of another one's by now."""
        if self._file.closed:
            raise LostRunner

    def leave(self) -> None:
        """Let the child that waits end, or all of it where nobody knows what it does; nobody waits for its end."""
        if not self._on:
            return
        if self.quiet and self.alive:
            with suppress(LostRunner):
                self.tell(LEAVE)
                self._on, self._leaves = False, True
                return
        self.stop()

    def ready(self) -> None:
        """Wait until what was switched on before has ended."""
        if not self._leaves:
            return
        try:
            if self.hear() == ENDED:
                self._leaves = False
        except Silent:
            pass
        finally:
            if self._leaves:
                self.stop()
        if self._leaves:
            raise LostRunner

    def said(self) -> str:
        """Return what stands on standard error, and clear it."""
        self._words.seek(0)
        text = self._words.read(1 << 20).decode(errors="replace")
        self._words.seek(0)
        self._words.truncate()
        return text

    def stop(self) -> None:
        """End the process; once is enough."""
        atexit.unregister(self.stop)
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        # One that was killed by somebody else leaves as much behind.
        if not self._file.closed:
            for end in (self._orders, self._answers):
                os.close(end)
            self._file.close()
            self._words.close()

"""Code in Python: a module with the entries of `otalab.h` as generators, for those who think before they write C.

The module is run anew at each power-on, so that what it keeps in globals dies with the power; what it imports lives on.
"""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from inspect import isgenerator
from pathlib import Path
from types import CodeType, SimpleNamespace, TracebackType
from typing import Any, NoReturn, Self
from zlib import crc32

from otalab.errors import BadInput, OtalabError
from otalab.files import read_text
from otalab.firmware.controller import Controller
from otalab.hardware.effects import Ask, Effect, Erase, Program, Routine, Wait
from otalab.hardware.geometry import Geometry
from otalab.own.build import differs, macros
from otalab.own.died import Died
from otalab.own.download import IMAGE
from otalab.own.page import Page
from otalab.own.power import NO_BYTES, DeviceFacts, Power, once
from otalab.own.same import Same


class BrokenRun(BaseException):
    """The lab breaks a run off; no `except Exception` of the module is to keep it."""


class PythonPower(Power):
    """Code in Python that is switched on; `ota` in its module is what `otalab.h` is in C."""

    def __init__(self, page: Page, chip: Controller, facts: DeviceFacts, same: Same) -> None:
        super().__init__(page, chip, facts, same)
        self._effects, self._entry = 0.0, ""
        self._image: SimpleNamespace | None = None
        self._names: dict[str, Any] = {"ota": Provided(self), "__name__": page.sources[0].stem}

    def __enter__(self) -> Self:
        self._same.hears(self._facts.program)
        path = page_source(self._page)
        try:
            with self._limited():
                exec(compiled(path, self._page.digest), self._names)  # noqa: S102  # it is what the user asks for
        except Exception as error:
            raise BadInput(f"{_place(error, path)}: {_said(error)}") from error
        if not callable(self._names.get("ota_boot")):
            raise BadInput(f"{path}: defines no ota_boot, and nothing starts without it")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._names.clear()

    def give(self, data: bytes) -> None:
        self._image = an_image(data)

    def provides(self, entry: str) -> bool:
        return callable(self._names.get(entry))

    def bypassed(self) -> None:
        """Nothing is held here: each read asks the chip."""

    def call(self, entry: str) -> Routine[int]:
        self._same.hears(entry)
        self._entry = entry
        if not self.provides(entry):
            return 1 if entry == "ota_update" else 0
        given = (self._image,) if entry == "ota_factory" else ()
        try:
            with self._limited():
                begun = self._names[entry](*given)
            value = (yield from self._followed(begun)) if isgenerator(begun) else begun
        except BrokenRun as stop:
            raise stop.args[0] from None
        except (Died, OtalabError, GeneratorExit):
            raise
        except Exception as error:
            raise Died(f"{_place(error, page_source(self._page))}: {_said(error)}, in {entry}") from error
        if not isinstance(value, int | None):
            raise Died(f"{entry} returned {value!r}, and a number is needed")
        self._same.says(entry, int(value or 0))
        return int(value or 0)

    def _followed(self, begun: Any) -> Routine[Any]:
        """Do to the chip what a generator asks for, one effect at a time."""
        answer: Any = None
        while True:
            try:
                with self._limited():
                    effect = begun.send(answer)
            except StopIteration as end:
                return end.value
            if not isinstance(effect, Erase | Program | Wait | Ask):
                self.stop(f"{effect!r} was yielded, which is nothing to do: write yield from before ota.program(...)")
            self._same.does((type(effect), effect))
            answer = yield from self._chip.during(self._phase(effect), _answered(effect))

    def counted(self, weight: float = 1.0) -> None:
        """Count one more thing that it does; a read is little."""
        self._effects += weight
        if self._effects > self._facts.limit:
            raise BrokenRun(
                Died(f"{self._entry} does not end: it did more than {self._facts.limit} things", hangs=True)
            )

    def stop(self, reason: str) -> NoReturn:
        """End the call: it asked for what no part can do."""
        raise BrokenRun(Died(f"{reason}, in {self._entry}"))

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """End what works without end, in processor time; beside other threads nobody can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def late(_number: int, _frame: object) -> None:
            said = f"{self._entry} does not come back: it took {self._page.seconds:g} s of processor time"
            raise BrokenRun(Died(said, hangs=True))

        usual = signal.signal(signal.SIGVTALRM, late)
        signal.setitimer(signal.ITIMER_VIRTUAL, self._page.seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, usual)

    # What `ota` is made of.

    def read(self, address: int, size: int) -> bytes:
        """Return bytes of flash."""
        self._within("read", address, size)
        self.counted(1 / 64)
        self._read(address, size)
        return self._chip.flash.read(address, size)

    def erase(self, address: int, size: int) -> Routine[None]:
        """Erase whole sectors."""
        self._within("erase", address, size)
        geometry = self._chip.board.geometry
        sectors = geometry.sectors_of(address, size)
        if size != sum(map(geometry.size_of, sectors)) or (size and geometry.start_of(sectors.start) != address):
            self.stop(f"ota.erase: {size} bytes at {address:#x} are no whole sectors")
        for sector in sectors:
            self.counted()
            yield from once(Erase(sector))

    def program(self, address: int, data: bytes) -> Routine[None]:
        """Program bytes, page by page."""
        self._within("program", address, len(data), self._chip.board.geometry.at(address).program_unit)
        for program in self._chip.board.geometry.pages(address, bytes(data)):
            self.counted()
            yield from once(program)

    def say(self, line: str) -> None:
        """Write a line to the boot log."""
        self._same.does(line)
        self._chip.say(str(line))

    def wait(self, milliseconds: float, what: str) -> Routine[None]:
        """Let time pass."""
        self.counted()
        yield Wait(what, milliseconds / 1000)

    def refuse(self, reason: str) -> Routine[None]:
        """Tell the server that this update was no good."""
        self.counted()
        yield Ask("refuse", reason)

    def offer(self) -> Routine[SimpleNamespace | None]:
        """Return what is on offer; `None` if it may not be taken."""
        image = yield from self._download.image()
        self._same.hears(image)
        return None if image is None else an_image(image)

    def download(self, part: int, position: int, size: int) -> Routine[bytes | None]:
        """Return bytes of the update on offer; `None` if it is no good."""
        self.counted()
        data = yield from self._download.bytes_of(part, position, size)
        self._same.hears(NO_BYTES if data is None else data)
        return data

    def carry_over(self, old: int, new: int, size: int) -> Routine[int]:
        """Carry files over as the lab's own firmware does."""
        done = yield from self._chip.during("merge", self._carried_over(old, new, size))
        self._same.hears(self._chip.flash.sectors)
        return done

    def _within(self, what: str, address: int, size: int, unit: int = 1) -> None:
        if not (0 <= address <= address + size <= self._chip.board.geometry.size) or address % unit or size % unit:
            self.stop(f"ota.{what}: {size} bytes at {address:#x} cannot be asked of this part")

    def piece(self, address: int) -> Geometry:
        """Return how flash is divided at an address."""
        self._within("size", address, 0)
        return self._chip.board.geometry.at(address)

    def constants(self) -> dict[str, int]:
        """Return what the board says, under the names that C has it by, without their `OTA_`."""
        return {name.removeprefix("OTA_"): value for name, value in macros(self._chip.board).items()}


class Provided:
    """What a module finds as `ota`: the board's addresses and sizes, and what the lab does for it."""

    APPLICATION, FILES, NO_FILES, NO_ROOM = 0, 1, 1, 2

    def __init__(self, power: PythonPower) -> None:
        self.__dict__.update(power.constants())
        self.read, self.erase, self.program = power.read, power.erase, power.program
        self.offer, self.download, self.carry_over = power.offer, power.download, power.carry_over
        self.log, self.wait, self.refuse = power.say, power.wait, power.refuse
        self._piece = power.piece

    def __getattr__(self, name: str) -> int:
        raise AttributeError(f"ota has no {name}{differs(name, 'ota.')}")

    def sector_size(self, address: int) -> int:
        """Return how many bytes are erased at once at an address."""
        return self._piece(address).sector_size

    def page_size(self, address: int) -> int:
        """Return how many bytes one program may hold at an address."""
        return self._piece(address).page_size

    def program_unit(self, address: int) -> int:
        """Return of how many bytes a program is made at an address."""
        return self._piece(address).program_unit

    @staticmethod
    def crc32(data: bytes, crc: int = 0) -> int:
        """Return the CRC-32 of zip and ethernet."""
        return crc32(data, crc)


def page_source(page: Page) -> Path:
    """Return the module that a page names."""
    return page.sources[0]


@cache
def compiled(path: Path, digest: str) -> CodeType:
    """Return a module, compiled; `digest` is of its page and its text."""
    assert digest
    return compile(read_text(path), str(path), "exec")


def an_image(data: bytes) -> SimpleNamespace:
    """Return what an update says of itself, from a `struct ota_image`."""
    version, size, files_size, within = IMAGE.unpack(data)
    name = version.rstrip(b"\0").decode(errors="surrogateescape")
    return SimpleNamespace(version=name, size=size, files_size=files_size, commit_within=within)


def _answered(effect: Effect) -> Routine[Any]:
    return (yield effect)


def _said(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else f"{type(error).__name__}: {error}"


def _place(error: Exception, path: Path) -> str:
    """Return the last place of the module's own that an error came through."""
    if isinstance(error, SyntaxError):
        return f"{path.name}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path.name}:{lines[-1]}" if lines else path.name

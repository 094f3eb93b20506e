"""The API of updates: whatever brings bytes is a source, and whoever wants to know is told by events.

Every trigger is written on this and on nothing else.
A handler may refuse an update when its manifest is known, or have it wait; that is asked before the firmware has seen
the manifest, so that a refused update has written nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from otalab.errors import BadInput
from otalab.firmware.requests import BootState, Keep, Lost, Offer, Options, Report, Snapshot, Status
from otalab.firmware.updater import BUSY
from otalab.formats.bundle.manifest import Manifest
from otalab.wire.device.known_images import Witness
from otalab.wire.device.request import Request
from otalab.wire.device.virtual import NO_POWER, VirtualDevice

NO_ROOM = "The host cannot write down which image this is"
ABORTED, TIMED_OUT, BRICKED = "Update aborted", "Update timed out", "The device is bricked"
DEAD = {"bricked": BRICKED, "off": NO_POWER}  # the states in which no firmware runs, and what whoever asks is told
SLOWEST = 256  # bytes per second; what is slower uses up the time that a stall may take
PROGRESS_BYTES, PROGRESS_SECONDS = 50_000, 5.0  # as the real core reports it


class Broken(Exception):
    """A source that will give no more bytes, and why."""


class Source(Protocol):
    """Where an update comes from; `name` is what people would call it, `size` in bytes if it is known."""

    name: str

    @property
    def size(self) -> int | None: ...

    async def read(self) -> bytes:
        """Return the next bytes, none at the end; raise `Broken` if there will be none."""

    async def commit_timeout(self) -> int | None:
        """Return the commit interval if it comes with the bytes, once all of them are there."""


@dataclass(slots=True)
class Bytes:
    """A source that has its bytes already."""

    data: bytes
    name: str = "bytes"
    piece: int = 4096
    _at: int = 0

    @property
    def size(self) -> int:
        return len(self.data)

    async def read(self) -> bytes:
        self._at += self.piece
        return self.data[self._at - self.piece : self._at]

    async def commit_timeout(self) -> int | None:
        return None


@dataclass(frozen=True, slots=True)
class UpdateOptions:
    """What a trigger asks for: times in seconds; `timeout` is how long nothing may come."""

    commit_timeout: int = 0
    timeout: float = 600.0
    ignore_same_version: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """An update begins; nothing is written yet.  A handler may answer with `Veto` or `Delay`."""

    source: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Progress:
    """So many bytes have come, of so many if that is known."""

    received: int
    size: int | None


@dataclass(frozen=True, slots=True)
class Failed:
    """An update is over and changed nothing that runs."""

    message: str


@dataclass(frozen=True, slots=True)
class Applied:
    """An update is written and staged; the device restarts into it."""

    version: str
    message: str


@dataclass(frozen=True, slots=True)
class Committed:
    """The new version is trusted for good."""

    version: str


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The new version is given up, and this older one runs again."""

    version: str
    given_up: str


@dataclass(frozen=True, slots=True)
class Veto:
    """A handler's answer to `Begin`: not this one."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delay:
    """A handler's answer to `Begin`: ask again in so many seconds."""

    seconds: float


UpdateEvent = Begin | Progress | Failed | Applied | Committed | RolledBack
Answer = Veto | Delay | None
UpdateHandler = Callable[[UpdateEvent], Answer | Awaitable[Answer]]


class Ota:
    """The updates of one device."""

    def __init__(self, device: VirtualDevice) -> None:
        self.device = device
        self.handlers: list[UpdateHandler] = []
        self.running = False
        self.status: Status | None = None
        self._on_trial = ""
        device.on_status = self._seen

    def on(self, handler: UpdateHandler) -> UpdateHandler:
        """Have a handler told of every event; usable as a decorator."""
        self.handlers.append(handler)
        return handler

    def refusal(self) -> str | None:
        """Return why no update can start now, or `None` if one can."""
        if (dead := DEAD.get(self.device.state)) is not None:
            return dead
        return BUSY if self.running or self.device.state == "updating" else self.device.refusal()

    async def update(self, source: Source, options: UpdateOptions = UpdateOptions()) -> Report:  # frozen
        """Take an update in, and report how that went; the restart follows by itself."""
        if (refused := self.refusal()) is not None:
            return Report(False, refused)
        self.running = True
        incoming = Incoming(self, source, options, Witness(self.device.known, self.device.temper))
        try:
            report = await self.device.ask(Request(Offer(options.ignore_same_version), incoming))
        finally:
            self.running = False
        if report.fine:
            self._on_trial = incoming.version
        await self.tell(Applied(incoming.version, report.message) if report.fine else Failed(report.message))
        return report

    async def ask(self, wanted: BootState | Keep | Snapshot | str) -> Report:
        """Ask for `commit`, `revert` or `reboot`, or for a boot state, a file to be kept or a snapshot."""
        dead = DEAD.get(self.device.state)
        return await self.device.ask(Request(wanted)) if dead is None else Report(False, dead)

    async def tell(self, event: UpdateEvent) -> str | None:
        """Tell every handler, and return why one of them refuses what begins, if one does."""
        for handler in self.handlers:
            while True:
                answer = await _answer(handler, event, self.device.tell)
                if not isinstance(answer, Delay):
                    break
                await asyncio.sleep(answer.seconds)
            if isinstance(answer, Veto):
                return answer.reason
        return None

    def _seen(self, status: Status) -> None:
        """Take note of what the firmware says of itself each time it asks what to do next."""
        self.status = status
        if not self._on_trial or not status.committed:
            return
        tried, self._on_trial = self._on_trial, ""
        event = Committed(tried) if status.version == tried else RolledBack(status.version, tried)
        self._telling = asyncio.ensure_future(self.tell(event))  # kept, or it might be collected before it ran


async def _answer(handler: UpdateHandler, event: UpdateEvent, tell: Callable[[str], None]) -> Answer:
    try:
        answer = handler(event)
        return await answer if inspect.isawaitable(answer) else answer
    except Exception as error:  # noqa: BLE001  # whatever a handler stumbles over is not the device's affair
        tell(f"handler of {type(event).__name__}: {type(error).__name__}: {error}")
        return None


@dataclass(slots=True)
class Incoming:
    """An update on its way in: what the firmware is given when it asks for the next piece."""

    ota: Ota
    source: Source
    wanted: UpdateOptions
    witness: Witness
    received: int = 0
    version: str = ""
    _told: int = -PROGRESS_BYTES
    _told_at: float = 0.0
    _waited: float = 0.0
    _behind: bytes = b""

    @property
    def size(self) -> int | None:
        return self.source.size

    async def piece(self) -> Any:
        """Return the next bytes, or `Lost`; the manifest and what follows it are two pieces."""
        if self._behind:
            # The device has asked for more, so it has taken the manifest.
            data, self._behind = self._behind, b""
            return data if self._looked(self.witness.go_on) else Lost(NO_ROOM)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._patience()):
                data = await self.source.read()
        except TimeoutError:
            return Lost(TIMED_OUT)
        except Broken as error:
            return Lost(str(error) or ABORTED)
        self._waited += time.monotonic() - began
        if (looked := self._looked(lambda: self.witness.see(data))) is None:
            return Lost(NO_ROOM)
        manifest, behind = looked
        if manifest is not None:
            self.version = manifest.version
            if (refused := await self.ota.tell(Begin(self.source.name, manifest))) is not None:
                return Lost(refused)
        self.received += len(data)
        now = time.monotonic()
        if data and (self.received - self._told >= PROGRESS_BYTES or now - self._told_at > PROGRESS_SECONDS):
            self._told, self._told_at = self.received, now
            await self.ota.tell(Progress(self.received, self.size))
        data, self._behind = data[: len(data) - behind], data[len(data) - behind :]
        return data

    def _looked(self, look: Callable[[], tuple[Manifest | None, int]]) -> tuple[Manifest | None, int] | None:
        """Have the witness look; `None` if it cannot write down what it sees, and then nobody may start it."""
        try:
            return look()
        except BadInput as error:
            self.ota.device.tell(str(error))
            return None

    def _patience(self) -> float:
        """Return how long the next bytes may take: a stall's time, and less if those before them trickled in."""
        return min(self.wanted.timeout, self.wanted.timeout + self.received / SLOWEST - self._waited)

    async def options(self) -> Options | Lost:
        """Return the commit interval; what came with the bytes counts."""
        try:
            async with asyncio.timeout(self.wanted.timeout):
                given = await self.source.commit_timeout()
        except TimeoutError:
            return Lost(TIMED_OUT)
        except Broken as error:
            return Lost(str(error) or ABORTED)
        return Options(self.wanted.commit_timeout if given is None else given)

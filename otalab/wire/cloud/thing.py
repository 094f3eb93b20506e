"""The device's side of its shadow: a URL that is desired becomes an update, and what comes of it is reported.

As the real client has it: subscribe, `get`, and only after its answer deltas count.
A URL is remembered on flash, without a name and a password in it, and compared before anything starts, so the same one
does not start twice; an update that failed or was rolled back is not tried again until another URL is
desired, and one that a power failure met goes on.
Firmware on trial is committed when the shadow service has answered: a new image that cannot reach its cloud goes.
The topics and their JSON are of AWS; `ota` is as the 2018 client reports it, `ota_url`, `ota_code` and `ota_message`
as that of 2017.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from otalab.firmware.updater import APPLIED
from otalab.json_text import json_text
from otalab.wire.cloud.remembered import OtaState, Remembered
from otalab.wire.cloud.shadow import Refused, parsed
from otalab.wire.device.name import device_id, mac
from otalab.wire.device.ota import Applied, Committed, Failed, Ota, Progress, RolledBack, UpdateEvent, UpdateOptions
from otalab.wire.device.status import boot_config
from otalab.wire.dialect import STRICT, Dialect
from otalab.wire.sources.url import bare, fetch_update

COMMIT_TIMEOUT = 600  # of an update that says nothing of it, as in the client of 2017
URL_LIMIT = 2000
ANSWER_SECONDS, TAKEN_SECONDS = 1.0, 5.0  # how long an answer may take before a question, or a report, is repeated
LONGEST_SECONDS = 60.0  # twice as long each time, less a random part, up to this
BUSY_SECONDS = 5.0
Publish = Callable[[str, bytes], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is desired of the device."""

    url: str
    commit_timeout: int | None = None


class ShadowDevice:
    """The shadow client of one device; `publish` sends one message and says whether the broker has it.

    Devices that share `turns` take updates in so many at once.
    """

    def __init__(
        self,
        ota: Ota,
        publish: Publish,
        *,
        dialect: Dialect = STRICT,
        commit_timeout: int = COMMIT_TIMEOUT,
        update_timeout: float = 600.0,
        autocommit: bool = True,
        turns: asyncio.Semaphore | None = None,
    ) -> None:
        self.ota, self.dialect, self.autocommit = ota, dialect, autocommit
        self._turns: AbstractAsyncContextManager[Any] = turns or nullcontext()
        self.options = UpdateOptions(commit_timeout, update_timeout, dialect.shadow_ignores_same_version)
        self.name = device_id(ota.device)
        self.prefix = f"$aws/things/{self.name}/shadow/"
        self._chance = random.Random(self.name)
        self.token = f"{crc32(self.name.encode()):08x}"
        self.state = OtaState(ota)
        self.greeted = False
        # Of the update that is on trial: did it come from here, and is it known how it ended?
        self._ours = self._settled = False
        self._publish = publish
        self._wanted: Wanted | None = None
        self._facts: dict[str, Any] = {"code": 0, "message": "", "status": "idle", "progress_percent": 0}
        self._poke, self._changed = asyncio.Event(), asyncio.Event()
        self._got, self._taken = asyncio.Event(), asyncio.Event()
        ota.on(self._seen)

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        names = ("get/accepted", "get/rejected", "update/accepted", "update/rejected", "update/delta")
        return [self.prefix + name for name in names]

    async def connected(self) -> None:
        """Greet the service after each new connection, and commit what is on trial."""
        self.greeted = False
        self._got.clear()
        await self._until(self._got, lambda: self._publish(f"{self.prefix}get", self._message({})))
        self.greeted = True
        status = self.ota.status
        if self.autocommit and status is not None and not status.committed and not self.ota.running:
            report = await self.ota.ask("commit")
            if report.fine:
                self._say(code=1, message="Update committed", status="success", progress_percent=100)
        # What was sent over the last connection may not have arrived.
        self._changed.set()
        self._taken.set()
        self._poke.set()

    def received(self, topic: str, payload: bytes) -> None:
        """Take one message in."""
        try:
            document = parsed(payload)
        except Refused as refused:
            self.ota.device.tell(f"Shadow: a message that is none: {refused.message}")
            return
        match topic.removeprefix(self.prefix):
            case "get/accepted":
                self._desired(_object(document, "state", "desired"))
                self._got.set()
            case "get/rejected" if document.get("code") == 404:
                self._got.set()  # no shadow yet: the report will make one
            case "update/delta" if self.greeted:
                self._desired(_object(document, "state"))
                self._poke.set()
            case "update/accepted" | "update/rejected" if document.get("clientToken") == self.token:
                self._taken.set()

    async def run(self) -> None:
        """Report and update, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reporter())
            tasks.create_task(self._updater())

    async def _updater(self) -> None:
        while True:
            await self._poke.wait()
            self._poke.clear()
            if self._settled:
                # Without a power failure in between, which would have taken this along: nothing is to go on.
                self._ours = self._settled = False
                await self._note(self.state.read().url)
            while (wanted := self._wanted) and self._is_new(wanted.url):
                if self._settled:
                    self._poke.set()
                    break
                if not self.greeted or not self.ota.device.up.is_set() or self.ota.refusal() is not None:
                    # Restarting, busy, or on trial: neither now nor never.
                    await _event(self._poke, BUSY_SECONDS)
                    self._poke.clear()
                    continue
                async with self._turns:
                    # What is wanted may be something else by now, or nothing.
                    if wanted == self._wanted and self.ota.refusal() is None:
                        await self._take(wanted)

    def _is_new(self, url: str) -> bool:
        """Say whether a URL is to be fetched: another one than is remembered, or one whose update was cut off."""
        remembered = self.state.read()
        return bare(url) != remembered.url or (remembered.begun and not self._ours)

    async def _take(self, wanted: Wanted) -> None:
        # In this order: what is not remembered might start again after each restart.
        kept = await self.state.write(Remembered(bare(wanted.url), begun=True))
        if not kept.fine:
            self._say(url=bare(wanted.url), code=-1, message=kept.message, status="error")
            self._wanted = None
            return
        self._say(url=bare(wanted.url), code=0, message="Update started", status="progress", progress_percent=0)
        interval = self.options.commit_timeout if wanted.commit_timeout is None else wanted.commit_timeout
        options = replace(self.options, commit_timeout=interval)
        fetched = await fetch_update(self.ota, wanted.url, options, self.dialect)
        if fetched.message == APPLIED:
            self._ours = True  # the restart follows, and what comes of the trial
        elif not fetched.not_started:  # or else another trigger was quicker
            self._say(code=fetched.result, message=fetched.message, status="idle" if fetched.result > 0 else "error")
            await self._note(bare(wanted.url))

    async def _note(self, url: str) -> None:
        """Write down that the update of a URL is over."""
        if not (kept := await self.state.write(Remembered(url))).fine:
            # Or it would begin again at once.
            self._wanted = None
            self.ota.device.tell(f"Shadow: {kept.message}")

    def _desired(self, desired: dict[str, Any]) -> None:
        """Take note of what is desired, in either spelling."""
        ota = _object(desired, "ota")
        url, interval = ota.get("url", desired.get("ota_url")), ota.get("commit_timeout")
        if not isinstance(url, str) or not url:
            return
        if len(url) > URL_LIMIT:
            self._say(code=-1, message=f"The URL has more than {URL_LIMIT} characters", status="error")
            return
        fine = isinstance(interval, int) and not isinstance(interval, bool) and 0 <= interval < 2**32
        self._wanted = Wanted(url, interval if fine else None)

    def _seen(self, event: UpdateEvent) -> None:
        match event:
            case Progress(received, size):
                self._say(status="progress", progress_percent=int(100 * min(1.0, received / size)) if size else 0)
            case Applied(_, message):
                self._say(code=1, message=message, status="success", progress_percent=100)
            case Failed(message):
                self._say(code=-1, message=message, status="error")
            case Committed():
                self._say(code=1, message="Update committed", status="success", progress_percent=100)
            case RolledBack(version, given_up):
                self._say(code=-1, message=f"Rolled back from {given_up} to {version}", status="error")
        if not isinstance(event, Progress):
            self._settled = self._settled or (self._ours and isinstance(event, Committed | RolledBack))
            self._poke.set()

    # Reports

    def _say(self, **facts: Any) -> None:
        self._facts |= facts
        self._changed.set()

    async def _reporter(self) -> None:
        """Report what there is to report; only the newest counts, and it is repeated until it was taken."""
        repeated = 0
        while True:
            await self._changed.wait()
            if not self.greeted:
                await asyncio.sleep(0.1)
                continue
            self._changed.clear()
            self._taken.clear()
            sent = await self._publish(f"{self.prefix}update", self._message({"state": {"reported": self.reported()}}))
            if sent and await _event(self._taken, self._patience(TAKEN_SECONDS, repeated)):
                repeated = 0
            else:
                repeated += 1
                self._changed.set()
                await asyncio.sleep(0.1)

    def reported(self) -> dict[str, Any]:
        """Return what the device says of itself."""
        update = self._facts | {"url": self._facts.get("url") or self.state.read().url}
        device, status = self.ota.device, self.ota.status
        config = boot_config(device)
        about = {
            "fw_version": status.version if status else None,
            "fw_id": status.build_id if status else None,
            "app": "otalab",
            "device_id": self.name,
            "mac": mac(device),
            "is_committed": config.committed if config else None,
            "commit_timeout": config.interval if config else None,
            "partition": config.active if config else None,
        }
        return self.dialect.reported(update, about)

    def _message(self, fields: dict[str, Any]) -> bytes:
        return json_text(fields | {"clientToken": self.token}).encode()

    async def _until(self, answered: asyncio.Event, ask: Callable[[], Awaitable[bool]]) -> None:
        """Ask until there is an answer."""
        attempts = 0
        while True:
            await ask()
            if await _event(answered, self._patience(ANSWER_SECONDS, attempts)):
                return
            attempts += 1

    def _patience(self, first: float, times: int) -> float:
        """Return how long to wait for an answer to what was said so many times before.

        A service that is late has more to do than it can, and whoever repeats himself adds to that; by chance, or all
        who were answered late would ask again at the same moment.
        """
        return min(first * 2.0 ** min(times, 30), LONGEST_SECONDS) * self._chance.uniform(0.5, 1)


async def _event(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but not for ever; return whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _object(document: dict[str, Any], *path: str) -> dict[str, Any]:
    """Return the object at a path, an empty one where there is none."""
    for name in path:
        inner = document.get(name)
        if not isinstance(inner, dict):
            return {}
        document = inner
    return document

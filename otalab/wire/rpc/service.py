"""What the device does for those who call it: the methods `OTA.…` and `Sys.…`, whatever carries the call.

They are as `mongoose-os-libs/rpc-service-ota` at 32177d0 has them (`src/mgos_rpc_service_ota.c`), and those of `Sys` as
`mongoose-os-libs/rpc-common` at 9f25f59 (`src/mgos_rpc.c`); the pushed update is as its client does it,
`mongoose-os/mos` at 8092c94 (`cli/ota/ota.go`).
In the dialect `2017` a success of `OTA.Update` is an error with code 0; in `strict` it is a result.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from typing import Any

from otalab.firmware.boot_state import NOT_COPIED, NOT_NOW, SNAPSHOT, TELLS_REVERT, UNREADABLE, UNSET, UNWRITTEN
from otalab.firmware.requests import BootState, Report, Snapshot
from otalab.firmware.updater import BUSY
from otalab.formats.records.record import BootConfig
from otalab.hardware.chip import Chip
from otalab.wire.device.name import device_id, mac
from otalab.wire.device.ota import DEAD, Applied, Begin, Failed, Ota, UpdateEvent, UpdateOptions
from otalab.wire.device.status import boot_config
from otalab.wire.dialect import STRICT, Dialect
from otalab.wire.rpc.formats import digits
from otalab.wire.sources.push import ENDED, BadWrite, PushSession

ASK_SECONDS = 30.0
MALFORMED, NOT_STARTED = "Malformed request", "Failed to init updater"
NO_REPLY = "The firmware does not answer"
IDLE, PROGRESS, ERROR, SUCCESS = range(4)  # the states of `OTA.Status`
STATE_ARGS = ("active_slot", "is_committed", "revert_slot", "commit_timeout")
STATE_CODES = {UNREADABLE: -1, UNWRITTEN: -3, UNSET: -4}
SNAPSHOT_CODES = {NOT_NOW: -1, NOT_COPIED: -1, UNREADABLE: -2, UNWRITTEN: -3, UNSET: -4}


class RpcError(Exception):
    """A method's refusal: the code and the message of the error frame; without a message there is none in it."""

    def __init__(self, code: int, message: str | None = None) -> None:
        super().__init__(message or "")
        self.code, self.message = code, message


Args = dict[str, Any]
RpcMethod = Callable[[Args], Awaitable[Any]]


class RpcService:
    """The methods of one device, by name."""

    def __init__(self, ota: Ota, dialect: Dialect = STRICT, *, update_timeout: float = 600.0) -> None:
        self.ota = ota
        self.device = ota.device
        self.dialect = dialect
        self.update_timeout = update_timeout
        self.id = device_id(ota.device)
        self._push: PushSession | None = None
        self._began = self.device.chip
        self._outcome: tuple[Chip, int, str] | None = None
        self._restart: tuple[Chip, float, asyncio.Task[None]] | None = None  # of which run, when, by what
        ota.on(self._seen)
        self.methods: dict[str, RpcMethod] = {
            "Sys.Reboot": self.reboot,
            "Sys.GetInfo": self.info,
            "OTA.Update": self.update,
            "OTA.Commit": self.commit,
            "OTA.Revert": self.revert,
            "OTA.CreateSnapshot": self.create_snapshot,
            "OTA.GetBootState": self.get_boot_state,
            "OTA.SetBootState": self.set_boot_state,
            "OTA.Status": self.status,
            "OTA.Begin": self.begin,
            "OTA.Write": self.write,
            "OTA.End": self.end,
            "OTA.Abort": self.abort,
        }

    # Sys

    async def info(self, _args: Args) -> dict[str, Any]:
        """Tell of the device; of RAM nothing, for the lab has none."""
        status, board = self.ota.status, self.device.device.board
        config = self._config()
        return {
            "id": self.id,
            "app": "otalab",
            "fw_version": status.version if status else None,
            "fw_id": status.build_id if status else None,
            "mac": mac(self.device),
            "arch": board.platform,
            "uptime": int(time.monotonic() - self.device.powered_at),
            "fs_size": board.slots[config.active].fs.size if config and config.active < len(board.slots) else 0,
        }

    async def reboot(self, args: Args) -> None:
        """Restart, after `delay_ms`."""
        delay = self._whole(args, "delay_ms", 100, negative=RpcError(400, "invalid delay value"))
        # Not waited for: the reply comes first, and the firmware has its own tenth of a second before it resets.
        self._after(max(0, delay - 100) / 1000)

    def _after(self, seconds: float) -> None:
        """Restart then, if nothing else has restarted the device before: its timers are in its memory."""
        chip, due = self.device.chip, time.monotonic() + seconds
        waiting = self._restart if self._restart and not self._restart[2].done() else None
        if waiting and waiting[0] is chip and waiting[1] <= due:
            return  # one that comes sooner takes this one along

        async def later() -> None:
            await asyncio.sleep(seconds)
            if self.device.chip is chip:
                await self.ota.ask("reboot")

        if waiting:
            waiting[2].cancel()
        self._restart = (chip, due, asyncio.ensure_future(later()))

    # An update that the device fetches

    async def update(self, args: Args) -> None:
        """Fetch a bundle and take it in; answered when that is over."""
        from otalab.wire.sources.url import fetch_update  # noqa: PLC0415  # whoever never fetches needs no HTTP client

        url = args.get("url")
        if not isinstance(url, str) or not url:
            raise RpcError(-1, MALFORMED)
        outcome = await fetch_update(self.ota, url, self._options(args), self.dialect)
        if outcome.not_started and outcome.message not in DEAD.values():
            raise RpcError(-1, NOT_STARTED)
        if (code := self.dialect.error_of(outcome.result)) is not None:
            raise RpcError(code, outcome.message)

    def _options(self, args: Args) -> UpdateOptions:
        timeout = float(self._whole(args, "timeout", 0)) or self.update_timeout
        return UpdateOptions(self._whole(args, "commit_timeout", 0), min(timeout, 1e6))

    # One that is pushed

    async def begin(self, args: Args) -> None:
        """Begin an update whose bytes will be written."""
        options, size = self._options(args), self._whole(args, "size", 0) or None
        if (refused := self.ota.refusal()) is not None:
            raise RpcError(-1, refused if refused in DEAD.values() else NOT_STARTED)
        self._push = push = PushSession(self.ota, options, size)
        _good(await push.begun())

    async def write(self, args: Args) -> None:
        """Write one chunk; writing it again changes nothing."""
        offset, text = args.get("offset"), args.get("data")
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0 or not isinstance(text, str):
            raise RpcError(-1, MALFORMED)
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RpcError(-1, MALFORMED) from error
        try:
            _good(await self._pushed().write(offset, data))
        except BadWrite as error:
            raise RpcError(-1, str(error)) from error

    async def end(self, _args: Args) -> None:
        """End the update, and switch to it if it is whole."""
        push, self._push = self._pushed(), None
        _good(await push.end())

    async def abort(self, _args: Args) -> None:
        """Give the update up."""
        push, self._push = self._pushed(), None
        await push.abort()

    def _pushed(self) -> PushSession:
        if self._push is None:
            raise RpcError(-1, ENDED)
        return self._push

    # Commit, revert, boot state

    async def commit(self, _args: Args) -> None:
        """Commit the running firmware."""
        await self._decided("commit")

    async def revert(self, _args: Args) -> None:
        """Give the running firmware up, and restart."""
        await self._decided("revert")

    async def _decided(self, what: str) -> None:
        report, config = await self._ask(what), self._config()
        if not report.fine:
            on_trial = config is not None and not config.committed
            why = report.message if on_trial else f"there is nothing to {what}: no image is on trial"
            raise self._refused(-1, why)

    async def get_boot_state(self, _args: Args) -> dict[str, Any]:
        """Tell what the boot record says."""
        config = self._config()
        if config is None:
            raise self._refused(-1, UNREADABLE)
        return {
            "active_slot": config.active,
            "is_committed": config.committed,
            "revert_slot": TELLS_REVERT[self.device.device.design.told_revert](config, self.device.device.board),
            "commit_timeout": config.interval,
        }

    async def set_boot_state(self, args: Args) -> None:
        """Have the boot record say something else."""
        if not args.keys() & set(STATE_ARGS):
            raise self._refused(-2, f"one of {', '.join(STATE_ARGS)} is needed, not {', '.join(args) or 'nothing'}")
        no_slot = self._refused(-3, "a slot is a number of 0 or more")
        wanted = BootState(
            self._whole(args, "active_slot", None, negative=no_slot),
            self._truth(args, "is_committed"),
            self._whole(args, "revert_slot", None, negative=no_slot),
            self._whole(args, "commit_timeout", None, negative=self._refused(-4, "an interval is 0 to 2**32 - 1 s")),
        )
        report = await self._ask(wanted)
        if not report.fine:
            raise self._refused(STATE_CODES.get(report.message.partition(":")[0], -1), report.message)

    async def create_snapshot(self, args: Args) -> dict[str, int]:
        """Copy what runs to the other slot."""
        timeout = self._whole(args, "commit_timeout", None, negative=RpcError(-4, "Failed to set commit timeout"))
        report = await self._ask(Snapshot(bool(self._truth(args, "set_as_revert")), timeout))
        config = self._config()
        if report.message != SNAPSHOT or config is None:
            raise RpcError(SNAPSHOT_CODES.get(report.message.partition(":")[0], -1), report.message)
        return {"slot": self.device.device.board.next_slot(config.active)}

    async def status(self, _args: Args) -> dict[str, Any]:
        """Tell how an update goes; the last one is remembered until the restart, in the dialect 2017 not at all."""
        config, current, state, message = self._config(), self.device.current, IDLE, ""
        if self._outcome and self._outcome[0] is self.device.chip:
            state, message = self._outcome[1:]
        if self.ota.running:
            state, message = PROGRESS, ""
        upload = current.upload if current else None
        share = 100 * min(1.0, upload.received / upload.size) if upload and upload.size else 0.0
        return {
            "state": state,
            "message": message,
            "is_committed": config.committed if config else None,
            "commit_timeout": config.interval if config else None,
            "partition": config.active if config else None,
            "progress_percent": 100 if state == SUCCESS else int(share),
        }

    def _seen(self, event: UpdateEvent) -> None:
        match event:
            case Failed(message):
                self._outcome = (self.device.chip, ERROR if self.dialect.remembers_failures else IDLE, message)
            case Begin():
                # The restart may be over by the time that the success is told.
                self._began = self.device.chip
            case Applied(_, message):
                self._outcome = (self._began, SUCCESS, message)

    # What the methods share

    async def _ask(self, wanted: BootState | Snapshot | str) -> Report:
        """Have the firmware do something; while it takes an update in it would only come to it afterwards."""
        if self.ota.running:
            return Report(False, BUSY)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await self.ota.ask(wanted)
        except TimeoutError:
            return Report(False, NO_REPLY)

    def _refused(self, code: int, why: str) -> RpcError:
        """Return a refusal whose code the real service leaves alone, with its reason where the dialect tells one."""
        return RpcError(code, self.dialect.reason(why))

    def _config(self) -> BootConfig | None:
        return boot_config(self.device)

    def _whole(self, args: Args, key: str, default: Any, *, negative: RpcError | None = None) -> Any:
        """Return a whole number from 0 on; text of digits is one, as the README of the real service writes it."""
        given = args.get(key)
        if isinstance(given, str) and digits(given):
            given = int(given)
        if (given := self.dialect.number(given)) is None:
            return default
        if isinstance(given, bool) or not isinstance(given, int):
            raise RpcError(-1, MALFORMED)
        if not 0 <= given < 2**32:
            raise negative or RpcError(-1, MALFORMED)
        return given

    def _truth(self, args: Args, key: str) -> bool | None:
        given = self.dialect.truth(args.get(key))
        if given is not None and not isinstance(given, bool):
            raise RpcError(-1, MALFORMED)
        return given


def _good(report: Report | None) -> None:
    if report is not None and not report.fine:
        raise RpcError(-1, report.message)

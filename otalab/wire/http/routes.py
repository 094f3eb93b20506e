"""The wire: HTTP POST and what goes with it, an update from a URL, and RPC.

A route hands bytes to the firmware and its report to whoever asked; it knows messages, and no rules.
Where a refusal is answered and where the connection closes is the dialect's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, MultipartReader, web

from otalab.firmware.requests import Report
from otalab.firmware.updater import BUSY, UNCOMMITTED
from otalab.wire.auth.digest import Lock
from otalab.wire.device.ota import ABORTED, DEAD, TIMED_OUT, Broken, Ota, UpdateOptions
from otalab.wire.device.plug import Plug
from otalab.wire.device.virtual import NO_POWER
from otalab.wire.dialect import STRICT, Dialect
from otalab.wire.http.bench import BENCH, Bench
from otalab.wire.http.door import Door
from otalab.wire.http.gate import UNREADABLE, Gate, WebHandler
from otalab.wire.http.rpc import BODY_SECONDS, BadBody, RpcHttp, limited
from otalab.wire.rpc.frames import Rpc
from otalab.wire.sources.url import Fetched, fetch_update

PIECE = 4096
FIELD_LIMIT, MOST_PARTS = 50, 16
FORM_BYTES = 16 * 1024  # of one field, and what a file may be larger than the chip
RUNNING, NO_CONTEXT = "Another update is in progress.", "Failed to create updater context."
TOO_LARGE = "The request is larger than the chip"
NO_URL = "Update URL not specified and none is configured."
RAW = ("application/octet-stream", "application/zip")


class BadRequest(Exception):
    """A request that is no update at all, and why."""


@dataclass(slots=True)
class HttpUpload:
    """The body of a `POST /update`, read as the firmware asks for it."""

    request: web.Request
    most: int
    dialect: Dialect
    name: str = "HTTP POST"
    fields: dict[str, str] = field(default_factory=dict)
    _parts: AsyncIterator[BodyPartReader] | None = None
    _file: Any = None
    _taken: int = 0
    _seen: int = 0

    @property
    def size(self) -> int | None:
        """The size of the whole request, a little more than the file's."""
        return self.request.content_length

    async def begin(self) -> None:
        """Read up to the first byte of the file; fields may come before it."""
        self.fields = {key: value for key, value in self.request.query.items() if key == "commit_timeout"}
        kind = self.request.content_type
        if kind in RAW:
            self._file = _RawBody(self.request)
        elif kind == "multipart/form-data":
            self._parts = _parts(await self.request.multipart())
            await self._next_file()
        if self._file is None:
            raise BadRequest("No file in the request: send it as multipart/form-data, -F file=@fw.zip")
        self._commit_timeout()

    async def _next_file(self) -> None:
        """Take fields in until a part comes that has a file name, or no more come."""
        self._file = None
        while self._parts is not None and self._file is None:
            part = await anext(self._parts, None)
            if part is None:
                return
            # Each part counts, named or not: a nameless one costs as much time.
            self._seen += 1
            if self._seen > MOST_PARTS:
                raise BadRequest(f"The form has more than {MOST_PARTS} fields")
            if part.filename is not None:
                self._file = part
            elif part.name:
                self.fields[part.name] = await _field(part)

    def _commit_timeout(self) -> int:
        """Return the commit interval that was asked for, 0 if none was."""
        return seconds(self.fields.get("commit_timeout", "0"), self.dialect)

    async def read(self) -> bytes:
        """Return the next bytes of the file; several files are one stream, as on a real device."""
        try:
            while self._file is not None:
                data: bytes = await self._file.read_chunk(PIECE)
                self._taken += len(data)
                if self._taken > self.most:
                    raise Broken(TOO_LARGE)
                if data:
                    return data
                await self._next_file()
        except BadRequest as error:
            raise Broken(str(error)) from error
        except UNREADABLE as error:
            raise Broken from error
        return b""

    async def commit_timeout(self) -> int:
        """Drop what follows the archive, and read the fields that come after the file, as curl sends them."""
        while await self.read():
            pass
        try:
            return self._commit_timeout()
        except BadRequest as error:
            raise Broken(str(error)) from error


def seconds(text: str, dialect: Dialect) -> int:
    """Return a commit interval."""
    if (count := dialect.count(text)) is None:
        raise BadRequest(f"commit_timeout is not a number of seconds: {text.strip()[:20]!r}")
    return count


async def _field(part: BodyPartReader) -> str:
    """Return what a field begins with, as much as the real device takes of it."""
    value = b""
    while piece := await part.read_chunk(PIECE):
        value += piece
        if len(value) > FORM_BYTES:
            raise BadRequest(f"A field has more than {FORM_BYTES} bytes; is it the file? It needs a name")
    return value[:FIELD_LIMIT].decode(errors="replace")


async def _parts(reader: MultipartReader) -> AsyncIterator[BodyPartReader]:
    while (part := await reader.next()) is not None:
        if isinstance(part, BodyPartReader):
            yield part


@dataclass(slots=True)
class _RawBody:
    request: web.Request

    async def read_chunk(self, size: int) -> bytes:
        return await self.request.content.read(size)


class HttpDevice:
    """The routes of one virtual device."""

    def __init__(
        self,
        ota: Ota,
        *,
        dialect: Dialect = STRICT,
        update_timeout: float = 600.0,
        update_url: str = "",
        commit_timeout: int = 0,
        lock: Lock | None = None,
        host: str = "",
    ) -> None:
        self.ota = ota
        self.rpc = Rpc(ota, dialect, update_timeout=update_timeout, lock=lock)
        self.update_url, self.commit_timeout = update_url, commit_timeout
        self.device = ota.device
        self.dialect = dialect
        self.update_timeout = update_timeout
        # Counted as it comes, not as it is announced: a bundle for another board is told so first.
        self.most = ota.device.device.board.geometry.size + FORM_BYTES
        self.door, self.gate = Door(lock, dialect, host), Gate()
        self.plug = Plug(self.device, lambda: self.gate.hang_up(but=BENCH))

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(middlewares=[self.serving, self.door.middleware])
        Bench(self.plug).add_to(app)
        app.router.add_post("/update", self.update, expect_handler=self.door.expect)
        app.router.add_get("/update", self.fetch, allow_head=False)
        app.router.add_route("*", "/update/commit", self.commit, expect_handler=self.door.expect)
        app.router.add_route("*", "/update/revert", self.revert, expect_handler=self.door.expect)
        RpcHttp(self.rpc, self.door, self.gate).add_to(app)
        return app

    @web.middleware
    async def serving(self, request: web.Request, handler: WebHandler) -> web.StreamResponse:
        """Have the gate know what goes on, before anything else does; without power nobody answers."""
        if self.device.state == "off" and request.path not in BENCH:
            if request.transport is not None:
                request.transport.abort()
            return _line(503, NO_POWER)
        return await self.gate.serving(request, handler)

    async def commit(self, _request: web.Request) -> web.Response:
        """Commit the running firmware by hand."""
        return await self._ask("commit")

    async def revert(self, _request: web.Request) -> web.Response:
        """Give the running firmware up."""
        return await self._ask("revert")

    async def _ask(self, wanted: str) -> web.Response:
        report = await self.ota.ask(wanted)
        code = 503 if report.message in DEAD.values() else 200 if report.fine else 400
        return _line(code, report.message, "text/html")

    async def update(self, request: web.Request) -> web.StreamResponse:
        """Take an update in: `curl -F file=@fw.zip -F commit_timeout=60`."""
        if self.dialect.form(request.content_type) or ("url" in request.query and not request.body_exists):
            return await self.fetch(request)
        upload = HttpUpload(request, self.most, self.dialect)
        if (refused := self.ota.refusal()) is not None:
            return await self._reply(request, Report(False, refused))
        try:
            # Before its file begins an upload is a small form; it must not stand in the door.
            async with asyncio.timeout(min(self.update_timeout, BODY_SECONDS)):
                await upload.begin()
        except BadRequest as error:
            return await self._reply(request, Report(False, str(error)))
        except TimeoutError:
            return await self._reply(request, Report(False, TIMED_OUT))
        except UNREADABLE as error:
            reason = (line[:100] for line in str(error).splitlines()[:1])  # some errors have no words
            return await self._reply(request, Report(False, ": ".join((ABORTED, *reason))))
        with self.gate.keeping(request):
            report = await self.ota.update(upload, UpdateOptions(timeout=self.update_timeout))
        return await self._reply(request, report)

    async def fetch(self, request: web.Request) -> web.Response:
        """Have the device fetch its update: `curl http://HOST/update?url=http://…/fw.zip`; answered when it is over."""
        try:
            fields = dict(request.query)
            if request.method == "POST":
                fields |= parse_qsl((await limited(request)).decode(errors="replace"))
            url, same = fields.get("url") or self.update_url, fields.get("ignore_same_version", "1")
            interval = self.commit_timeout
            if "commit_timeout" in fields:
                interval = seconds(fields["commit_timeout"], self.dialect)
        except BadBody as error:
            return _line(error.status, f"Invalid request: {error}")
        except BadRequest as error:
            return _line(400, str(error))
        if not url:
            return _line(400, NO_URL)
        options = UpdateOptions(interval, self.update_timeout, self.dialect.yes(same))
        return self._fetched(await fetch_update(self.ota, url, options, self.dialect))

    def _fetched(self, fetched: Fetched) -> web.Response:
        if fetched.not_started and fetched.message not in DEAD.values():
            return _line(409, RUNNING if fetched.message == BUSY else NO_CONTEXT)
        code = 503 if fetched.message in DEAD.values() else 200 if fetched.result > 0 else 500
        return _line(code, f"({fetched.result}) {fetched.message}")

    async def _reply(self, request: web.Request, report: Report) -> web.StreamResponse:
        """Answer in the dialect; the body ends in CR LF, and the connection closes."""
        codes = {TOO_LARGE: 413, BUSY: 409, UNCOMMITTED: 409, TIMED_OUT: 408} | dict.fromkeys(DEAD.values(), 503)
        code = 200 if report.fine else codes.get(report.message, 400)
        if self.dialect.hangs_up(code) and request.transport is not None:
            request.transport.close()
        return _line(code, report.message)


def _line(code: int, text: str, kind: str = "text/plain") -> web.Response:
    """Return an answer of one line; the connection closes."""
    response = web.Response(status=code, text=f"{text}\r\n", content_type=kind, headers={"Connection": "close"})
    response.force_close()
    return response

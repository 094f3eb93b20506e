"""A source that fetches: an update from a URL, as the real HTTP client does, and one that goes on where it broke off.

Only `http` and `https` are fetched, so that nothing that comes from the network names a file of the host.
What was handed on cannot be taken back: after a break the rest is asked for by its range, on the condition that the
file is still the same; a server that answers with anything else has another file, and the update fails.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar

from otalab.firmware.updater import SAME_VERSION
from otalab.wire.device.name import headers
from otalab.wire.device.ota import ABORTED, Broken, Ota, UpdateOptions
from otalab.wire.dialect import STRICT, Dialect

PIECE = 16_384
REDIRECTS = 10  # the real client follows any number
CONNECT_SECONDS = 10.0
PAUSES = (0.1, 0.5, 2.0, 5.0)  # before each new attempt at a download that broke off; bytes that come set it back
NO_CODE = "Invalid HTTP response code"
NO_LENGTH = "Invalid content-length, perhaps chunked-encoding"
CHANGED = "The file changed during the download"
CLOSED = "Update failed"  # as the real client says of a connection that was closed early
BROKEN = (ClientError, OSError, EOFError, ValueError, AssertionError)


class NoUpdate(Broken):
    """An answer with no update in it; `result` is the real client's, and above 0 it is no failure."""

    def __init__(self, result: int, message: str) -> None:
        super().__init__(message)
        self.result = result


class NoAnswer(NoUpdate):
    """Nobody answers, for now."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """How a fetched update went: above 0 well, with the message; `not_started` if none could start at all."""

    result: int
    message: str
    not_started: bool = False


async def fetch_update(ota: Ota, url: str, options: UpdateOptions, dialect: Dialect = STRICT) -> Fetched:
    """Fetch a bundle and take it in."""
    if (refused := ota.refusal()) is not None:
        return Fetched(-1, refused, not_started=True)
    # No bundle is larger than the chip that it fills by half, manifest and headers included.
    limit = ota.device.device.board.geometry.size
    async with UrlSource(url, headers(ota.device, ota.status), limit=limit, dialect=dialect) as source:
        try:
            async with asyncio.timeout(options.timeout):
                await source.open()
        except NoUpdate as answer:
            return Fetched(answer.result, str(answer))
        except TimeoutError:
            return Fetched(*dialect.unreached)
        report = await ota.update(source, options)
    # A file that ends too early is to the real client what a connection that ends too early is.
    message = CLOSED if report.message == ABORTED else report.message
    return Fetched(1 if report.fine or message == SAME_VERSION else -1, message)


@dataclass(slots=True)
class UrlSource:
    """The bytes behind a URL, at most `limit` of them."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    limit: int = 2**24
    pauses: tuple[float, ...] = PAUSES
    dialect: Dialect = STRICT
    size: int | None = None
    name: str = field(init=False)
    _position: int = 0
    _failures: int = 0
    _mark: dict[str, str] = field(default_factory=dict)
    _condition: dict[str, str] = field(default_factory=dict)
    _session: ClientSession | None = None
    _response: ClientResponse | None = None

    def __post_init__(self) -> None:
        self.name = f"URL {bare(self.url)[:200]}"

    async def commit_timeout(self) -> None:
        return None

    async def open(self) -> None:
        """Get as far as the first byte; raise `NoUpdate` if there will be none."""
        response = await self._get({})
        if response.status != 200:
            raise NoUpdate(*((1, "Not Modified") if response.status == 304 else (-response.status, NO_CODE)))
        length = response.content_length
        if length is None:
            raise NoUpdate(-1, NO_LENGTH)
        if length > self.limit:
            raise NoUpdate(-1, f"The file has {length} bytes, this device takes {self.limit}")
        self.size, self._mark = length, mark(response)
        self._condition = condition(response)

    async def read(self) -> bytes:
        """Return the next bytes, if need be over a new connection."""
        if self.size is None:
            await self.open()
        while self._position < (self.size or 0):
            try:
                if self._response is None:
                    await self._go_on()
                assert self._response is not None
                data = await self._response.content.read(PIECE)
            except (NoAnswer, *BROKEN):
                # No connection just now is a reason to try again; any other answer is one.
                data = b""
            if data:
                self._position, self._failures = self._position + len(data), 0
                return data
            await self._broke_off()
        return b""

    async def _broke_off(self) -> None:
        """Let go of a connection that gives no more, and wait before the next one; or give up."""
        self._drop()
        if (self._position and not self._condition) or self._failures >= len(self.pauses):
            raise Broken(CLOSED)
        self._failures += 1
        await asyncio.sleep(self.pauses[self._failures - 1])

    async def _go_on(self) -> None:
        """Ask for the rest, of the same file."""
        if self._position == 0:
            # Nothing was handed on: another file is as good as this one.
            return await self.open()
        response = await self._get({"Range": f"bytes={self._position}-"} | self._condition)
        if response.status not in (200, 206, 412, 416):
            raise NoUpdate(-response.status, NO_CODE)
        want = f"bytes {self._position}-{(self.size or 0) - 1}/{self.size}"
        same = all(response.headers.get(key, value) == value for key, value in self._mark.items())
        if response.status != 206 or response.headers.get("Content-Range", "").strip() != want or not same:
            raise Broken(CHANGED)
        return None

    async def _get(self, more: dict[str, str]) -> ClientResponse:
        """Ask for the file, wherever it has moved to, and return the answer that is no redirect."""
        url = checked(self.url)
        if self._session is None:
            self._session = ClientSession(
                # No limit on the whole: how long nothing may come is for whoever reads.
                timeout=ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                headers={"Accept-Encoding": "identity"} | self.headers,
            )
        for _ in range(REDIRECTS + 1):
            try:
                response = await self._session.get(url, headers=more, allow_redirects=False)
            except BROKEN as error:
                raise NoAnswer(*self.dialect.unreached) from error
            if response.status not in self.dialect.moved or "Location" not in response.headers:
                # Kept whatever it says, so that it is closed whatever becomes of it.
                self._response = response
                return response
            response.close()
            before, url = url, checked(response.headers["Location"], url)
            if before.startswith("https:") and not url.startswith("https:"):
                raise NoUpdate(-1, "Led from https to http, where anybody on the way can change what comes")
        raise NoUpdate(-1, f"More than {REDIRECTS} redirects")

    def _drop(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._drop()
        if self._session is not None:
            await self._session.close()


def checked(text: str, base: str = "") -> str:
    """Return a URL that may be fetched; `base` is where one that is relative starts from."""
    try:
        url = urljoin(base, text)
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise NoUpdate(-1, f"Not a URL that can be fetched: {bare(text)[:100]!a}; http://… and https://… can")
    return url


def bare(url: str) -> str:
    """Return a URL as it may be shown and kept: without a name and a password."""
    return re.sub(r"^([^/?#]*//)[^/?#]*@", r"\1", url)


def mark(response: ClientResponse) -> dict[str, str]:
    """Return what tells this file from another one at the same place."""
    return {key: response.headers[key] for key in ("ETag", "Last-Modified") if key in response.headers}


def condition(response: ClientResponse) -> dict[str, str]:
    """Return the header that asks for a range of the same file only; none if nothing identifies it to the byte.

    A weak ETag does not, and a time only if the file was a second old or more when it was sent (RFC 9110, 8.8.2.2).
    """
    marks = mark(response)
    if re.fullmatch(r'"[^"]*"', marks.get("ETag", "")):
        return {"If-Range": marks["ETag"]}
    try:
        age = parsedate_to_datetime(response.headers["Date"]) - parsedate_to_datetime(marks["Last-Modified"])
    except (KeyError, ValueError, TypeError):
        return {}
    return {"If-Range": marks["Last-Modified"]} if age.total_seconds() >= 1 and "ETag" not in marks else {}

"""The door of the HTTP server: what every request is asked before anybody looks at what it wants.

With a password every request needs it, the page and `GET /status` too: the log names servers and versions, and a real
device with `http.auth_domain` and `http.auth_file` shows no page either (`mongoose-os-libs/http-server` at 29a4273,
`src/mgos_http_server.c`).
A frame may bring its answer itself, so `/rpc` alone is let through to be asked there.
The answer 401 is as `mongoose-os-libs/rpc-common` at 17062b5 has it (`src/mg_rpc_channel_http.c`).

A browser at this machine shows pages of others, and sends along what it knows of passwords.
In `strict` such a page cannot change anything, with a password or without: neither by its own origin, nor by leading
the browser here or showing an image from here, of which most addresses have the browser say nothing.
Without a password it cannot reach the device by a name or an address either that is not the device's own.
"""

from __future__ import annotations

import ipaddress
import re
from typing import cast
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from otalab.wire.auth.digest import Lock
from otalab.wire.dialect import Dialect
from otalab.wire.http.gate import WebHandler

KNOWN = "otalab.known"
UNKNOWN = "A name and a password are needed"
FOREIGN = "it comes from a page of another origin"
BROWSED = "a browser's GET changes nothing here, because any page can cause one; use POST, or curl"
LOOKS = ("/", "/status", "/flash")
WORD = re.compile(r"[a-z][a-z0-9_-]*")  # no number, which would be an address
LOOPBACK = ("127.0.0.1", "::1")


class Door:
    """The door of one device; `host` is a name that it is known to go by."""

    def __init__(self, lock: Lock | None, dialect: Dialect, host: str = "") -> None:
        self.lock, self.dialect, self.host = lock, dialect, host

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return why a request is not let in; asked twice, it says the same and takes no answer twice."""
        if KNOWN in request:
            return None
        if not self.dialect.lets_strangers_in and (reason := self._foreign(request)) is not None:
            return refused(403, reason)
        if self.lock is not None:
            known = self.lock.knows(request.headers.get(hdrs.AUTHORIZATION), request.method, request.raw_path)
            if not known and not _is_frame(request):
                return self.unknown(stale=known is None)
            request[KNOWN] = bool(known)
        request.setdefault(KNOWN, self.lock is None)
        return None

    def unknown(self, *, stale: bool = False) -> web.Response:
        """Return the answer to whoever is not known."""
        assert self.lock is not None
        text = self.dialect.unknown(UNKNOWN)
        response = web.Response(
            status=401, text=text, headers={hdrs.WWW_AUTHENTICATE: self.lock.challenge(stale=stale)}
        )
        response.force_close()
        return response

    @web.middleware
    async def middleware(self, request: web.Request, handler: WebHandler) -> web.StreamResponse:
        """Let in or refuse."""
        return self.refusal(request) or await handler(request)

    async def expect(self, request: web.Request) -> web.StreamResponse | None:
        """Answer `Expect: 100-continue`: whoever is refused need not send the body at all."""
        if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
            raise web.HTTPExpectationFailed(text="Only 100-continue can be expected\r\n")
        if (response := self.refusal(request)) is not None:
            return response
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # Those bytes are no part of the answer.
        cast("web.StreamResponse", request.writer).output_size = 0  # type: ignore[attr-defined]
        return None

    def _foreign(self, request: web.Request) -> str | None:
        if self.lock is None and not self._named(request):
            return f"{request.host[:60]!r} is not a name of this device; with a password it may have any"
        if request.method in ("GET", "HEAD") and request.path in LOOKS:
            return None
        if foreign(request):
            return FOREIGN
        return BROWSED if request.method in ("GET", "HEAD") and _led_here(request) else None

    def _named(self, request: web.Request) -> bool:
        """Say whether this may be what somebody calls us: our address, one word, or what we are told to listen on."""
        try:
            name = urlsplit(f"//{request.host}").hostname or ""
        except ValueError:
            return False
        try:
            address = str(ipaddress.ip_address(name))
        except ValueError:
            return name == self.host.lower() or bool(WORD.fullmatch(name)) or name.endswith(".localhost")
        return address in _addresses(request)


def _addresses(request: web.Request) -> tuple[str, ...]:
    """Return the address that was connected to; 0.0.0.0 leads here too, and is nobody's."""
    connected = request.transport.get_extra_info("sockname") if request.transport else None
    if not connected:
        return ()
    address = ipaddress.ip_address(str(connected[0]).partition("%")[0])
    # A socket that speaks both kinds calls an address of the old kind by a new name.
    plain = getattr(address, "ipv4_mapped", None) or address
    return (str(plain), *LOOPBACK) if plain.is_loopback else (str(plain),)


def _led_here(request: web.Request) -> bool:
    """Say whether a browser asks, and not for a page of ours: it was led here, or shows an image or a frame from here.

    At most addresses it tells nothing of that (`Sec-Fetch-Site` is for trustworthy ones), but it always says its name.
    A WebSocket brings its origin along.
    """
    if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
        return False
    headers = request.headers
    browser = "mozilla/" in headers.get(hdrs.USER_AGENT, "").lower() or any(
        name.lower().startswith("sec-fetch-") for name in headers
    )
    return browser and headers.get("Sec-Fetch-Site") != "same-origin"


def foreign(request: web.Request) -> bool:
    """Say whether a page of somebody else had a browser send this."""
    # Not every request of a browser has an origin, an image's for one; new ones say this instead.
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        return True
    origin = request.headers.get(hdrs.ORIGIN)
    try:
        return origin is not None and urlsplit(origin).netloc != request.host
    except ValueError:
        return True


def refused(status: int, reason: str) -> web.Response:
    """Answer what is no request, and close: the rest of its body is not wanted."""
    response = web.Response(status=status, text=f"Invalid request: {reason}\r\n")
    response.force_close()
    return response


def _is_frame(request: web.Request) -> bool:
    """Say whether this is a frame, or a WebSocket that frames will come by."""
    wanted = request.method == "POST" or request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    return request.path == "/rpc" and wanted

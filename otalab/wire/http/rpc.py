"""RPC over HTTP and WebSocket: `POST /rpc/METHOD` with the arguments, `POST /rpc` with a frame, frames at `/rpc`.

Replies are as `mongoose-os-libs/rpc-common` at 17062b5 has them (`src/mg_rpc_channel_http.c`): by method name 200 with
the result, or 403, 404 or 500 with the error object; a frame is answered by a frame and 200; bodies end in CR LF.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientError, WSCloseCode, WSMsgType, web
from aiohttp.http import HttpProcessingError

from otalab.json_text import json_text, parsed_json
from otalab.wire.http.door import FOREIGN, KNOWN, Door, foreign
from otalab.wire.http.gate import UNREADABLE, Gate
from otalab.wire.rpc.frames import FRAME_LIMIT, BadFrame, Caller, Rpc, Unknown, parsed

BODY_SECONDS = 30.0
SOCKETS = 20  # `rpc.max_non_persistent_channels`: one more closes the one that was silent longest
AT_ONCE = 8  # of one socket; the next frame is read when one of them is answered
HEARTBEAT = 20.0
GONE = (ClientError, ConnectionError, HttpProcessingError, EOFError, ValueError)


class BadBody(Exception):
    """A body that is no request, the status to answer with, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def limited(request: web.Request, most: int = FRAME_LIMIT) -> bytes:
    """Return a body of at most so many bytes, if it comes in time."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                data += chunk
                if len(data) > most:
                    raise BadBody(413, f"it has more than {most} bytes")
    except TimeoutError as error:
        raise BadBody(408, f"it did not come within {BODY_SECONDS:.0f} s") from error
    except UNREADABLE as error:
        raise BadBody(400, "its body cannot be read") from error
    return bytes(data)


class RpcHttp:
    """The routes under `/rpc`."""

    def __init__(self, rpc: Rpc, door: Door, gate: Gate) -> None:
        self.rpc, self.door, self.gate = rpc, door, gate
        self.sockets: dict[web.WebSocketResponse, Caller] = {}

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/rpc", self.socket, allow_head=False)
        app.router.add_post("/rpc", self.frame, expect_handler=self.door.expect)
        app.router.add_get("/rpc/{method:.+}", self.method, allow_head=False)
        app.router.add_post("/rpc/{method:.+}", self.method, expect_handler=self.door.expect)
        app.on_shutdown.append(self.close)

    async def method(self, request: web.Request) -> web.Response:
        """Call the method that the path names."""
        name = request.match_info["method"]
        try:
            self._same_origin(request)
            args = from_query(request) if request.method == "GET" else self._args(await limited(request))
        except BadBody as error:
            return self._refused(error.status, str(error))
        outcome = await self.rpc.call(name, args, _caller(request, "HTTP"))
        if "error" not in outcome:
            return self._json(200, outcome["result"])
        code = outcome["error"]["code"]
        return self._json(code if code in (403, 404) else 500, outcome["error"])

    def _args(self, body: bytes) -> Any:
        """Return the arguments."""
        if not body.strip():
            return None
        try:
            return parsed(body)
        except BadFrame as error:
            return self.rpc.dialect.unreadable(BadBody(400, str(error)))

    async def frame(self, request: web.Request) -> web.Response:
        """Take a whole frame."""
        caller = _caller(request, "HTTP")
        try:
            self._same_origin(request)
            reply = await self.rpc.frame(await limited(request), caller)
        except Unknown:
            return self.door.unknown()
        except (BadBody, BadFrame) as error:
            # curl asks with an empty body first: whoever is not known is told that, and not what is wrong with it.
            if self.rpc.lock and not caller.known:
                return self.door.unknown()
            return self._refused(error.status if isinstance(error, BadBody) else 400, str(error))
        return web.Response(status=204) if reply is None else self._json(200, reply)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Take frames from a WebSocket until it closes; replies come as they are ready, not in order."""
        link = web.WebSocketResponse(max_msg_size=FRAME_LIMIT, heartbeat=HEARTBEAT, compress=False)
        if not link.can_prepare(request):
            return self._refused(400, "it is neither a frame nor a WebSocket")
        try:
            self._same_origin(request)
        except BadBody as error:
            return self._refused(error.status, str(error))
        await link.prepare(request)
        caller = _caller(request, "WS")
        await self._make_room(link, caller)
        turns, tasks = asyncio.Semaphore(AT_ONCE), set[asyncio.Task[None]]()

        def answered(done: asyncio.Task[None]) -> None:
            tasks.discard(done)
            turns.release()

        try:
            with self.gate.keeping(request):
                async for message in link:
                    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                        break
                    self._heard(link)
                    await turns.acquire()
                    task = asyncio.ensure_future(self._answer(link, caller, message.data))
                    tasks.add(task)
                    task.add_done_callback(answered)
        finally:
            # A method that has begun goes on, as it would on a device; only its reply has nowhere to go.
            self.sockets.pop(link, None)
        return link

    async def _answer(self, link: web.WebSocketResponse, caller: Caller, data: bytes | str) -> None:
        try:
            reply = await self.rpc.frame(data, caller)
            if reply is not None:
                await link.send_str(json_text(reply))
        except BadFrame as error:
            await link.close(code=WSCloseCode.POLICY_VIOLATION, message=str(error).encode()[:100])
        except GONE:
            pass  # whoever asked has gone

    def _heard(self, link: web.WebSocketResponse) -> None:
        """Move a socket to the end of those that may have to go."""
        if (caller := self.sockets.pop(link, None)) is not None:
            self.sockets[link] = caller

    async def _make_room(self, link: web.WebSocketResponse, caller: Caller) -> None:
        """Take a socket in; of too many, one goes that never showed it is known, else the one silent longest."""
        self.sockets[link] = caller
        while len(self.sockets) > SOCKETS:
            oldest = min(self.sockets, key=lambda name: self.sockets[name].known or self.sockets[name].proven)
            del self.sockets[oldest]
            await oldest.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too many connections")

    async def close(self, _app: web.Application) -> None:
        """Close every socket."""
        for link in [*self.sockets]:
            await link.close(code=WSCloseCode.GOING_AWAY, message=b"the device is switched off")

    def _same_origin(self, request: web.Request) -> None:
        """Refuse what a page of somebody else has a browser send; the real device lets it in."""
        if not self.rpc.dialect.lets_strangers_in and foreign(request):
            raise BadBody(403, FOREIGN)

    def _json(self, status: int, value: Any) -> web.Response:
        text = f"{json_text(value)}\r\n"
        headers = self.rpc.dialect.headers
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)

    def _refused(self, status: int, reason: str) -> web.Response:
        """Answer what is no request, and close: the rest of its body is not wanted."""
        status, text = self.rpc.dialect.invalid(status, reason)
        response = web.Response(status=status, text=text, headers={"Connection": "close"})
        response.force_close()
        return response


def _caller(request: web.Request, channel: str) -> Caller:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return Caller(channel, f"{peer[0]}:{peer[1]}" if peer else "", known=request.get(KNOWN, False))


def from_query(request: web.Request) -> dict[str, Any]:
    """Return the arguments in a query; a value that is JSON is what it says, and any other is text."""
    return {key: _value(text) for key, text in request.query.items()}


def _value(text: str) -> Any:
    try:
        return parsed_json(text)
    except (ValueError, RecursionError):
        return text

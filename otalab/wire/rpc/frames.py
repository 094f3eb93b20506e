"""The device's RPC: frames in, frames out, whatever carries them.

A request is `{"id", "src", "dst", "method", "params"}`, a reply `{"id", "src", "dst", "result"}` or, in place of the
result, `"error": {"code", "message"}`; what has no id wants no reply.
Frames are as `mongoose-os-libs/rpc-common` at 9f25f59 has them (`src/mg_rpc.c`, `src/mgos_rpc.c`, `mos.yml`): `args` is
the older word for `params`, method names do not mind their case, an id of digits comes back as a number and any other
as text, a reply names the device as its `src`, and a frame for somebody else is no frame for us.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from otalab.json_text import parsed_json
from otalab.wire.auth.digest import BadAuth, Lock
from otalab.wire.device.ota import Ota
from otalab.wire.dialect import STRICT, Dialect
from otalab.wire.rpc.formats import FORMATS, digits
from otalab.wire.rpc.service import Args, RpcError, RpcMethod, RpcService

FRAME_LIMIT = 4096  # `rpc.max_frame_size` of the real configuration


class BadFrame(Exception):
    """Bytes that are no frame for this device, and why: a channel that is not lasting closes on them."""


class Unknown(Exception):
    """Somebody who is not known, on a channel that says so in its own way."""


@dataclass(slots=True)
class Caller:
    """Who calls, and over what; `known` if the channel has shown that it may, `proven` if a frame has."""

    channel: str
    address: str = ""
    known: bool = False
    proven: bool = False


_CALLER: ContextVar[Caller] = ContextVar("caller")


class Rpc:
    """The RPC of one device; with a `lock`, of those who can open it.

    `methods` may be given more of them: a coroutine function that takes the arguments and returns what JSON can hold;
    it refuses with an `RpcError`.
    """

    def __init__(
        self, ota: Ota, dialect: Dialect = STRICT, *, update_timeout: float = 600.0, lock: Lock | None = None
    ) -> None:
        self.dialect, self.lock = dialect, lock
        self.service = RpcService(ota, dialect, update_timeout=update_timeout)
        self.device, self.id = ota.device, self.service.id
        self.methods: dict[str, RpcMethod] = {
            "RPC.List": self.list,
            "RPC.Describe": self.describe,
            "RPC.Ping": self.ping,
        } | self.service.methods

    async def frame(self, frame: dict[str, Any] | bytes | str, caller: Caller | str) -> dict[str, Any] | None:
        """Carry a request out and return the reply, `None` if none is wanted; raise `BadFrame` for what is no frame."""
        caller = Caller(caller) if isinstance(caller, str) else caller
        request = frame if isinstance(frame, dict) else parsed(frame)
        method, number = request.get("method"), request.get("id")
        if number is not None and (isinstance(number, bool) or not isinstance(number, (int, float, str))):
            raise BadFrame("the id is neither a number nor a string")
        if request.get("dst") not in (None, "", self.id):
            raise BadFrame(f"it is for another device; this one is {self.id}")
        if not isinstance(method, str) or not method:
            if "result" in request or "error" in request:
                return None  # a reply, and we have asked for nothing
            raise BadFrame("it has no method")
        args = request.get("params", request.get("args"))
        outcome = self._refusal(request, caller) or await self.call(method, args, caller)
        return None if number in (None, "") else {**self._envelope(request, number), **outcome}

    def _refusal(self, request: dict[str, Any], caller: Caller) -> dict[str, Any] | None:
        """Return why a frame is not carried out.  An answer in it counts first, then what the channel has shown."""
        if self.lock is None:
            return None
        try:
            if "auth" in request and self.lock.knows_frame(request["auth"]):
                caller.proven = True
                return None
        except BadAuth:
            return _error(RpcError(400, "bad request"))
        if caller.known:
            return None
        if caller.channel == "HTTP":
            raise Unknown
        return _error(RpcError(401, json.dumps(self.lock.frame_challenge())))

    async def call(self, method: str, args: Any, caller: Caller | str) -> dict[str, Any]:
        """Call a method; return `{"result": …}` or `{"error": …}`.  Arguments that are no object are none."""
        caller = Caller(caller) if isinstance(caller, str) else caller
        _CALLER.set(caller)
        known = {name.lower(): handler for name, handler in self.methods.items()}
        handler = known.get(method.lower())
        if handler is None:
            return _error(RpcError(404, f"No handler for {method}"))
        if method != "OTA.Write":
            self.device.tell(f"RPC {method[:60]!a} via {caller.channel}")
        try:
            return {"result": await handler(args if isinstance(args, dict) else {})}
        except RpcError as error:
            return _error(error)

    def _envelope(self, request: dict[str, Any], number: float | str) -> dict[str, Any]:
        text = number if isinstance(number, str) else json.dumps(number)
        reply: dict[str, Any] = {"id": int(text) if digits(text) else text, "src": self.id}
        for ours, theirs in (("dst", "src"), ("tag", "tag")):
            if isinstance(value := request.get(theirs), str) and value:
                reply[ours] = value
        return reply

    async def list(self, _args: Args) -> list[str]:
        """Name every method, the newest first, as the real one does."""
        return list(reversed(self.methods))

    async def describe(self, args: Args) -> dict[str, str]:
        """Tell the arguments of a method, in the words of the real one's parser."""
        name = args.get("name")
        if not isinstance(name, str):
            raise RpcError(400, "name is required")
        if name not in self.methods:
            raise RpcError(404, "name not found")
        return {"name": name, "args_fmt": FORMATS.get(name, "")}

    async def ping(self, _args: Args) -> dict[str, str]:
        """Tell whoever calls where the call came from; over a broker the real one does not know."""
        return {"channel_info": _CALLER.get().address}


def parsed(data: bytes | str) -> dict[str, Any]:
    """Return a JSON object; raise `BadFrame` for anything else."""
    if len(data) > FRAME_LIMIT:
        raise BadFrame(f"it has more than {FRAME_LIMIT} bytes")
    try:
        frame = parsed_json(data)
    except (ValueError, RecursionError) as error:
        raise BadFrame("it is not JSON") from error
    if not isinstance(frame, dict):
        raise BadFrame("it is not a JSON object")
    return frame


def _error(error: RpcError) -> dict[str, Any]:
    message = {} if error.message is None else {"message": error.message}
    return {"error": {"code": error.code, **message}}

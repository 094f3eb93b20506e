"""The rules of a device shadow, as functions on documents: no network, no clock, no state.

A shadow holds what is *desired* of a thing and what the thing *reported*; the *delta* is where the two differ.
An update is merged field by field, `null` deletes, an array is one value, and every accepted change is a new version.
The words of the refusals are those of the AWS IoT developer guide, "Device Shadow error messages".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from otalab.json_text import parsed_json

JsonTree = dict[str, Any]
Message = tuple[str, JsonTree]

SIZE_LIMIT = 8192  # of the two sections as compact JSON; metadata does not count
PAYLOAD_LIMIT = 128 * 1024  # what the real broker takes in one message
DEPTH_LIMIT = 6
TOKEN_LIMIT = 64
SECTIONS = ("desired", "reported")


class Refused(Exception):
    """A request that changes nothing, with the code and the message of the reply."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Shadow:
    """One version of a thing's shadow; `times` has the shape of `state`, with a time at every leaf."""

    state: JsonTree = field(default_factory=dict)
    times: JsonTree = field(default_factory=dict)
    version: int = 0
    timestamp: int = 0
    exists: bool = False

    @property
    def delta(self) -> JsonTree:
        """What is desired and was not reported."""
        return difference(self.state.get("desired", {}), self.state.get("reported", {}))

    @property
    def document(self) -> JsonTree:
        """The document as the update topics quote it."""
        return {"state": self.state, "metadata": self.times, "version": self.version}


def answer(shadow: Shadow, name: str, verb: str, payload: bytes, now: int) -> tuple[Shadow, list[Message]]:
    """Return the shadow after a request (`get`, `update`, `delete`) and what is published, topic by topic."""
    token: JsonTree = {}
    try:
        request = parsed(payload) if payload or verb == "update" else {}
        token = {"clientToken": request["clientToken"]} if "clientToken" in request else {}
        match verb:
            case "get":
                return shadow, [("get/accepted", got(shadow, name, now) | token)]
            case "delete":
                after = deleted(shadow, name, request, now)
                return after, [("delete/accepted", {"version": after.version, "timestamp": now} | token)]
            case _:
                after = updated(shadow, request, now)
                return after, messages_of(shadow, after, request, token)
    except Refused as refused:
        said = {"code": refused.code, "message": refused.message, "timestamp": now}
        return shadow, [(f"{verb}/rejected", said | token)]


def parsed(payload: bytes) -> JsonTree:
    """Return the request in a payload."""
    if len(payload) > PAYLOAD_LIMIT:
        raise Refused(413, "The payload exceeds the maximum size allowed")
    try:
        request = parsed_json(payload.decode())
    except UnicodeDecodeError as error:
        raise Refused(415, "Unsupported documented encoding; supported encoding is UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise Refused(400, "Invalid JSON") from error
    if not isinstance(request, dict):
        raise Refused(400, "Invalid JSON")
    token = request.get("clientToken", "")
    if not isinstance(token, str) or len(token.encode(errors="replace")) > TOKEN_LIMIT:
        raise Refused(400, "Invalid clientToken")
    return request


def updated(shadow: Shadow, request: JsonTree, now: int) -> Shadow:
    """Return the shadow with a request merged in."""
    if "state" not in request:
        raise Refused(400, "Missing required node: state")
    _check_version(shadow, request)
    wanted = dict.fromkeys(SECTIONS) if request["state"] is None else request["state"]
    if not isinstance(wanted, dict):
        raise Refused(400, "State node must be an object")
    state, times, changes = dict(shadow.state), dict(shadow.times), list[tuple[str, JsonTree | None]]()
    for name, change in wanted.items():
        if name not in SECTIONS:
            raise Refused(400, f"State contains an invalid node: {name!r}")
        if change is not None and not isinstance(change, dict):
            raise Refused(400, f"{name.capitalize()} node must be an object")
        if _too_deep(change):
            raise Refused(400, f"JSON contains too many levels of nesting; maximum is {DEPTH_LIMIT}")
        _set(state, name, merged(state.get(name, {}), change or {}) if change is not None else {})
        changes.append((name, change))
    if len(json.dumps(state, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")) > SIZE_LIMIT:
        raise Refused(413, "The payload exceeds the maximum size allowed")
    # What is too large is known by now: thousands of times would be written for nothing.
    for name, change in changes:
        _set(times, name, stamped(times.get(name, {}), change, now) if change is not None else {})
    return Shadow(state, times, shadow.version + 1, now, exists=True)


def deleted(shadow: Shadow, name: str, request: JsonTree, now: int) -> Shadow:
    """Return what is left of a deleted shadow: its version, which goes on counting."""
    if not shadow.exists:
        raise Refused(404, f"No shadow exists with name: {name!r}")
    _check_version(shadow, request)
    return Shadow(version=shadow.version + 1, timestamp=now)


def got(shadow: Shadow, name: str, now: int) -> JsonTree:
    """Return the answer to a `get`: both sections, the delta if there is one, and when each leaf was last written."""
    if not shadow.exists:
        raise Refused(404, f"No shadow exists with name: {name!r}")
    delta = {"delta": shadow.delta} if shadow.delta else {}
    return shadow.document | {"state": shadow.state | delta, "timestamp": now}


def messages_of(before: Shadow, after: Shadow, request: JsonTree, token: JsonTree) -> list[Message]:
    """Return what an accepted update publishes: the reply, the delta if one is left, and both documents."""
    wishes = request["state"] or {}
    sent = {name: wishes[name] for name in SECTIONS if wishes.get(name) is not None}
    facts = {"timestamp": after.timestamp} | token
    metadata = {name: _times(part, after.timestamp) for name, part in sent.items()}
    reply = {"state": request["state"], "metadata": metadata, "version": after.version} | facts
    messages = [("update/accepted", reply)]
    if delta := after.delta:
        times = _picked(after.times.get("desired", {}), delta)
        messages.append(("update/delta", {"state": delta, "metadata": times, "version": after.version} | facts))
    both = {"previous": before.document, "current": after.document}
    return [*messages, ("update/documents", both | facts)]


def merged(old: JsonTree, change: JsonTree) -> JsonTree:
    """Return an object with a change merged in: objects field by field, anything else replaced, `null` deleted."""
    new = dict(old)
    for key, value in change.items():
        if value is None:
            new.pop(key, None)
        elif isinstance(value, dict):
            known = new.get(key)
            _set(new, key, merged(known if isinstance(known, dict) else {}, value))
        else:
            new[key] = value
    return new


def stamped(old: JsonTree, change: JsonTree, now: int) -> JsonTree:
    """Return the times of an object after the same merge: what was written now is of now, the rest stays."""
    new = dict(old)
    for key, value in change.items():
        if value is None:
            new.pop(key, None)
        elif isinstance(value, dict):
            known = new.get(key)
            # A leaf that becomes an object loses its own time; `timestamp` of a leaf is a number, of a field an object.
            _set(new, key, stamped(known if isinstance(known, dict) and not _is_leaf(known) else {}, value, now))
        else:
            new[key] = _times(value, now)
    return new


def difference(desired: JsonTree, reported: JsonTree) -> JsonTree:
    """Return the fields of `desired` that `reported` lacks or has otherwise."""
    merged: JsonTree = {}
    for key, value in desired.items():
        other = reported.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            if inner := difference(value, other):
                merged[key] = inner
        elif key not in reported or not same(value, other):
            merged[key] = value
    return merged


def same(value: Any, other: Any) -> bool:
    """Say whether two JSON values are equal; `true` is not 1, which Python thinks it is."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(same, value, other))
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(same(value, other[key]) for key, value in value.items())
    return bool(value == other)


def stored(shadow: Shadow) -> JsonTree:
    """Return a shadow as JSON to be kept in a file."""
    return shadow.document | {"timestamp": shadow.timestamp, "exists": shadow.exists}


def restored(kept: JsonTree) -> Shadow:
    """Return the shadow that was kept; `ValueError` for what no service has kept, which would stop it much later."""
    facts = (kept["state"], kept["metadata"], kept["version"], kept["timestamp"], kept["exists"])
    if not all(isinstance(fact, kind) for fact, kind in zip(facts, (dict, dict, int, int, bool), strict=True)):
        raise ValueError("not a shadow")
    state, times = facts[0], facts[1]
    if not all(name in SECTIONS and isinstance(part, dict) for name, part in state.items()) or _too_deep(
        state, DEPTH_LIMIT + 1
    ):
        raise ValueError("its state is none of a shadow")
    if not _timed(state, times):
        raise ValueError("its metadata has not one time for each field of its state")
    return replace(Shadow(), **dict(zip(("state", "times", "version", "timestamp", "exists"), facts, strict=True)))


def _check_version(shadow: Shadow, request: JsonTree) -> None:
    version = request.get("version")
    if version is None:
        return
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise Refused(400, "Invalid version")
    if version != shadow.version:
        raise Refused(409, "Version conflict")


def _set(node: JsonTree, key: str, value: JsonTree) -> None:
    """Set a field, or remove it where there is nothing left in it."""
    if value:
        node[key] = value
    else:
        node.pop(key, None)


def _times(value: Any, now: int) -> Any:
    """Return a value with its leaves replaced by their time; an array has one for each of its elements."""
    if isinstance(value, dict):
        return {key: _times(part, now) for key, part in value.items()}
    if isinstance(value, list):
        return [_times(part, now) for part in value]
    return {"timestamp": now}


def _timed(value: Any, times: Any) -> bool:
    """Say whether there is a time for each leaf of a value, and for nothing else."""
    if isinstance(value, dict):
        return (
            isinstance(times, dict)
            and value.keys() == times.keys()
            and all(_timed(part, times[key]) for key, part in value.items())
        )
    if isinstance(value, list):
        return isinstance(times, list) and len(value) == len(times) and all(map(_timed, value, times))
    return isinstance(times, dict) and times.keys() == {"timestamp"} and type(times["timestamp"]) is int


def _picked(times: Any, fields: JsonTree) -> JsonTree:
    """Return the times of those fields only that are named."""
    return {key: _picked(times[key], value) if isinstance(value, dict) else times[key] for key, value in fields.items()}


def _is_leaf(times: JsonTree) -> bool:
    return isinstance(times.get("timestamp"), int)


def _too_deep(node: Any, levels: int = DEPTH_LIMIT) -> bool:
    return isinstance(node, dict | list) and (not levels or any(_too_deep(part, levels - 1) for part in _parts(node)))


def _parts(node: Any) -> Iterator[Any]:
    return iter(node.values() if isinstance(node, dict) else node)

"""The cloud's side of device shadows, against any broker: what AWS does behind `$aws/things/NAME/shadow/…`.

The rules are in `shadow`; here is who asks, where the documents are kept, and how a fleet's desired state is changed.
For the last there is a topic of the lab's own, `otalab/shadows/update`: a change for every thing that a pattern names.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from otalab.errors import BadInput
from otalab.files import read_text, try_place, write_whole
from otalab.json_text import json_text, parsed_json
from otalab.wire.cloud.broker import Broker
from otalab.wire.cloud.link import Link
from otalab.wire.cloud.shadow import JsonTree, Message, Refused, Shadow, answer, parsed, restored, stored, updated

REQUEST = re.compile(r"\$aws/things/([a-zA-Z0-9:_-]{1,128})/shadow/(get|update|delete)")
ALL, ALL_DONE = "otalab/shadows/update", "otalab/shadows/update/accepted"
MOST_THINGS = 10_000
MOST_AT_ONCE = 1000  # messages that are handled before anything else is
WINDOW = 200  # messages on their way to the broker
PATTERN_LIMIT = 500  # of names that have 128 at most
NAME = "otalab-shadow-service"


class Shadows:
    """The shadows of many things, in memory and, if there is one, in a file."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.things: dict[str, Shadow] = {}
        if path is not None:
            try_place(path)
        if path is not None and path.exists():
            self._load(path)

    def _load(self, path: Path) -> None:
        text = read_text(path)
        try:
            self.things = {name: restored(kept) for name, kept in parsed_json(text)["things"].items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadInput(f"{path}: not a file of shadows: {error}; take another --state") from error

    def save(self) -> None:
        """Put everything on disk: the old file or the new one is there, whatever happens."""
        if self.path is None:
            return
        text = json_text({"things": {name: stored(shadow) for name, shadow in self.things.items()}})
        write_whole(self.path, text, private=True)  # a URL that is desired may have a password in it

    def handle(self, topic: str, payload: bytes, now: int) -> list[Message]:
        """Return what a message leads to, each with its whole topic."""
        if topic == ALL:
            return self._all(payload, now)
        if not (found := REQUEST.fullmatch(topic)):
            return []
        name, verb = found[1], found[2]
        known = self.things.get(name, Shadow())
        if verb == "update" and name not in self.things and len(self.things) >= MOST_THINGS:
            return _of(name, [("update/rejected", {"code": 429, "message": "Too many things", "timestamp": now})])
        after, messages = answer(known, name, verb, payload, now)
        if after is not known:
            self.things[name] = after
        return _of(name, messages)

    def _all(self, payload: bytes, now: int) -> list[Message]:
        """Change the desired state of every thing whose name fits; tell how many there were."""
        token: Any = None
        try:
            request = parsed(payload)
            token, pattern = request.get("clientToken"), str(request.get("things", "*"))
            if len(pattern) > PATTERN_LIMIT:
                raise Refused(400, f"A pattern of names has at most {PATTERN_LIMIT} characters")
            names = sorted(name for name, thing in self.things.items() if thing.exists and fnmatchcase(name, pattern))
            change = {"state": {"desired": request.get("desired")}}
            for name in names:
                updated(self.things[name], change, now)  # all or none
            messages = [m for name in names for m in self.handle(_topic(name, "update"), _json(change), now)]
            # First, for it is true as soon as the shadows are kept, and somebody waits for it.
            return [(ALL_DONE, {"things": len(names), "clientToken": token}), *messages]
        except Refused as refused:
            return [(ALL_DONE, {"code": refused.code, "message": refused.message, "clientToken": token})]

    def deltas(self) -> list[Message]:
        """Return every delta there is; whoever was not heard for a while tells them again."""
        return [
            (_topic(name, "update/delta"), {"state": delta, "version": shadow.version, "timestamp": shadow.timestamp})
            for name, shadow in self.things.items()
            if (delta := shadow.delta)
        ]


class ShadowService:
    """The shadows on a broker."""

    def __init__(self, broker: Broker, shadows: Shadows, tell: Callable[[str], None] = lambda _line: None) -> None:
        self.shadows = shadows
        self.tell = tell
        topics = [f"$aws/things/+/shadow/{verb}" for verb in ("get", "update", "delete")]
        self.link = Link(broker, NAME, [*topics, ALL], self._received, self._connected, tell)
        self._inbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.link.run())
            tasks.create_task(self._work())

    async def _connected(self) -> None:
        self.tell("shadows are served")
        await self._publish(self.shadows.deltas())

    def _received(self, topic: str, payload: bytes) -> None:
        self._inbox.put_nowait((topic, payload))

    async def _work(self) -> None:
        while True:
            batch = await self._batch()
            before = dict(self.shadows.things)
            messages = [m for topic, data in batch for m in self.shadows.handle(topic, data, int(time.time()))]
            if before != self.shadows.things:
                try:
                    # Before anyone is told; one write for all that came meanwhile.
                    await asyncio.to_thread(self.shadows.save)
                except BadInput as error:
                    self.tell(f"{error}; nothing was changed")
                    self.shadows.things = before
                    messages = [m for topic, data in batch for m in undone(topic, data, int(time.time()))]
            await self._publish(messages)

    async def _batch(self) -> list[tuple[str, bytes]]:
        """Return what has come meanwhile; what was repeated word for word is answered once, in its last place."""
        newest = {await self._inbox.get(): None}
        while not self._inbox.empty() and len(newest) < MOST_AT_ONCE:
            message = self._inbox.get_nowait()
            newest.pop(message, None)
            newest[message] = None
        return list(newest)

    async def _publish(self, messages: list[Message]) -> None:
        # What is lost here is asked for again: devices repeat what was not answered, and greet anew after a break.
        # The library walks through all that is under way for every message, so that must be few.
        left = iter(messages)

        async def some() -> None:
            for topic, document in left:
                await self.link.publish(topic, _json(document))

        await asyncio.gather(*(some() for _ in range(min(WINDOW, len(messages)))))


def undone(topic: str, payload: bytes, now: int) -> list[Message]:
    """Return the answer to a message whose change could not be kept."""
    try:
        token = {key: value for key, value in parsed(payload).items() if key == "clientToken"} if payload else {}
    except Refused:
        token = {}
    said = {"code": 500, "message": "Internal service failure"} | token
    if topic == ALL:
        return [(ALL_DONE, said)]
    found = REQUEST.fullmatch(topic)
    return _of(found[1], [(f"{found[2]}/rejected", said | {"timestamp": now})]) if found else []


def _topic(name: str, verb: str) -> str:
    return f"$aws/things/{name}/shadow/{verb}"


def _of(name: str, messages: list[Message]) -> list[Message]:
    return [(_topic(name, verb), document) for verb, document in messages]


def _json(document: JsonTree) -> bytes:
    return json_text(document).encode()

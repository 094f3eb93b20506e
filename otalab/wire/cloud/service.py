"""The cloud's side of device shadows, against any broker: what AWS does behind `$aws/things/NAME/shadow/…`.

The rules are in `shadow`; here is who asks, where the documents are kept, and how a fleet's desired state is changed.
For the last there is a topic of the lab's own, `otalab/shadows/update`: a change for every thing that a pattern names.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from otalab.errors import BadInput
from otalab.files import read_text, try_place, write_whole
from otalab.json_text import json_text, parsed_json
from otalab.wire.cloud.broker import Broker
from otalab.wire.cloud.link import Link
from otalab.wire.cloud.shadow import JsonTree, Message, Refused, Shadow, answer, parsed, restored, stored, updated
from otalab.wire.cloud.shared_loop import SharedLoop

REQUEST = re.compile(r"\$aws/things/([a-zA-Z0-9:_-]{1,128})/shadow/(get|update|delete)")
ALL, ALL_DONE = "otalab/shadows/update", "otalab/shadows/update/accepted"
MOST_THINGS = 10_000
MOST_AT_ONCE = 1000  # messages that are handled before anything else is
WINDOW = 100  # messages on their way to the broker
SAVING = 0.25  # of the time at most: whoever asks alone waits for nothing, and whoever comes with many shares a write
PATTERN_LIMIT = 500  # of names that have 128 at most
NAME = "otalab-shadow-service"


class Shadows:
    """The shadows of many things, in memory and, if there is one, in a file."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.things: dict[str, Shadow] = {}
        # What is in the file of each: of thousands of things only a few have changed since.
        self._lines: dict[str, tuple[Shadow, bytes]] = {}
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
        lines = b",\n".join([self._line(name, shadow) for name, shadow in self.things.items()])
        # A URL that is desired may have a password in it.
        write_whole(self.path, b'{"things": {%b}}' % lines, private=True)

    def _line(self, name: str, shadow: Shadow) -> bytes:
        known = self._lines.get(name)
        if known is None or known[0] is not shadow:
            known = self._lines[name] = shadow, f"{json_text(name)}: {json_text(stored(shadow))}".encode()
        return known[1]

    def handle(self, topic: str, payload: bytes, now: int) -> list[Message]:
        """Return what a message leads to, each with its whole topic."""
        return [message for step in self.steps(topic, payload, now) for message in step]

    def steps(self, topic: str, payload: bytes, now: int) -> Iterator[list[Message]]:
        """Yield what a message leads to, a little at a time: one may be a change for thousands of things."""
        if topic == ALL:
            yield from self._all(payload, now)
        elif request := REQUEST.fullmatch(topic):
            yield self._one(request[1], request[2], payload, now)

    def _one(self, name: str, verb: str, payload: bytes, now: int) -> list[Message]:
        known = self.things.get(name, Shadow())
        if verb == "update" and name not in self.things and len(self.things) >= MOST_THINGS:
            return _of(name, [("update/rejected", {"code": 429, "message": "Too many things", "timestamp": now})])
        after, messages = answer(known, name, verb, payload, now)
        if after is not known:
            self.things[name] = after
        return _of(name, messages)

    def _all(self, payload: bytes, now: int) -> Iterator[list[Message]]:
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
                yield []
            # First, for it is true as soon as the shadows are kept, and somebody waits for it.
            yield [(ALL_DONE, {"things": len(names), "clientToken": token})]
            for name in names:
                yield self._one(name, "update", _json(change), now)
        except Refused as refused:
            yield [(ALL_DONE, {"code": refused.code, "message": refused.message, "clientToken": token})]

    def deltas(self) -> Iterator[list[Message]]:
        """Yield every delta there is; whoever was not heard for a while tells them again."""
        for name, shadow in list(self.things.items()):  # which may change meanwhile
            if delta := shadow.delta:
                facts = {"version": shadow.version, "timestamp": shadow.timestamp}
                yield [(_topic(name, "update/delta"), {"state": delta} | facts)]


class ShadowService:
    """The shadows on a broker."""

    def __init__(self, broker: Broker, shadows: Shadows, tell: Callable[[str], None] = lambda _line: None) -> None:
        self.shadows = shadows
        self.tell = tell
        topics = [f"$aws/things/+/shadow/{verb}" for verb in ("get", "update", "delete")]
        self.link = Link(broker, NAME, [*topics, ALL], self._received, self._connected, tell)
        self._may_save_at = time.monotonic()
        self._inbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.link.run())
            tasks.create_task(self._work())

    async def _connected(self) -> None:
        self.tell("shadows are served")
        await self._publish(await _in_slices(self.shadows.deltas()))

    def _received(self, topic: str, payload: bytes) -> None:
        self._inbox.put_nowait((topic, payload))

    async def _work(self) -> None:
        while True:
            batch = await self._batch()
            before, now = dict(self.shadows.things), int(time.time())
            messages = await _in_slices(step for topic, data in batch for step in self.shadows.steps(topic, data, now))
            if before != self.shadows.things:
                try:
                    # Before anyone is told; one write for all that came meanwhile.
                    await self._save()
                except BadInput as error:
                    self.tell(f"{error}; nothing was changed")
                    self.shadows.things = before
                    messages = [m for topic, data in batch for m in undone(topic, data, now)]
            await self._publish(messages)

    async def _save(self) -> None:
        begun = time.monotonic()
        await asyncio.to_thread(self.shadows.save)
        ended = time.monotonic()
        self._may_save_at = ended + (ended - begun) * (1 / SAVING - 1)

    async def _batch(self) -> list[tuple[str, bytes]]:
        """Return what has come meanwhile; what was repeated word for word is answered once, in its last place."""
        newest = {await self._inbox.get(): None}
        await asyncio.sleep(self._may_save_at - time.monotonic())
        while not self._inbox.empty() and len(newest) < MOST_AT_ONCE:
            message = self._inbox.get_nowait()
            newest.pop(message, None)
            newest[message] = None
        return list(newest)

    async def _publish(self, messages: list[Message]) -> None:
        # What is lost here is asked for again: devices repeat what was not answered, and greet anew after a break.
        # The library walks through all that is under way for every message, so that must be few.
        left, loop = iter(messages), SharedLoop()

        async def some() -> None:
            for topic, document in left:
                await loop.turn()
                await self.link.publish(topic, _json(document))

        await asyncio.gather(*(some() for _ in range(min(WINDOW, len(messages)))))


async def _in_slices(steps: Iterable[list[Message]]) -> list[Message]:
    """Return what steps lead to; others have a turn in between, as often as they need one."""
    messages, loop = [], SharedLoop()
    for step in steps:
        messages += step
        await loop.turn()
    return messages


def undone(topic: str, payload: bytes, now: int) -> list[Message]:
    """Return the answer to a message whose change could not be kept."""
    try:
        token = {key: value for key, value in parsed(payload).items() if key == "clientToken"} if payload else {}
    except Refused:
        token = {}
    said = {"code": 500, "message": "Internal service failure"} | token
    if topic == ALL:
        return [(ALL_DONE, said)]
    request = REQUEST.fullmatch(topic)
    return _of(request[1], [(f"{request[2]}/rejected", said | {"timestamp": now})]) if request else []


def _topic(name: str, verb: str) -> str:
    return f"$aws/things/{name}/shadow/{verb}"


def _of(name: str, messages: list[Message]) -> list[Message]:
    return [(_topic(name, verb), document) for verb, document in messages]


def _json(document: JsonTree) -> bytes:
    return json_text(document).encode()

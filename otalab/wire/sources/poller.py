"""The poller: a device that asks a well-known place, again and again, whether there is anything newer.

Most answers are "no", and those are successes: 304, or a bundle of the version that runs.
A server that is down is asked less and less often, and not by all devices at the same moment.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from otalab.wire.device.ota import Ota, UpdateOptions
from otalab.wire.dialect import STRICT, Dialect
from otalab.wire.sources.url import CLOSED, Fetched, bare, fetch_update

LONGEST_PAUSE = 3600.0


@dataclass(slots=True)
class Poller:
    """`update.url`, `update.interval` and `update.commit_timeout` of one device."""

    ota: Ota
    url: str
    interval: float
    options: UpdateOptions = field(default_factory=lambda: UpdateOptions(ignore_same_version=True))
    seed: int | None = None
    dialect: Dialect = STRICT
    failures: int = 0
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    async def run(self) -> None:
        """Poll for ever; the first time after one interval, as the real timer does."""
        while True:
            await asyncio.sleep(self.pause())
            await self.poll()

    def pause(self) -> float:
        """Return the seconds until the next poll: the interval, or twice as long for each failure, less a random half.

        Without chance, all devices that lost their server at once would come back to it at once.
        """
        if not self.failures:
            return self.interval
        longest = max(self.interval, LONGEST_PAUSE)
        return min(self.interval * 2.0 ** min(self.failures, 30), longest) * self._chance.uniform(0.5, 1)

    async def poll(self) -> Fetched:
        """Ask once."""
        fetched = await fetch_update(self.ota, self.url, self.options, self.dialect)
        if not fetched.not_started:
            # While an update runs or is on trial the real poll fails silently, until the next interval.
            self.ota.device.tell(f"Poll of {bare(self.url)}: ({fetched.result}) {fetched.message}")
            self.failures = self.failures + 1 if down(fetched, self.dialect) else 0
        return fetched


def down(fetched: Fetched, dialect: Dialect = STRICT) -> bool:
    """Say whether an answer means that the server is down, and not that it has nothing for us."""
    unreached = (fetched.result, fetched.message) == dialect.unreached
    return unreached or -600 < fetched.result <= -500 or fetched.message == CLOSED

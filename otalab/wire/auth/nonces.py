"""Nonces: challenges that are good for an hour and for one answer each, and that nobody else can make.

A nonce is the moment of its making, in milliseconds, no two alike, and a tag under a key that dies with the process.
In HTTP it is text with the whole tag.
In a frame it is a number, as the real client wants it, and must fit the 53 bits that JSON numbers have everywhere:
only 12 bits of the tag are left there, so what guards it is its time and that it is used up.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable

SECONDS = 60 * 60  # as `mg_rpc_check_nonce` has it
MOST_REMEMBERED = 10_000
TAG_BITS = 12


class Nonces:
    """Makes nonces, and says of those that come back whether they are still good."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._key = clock, secrets.token_bytes(32)
        self._last = self._floor = int(clock() * 1000)
        self._used: dict[int, set[int]] = {}

    def text(self) -> str:
        """Return a fresh one for HTTP."""
        at = self._next()
        return f"{at:x}-{self._tag(at)}"

    def number(self) -> int:
        """Return a fresh one for a frame."""
        at = self._next()
        return at << TAG_BITS | self._short(at)

    def spend(self, nonce: str | int, count: int = 1) -> bool:
        """Take the answer that is number `count` to a nonce; return whether it is one that may still come."""
        at = self._moment(nonce)
        # Up to the last one made, not up to now: a clock that is set back makes none of them a stranger.
        if at is None or not self._floor < at <= self._last or self._clock() * 1000 - at > SECONDS * 1000:
            return False
        counts = self._used.setdefault(at, set())
        if count in counts:
            return False
        counts.add(count)
        if len(self._used) > MOST_REMEMBERED or len(counts) > MOST_REMEMBERED:
            self._forget(at)
        return True

    def _forget(self, newest: int) -> None:
        """Forget the older half; what is forgotten could come again, so whatever is as old is refused from now on."""
        ages = sorted(self._used)
        self._floor = newest if len(self._used[newest]) > MOST_REMEMBERED else ages[len(ages) // 2]
        self._used = {at: counts for at, counts in self._used.items() if at > self._floor}

    def _next(self) -> int:
        self._last = max(int(self._clock() * 1000), self._last + 1)
        return self._last

    def _moment(self, nonce: str | int) -> int | None:
        """Return when a nonce was made, `None` if it is not ours."""
        if isinstance(nonce, int):
            at = nonce >> TAG_BITS
            return at if 0 <= at < 2**64 and nonce == at << TAG_BITS | self._short(at) else None
        text, _, tag = nonce.partition("-")
        try:
            at = int(text[:16], 16)
        except ValueError:
            return None
        return at if hmac.compare_digest(f"{at:x}-{self._tag(at)}".encode(), f"{text}-{tag}".encode()) else None

    def _tag(self, at: int) -> str:
        return hmac.new(self._key, str(at).encode(), "sha256").hexdigest()[:32]

    def _short(self, at: int) -> int:
        return int(self._tag(at)[:8], 16) & (1 << TAG_BITS) - 1

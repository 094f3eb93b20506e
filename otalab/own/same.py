"""The same code, the same run: from equal contents and answers it must do, and read, the same.

Where it does not (time, random numbers, memory that nobody wrote), nothing that was found holds for the next run: the
search says so and stops.
"""

from __future__ import annotations

from collections.abc import Hashable

from otalab.errors import Unrepeatable

# What is known may be forgotten: it is looked at to find fault, and never to save work.
MOST_KNOWN = 500_000


class Same:
    """What one run has heard and done so far, held against what others have done that heard the same."""

    def __init__(self, name: str, known: dict[int, tuple[int, str]]) -> None:
        self._name, self._known = name, known
        self._heard = self._done = 0

    def hears(self, what: Hashable) -> None:
        """Take note of what decides how the run goes on: contents, or an answer."""
        self._heard = hash((self._heard, what))

    def does(self, what: Hashable) -> None:
        """Take note of what it does."""
        self._done = hash((self._done, what))

    def says(self, what: str, of: Hashable) -> None:
        """Hold all that was done so far, and what comes now, against what is known."""
        self.does((what, of))
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        done, once = self._known.setdefault(self._heard, (self._done, what))
        if done != self._done:
            here, there = ("a read" if what_read == "read" else what_read for what_read in (what, once))
            raise Unrepeatable(
                f"{self._name}: two equal runs differ before {here}{'' if here == there else f' (or {there})'}: "
                "it looks at the clock, at chance or at memory that nobody wrote, and nothing can be proved of that"
            )

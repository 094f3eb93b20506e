"""Which bytes of each sector were ever looked at: what lies beside them tells no two wrecks apart.

A tear acts on each byte of a sector by itself, so that contents which are equal where anybody looks stay so, whatever
a later cut leaves of them.
Nor does it matter for probabilities: a tear of the lab's six models weighs by where its effect broke off, and not by
what lies there.
What is known of that grows: a search that told wrecks apart by too little begins anew.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from otalab.hardware.chip import Stretch

# Who looks at other bytes each time looks at all of them in the end.
MOST_GROWTHS = 24
WHOLE = (0, -1)


class BrokenSearch(Exception):
    """Bytes were looked at that nobody was known to look at: what was told apart without them is to be done again."""


class Stretches:
    """The bytes of each sector that were looked at so far; a sector that is not among them counts whole."""

    def __init__(self, *, known: bool) -> None:
        self._growths = 0 if known else MOST_GROWTHS
        self._spans: dict[int, tuple[tuple[int, int], ...]] = {}
        self._given: set[int] = set()
        self._kept: dict[int, dict[bytes, Hashable]] = {}
        self.stale = False

    @property
    def known(self) -> bool:
        """Whether it is known at all who looks where."""
        return self._growths < MOST_GROWTHS

    def learn(self, stretches: Iterable[Stretch], whole: Iterable[int]) -> None:
        """Take note of what was looked at: stretches, and whole sectors."""
        if not self.known:
            return
        for sector in whole:
            self._look(sector, WHOLE)
        for sector, start, end in stretches:
            self._look(sector, (start, end))

    def _look(self, sector: int, span: tuple[int, int]) -> None:
        spans = self._spans.get(sector, ())
        if WHOLE in spans or any(start <= span[0] and span[1] <= end for start, end in spans if span != WHOLE):
            return
        self._spans[sector] = (WHOLE,) if span == WHOLE else _joined((*spans, span))
        self.stale = self.stale or sector in self._given

    def renew(self) -> None:
        """Begin anew with what is known; where that has grown too often, all bytes count from now on."""
        if self.stale:
            self._growths += 1
        self._given.clear()
        self._kept.clear()
        self.stale = False

    def of(self, sector: int, contents: bytes) -> Hashable:
        """Return what anybody can see of a sector's contents."""
        spans = self._spans.get(sector)
        if spans is None or not self.known:
            return contents
        self._given.add(sector)
        if WHOLE in spans:
            return contents
        kept = self._kept.setdefault(sector, {})
        shown = kept.get(contents)
        if shown is None:
            shown = kept[contents] = b"".join(contents[start:end] for start, end in spans)
        return shown


def _joined(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return stretches in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)

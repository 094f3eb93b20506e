"""Records that any erase can leave, whatever stood there: their bytes are zeros and ones.

An entry of ESP-IDF with the sequencer 0 has a check of all ones, so a passage through zeros that is erased from the end
leaves one.  If such a record counted like any other, all bytes would be *almost* it, for it differs from them in a
stretch of zeros and ones alone, and each wreck would be a class of its own.

What such a record, *passed*, has of the contents before it can be one field at most (of ESP-IDF's, the state: the
sequencer is zero and the check is ones).  So of bytes that are no record it matters

- which record would be left of them if all but one of their fields were passed, where that is another one than every
  erase leaves anyway; and which of the other fields are as in the passed record already, for the number of cuts;
- and nothing else: what every erase leaves anyway needs no telling apart.

And of passed records themselves it matters what they decode to.  They are never renumbered: what an erase leaves next
has the sequencer 0 again.  How probably an erase leaves each differs within a class, so only verdicts go by it.
It holds where every erase that can be cut leaves each of the passed records in one cut: `are_left` is asked of each.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from itertools import accumulate, pairwise

from otalab.formats.records.record import Codec, Record
from otalab.hardware.flash import ERASED


class Passages:
    """The records of zeros and ones that were met so far; without one, nothing is told of any bytes."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._spans = tuple(pairwise(accumulate(codec.fields, initial=0)))
        self._first = b""
        self._records: set[Record] = set()

    @property
    def met(self) -> bool:
        """Whether any was met."""
        return bool(self._first)

    def learn(self, data: bytes, record: Record) -> bool:
        """Take note of a record of zeros and ones; say whether it tells of anything that was not known."""
        new = record not in self._records
        self._first = self._first or data
        self._records.add(record)
        return new

    def are_left(self, lefts: Collection[bytes]) -> bool:
        """Say whether each of them is among what an erase can leave."""
        missing = set(self._records)
        for data in lefts:
            if missing and not data.strip(b"\x00\xff") and isinstance(record := self._codec.decode(data), Record):
                missing.discard(record)
        return not missing

    def is_near(self, data: bytes) -> bool:
        """Say whether all fields but one are those of a passed record."""
        return bool(self._first) and sum(not same for same in self._agreeing(data)) <= 1

    def record_class(self, data: bytes, record: Record) -> Hashable:
        """Return the class of a record that is one of those, or differs from one in a field; `None` of any other."""
        return ("passed", record) if self.is_near(data) else None

    def scrap_class(self, data: bytes) -> Hashable:
        """Return the class of bytes that could leave more than any others; `None` of all that could not."""
        if not self._first:
            return None
        carried = []
        for start, end in self._spans:
            left = self._codec.decode(self._first[:start] + data[start:end] + self._first[end:])
            if isinstance(left, Record) and left not in self._records:
                carried.append(left)
        return ("scrap", *carried, self._agreeing(data)) if carried else None

    def _agreeing(self, data: bytes) -> tuple[bool, ...]:
        return tuple(data[start:end] == self._first[start:end] for start, end in self._spans)


def as_read(codec: Codec, data: bytes) -> bytes:
    """Return the bytes of a record with those that nobody reads erased, and those that are read alike the same."""
    if own := getattr(codec, "as_read", None):
        return bytes(own(data))
    for start, end in getattr(codec, "unread", ()):
        data = data[:start] + bytes([ERASED]) * (end - start) + data[end:]
    return data


def core(data: bytes) -> tuple[int, int]:
    """Return the stretch of a record between the zeros and ones at its two ends."""
    start = len(data) - len(data.lstrip(b"\x00\xff"))
    return start, max(start, len(data.rstrip(b"\x00\xff")))

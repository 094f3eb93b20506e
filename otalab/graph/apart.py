"""The tears of one effect by what can be told apart: one of each class stands for all others of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from operator import add

from otalab.faults.tear import FaultModel, Site, Tear
from otalab.firmware.device import Device
from otalab.graph.believed import Believed
from otalab.graph.identity import SCRAP, Identity
from otalab.graph.nodes import TearClass
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

_Classes = dict[Hashable, dict[Hashable, TearClass]]
# The tears of one record are the same in every search of a device, and there are 20,000 of them: what became of the
# last few is kept from one search to the next, with the bytes that were called scrap, 2 MB at most.
# Where each tear is a class of its own that would be a lot of memory.
KEPT, MOST_CLASSES = 64, 64
_Kept = tuple[_Classes, bytes, dict[bytes, Hashable]]
_kept: dict[Hashable, _Kept] = {}


class TearClasses:
    """Names the classes of what cuts leave in one search."""

    def __init__(self, faults: FaultModel, device: Device, identity: Identity) -> None:
        self._faults, self._device, self._identity = faults, device, identity
        self._believed = Believed(device)
        self._known: dict[tuple[object, ...], _Classes] = {}

    def __len__(self) -> int:
        """Return how many effects' tears were told apart."""
        return len(self._known)

    def of(self, effect: Erase | Program, before: Flash, sector: int, within: Hashable = None) -> list[TearClass]:
        """Return the classes in the order of their first members; with `within`, those of one class by their bytes."""
        # What a check of few bits accepts is forged after the record that counts, which may lie in the other place.
        key = effect, before.sectors[sector], before.mark_of(sector), self._identity.records(before, sector)
        known = self._known.get((*key, within is not None))
        if known is None:
            known = self._known[*key, within is not None] = self._told_apart(effect, before, sector, within is not None)
        return list(known.get(within, {}).values())  # a model that leaves nothing has no class at all

    def by_bytes(self, effect: Erase | Program, before: Flash, sector: int, tears: TearClass) -> list[TearClass]:
        """Return the tears of a class by their bytes."""
        if tears.count > 1:
            return self.of(effect, before, sector, within=tears.kind)
        # Of a journal's record each of 50,000 tears is a class of its own: all of them again for each was for ever.
        return [replace(tears, kind=self._raw(sector, tears.first))]

    def _told_apart(self, effect: Erase | Program, before: Flash, sector: int, by_bytes: bool) -> _Classes:
        law = self._identity.law(sector)
        # While it is known that some bytes were given a wrong class, the search is about to begin anew.
        if self._believed.asked or law is None or self._identity.stale:
            return self._all(effect, before, sector, by_bytes)[0]
        # All that tears and their classes are made of, so whoever asks for the same is answered the same.
        key = self._faults, Site.of(effect, before, self._device), law, by_bytes
        kept = _kept.pop(key, None)
        if kept is None:
            kept = self._all(effect, before, sector, by_bytes)
        else:
            self._identity.take_over(sector, *kept[1:])
        if sum(map(len, kept[0].values())) <= MOST_CLASSES and len(kept[2]) <= MOST_CLASSES:
            _kept[key] = kept  # at the end: what was not asked for longest goes first
            if len(_kept) > KEPT:
                _kept.pop(next(iter(_kept)), None)
        return kept[0]

    def _all(self, effect: Erase | Program, before: Flash, sector: int, by_bytes: bool) -> _Kept:
        """Return all classes at one go, and the bytes that make them.

        A record of which every byte counts has as many classes as it has tears.
        """
        known: _Classes = {}
        alike: dict[Hashable, list[Tear]] = {}
        scrap: dict[bytes, None] = {}
        others: dict[bytes, Hashable] = {}
        never, size = [0.0] * len(self._faults.members), self._identity.size(sector)
        left = self._faults.tears(effect, before, self._device)
        for tear in self._identity.noted(effect, before, sector, left):
            kind = self._identity.contents_class(sector, tear.contents, tear.mark)
            outer, inner = (kind, self._raw(sector, tear)) if by_bytes else (None, kind)
            tears = known.setdefault(outer, {}).setdefault(inner, TearClass(inner, tear, never))
            tears.count += 1
            tears.weights = [*map(add, tears.weights, tear.weights)]
            if kind[0] == SCRAP:
                scrap[tear.contents[:size]] = None
            elif len(others) <= MOST_CLASSES:
                others[tear.contents[:size]] = kind[0]
            if self._believed.asked and not by_bytes and sector in self._identity:
                alike.setdefault(kind, []).append(tear)
        for those in alike.values():
            self._believed.holds(before, sector, those)
        return known, b"".join(scrap), others

    def _raw(self, sector: int, tear: Tear) -> Hashable:
        return self._identity.raw_class(sector, tear.contents, tear.mark)

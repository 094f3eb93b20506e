"""Tears: what a cut can leave of the one effect that it interrupts, and the models that say so.

A model is a generator over a `Site`: it yields what can be left of the stretch that the effect works on, each with
the probability of its moment; its docstring says which physics licenses it, and its law.
The supply fails at a uniformly distributed moment; *f* is the fraction of the effect that has elapsed.
The state before and the state after are always possible, and what a law does not give away goes to one of them: a
program that was not finished is not done, an erase that was started is, which is the harshest for a single copy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from inspect import cleandoc
from math import fsum
from typing import NamedTuple

from otalab.errors import BadInput
from otalab.firmware import store
from otalab.firmware.device import Device
from otalab.formats.records.record import BootConfig, Record
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash, Mark
from otalab.hardware.geometry import Geometry

# A check this wide or narrower is forged; a wider one lets a torn record pass with probability `RESIDUAL` at most,
# which is left out of verdicts and printed beside them.
FORGEABLE_BITS, RESIDUAL = 16, 2.0**-32
# What tells tears of one kind apart in their labels: how many bytes, or which bits.
_NUMBER = re.compile(r"-[0-9a-f]+(?=-|$)")


@dataclass(frozen=True, slots=True)
class Tear:
    """What a cut can leave of the one sector that an effect works on.

    `weights` are its probabilities, one for each member of the fault model.
    """

    label: str
    contents: bytes
    mark: Mark | None
    weights: tuple[float, ...]

    def onto(self, before: Flash, sector: int) -> Flash:
        return before.with_sector(sector, self.contents, self.mark)


class Torn(NamedTuple):
    """What a generator yields: what is left of the stretch that the effect works on.

    `done`: so many leading bytes of a program are done, also where no bit had to change; all done is effect finished.
    `mark`: a new mark of the sector; without one, what stood before stays unless the effect was finished.
    """

    label: str
    contents: bytes
    weight: float = 0.0
    done: int = 0
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """The stretch of one sector that an effect works on: a program's own bytes, an erase's whole sector.

    `old` and `new` are its contents before and after the effect, `whole` those of the sector before.
    `fields` are the field sizes of a boot record that begins with the sector, `forged` records that only seem valid.
    """

    effect: Erase | Program
    geometry: Geometry
    sector: int
    start: int
    whole: bytes
    old: bytes
    new: bytes
    mark: Mark | None
    mark_after: Mark | None
    fields: tuple[int, ...]
    forged: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, effect: Erase | Program, before: Flash, device: Device) -> Site:
        """Return the stretch that an effect works on."""
        geometry, after = before.geometry, before.after(effect)
        sector, start = (effect.sector, 0) if isinstance(effect, Erase) else geometry.place_of(effect.address)
        whole, marks = before.sectors[sector], (before.mark_of(sector), after.mark_of(sector))
        end = start + (len(whole) if isinstance(effect, Erase) else len(effect.data))
        old, new = whole[start:end], after.sectors[sector][start:end]
        kept, from_where = device.families, start if isinstance(effect, Program) else None
        fields = next((family.fields_from(from_where) for family in kept if sector in family.sectors), ())
        boot_record = bool(kept) and sector in kept[0].sectors
        forgeries = forged(before, device) if boot_record and isinstance(effect, Erase) else ()
        here = geometry.at(geometry.start_of(sector))
        return cls(effect, here, sector, start, whole, old, new, *marks, fields, forgeries)

    @property
    def weak(self) -> bool:
        return bool(self.mark and self.mark.kind == "weak")

    def held(self, count: int) -> int:
        """Return how many of so many programmed bytes hold; it is `Flash.after` that decides this for all of them."""
        return count // 2 if self.weak else count

    def unreadable(self, first: int, end: int) -> Mark:
        """Return the mark of a sector in which the program units from an offset of the stretch on cannot be read."""
        units = range(self.start + first, self.start + end, self.geometry.program_unit)
        before = self.mark.units if self.mark and isinstance(self.effect, Program) else ()
        return Mark(self.sector, "unreadable", units=tuple(sorted({*before, *units})))

    def within(self, whole: bytes, contents: bytes) -> bytes:
        return whole[: self.start] + contents + whole[self.start + len(contents) :]

    def marked(self, left: Bare) -> Bare:
        """Return what is left with the mark that it bears."""
        label, contents, weight, done, mark = left
        return label, contents, weight, done, mark or self._mark_on(contents, done)

    def left(self, leave: Leave) -> Iterable[Bare]:
        """Return what a member of a model leaves here, with the marks that it bears."""
        return map(self.marked, leave(self)) if self.mark else leave(self)

    def _mark_on(self, contents: bytes, done: int) -> Mark | None:
        if self.mark is None or self.mark.kind != "unstable" or done == len(self.new):
            return self.mark_after if done == len(self.new) else self.mark
        # Only cells that turned, and those of bytes that were programmed again, read alike from now on.
        data = self.effect.data[:done] if isinstance(self.effect, Program) else b""
        now, size = int.from_bytes(contents), len(contents)
        alike = int.from_bytes(self.old) ^ now | ~int.from_bytes(data.ljust(size, b"\xff"))
        other = int.from_bytes(self.mark.other[self.start : self.start + size]) & ~alike | now & alike
        torn = self.within(self.mark.other, other.to_bytes(size))
        return None if torn == self.within(self.whole, contents) else Mark(self.sector, "unstable", torn)


Bare = tuple[str, bytes, float, int, Mark | None]
Leave = Callable[[Site], Iterable[Bare]]
Quick = Callable[[Site], int]
_Left = tuple[bytes, Mark | None]
_Told = tuple[str, list[float]]


@dataclass(frozen=True, slots=True)
class FaultModel:
    """A set of tears for every effect, and their probabilities.

    `parts`: its members, each a name, a generator and a share of the probability.
    `quick`: of a program of no record, how many tears it leaves, without making them.
    `most`: see `by_kinds`; 0 in a model that leaves all.
    """

    name: str
    parts: tuple[tuple[str, Leave, float], ...]
    text: str
    quick: Quick | None = None
    most: int = 0

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the members; a model that is no union is its own only member."""
        return tuple(name for name, _, _ in self.parts)

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the probability that each member has."""
        return tuple(share for _, _, share in self.parts)

    def tears(self, effect: Erase | Program, before: Flash, device: Device) -> Iterator[Tear]:
        """Yield what a cut can leave: the state before, the state after, then the others; none of them twice."""
        site = Site.of(effect, before, device)
        head, tail = site.whole[: site.start], site.whole[site.start + len(site.old) :]
        for (contents, mark), (label, weights) in self._left(site).items():
            yield Tear(label, head + contents + tail, mark, tuple(weights))

    def law(
        self, effect: Erase | Program, before: Flash, device: Device, members: Sequence[int] | None = None
    ) -> tuple[Site, list[tuple[str, bytes, Mark | None]], list[list[float]]]:
        """Return the stretch that an effect works on, what a cut can leave of it, and the probabilities by member.

        Of some of the members only, if they are given; the others have to leave nothing but before and after, lest a
        tear bear another label than in `tears`.
        """
        site = Site.of(effect, before, device)
        some = self if members is None else replace(self, parts=tuple(self.parts[member] for member in members))
        tears = some._left(site)
        rows = [(label, contents, mark) for (contents, mark), (label, _) in tears.items()]
        return site, rows, [weights for _, weights in tears.values()]

    def labels(self, site: Site) -> Iterator[tuple[str, bytes]]:
        """Yield the label of each tear and what it leaves of the stretch; quicker than `tears` where all are wanted."""
        return ((label, contents) for (contents, _), (label, _) in self._left(site).items())

    def by_kinds(self, most: int) -> FaultModel:
        """Return the model that leaves of each kind of tear only the first, second, fourth, …, up to the `most`th.

        What it leaves this one leaves, by the same label; its counts and probabilities mean nothing.
        """
        return replace(self, most=most)

    def count(self, effect: Erase | Program, before: Flash, device: Device) -> int:
        site = Site.of(effect, before, device)
        if self.quick and isinstance(effect, Program) and not site.fields and (site.weak or not site.mark):
            return self.quick(site)
        return _counted(self, site)

    def explain(self) -> str:
        """Return the set and its law in words."""
        return f"{self.name}: {self.text}"

    def _left(self, site: Site) -> dict[_Left, _Told]:
        before, after, members = (site.old, site.mark), (site.new, site.mark_after), len(self.parts)
        tears = {before: ("before", [0.0] * members)}
        tears.setdefault(after, ("after", [0.0] * members))
        for member, (_, leave, _) in enumerate(self.parts):
            rest = 1.0
            for label, contents, weight, _, mark in site.left(leave):
                known = tears.get((contents, mark))
                if known is None:
                    known = tears[contents, mark] = label, [0.0] * members
                known[1][member] += weight
                rest -= weight
            if rest > 1e-11:
                tears[after if isinstance(site.effect, Erase) else before][1][member] += rest
            elif rest < -1e-11:
                raise BadInput(f"fault model {self.name}: its weights sum to {1 - rest:g}, more than 1")
        labels = {label for label, _ in tears.values()}
        if len(labels) < len(tears) or any(map("".join(labels).count, " :./")):
            raise BadInput(f"fault model {self.name}: labels must differ, and hold no space and none of : . /")
        return dict(_sparse(tears.items(), self.most)) if self.most else tears


class Counts:
    """How many tears each effect has under one model on one device; a search asks of the same ones again and again."""

    def __init__(self, faults: FaultModel, device: Device) -> None:
        self._faults, self._device = faults, device
        self._known: dict[tuple[Erase | Program, bytes, Mark | None], int] = {}

    def of(self, effect: Erase | Program, before: Flash, sector: int) -> int:
        """Return how many tears an effect on a sector has."""
        key = effect, before.sectors[sector], before.mark_of(sector)
        count = self._known.get(key)
        if count is None:
            count = self._known[key] = self._faults.count(effect, before, self._device)
        return count


@lru_cache(maxsize=4096)
def _counted(model: FaultModel, site: Site) -> int:
    return len(model._left(site))


def _sparse(tears: Iterable[tuple[_Left, _Told]], most: int) -> Iterator[tuple[_Left, _Told]]:
    """Yield of each kind the first, second, fourth, …; numbers in a label tell no kind."""
    met: Counter[str] = Counter()
    for left, label_and_weights in tears:
        kind = kind_of(label_and_weights[0])
        met[kind] += 1
        if met[kind] <= most and met[kind].bit_count() == 1:
            yield left, label_and_weights


def kind_of(label: str) -> str:
    """Return the kind of a tear: its label without how many bytes, or which bits."""
    return _NUMBER.sub("", label)


def fault(name: str, leave: Leave, quick: Quick | None = None) -> FaultModel:
    """Make a fault model of a generator; its docstring is what the model says of itself."""
    return FaultModel(name, ((name, leave, 1.0),), cleandoc(leave.__doc__ or ""), quick)


def union(name: str, members: Mapping[FaultModel, float], quick: Quick | None = None) -> FaultModel:
    """Return the union of models; each gives its probabilities in proportion to its weight."""
    total = fsum(members.values())
    if total <= 0 or min(members.values()) < 0:
        raise BadInput("the weights of fault models must not be negative, and one at least must be more than 0")
    shares = {model: weight / total for model, weight in members.items()}
    parts = tuple((member, leave, shares[model] * weight) for model in members for member, leave, weight in model.parts)
    texts = (f"With probability {share:.4g}, {model.explain()}" for model, share in shares.items())
    return FaultModel(name, parts, "\n\n".join(("The union of its members.", *texts)), quick)


def forged(before: Flash, device: Device) -> tuple[tuple[str, bytes], ...]:
    """Return what looks like the newest record though nobody wrote it: it names the other slot, committed or dirty."""
    if device.records is None:
        return ()
    codec, weak = store.codec(device.records), store.codec(device.records).guard_bits <= FORGEABLE_BITS
    selected = store.select(Chip(device.board, before), device.records) if weak else None
    if selected is None:
        return ()
    config, other = selected.config, 0 if selected.config.active else 1
    committed = BootConfig(other, True, config.slots, interval=config.interval)
    configs = {"committed": committed, "dirty": config.staged(other, config.slots[other], config.interval)}
    records = {label: codec.encode(codec.follow(selected.record, config)) for label, config in configs.items()}
    return tuple((label, data) for label, data in records.items() if isinstance(codec.decode(data), Record))

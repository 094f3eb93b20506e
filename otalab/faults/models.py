"""The fault models of the catalogue: which physics licenses each, what it leaves, and with which probability.

How much of an erase each of its phases takes is published nowhere: the tenths and thirds below are assumptions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from hashlib import shake_256
from itertools import accumulate, pairwise
from struct import unpack

from otalab.errors import BadInput, unknown
from otalab.faults.tear import RESIDUAL, Bare, FaultModel, Site, Torn, fault, union
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Mark
from otalab.text import meant

# In the last tenth of an erase one cell in so many is slow, early and late: 4.5 % and 0.35 %.
LAST, SLOW = 0.1, (22, 286)
# Every combination of more fields than these would take longer than all else.
MOST_FIELDS = 13

# What no fault model has, and so no verdict: it is named wherever one stands.
LEFT_OUT = (
    f"a forged check of 32 bits or more ({RESIDUAL:.1e} per torn record)",
    "damage outside the sector being worked on",
    "reads that fault on a part without check bits",
    "an erase that is suspended for a read or a program, and resumed",
    "a program or erase that does nothing while the processor runs on",
    "a bit that flips at rest",
)
OF_ITS_OWN = "unstable cells are a fault model of their own (unstable), not in all"

_BYTE = [bytes([value]) for value in range(256)]
_HEX = [f"{value:02x}" for value in range(256)]


def atomic(erase_flip: float = 0.0, program_flip: float = 1.0) -> FaultModel:
    """Return the model of effects that happen or do not."""

    def leave(site: Site) -> Iterator[Torn]:
        """Nothing besides before and after.  Law: before if *f* is below the flip point (erase 0, program 1)."""
        flip = erase_flip if isinstance(site.effect, Erase) else program_flip
        yield Torn("before", site.old, flip)
        yield Torn("after", site.new, 1 - flip, len(site.new))

    return fault("atomic", leave, _whole_of)


def torn_program(site: Site) -> Iterator[Torn]:
    """Any number of leading bytes of a program done, in whole program units.

    Data sheets give a time for the first byte and one for each next byte, which suggests a rising order.
    Law: of n bytes, floor(f n) are done.  Of a part with check bits the unit that was being programmed cannot be read.
    """
    if isinstance(site.effect, Program):
        size, unit, ecc = len(site.old), site.geometry.program_unit, site.geometry.ecc
        for done in range(0, size, unit):
            held, weight = site.held(done), unit / size
            yield Torn(f"prefix-{held}", site.new[:held] + site.old[held:], 0.0 if ecc else weight, held)
            if ecc:
                half = site.new[: done + unit // 2] + site.old[done + unit // 2 :]
                yield Torn(f"unreadable-{done}", half, weight, held, site.unreadable(done, done + unit))


def torn_bits(site: Site) -> Iterator[Bare]:
    """What torn-program leaves, with any of the boundary byte's pending bits done, also inside a program unit.

    A program is many short pulses, and a cell that has reached its level is masked out: bits arrive one by one.
    Law: floor(f n) of n bytes are done, and of the next one's pending bits any set short of all, each alike.
    Coverage, with probability 0: each field of a boot record done or not, in every combination.
    """
    if isinstance(site.effect, Program):
        size = site.held(len(site.old))
        pending = [_short_of_all(site.old[at] & ~site.new[at]) for at in range(size)]
        # Whole bytes first: there are few of them, and they show most of what can go wrong.
        for at, sets in enumerate(pending):
            yield Torn(f"prefix-{at}", site.new[:at] + site.old[at:], 1 / (size * len(sets)), at)
        for at, sets in enumerate(pending):
            byte, head, tail, label = site.old[at], site.new[:at], site.old[at + 1 :], f"bits-{at}-"
            weight = 1 / (size * len(sets))
            for done in sets[1:]:
                # A bare tuple: there are thousands of these, and a named one takes longer than all else here.
                yield label + _HEX[done], head + _BYTE[byte & ~done] + tail, weight, at, None
        yield from _field_by_field(site)


def torn_erase(site: Site) -> Iterator[Torn]:
    """A leading or trailing part erased; almost blank with scattered old zeros; fillings of the whole sector.

    Measured on an STM32F103 (BrickProof): 4.5 %, then 0.35 % of the old zeros were left, always in the same slow cells.
    Vendors license any state, an apparently correct image included (Infineon KBA218817): so there are fillings that a
    check refuses, and where it has 16 bits or fewer also records that it accepts: newer than any that is there, naming
    the other slot, committed or dirty.  For 32 bits and more a residual is 2**-32 per torn record.
    Law: below 0.9 the front moves evenly, from either end alike; then 4.5 %, from 0.95 on 0.35 % of the zeros are left.
    Coverage, with probability 0: the fillings, and of a part with check bits a sector that cannot be read at all.
    """
    if isinstance(site.effect, Erase):
        if site.geometry.ecc:
            yield Torn("unreadable", _slowly(site.old, SLOW[0]), mark=site.unreadable(0, len(site.old)))
        size, noise = len(site.old), shake_256(b"filling").digest(len(site.old))
        yield from _fronts(site, site.old, site.new, "erased-{}", 1 - LAST)
        for one_in in SLOW:
            yield Torn(f"slow-cells-{one_in}", _slowly(site.old, one_in), LAST / 2)
        for label, filling in (("55", b"\x55" * size), ("aa", b"\xaa" * size), ("noise", noise)):
            yield Torn(f"filling-{label}", filling)
        for label, record in site.forged:
            yield Torn(f"forged-{label}", record + site.new[len(record) :])


def zeroed_erase(site: Site) -> Iterator[Torn]:
    """The passage through zeros, in part or whole, from either end; then blank over zeros; and what torn-erase has.

    NOR clears every bit before it erases, lest a cell be erased too far (Infineon KBA223960); an S29GL512N was seen
    with the start of its block intact and the end all zero.
    Law: below 1/3 the zeros move evenly, from either end alike; below 0.9 so does the erased front, over zeros; then
    4.5 %, from 0.95 on 0.35 % of all cells are still zero.  What torn-erase has is coverage, with probability 0.
    """
    if isinstance(site.effect, Erase):
        zeros = bytes(len(site.old))
        yield Torn("zeros", zeros)
        yield from _fronts(site, site.old, zeros, "zeros-{}", 1 / 3)
        yield from _fronts(site, zeros, site.new, "erased-{}-of-zeros", 1 - LAST - 1 / 3)
        for one_in in SLOW:
            yield Torn(f"slow-cells-{one_in}-of-zeros", _slowly(zeros, one_in), LAST / 2)
        yield from (left._replace(weight=0.0) for left in torn_erase(site))


def weak_erase(site: Site) -> Iterator[Torn]:
    """A sector that reads erased, but in which a program without a fresh erase does not hold.

    A block may read all ones and yet be half erased (linux-mtd, 2009); what is written to it is lost later.
    Law: from 0.9 on.
    """
    if isinstance(site.effect, Erase):
        yield Torn("weak", site.new, LAST, mark=Mark(site.sector, "weak"))


def unstable(site: Site) -> Iterator[Torn]:
    """The effect reads as complete now, and may read torn after any later power-on.

    Cells left part-way read noisily: a page may read well a few times and fail later (linux-mtd, 2011).
    The torn reading of a program: half the bytes, or all but the last pending bit; of an erase: slow cells still zero.
    Law: from 0.9 on, each torn reading alike.  Where a program meets a weak sector, that stays weak and no more.
    """
    if isinstance(site.effect, Erase):
        stood, readings = site.whole, {f"slow-cells-{one_in}": _slowly(site.old, one_in) for one_in in SLOW}
    else:
        stood = site.mark.other if site.mark and not site.weak else site.whole
        half, pending = len(site.old) // 2, int.from_bytes(site.old) & ~int.from_bytes(site.new)
        short = (int.from_bytes(site.new) | pending & -pending).to_bytes(len(site.new))
        readings = {"half": site.new[:half] + site.old[half:], "short": short}
    for label, reading in readings.items():
        # A sector bears one mark at most.
        plain = reading == site.new or (site.weak and site.mark_after)
        mark = None if plain else Mark(site.sector, "unstable", site.within(stood, reading))
        yield Torn(f"unstable-{label}", site.new, LAST / 2, len(site.new), mark)


def _fronts(site: Site, old: bytes, new: bytes, label: str, share: float) -> Iterator[Torn]:
    """Yield `new` growing over `old` from either end, past every byte of a record and past every page."""
    size, page = len(old), site.geometry.page_size
    for low, high in pairwise(sorted({0, *range(1, sum(site.fields) + 1), *range(page, size, page), size})):
        weight = share / 2 * (high - low) / size
        yield Torn(label.format(f"front-{low}"), new[:low] + old[low:], weight)
        yield Torn(label.format(f"back-{high}"), old[:high] + new[high:], weight)


def _slowly(old: bytes, one_in: int) -> bytes:
    """Return `old` erased, all but the zeros in its slow cells."""
    return (int.from_bytes(old) | _fast_cells(len(old), one_in)).to_bytes(len(old))


@cache
def _fast_cells(size: int, one_in: int) -> int:
    """Return the cells of a sector that are not slow, as ones: always the same, and the slowest among the slow."""
    luck = unpack(f">{8 * size}H", shake_256(b"slow cells").digest(16 * size))
    return int("".join("10"[number < 2**16 // one_in] for number in luck), 2)


def _field_by_field(site: Site) -> Iterator[Bare]:
    """Yield every combination of a record's fields done and not done; `fields-5` has the first and the third done."""
    left, at = [(0, b"")], 0
    for number, edge in enumerate(_edges(site.fields)):
        end = max(edge - site.start, 0)
        old, new = site.old[at:end], site.new[at:end]
        done = [(mask | 1 << number, contents + new) for mask, contents in left] if old != new else []
        left, at = [(mask, contents + old) for mask, contents in left] + done, end
    return ((f"fields-{mask:x}", contents + site.old[at:], 0.0, 0, None) for mask, contents in left)


@cache
def _edges(fields: tuple[int, ...]) -> tuple[int, ...]:
    """Return where the fields of a record end; of a format that has very many, the later ones are taken together."""
    edges = tuple(accumulate(fields))
    return edges if len(edges) <= MOST_FIELDS else (*edges[: MOST_FIELDS - 1], edges[-1])


def _whole_of(site: Site) -> int:
    """Return how many tears of a program a model has that leaves nothing of it but before and after."""
    return 1 if site.old == site.new else 2


def _prefixes_of(site: Site) -> int:
    """Return how many tears of a program `torn_program` has."""
    size, unit = len(site.old), site.geometry.program_unit
    if unit == 1 and not site.weak:
        pending = int.from_bytes(site.old) & ~int.from_bytes(site.new)
        prefixes = 1 + size - pending.to_bytes(size).count(0)
    else:
        edges = sorted({site.held(done) for done in range(0, size, unit)} | {0, size})
        prefixes = 1 + sum(site.old[low:high] != site.new[low:high] for low, high in pairwise(edges))
    return prefixes + (size // unit if site.geometry.ecc else 0)


def _bits_of(site: Site) -> int:
    """Return how many tears of a program `torn_bits` has."""
    return _bitwise(site.old, site.new)


def _all_of(site: Site) -> int:
    """Return how many tears of a program `all` has: of a part with check bits also each unit that cannot be read."""
    return _bitwise(site.old, site.new) + (len(site.old) // site.geometry.program_unit if site.geometry.ecc else 0)


@lru_cache(maxsize=2**14)
def _bitwise(old: bytes, new: bytes) -> int:
    """Return how many tears of a program `torn_bits` has, and with it every union in which it is the largest.

    A byte with p pending bits has 2**p - 1 states short of done, each with all bytes before it done and none after it.
    """
    pending = int.from_bytes(old) & ~int.from_bytes(new)
    return 1 + sum((1 << byte.bit_count()) - 1 for byte in pending.to_bytes(len(old)))


@cache
def _short_of_all(pending: int) -> tuple[int, ...]:
    """Return every subset of some bits but the whole, the empty one first; of no bits, the empty one."""
    return tuple(bits for bits in range(pending) if not bits & ~pending) or (0,)


_OF_PROGRAMS = (fault("torn-program", torn_program, _prefixes_of), fault("torn-bits", torn_bits, _bits_of))
_OF_ERASES = tuple(
    fault(name, leave, _whole_of)
    for name, leave in (("torn-erase", torn_erase), ("zeroed-erase", zeroed_erase), ("weak-erase", weak_erase))
)
SIX = {model.name: model for model in (atomic(), *_OF_PROGRAMS, *_OF_ERASES)}


def weighted(mixture: Mapping[str, float]) -> FaultModel:
    """Return `all` with other weights: what can happen stays the same, and a member that is not named weighs 0."""
    if strange := sorted(mixture.keys() - SIX.keys()):
        raise BadInput(f"{strange[0]!r} is no member of all; its members: {', '.join(SIX)}{meant(strange[0], SIX)}")
    return union("all", {model: mixture.get(name, 0.0) for name, model in SIX.items()}, _all_of)


FAULTS = {**SIX, "all": weighted(dict.fromkeys(SIX, 1.0)), "unstable": fault("unstable", unstable)}


def fault_model(name: str) -> FaultModel:
    """Return the fault model of this name."""
    if not isinstance(name, str) or name not in FAULTS:
        raise unknown("fault model", name, FAULTS)
    return FAULTS[name]

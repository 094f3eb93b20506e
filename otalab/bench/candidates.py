"""Formats that something speaks for: how much, and what in the bytes they leave unexplained.

Files that are cut short, that hold more than a record, or that come from two devices are where an answer with
confidence would be wrong: the record that counts may be the one that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from otalab.bench.inspected import FILLERS, Inspection
from otalab.bench.record_places import Whereabouts
from otalab.errors import BadInput
from otalab.firmware import store
from otalab.firmware.design import Design
from otalab.formats.records.record import Record
from otalab.formats.records.signs import Sign
from otalab.hardware.flash import ERASED


@dataclass(frozen=True, slots=True)
class Candidate:
    """A format at a place, and what speaks for it in each of the records there, by where that lies."""

    inspection: Inspection
    way: Whereabouts
    signs: dict[str, Sign]

    @property
    def sure(self) -> bool:
        """Whether a check tells the format."""
        return any(sign.sure for sign in self.signs.values())

    @property
    def weight(self) -> tuple[bool, int, bool]:
        """How much speaks for it: a check, the bits of all records, and that one of them counts."""
        return self.sure, sum(sign.bits for sign in self.signs.values()), self.inspection.selected is not None

    @property
    def meaning(self) -> tuple[int | None, bool] | None:
        """What it says of the device: the slot that is started, and whether that is committed."""
        number = self.inspection.selected
        place = None if number is None else self.inspection.records[number]
        return (place.slot, place.found.config.committed) if place and isinstance(place.found, Record) else None


def nothing_behind(design: Design, areas: Iterable[tuple[str, bytes]]) -> bool:
    """Say whether nothing lies behind the records: what no check tells is not taken out of the midst of something."""
    return not more_behind(design, areas)


def more_behind(design: Design, areas: Iterable[tuple[str, bytes]]) -> str:
    """Return where more lies than a record of this design and a filler, in words; nothing where none does."""
    size = store.codec(design).size * design.journal
    for where, data in areas:
        rest = data[size:]
        if len({*rest}) > 1 or rest[:1] not in (b"", b"\0", b"\xff"):
            return f"behind the {size} bytes that it explains, {where} has {len(rest)} more"
    return ""


def cut_short(design: Design, way: Whereabouts) -> str:
    """Return which area ends inside a record, or inside its journal in a dump, in words; nothing where none does."""
    size = store.codec(design).size
    for where, data in way.areas:
        whole = size * design.journal if way.of_a_dump else min(-(-len(data) // size), design.journal) * size
        if len(data) < whole and (way.of_a_dump or {*data} not in ({0}, {ERASED})):
            return f"{where} ends after {len(data)} of {whole} bytes"
    return ""


def doubts(best: Candidate) -> str:
    """Return why another record than those that are there may count, in words; nothing where none can."""
    form, way = best.inspection.design, best.way
    if way.of_a_dump:
        return ""
    # What a short file reads as is known: its loader sees all of the record.
    if best.inspection.format in FILLERS and (cut := cut_short(form, way)):
        return f"{cut}, and what a file lacks reads as zeros"
    return more_behind(form, way.areas) or _journal_cut(form, way.areas)


def _journal_cut(design: Design, areas: Iterable[tuple[str, bytes]]) -> str:
    size, places = store.codec(design).size, design.journal
    held = ((where, len(data) // size) for where, data in areas if len({*data}) > 1)
    return next((f"{where} holds {n} of the {places} places of a journal" for where, n in held if n < places > 1), "")


def refuse_a_part(best: Candidate, name: str) -> None:
    """Refuse to answer where a record is cut off: it may be the one that counts."""
    form = best.inspection.format
    if form not in FILLERS and (cut := cut_short(best.inspection.design, best.way)):
        raise BadInput(f"{name}: it looks like {form}, and {cut}; bring all of it: what is cut off may count")


def refuse_a_tie(best: Candidate, rivals: Sequence[Candidate], name: str) -> None:
    """Refuse to answer where another format has as much for it, or a check of its own where the best one has none."""
    for other in rivals:
        same = other.weight[:2] == best.weight[:2]
        beside = best.sure and other.sure and not other.signs.keys() <= best.signs.keys()
        if (same or beside) and other.meaning != best.meaning:
            both = " or ".join(f"{candidate.inspection.format} ({_meant(candidate)})" for candidate in (best, other))
            speaks = "as much speaks" if same else "checks match"
            raise BadInput(f"{name}: {speaks} for {both}; name one with --format")


def strangers(best: Candidate, rivals: Iterable[Candidate]) -> tuple[str, ...]:
    """Return what in the files looks like a record of another format, and is none of the best one's."""
    words = {
        where: f"{where} looks like {other.inspection.format}, as another device or an older firmware leaves it"
        for other in reversed([*rivals])
        if other.way.areas == best.way.areas
        for where in other.signs.keys() - best.signs.keys()
    }
    return tuple(f"{sentence}." for sentence in words.values())


def _meant(candidate: Candidate) -> str:
    if candidate.meaning is None:
        return "no record counts"
    slot, committed = candidate.meaning
    return f"slot {slot}, {'committed' if committed else 'dirty'}"

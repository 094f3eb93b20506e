"""Boot records from elsewhere, as they are shown: what stands in them, which one the loader takes, and why.

The bytes are put where a design's records lie, and the record store is asked, as the loader would ask it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from otalab.firmware import own_part, store
from otalab.firmware.design import Design
from otalab.firmware.explain import RecordPlace, explain
from otalab.formats.records import rboot, rboot_own
from otalab.formats.records.otadata import slot_counted
from otalab.formats.records.record import Codec, Invalid, Record, counted
from otalab.hardware.board import load_board
from otalab.hardware.chip import Chip
from otalab.hardware.flash import ERASED, Flash
from otalab.hardware.places import Region
from otalab.summary import SummaryLine

SECTOR = 4096
# A missing or a short file of the CC3200 reads as zeros; on bare flash what was never written reads as ones.
FILLERS = {"cc3200": b"\0", "cc3200-files": b"\0"}
# Which records say where their slots lie.
ADDRESSES = {
    "rboot": rboot.rom_addresses,
    "rboot-own": rboot_own.rom_addresses,
    "rboot-checked": rboot_own.rom_addresses,
}
# Which of them name no slot but a number, from which it follows.
NUMBERS = {"otadata": slot_counted}
COLUMNS = ("where", "", "sequencer", "slot", "state", "says")


@dataclass(frozen=True, slots=True)
class Inspected:
    """One place: where it was found, its bytes, what the format makes of them, and its sequencer, if that has one.

    `slot` and `revert` are what the bytes say of where to start and where to go back to, and no more; `addresses` are
    those of the slots, where the record has them.
    """

    where: str
    data: bytes
    found: Record | Invalid
    sequencer: int | None
    slot: int | None = None
    revert: int | None = None
    addresses: tuple[int, ...] = ()

    @property
    def blank(self) -> bool:
        """Whether nothing was ever written here."""
        return self.data.count(ERASED) == len(self.data)

    def as_object(self) -> dict[str, Any]:
        """Return the place as JSON knows it."""
        record = self.found if isinstance(self.found, Record) else None
        config = record.config if record else None
        return {
            "where": self.where,
            "valid": record is not None,
            "reason": self.found.reason if isinstance(self.found, Invalid) else "",
            "sequencer": self.sequencer,
            "active_slot": self.slot,
            "committed": config.committed if config else None,
            "revert_slot": self.revert,
            "tried": config.tried if config else None,
            "first_boot": config.first if config else None,
            "merge": config.merge if config else None,
            "withdrawn": config.withdrawn if config else None,
            "commit_timeout": config.interval if config else None,
            "slot_addresses": list(self.addresses),
        }


@dataclass(frozen=True, slots=True)
class Inspection(SummaryLine):
    """Boot records, decoded: `records` are the places that were looked at, `selected` the one that the loader takes.

    `areas` are the bytes of the one or two areas, as `SequencerLab(inspection.design, *inspection.areas)` takes them.
    `speaks_for_it` is what the bytes have of this format; where no check tells it, it is a `guess`, and `others` are
    the formats that it could be as well.  `next` says what the loader does where no record counts, `notes` what else
    was found or taken for granted.
    """

    format: str
    design: Design
    areas: tuple[bytes, ...]
    records: tuple[Inspected, ...]
    selected: int | None
    reason: str
    speaks_for_it: str = ""
    guess: bool = False
    others: tuple[str, ...] = ()
    next: str = ""
    notes: tuple[str, ...] = ()

    def as_object(self) -> dict[str, Any]:
        """Return all of it in the shape that the contract gives it."""
        return {
            "format": self.format,
            "records": [record.as_object() for record in self.records],
            "selected": self.selected,
            "reason": self.reason,
            "guess": self.guess,
            "speaks_for_it": self.speaks_for_it,
            "others": list(self.others),
            "next": self.next,
            "notes": list(self.notes),
        }

    @property
    def sentences(self) -> Iterator[str]:
        """Yield how sure the format is, what the loader does next where no record counts, and what else there is."""
        if self.guess:
            other = f"it could also be {', '.join(self.others)}" if self.others else "no other format makes sense of it"
            yield f"The format is a guess: {self.speaks_for_it}; {other}."
        elif self.speaks_for_it:
            yield f"The format is {self.format}: {self.speaks_for_it}."
        if self.next:
            yield f"The loader then: {self.next}"
        yield from self.notes

    @property
    def text(self) -> str:
        """Which format it is, which record counts, and what else there is to say of it."""
        return " ".join((f"{self.format}. {self.reason}", *self.sentences))

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield one row per place: where, taken or not, sequencer, slot, state, and what else it says."""
        for number, place in enumerate(self.records):
            mark = "<-" if number == self.selected else ""
            if isinstance(place.found, Invalid):
                yield place.where, mark, "", "", "invalid", place.found.reason
                continue
            config = place.found.config
            says = [name for name in ("first", "merge", "withdrawn") if getattr(config, name)]
            says += [f"tried {config.tried}"] if config.tried else []
            says += [f"{config.interval} s"] if config.interval else []
            way_back = "" if place.revert is None else f"back to {place.revert}"
            state = "committed" if config.committed else "dirty"
            says += [f"slot {slot} at 0x{address:x}" for slot, address in enumerate(place.addresses)]
            details = ", ".join([way_back, *says] if way_back else says)
            sequencer = "" if place.sequencer is None else counted(place.sequencer)
            yield place.where, mark, sequencer, str(place.slot), state, details

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows())
        return f"<table><tr>{head}</tr>{body}</table><p>{escape(self.text)}</p>"


def looked_at(form: str, design: Design, files: Sequence[tuple[str, bytes]], slots: int = 2) -> Inspection | None:
    """Return what a format makes of one or two areas; `None` if it keeps another number of them.

    `slots` is how many OTA slots an entry of ESP-IDF counts through.
    """
    filler = FILLERS.get(form, bytes([ERASED]))
    size = -(-max(len(data) for _, data in files) // SECTOR) * SECTOR
    if len(files) > design.records:
        return None
    padded = [_padded(store.codec(design).size, data, filler).ljust(size, bytes([ERASED])) for _, data in files]
    areas = (*padded, *[filler * size] * (design.records - len(padded)))
    chip = _chip(design, areas)
    explained, form_of = explain(chip, design), store.codec(design)
    shown = []
    for place in explained.telling:
        area, offset = divmod(place.number, design.journal)
        where = files[area][0] if area < len(files) else "missing"
        here = f"{where}+0x{offset * form_of.size:x}" if offset else where
        sequencer = place.found.sequencer if "sequencer" in form_of.names else None
        named = _slots_named(design, form_of, place.found, slots)
        shown.append(Inspected(here, place.data, place.found, sequencer, *named, _addresses(design, place)))
    selected = next((n for n, place in enumerate(explained.telling) if place.number == explained.selected), None)
    after = "" if selected is not None else f"{own_part.says('no_record', design.no_record)}."
    return Inspection(form, design, areas, tuple(shown), selected, explained.reason, next=after)


def _slots_named(design: Design, form: Codec, record: Record | Invalid, slots: int) -> tuple[int | None, int | None]:
    """Return the slot to start and the one to go back to, as the bytes say: the lab's firmware infers the second."""
    if isinstance(record, Invalid):
        return None, None
    config = record.config
    number = NUMBERS.get(design.record)
    slot = number(record.sequencer, slots) if number else config.active
    return slot, config.previous if {"previous", "revert"} & {*form.names} else None


def _addresses(design: Design, place: RecordPlace) -> tuple[int, ...]:
    read = ADDRESSES.get(design.record)
    return read(place.data) if read and isinstance(place.found, Record) else ()


def _padded(width: int, data: bytes, filler: bytes) -> bytes:
    return data if len(data) >= width else (filler * width if filler == b"\0" else data.ljust(width, filler))


def _chip(design: Design, areas: Sequence[bytes]) -> Chip:
    """Return a chip that holds these areas where a board of this design has its records."""
    size = len(areas[0])
    board = load_board("tiny")
    geometry = replace(board.alike, sectors=max(board.geometry.count, 2 * size // SECTOR))
    board = replace(board, geometry=geometry, records=(Region(0, size), Region(size, size)))
    flash = Flash.blank(geometry)
    for number, area in enumerate(areas):
        flash = flash.patched(number * size, area)
    return Chip(board, flash)

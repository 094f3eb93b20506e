"""Boot records from elsewhere: which format they are in, what stands in them, and which one the loader takes, and why.

The bytes are put where a design's records lie, and the record store is asked, as the loader would ask it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from typing import Any

from otalab.errors import BadInput, unknown
from otalab.firmware import store
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.design import Design
from otalab.firmware.explain import explain
from otalab.formats.records.record import Invalid, Record, counted
from otalab.hardware.board import Board, Region, boards, load_board
from otalab.hardware.chip import Chip
from otalab.hardware.flash import ERASED, Flash

SECTOR = 4096
# A missing or a short file of the CC3200 reads as zeros; on bare flash what was never written reads as ones.
ZERO_FILLED = ("cc3200", "cc3200-files")
PARTITION_TABLE = 0x8000, b"\xaa\x50"


@cache
def formats() -> dict[str, Design]:
    """Return a design for every format: guarded ones first, then those that can be told by how they begin."""
    complete, plain = load_design("hardened"), load_design("mongoose")
    return {
        "complete": complete,
        "complete-crc16": replace(complete, guard="crc16"),
        "mgos-boot": load_design("mgos-boot"),
        "otadata": load_design("esp-idf"),
        "otadata-mongoose": load_design("esp32"),
        "cc3200-files": replace(load_design("cc3200"), store="atomic-replace"),
        "rboot": load_design("esp8266"),
        "cc3200": load_design("cc3200"),
        "mongoose": plain,
        "complete-unguarded": replace(complete, guard="none"),
    }


@dataclass(frozen=True, slots=True)
class Inspected:
    """One place: where it was found, its bytes, what the format makes of them, and its sequencer, if that has one."""

    where: str
    data: bytes
    found: Record | Invalid
    sequencer: int | None

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
            "active_slot": config.active if config else None,
            "committed": config.committed if config else None,
            "revert_slot": config.previous if config else None,
            "tried": config.tried if config else None,
            "first_boot": config.first if config else None,
            "merge": config.merge if config else None,
            "withdrawn": config.withdrawn if config else None,
            "commit_timeout": config.interval if config else None,
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """Boot records, decoded: `records` are the places that were looked at, `selected` the one that the loader takes.

    `areas` are the bytes of the one or two areas, as `SequencerLab(inspection.design, *inspection.areas)` takes them.
    """

    format: str
    design: Design
    areas: tuple[bytes, ...]
    records: tuple[Inspected, ...]
    selected: int | None
    reason: str

    def as_object(self) -> dict[str, Any]:
        """Return all of it in the shape that the contract gives it."""
        return {
            "format": self.format,
            "records": [record.as_object() for record in self.records],
            "selected": self.selected,
            "reason": self.reason,
        }

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield one row per place: where, taken or not, sequencer, slot, state, and what else it says."""
        for number, one in enumerate(self.records):
            mark = "<-" if number == self.selected else ""
            if isinstance(one.found, Invalid):
                yield one.where, mark, "", "", "invalid", one.found.reason
                continue
            config = one.found.config
            says = [name for name in ("first", "merge", "withdrawn") if getattr(config, name)]
            says += [f"tried {config.tried}"] if config.tried else []
            says += [f"{config.interval} s"] if config.interval else []
            way_back = "" if config.previous is None else f"back to {config.previous}"
            state = "committed" if config.committed else "dirty"
            details = ", ".join([way_back, *says] if way_back else says)
            sequencer = "" if one.sequencer is None else counted(one.sequencer)
            yield one.where, mark, sequencer, str(config.active), state, details

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows())
        return f"<table><tr>{head}</tr>{body}</table><p>{escape(self.format)}. {escape(self.reason)}</p>"


COLUMNS = ("where", "", "sequencer", "slot", "state", "says")


def inspect_records(files: Sequence[tuple[str, bytes]], form: str | None = None) -> Inspection:
    """Decode one or two record files, given in order; each is a name and its bytes."""
    if not 1 <= len(files) <= 2:
        raise BadInput(f"{len(files)} files: a flash dump, or one or two record files in order, are needed")
    if len(files) == 1 and len(files[0][1]) == 2 * SECTOR:
        name, data = files[0]
        # Both sectors in one file, as `otadata.bin` of a bundle has them.
        files = [(name, data[:SECTOR]), (f"{name}+0x{SECTOR:x}", data[SECTOR:])]
    if not any(data for _, data in files):
        raise BadInput(f"{files[0][0]}: the file is empty")
    return _best(form, [(None, files)], files[0][0])


def inspect_dump(name: str, dump: bytes, board: Board | None = None, form: str | None = None) -> Inspection:
    """Decode the boot records in a dump of a whole flash; the board follows from its size, if it is not given."""
    if board is not None and len(dump) != board.geometry.size:
        raise BadInput(f"{name}: {len(dump)} bytes, and board {board.name} has {board.geometry.size}")
    ways: list[tuple[int | None, Sequence[tuple[str, bytes]]]] = []
    for one in [board] if board else _boards_of(name, dump):
        areas = [(f"{name}+0x{area.address:x}", dump[area.address : area.address + area.size]) for area in one.records]
        # A format with one record may have it in either place.
        ways += [(2, areas), (1, areas[:1]), (1, areas[1:])]
    return _best(form, ways, name)


def is_dump(data: bytes) -> bool:
    """Say whether bytes are as many as the flash of a board has."""
    return len(data) in {load_board(name).geometry.size for name in boards()}


def _boards_of(name: str, dump: bytes) -> list[Board]:
    fitting = [board for board in map(load_board, boards()) if board.geometry.size == len(dump)]
    at, magic = PARTITION_TABLE
    if dump[at : at + len(magic)] == magic:
        fitting = [board for board in fitting if board.platform == "esp32"]
    if not fitting:
        raise BadInput(f"{name}: no board has a flash of {len(dump)} bytes; name one with --board")
    return fitting


def _best(form: str | None, ways: list[tuple[int | None, Sequence[tuple[str, bytes]]]], name: str) -> Inspection:
    """Return the inspection in the format that is named, or in the likeliest one that makes sense of the bytes."""
    designs = {form: design_of(form)} if form else formats()
    tried = [
        (_sense(inspection), inspection)
        for known, design in designs.items()
        for count, files in ways
        if count in (None, design.records) and (inspection := _looked_at(known, design, files)) is not None
    ]
    if not tried:
        raise BadInput(f"{name}: it does not have the size that format {form} needs")
    if form:
        return max(tried, key=lambda pair: pair[0])[1]
    if not any(any(sense) for sense, _ in tried):
        raise BadInput(f"{name}: no format makes sense of it; name one with --format: {', '.join(formats())}")
    return max(tried, key=lambda pair: pair[0])[1]


def design_of(name: str) -> Design:
    """Return the design of a format, by the format's name or by that of a design."""
    if name in formats():
        return formats()[name]
    if name in designs() or name.endswith(".toml"):
        return load_design(name)
    raise unknown("format", name, formats(), ", or a design")


def _looked_at(form: str, design: Design, files: Sequence[tuple[str, bytes]]) -> Inspection | None:
    filler = b"\0" if form in ZERO_FILLED else bytes([ERASED])
    size = -(-max(len(data) for _, data in files) // SECTOR) * SECTOR
    single = design.records == 1
    if single and len(files) > 1:
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
        shown.append(Inspected(here, place.data, place.found, sequencer))
    selected = next((n for n, place in enumerate(explained.telling) if place.number == explained.selected), None)
    return Inspection(form, design, areas, tuple(shown), selected, explained.reason)


def _padded(width: int, data: bytes, filler: bytes) -> bytes:
    return data if len(data) >= width else (filler * width if filler == b"\0" else data.ljust(width, filler))


def _chip(design: Design, areas: Sequence[bytes]) -> Chip:
    """Return a chip that holds these areas where a board of this design has its records."""
    size = len(areas[0])
    board = load_board("tiny")
    geometry = replace(board.geometry, sectors=max(board.geometry.sectors, 2 * size // SECTOR))
    board = replace(board, geometry=geometry, records=(Region(0, size), Region(size, size)))
    flash = Flash.blank(geometry)
    for number, area in enumerate(areas):
        flash = flash.patched(number * size, area)
    return Chip(board, flash)


def _sense(inspection: Inspection) -> tuple[int, int, int, int]:
    """Return how much sense a format makes of bytes: a choice, the strength of its check, whole places, its order."""
    whole = [record for record in inspection.records if _plausible(inspection, record)]
    if not whole:
        return 0, 0, 0, 0
    taken = inspection.selected is not None and inspection.records[inspection.selected] in whole
    order = list(formats()).index(inspection.format) if inspection.format in formats() else 0
    # A check that holds by chance is rarer than any number of records that only look like some.
    return int(taken), store.codec(inspection.design).guard_bits, len(whole), -order


def _plausible(inspection: Inspection, place: Inspected) -> bool:
    """Say whether a record is one that somebody wrote: without a check, any bytes are a record to some formats."""
    if not isinstance(place.found, Record) or place.where == "missing":
        return False
    config, form = place.found.config, store.codec(inspection.design)
    if form.guard_bits:
        return True
    slots = config.active in (0, 1) and config.previous in (0, 1, None)
    # The fields that a format has are all that it may hold: what is encoded again is what was read.
    as_written = form.encode(place.found)[: form.size] == place.data[: form.size]
    return slots and (as_written or inspection.format in ("rboot", "cc3200"))

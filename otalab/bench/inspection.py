"""Boot records from elsewhere: which format they are in, and how sure that is.

Every format is tried at every place; the one counts for which the bytes speak most.  What no check tells is called a
guess; where two formats would say different things, or none says anything, there is no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

from otalab.bench.candidates import (
    Candidate,
    doubts,
    nothing_behind,
    refuse_a_part,
    refuse_a_tie,
    strangers,
)
from otalab.bench.inspected import COLUMNS, Inspected, Inspection, looked_at
from otalab.bench.record_places import Dump, Whereabouts, in_dump, in_files
from otalab.errors import BadInput, unknown
from otalab.firmware import store
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.design import Design
from otalab.formats.partition_table import AT, PartitionTable, find_table, read_table
from otalab.formats.records.record import Record
from otalab.formats.records.signs import signs
from otalab.hardware.board import Board, boards, load_board
from otalab.hardware.flash import ERASED
from otalab.own.page import is_page, page_of

__all__ = ["COLUMNS", "Inspected", "Inspection", "design_of", "formats", "inspect_dump", "inspect_records", "is_dump"]
# No area for records is larger: a file that is, is a dump.
LARGEST_AREA = 0x20000
ASSUMED = "Two OTA slots are assumed: the slot follows from their number, which only a partition table tells."


@cache
def formats() -> dict[str, Design]:
    """Return a design for every format; of two that explain as much, the first is named first."""
    complete, rboot = load_design("hardened"), load_design("esp8266")
    return {
        "complete": complete,
        "complete-crc16": replace(complete, guard="crc16"),
        "mgos-boot": load_design("mgos-boot"),
        "otadata": load_design("esp-idf"),
        "otadata-mongoose": load_design("esp32"),
        "cc3200-files": replace(load_design("cc3200"), store="atomic-replace"),
        "rboot": rboot,
        "rboot-own": replace(rboot, record="rboot-own"),
        "rboot-checked": replace(rboot, record="rboot-checked"),
        "boot-control": load_design("ab-tries"),
        "mcuboot": load_design("mcuboot-overwrite"),
        "cc3200": load_design("cc3200"),
        "mongoose": load_design("mongoose"),
        "complete-unguarded": replace(complete, guard="none"),
    }


def inspect_records(files: Sequence[tuple[str, bytes]], form: str | None = None) -> Inspection:
    """Decode one or two record files, given in order; each is a name and its bytes."""
    if not 1 <= len(files) <= 2:
        raise BadInput(f"{len(files)} files: a flash dump, or one or two record files in order, are needed")
    if not any(data for _, data in files):
        raise BadInput(f"{files[0][0]}: the file is empty")
    return _told(list(in_files(files)), form, files[0][0], files[0][1])


def inspect_dump(
    name: str, dump: bytes, board: Board | None = None, form: str | None = None, offset: int = 0
) -> Inspection:
    """Decode the boot records in a dump of a flash, or in a part of one that begins at `offset`.

    Its own partition table says where they lie; else the board that is named, or one of those that the lab knows.
    """
    what, table = Dump(name, dump, offset), find_table(dump, offset)
    ways = list(in_dump(what, board))
    if not ways:
        raise BadInput(_unplaced(what, board, table))
    inspection = _told(ways, form, name, dump)
    return replace(inspection, notes=(*inspection.notes, *_of_table(table, board)))


def is_dump(data: bytes) -> bool:
    """Say whether bytes are of a flash: as many as a board has, too many for records, or with a table in them."""
    whole = {load_board(name).geometry.size for name in boards()}
    return len(data) in whole or len(data) > LARGEST_AREA or find_table(data) is not None


def design_of(name: str) -> Design:
    """Return the design of a format, by the format's name, by that of a design, or by the page of code."""
    if is_page(name):
        records = page_of(name).records
        if records is None:
            raise BadInput(f"{name}: says nothing of boot records; [records] would")
        return records
    if name in formats():
        return formats()[name]
    if name in designs() or name.endswith(".toml"):
        return load_design(name)
    raise BadInput(unknown("format", name, formats(), "or a design"))


def _told(ways: Sequence[Whereabouts], form: str | None, name: str, data: bytes) -> Inspection:
    if form:
        return _in_format(ways, form, name)
    candidates = sorted(_candidates(ways), key=lambda candidate: candidate.weight, reverse=True)
    if not candidates:
        empty = _blank_table(ways)
        if empty is None:
            raise BadInput(_unknown(ways, name, data))
        return empty
    best = candidates[0]
    rivals = [candidate for candidate in candidates[1:] if candidate.inspection.format != best.inspection.format]
    refuse_a_tie(best, rivals, name)
    refuse_a_part(best, name)
    rest = doubts(best)
    guess = not best.sure or bool(rest)
    others = tuple(dict.fromkeys(candidate.inspection.format for candidate in rivals)) if guess else ()
    words = "; ".join(dict.fromkeys((*(sign.words for sign in best.signs.values()), *([rest] if rest else []))))
    notes = (*best.inspection.notes, *(() if guess else strangers(best, rivals)), *_alone(best))
    inspection = replace(best.inspection, speaks_for_it=words, guess=guess, others=others, notes=notes)
    return _with_notes(inspection, best.way)


def _candidates(ways: Iterable[Whereabouts]) -> Iterable[Candidate]:
    """Yield every format at every place for which something speaks there."""
    for known, design in formats().items():
        for way in ways:
            if way.records not in (None, design.records):
                continue
            inspection = looked_at(known, design, way.areas, _slots(way.table))
            if inspection is None:
                continue
            codec = store.codec(design)
            every = {place.where: signs(design.record, codec, place.data) for place in inspection.records}
            speaking = {where: sign for where, sign in every.items() if sign}
            if speaking and (any(sign.sure for sign in speaking.values()) or nothing_behind(design, way.areas)):
                yield Candidate(inspection, way, speaking)


def _alone(best: Candidate) -> tuple[str, ...]:
    """Return that one record of two was brought, where that is so."""
    lacking = best.inspection.design.records > len(best.way.areas)
    return ("One record of two was brought: what the other place holds may count instead.",) if lacking else ()


def _in_format(ways: Iterable[Whereabouts], form: str, name: str) -> Inspection:
    """Return what the format that is named makes of the places for which most speaks; the first if nothing does."""
    design = design_of(form)
    fitting = [way for way in ways if way.records in (None, design.records)]
    decoded = [
        (way, inspection) for way in fitting if (inspection := looked_at(form, design, way.areas, _slots(way.table)))
    ]
    if not decoded:
        raise BadInput(f"{name}: it does not have the size that format {form} needs")
    codec = store.codec(design)

    def speaks(pair: tuple[Whereabouts, Inspection]) -> tuple[int, bool]:
        every = [signs(design.record, codec, place.data) for place in pair[1].records]
        return sum(sign.bits for sign in every if sign), pair[1].selected is not None

    way, best = max(decoded, key=speaks)
    return _with_notes(best, way)


def _blank_table(ways: Iterable[Whereabouts]) -> Inspection | None:
    """Return what ESP-IDF makes of entries that were never written, where a partition table has a place for them."""
    for way in ways:
        if way.table and all(data.count(ERASED) == len(data) for _, data in way.areas):
            inspection = looked_at("otadata", formats()["otadata"], way.areas, _slots(way.table))
            if inspection:
                words = "its own partition table has otadata there, and nothing was ever written to it"
                return _with_notes(
                    replace(inspection, speaks_for_it=words, guess=True, others=("otadata-mongoose",)), way
                )
    return None


def _with_notes(inspection: Inspection, way: Whereabouts) -> Inspection:
    """Add what else there is to say of records of this format."""
    note = NOTES.get(inspection.design.record)
    return note(inspection, way.table) if note else inspection


def _of_esp_idf(inspection: Inspection, table: PartitionTable | None) -> Inspection:
    """Add what a partition table says of the loader's next step, and what was taken for granted without one."""
    if table is None:
        return replace(inspection, notes=(*inspection.notes, ASSUMED)) if any(_a_record(inspection)) else inspection
    if inspection.selected is None and table.factory:
        return replace(
            inspection, next=f"Start the factory image at 0x{table.factory.offset:x}, which no update replaces."
        )
    return inspection


def _a_record(inspection: Inspection) -> Iterable[bool]:
    return (isinstance(place.found, Record) for place in inspection.records)


def _slots(table: PartitionTable | None) -> int:
    return max(1, len(table.slots)) if table else 2


def _of_table(table: PartitionTable | None, board: Board | None) -> tuple[str, ...]:
    """Return what the dump's own table says, and where a board that was named says otherwise."""
    if table is None:
        return ()
    said = f"Its own partition table: {table}."
    start = table.otadata.offset if table.otadata else None
    if board and start != board.records[0].address:
        here = f"Board {board.name} has its records at 0x{board.records[0].address:x}: table and board disagree."
        return said, here
    return (said,)


def _unknown(ways: Sequence[Whereabouts], name: str, data: bytes) -> str:
    """Return what was tried, for bytes in which no format makes sense."""
    if len({*data}) == 1:
        filler = "erased, nothing was ever written" if data[0] == ERASED else f"0x{data[0]:02x} throughout"
        return f"{name}: it is {filler}; no format makes sense of it; name one with --format: {', '.join(formats())}"
    places = ", ".join(dict.fromkeys(way.says for way in ways))
    places = "" if places == "the files" else f" where {places} would have records"
    way_out = f"name one with --format: {', '.join(formats())}"
    if read_table(data):
        way_out = (
            f"it begins with a partition table: if that is at 0x{AT:x} of its flash, say --offset 0x{AT:x}; of a table "
            "alone, otalab board import makes a board"
        )
    elif places:
        way_out += "; or the board with --board, or where a part of a flash begins with --offset"
    return f"{name}: no format makes sense of it{places}; {way_out}"


def _unplaced(dump: Dump, board: Board | None, table: PartitionTable | None) -> str:
    """Return why nothing can be looked for in a dump."""
    if board:
        records = " and ".join(f"0x{area.address:x}" for area in board.records)
        return (
            f"{dump.name}: {len(dump.data)} bytes, and board {board.name} has {board.geometry.size}: its records at "
            f"{records} do not begin in them; say with --offset where they begin, or name another board"
        )
    if table:
        lies = f"its otadata does not lie whole in these {len(dump.data)} bytes; say with --offset where they begin"
        lies = lies if table.otadata else "so no boot records: such a device starts its one image"
        return f"{dump.name}: its own partition table has {table}: {lies}"
    known = ", ".join(f"{known_board.name} ({known_board.geometry.size})" for known_board in map(load_board, boards()))
    return f"{dump.name}: {len(dump.data)} bytes hold the records of no board; name one with --board: {known}"


NOTES = {"otadata": _of_esp_idf}

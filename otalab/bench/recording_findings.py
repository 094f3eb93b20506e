"""What a recording shows before any cut: programs that cannot have gone in, a slot destroyed, a broken image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from otalab.bench.recording import RecordedOperation
from otalab.formats.records.record import Record, SlotFacts
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import ERASED, Flash
from otalab.hardware.places import Region

# So many of a kind are told one by one.
MOST = 3


def findings(
    board: Board, flash: Flash, recording: Sequence[RecordedOperation], running: int, length: int
) -> Iterator[str]:
    """Yield a sentence on the operation that destroys the running image, and on programs over what was not erased."""
    app, dirty = Region(board.slots[running].app.address, length), list[str]()
    destroyed, whole = "", flash.read(app.address, app.size)
    for operation in recording:
        for effect in operation.effects(board.geometry):
            geometry = board.geometry
            address = effect.address if isinstance(effect, Program) else geometry.start_of(effect.sector)
            if isinstance(effect, Program) and (bits := _not_erased(flash, effect)):
                dirty.append(f"{operation.where} programs 0x{address:x}, where {bits} bits were not erased")
            flash = flash.after(effect)
            sector = geometry.sector_at(address)
            end = geometry.start_of(sector) + geometry.size_of(sector)
            near = end > app.address and address < app.end
            if not destroyed and near and flash.read(app.address, app.size) != whole:
                what = "erase" if isinstance(effect, Erase) else "program"
                at = f"{operation.where}: the {what} at 0x{address:x}"
                destroyed = f"{at} destroys the image that runs, in slot {running}."
    if destroyed:
        yield destroyed
    yield from (f"{sentence}." for sentence in dirty[:MOST])
    if len(dirty) > MOST:
        yield f"{len(dirty) - MOST} more programs go over bits that were not erased."


def _not_erased(flash: Flash, effect: Program) -> int:
    """Return how many bits a program would set that are zero, which no program can."""
    old = int.from_bytes(flash.read(effect.address, len(effect.data)))
    return (~old & int.from_bytes(effect.data)).bit_count()


def left_out(board: Board, recording: Sequence[RecordedOperation], slot: int) -> str:
    """Return which pages of a slot's files were never programmed, where nearly all between others were; or nothing.

    No record guards files: a page that did not go in is seen by nothing else.  Who leaves out programs of erased bytes
    has more such pages than a few.
    """
    effects = (effect for operation in recording for effect in operation.effects(board.geometry))
    programmed = {effect.address for effect in effects if isinstance(effect, Program)}
    files = board.slots[slot].fs
    places = [page.address for page in board.geometry.pages(files.address, bytes(files.size))]
    done = {address for address in places if address in programmed}
    missing = [address for address in places if done and min(done) < address < max(done) and address not in done]
    if not missing or len(missing) > MOST or len(done) < 8 * len(missing):
        return ""
    where = ", ".join(f"0x{address:x}" for address in missing)
    return (
        f"Among the files in slot {slot} nothing is programmed at {where}, where all around is: no record guards "
        "files, so if anything was to lie there, it did not go in, and no verdict tells."
    )


def against_its_record(board: Board, flash: Flash, slot: int, facts: SlotFacts) -> str:
    """Return how what lies in a slot differs from what the record says of it; empty if it does not, or says nothing."""
    app = board.slots[slot].app
    if not (facts.length and facts.crc32) or facts.fit(flash.read(app.address, app.size)):
        return ""
    version = f" of version {facts.version}" if facts.version else ""
    said = f"The record names {facts.length} bytes{version} with CRC-32 {facts.crc32:08x} in slot {slot}"
    if facts.length > app.size:
        return f"{said}, which has {app.size}."
    blank = list(islice(_blank_pages(board, flash, Region(app.address, facts.length)), MOST + 1))
    where = ", ".join(f"0x{address:x}" for address in blank[:MOST]) + (" and more" if len(blank) > MOST else "")
    lacks = f"; nothing is programmed in the page{'s' * (len(blank) > 1)} at {where}"
    return f"{said}, and what lies there is another image{lacks if blank else ''}."


def against_what_was_named(staged: Record | None, version: str, slot: int, length: int) -> str:
    """Return how an image that somebody named differs from the one that the newest record names; empty if it agrees.

    What the record does not hold is not compared.
    """
    if staged is None:
        return ""
    facts = staged.config.facts(staged.config.active)
    pairs = (
        ("version", version, facts.version),
        ("slot", slot, staged.config.active),
        ("length", length, facts.length),
    )
    other = [(what, named, said) for what, named, said in pairs if said != named and (said or what == "slot")]
    if not other:
        return ""
    record = ", ".join(f"{what} {said}" for what, _, said in other)
    named = ", ".join(f"{what} {named}" for what, named, _ in other)
    return f"The newest record names {record}, and --new names {named}: the verdict is about what --new names."


def unguarded(board: Board, flash: Flash, slot: int) -> str:
    """Return which pages inside an image were never programmed, where no record and no check tells; or nothing."""
    app = board.slots[slot].app
    length = len(flash.read(app.address, app.size).rstrip(bytes([ERASED])))
    blank = list(islice(_blank_pages(board, flash, Region(app.address, length)), MOST + 1))
    where = ", ".join(f"0x{address:x}" for address in blank[:MOST]) + (" and more" if len(blank) > MOST else "")
    if not blank:
        return ""
    return (
        f"Nothing tells whether the image in slot {slot} is whole: no record has its length and CRC-32, and inside it "
        f"nothing is programmed in the page{'s' * (len(blank) > 1)} at {where}; record programs of erased bytes too."
    )


def _blank_pages(board: Board, flash: Flash, region: Region) -> Iterator[int]:
    for page in board.geometry.pages(region.address, bytes(region.size)):
        if flash.read(page.address, len(page.data)).count(ERASED) == len(page.data):
            yield page.address

"""Record files and dumps that are cut short, hold more than a record, or come from two devices."""

from __future__ import annotations

import struct
from hashlib import md5
from zlib import crc32

import pytest

from otalab.bench.inspection import Inspection, formats, inspect_dump, inspect_records
from otalab.errors import BadInput
from otalab.firmware import store
from otalab.formats.records.record import BootConfig, Record, SlotFacts

SLOTS = SlotFacts(1000, 5, "1.0"), SlotFacts(2000, 7, "2.0")
SURE = ("complete", "complete-crc16", "mgos-boot", "otadata", "otadata-mongoose")
# A file of the CC3200 that is short reads as zeros, so a loader does take the other one; all that is there is one.
PAIRED = [name for name, design in formats().items() if design.records > 1 and not name.startswith("cc3200")]


def record(form: str, active: int, age: int = 3) -> bytes:
    """Return a record of a format, so many updates old."""
    codec = store.codec(formats()[form])
    sequencer = codec.counting.first
    for _ in range(age):
        sequencer = codec.counting.after(sequencer)
    return codec.encode(Record(sequencer, BootConfig(active, True, previous=1 - active, slots=SLOTS)))


def entry(sequencer: int) -> bytes:
    number = struct.pack("<I", sequencer)
    return number + b"\xff" * 20 + struct.pack("<II", 2, crc32(number, 0xFFFFFFFF))


def both(size: int) -> bytes:
    """Return two entries of otadata in areas of a size; the second is the newer."""
    return entry(3).ljust(size, b"\xff") + entry(4).ljust(size, b"\xff")


def slot(found: Inspection) -> int | None:
    return None if found.selected is None else found.records[found.selected].slot


def dump_of_an_esp32() -> bytes:
    rows = [(1, 0, 0xE000, 0x2000, "otadata"), (0, 0x10, 0x10000, 0x10000, "a"), (0, 0x11, 0x20000, 0x10000, "b")]
    packed = b"".join(struct.pack("<HBBII16sI", 0x50AA, *row[:4], row[4].encode(), 0) for row in rows)
    head = b"\xff" * 0x8000 + packed + b"\xeb\xeb" + b"\xff" * 14 + md5(packed, usedforsecurity=False).digest()
    return head.ljust(0xE000, b"\xff") + both(0x1000)


@pytest.mark.parametrize("form", PAIRED)
@pytest.mark.parametrize("lost", [1, "half"])
def test_what_a_record_lacks_may_be_what_counts(form: str, lost: int | str) -> None:
    """A pair whose newer file ends too soon has no answer, where the older one looked as if it counted."""
    newer = record(form, 0, 4)
    with pytest.raises(BadInput, match=r"ends after \d+ of \d+ bytes; bring all of it|no format makes sense"):
        inspect_records([("r.0", record(form, 1)), ("r.1", newer[: len(newer) // 2 if lost == "half" else -lost])])


def test_a_short_file_of_the_cc3200_is_a_guess() -> None:
    """Its loader reads zeros there; whether the file was short on the device, nobody knows."""
    newer = record("cc3200-files", 0, 4)
    found = inspect_records([("r.0", record("cc3200-files", 1)), ("r.1", newer[:200])])
    assert (True, 1) == (found.guess, slot(found))
    assert "what a file lacks reads as zeros" in found.speaks_for_it


@pytest.mark.parametrize("end", [0xF001, 0xF010, 0xF01F])
def test_a_dump_that_ends_inside_a_record_has_no_answer(end: int) -> None:
    """Up to there the older entry looks as if it counted."""
    dump = dump_of_an_esp32()
    assert 1 == slot(inspect_dump("d", dump[:0xF020]))
    with pytest.raises(BadInput, match=f"d\\+0xf000 ends after {end - 0xF000} of 32 bytes"):
        inspect_dump("d", dump[:end])


@pytest.mark.parametrize("size", [0x1000, 0x2000, 0x4000, 0x10000])
def test_both_areas_in_one_file_are_found_whatever_their_size(size: int) -> None:
    """Also where what is behind the second record was left out; a file that ends inside it has no answer."""
    for data in (both(size), both(size)[: size + 32], both(size).ljust(4 * size, b"\xff")[:0x20000]):
        assert 1 == slot(inspect_records([("otadata.bin", data)]))
    with pytest.raises(BadInput, match="ends after 31 of 32 bytes"):
        inspect_records([("otadata.bin", both(size)[: size + 31])])


@pytest.mark.parametrize("behind", [entry(4), b"more", b"\xff" * 8 + b"x"])
def test_a_file_with_more_behind_its_record_is_a_guess(behind: bytes) -> None:
    """What lies there may be the other record, and this is no file of records at all."""
    found = inspect_records([("r.0", entry(3) + behind)])
    assert found.guess
    assert f"behind the 32 bytes that it explains, r.0 has {len(behind)} more" in found.speaks_for_it
    assert not inspect_records([("r.0", entry(3).ljust(4096, b"\xff"))]).guess


@pytest.mark.parametrize("first", SURE)
@pytest.mark.parametrize("second", SURE)
def test_files_of_two_devices_have_no_answer(first: str, second: str) -> None:
    """Each has a check that matches, and says something else of which slot is started."""
    pair = [("r.0", record(first, 1)), ("r.1", record(second, 0, 4))]
    if first == second:
        assert 0 == slot(inspect_records(pair))
        return
    with pytest.raises(BadInput, match=r"name one with --format|bring all of it"):
        inspect_records(pair)


def test_a_record_of_an_older_firmware_beside_one_that_counts_is_told() -> None:
    """A loader that finds its own record does not mind what another one left in the other place."""
    found = inspect_records([("r.0", record("cc3200", 0)), ("r.1", record("complete", 1))])
    assert ("complete", 1, False) == (found.format, slot(found), found.guess)
    assert "r.0 looks like cc3200, as another device or an older firmware leaves it." in found.notes


def test_that_one_record_of_two_was_brought_is_told() -> None:
    """The other place may hold the one that counts."""
    alone = "One record of two was brought: what the other place holds may count instead."
    assert alone in inspect_records([("r.0", entry(3))]).notes
    assert alone not in inspect_records([("r.0", entry(3)), ("r.1", entry(4))]).notes


def test_a_part_of_a_dump_that_begins_with_its_table_is_told_where_it_lies() -> None:
    """With the offset it is read; a table alone is no record either."""
    part = dump_of_an_esp32()[0x8000:]
    for data in (part, part[:0xC00]):
        with pytest.raises(
            BadInput, match=r"begins with a partition table: if that is at 0x8000 .* say --offset 0x8000"
        ):
            inspect_records([("part.bin", data)])
    assert 1 == slot(inspect_dump("part.bin", part, offset=0x8000))

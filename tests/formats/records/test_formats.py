"""The record formats of real boot loaders: their bytes, what is selected, and what their checks see.

The known answers are put together here from the tables of the formats' owners, byte by byte, and never by the codecs.
"""

from __future__ import annotations

from binascii import crc32
from dataclasses import dataclass, replace
from hashlib import sha1
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.firmware import store
from otalab.firmware.catalogue import load_design
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.explain import explain
from otalab.firmware.update_state import read_state
from otalab.formats.records.nvs import UPDATE_STATE, meaning, word
from otalab.formats.records.record import BootConfig, Codec, Invalid, Record, SlotFacts
from otalab.hardware.board import load_board
from otalab.hardware.flash import Flash

BOARD = load_board("tiny")
# By the designs that write them: cc3200, mgos-boot, otadata, otadata-mongoose, rboot.
CC3200, JOURNAL, IDF, MONGOOSE, RBOOT = (
    store.codec(load_design(name)) for name in ("cc3200", "mgos-boot", "esp-idf", "esp32", "esp8266")
)
TOMBSTONE = 2**64 - 1


def cc3200(sequencer: int, flags: int, slot: int) -> bytes:
    """Return the 512 bytes of `mg-boot.cfg`: its struct has 120, the rest is zero."""
    app, files = f"app.bin.{slot}".encode(), f"spiffs.img.{slot}".encode()
    head = pack("<QI", sequencer, flags) + app.ljust(50, b"\0") + bytes(2) + pack("<I", 0x20000000)
    return (head + files.ljust(50, b"\0") + bytes(2)).ljust(512, b"\0")


def journal(sequencer: int, active: int, revert: int, flags: int, facts: tuple[tuple[int, int], ...] = ()) -> bytes:
    """Return the 256 bytes of a record in the journal: head, five slots of 41 bytes, filling, CRC-32."""
    head = pack("<4sIIBbbI", b"MOS1", sequencer, 1, 3, active, revert, flags)
    slots = b"".join(
        pack("<I8sI8sIIIIB", 3, f"app{n}".encode(), 0, f"fs{n}".encode(), length, 0, check, 0, 0)
        for n, (length, check) in enumerate(facts or ((0, 0), (0, 0)))
    )
    factory = pack("<I8sI8s", 1, b"appF", 0, b"fsF")
    body = (head + (slots + factory).ljust(5 * 41, b"\0")).ljust(252, b"\xff")
    return body + pack("<I", crc32(body))


def idf(sequencer: int, state: int) -> bytes:
    """Return an entry of ESP-IDF; `crc32_le` starts at all ones, and sees the sequencer only."""
    return pack("<I20sII", sequencer, b"\xff" * 20, state, crc32(pack("<I", sequencer), 0xFFFFFFFF))


def mongoose(sequencer: int, slot: int) -> bytes:
    """Return an entry of Mongoose OS, whose check covers all of it, the check itself as zero."""
    body = pack("<II20x", sequencer, 0x10 + slot)
    return body + pack("<I", crc32(body + bytes(4), 0xFFFFFFFF))


def rboot(current: int, previous: int, *trial: int, merge: int = 0) -> bytes:
    """Return the 84 bytes that rBoot writes, an erased word in place of a check; a trial has three fields."""
    first, attempts, updated = trial
    head = bytes([0xE1, 1, 0, current, 0, 2, previous, first, attempts, updated, 0, 0])
    return head + bytes(64) + pack("<I", merge) + b"\xff" * 4


# Known answers


def test_the_cc3200_s_published_bytes() -> None:
    """The factory's record and that of the first update, by their published SHA-1."""
    assert "6a0c080b46b25303851854e9528f4d8a4d3b906e" == sha1(cc3200(2**64 - 2, 0, 0)).hexdigest()
    assert "b10911b7f5206955f132904f3ed54347a9d03992" == sha1(cc3200(2**64 - 3, 3, 1)).hexdigest()


def test_the_published_entries_of_otadata() -> None:
    """As shipped, and as the first two updates leave them."""
    zeros = bytes(20)
    assert bytes.fromhex("01000000 10000000") + zeros + bytes.fromhex("852b7a15") == mongoose(1, 0)
    assert bytes.fromhex("02000000 11000000") + zeros + bytes.fromhex("27ded0dd") == mongoose(2, 1)
    assert bytes.fromhex("03000000 10000000") + zeros + bytes.fromhex("9026bf2d") == mongoose(3, 0)


NEW, PENDING, VALID, REFUSED, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF
SLOTS = ((0x9000, 0x1234ABCD), (5, 7))
FACTS = SlotFacts(0x9000, 0x1234ABCD), SlotFacts(5, 7)
MEANINGS = [
    (CC3200, cc3200(2**64 - 2, 0, 0), Record(2**64 - 2, BootConfig(0, True, previous=1))),
    (CC3200, cc3200(2**64 - 3, 3, 1), Record(2**64 - 3, BootConfig(1, False, previous=0, first=True, merge=True))),
    (CC3200, cc3200(TOMBSTONE, 1, 1), Record(TOMBSTONE, BootConfig(1, False, previous=0, first=True, withdrawn=True))),
    (JOURNAL, journal(1, 0, -1, 1, SLOTS), Record(1, BootConfig(0, True, FACTS))),
    (JOURNAL, journal(2, 1, 0, 14), Record(2, BootConfig(1, False, previous=0, first=True, merge=True))),
    (JOURNAL, journal(3, 1, 0, 2), Record(3, BootConfig(1, False, previous=0, tried=1, first=True))),
    (IDF, idf(1, UNDEFINED), Record(1, BootConfig(0, True, previous=1))),
    (IDF, idf(2, NEW), Record(2, BootConfig(1, False, previous=0, first=True))),
    (IDF, idf(2, PENDING), Record(2, BootConfig(1, False, previous=0, first=True, tried=1))),
    (IDF, idf(5, VALID), Record(5, BootConfig(0, True, previous=1))),
    (MONGOOSE, mongoose(1, 0), Record(1, BootConfig(0, True))),
    (MONGOOSE, mongoose(2, 1), Record(2, BootConfig(1, True))),
    (RBOOT, rboot(0, 0, 0, 0, 0), Record(0, BootConfig(0, True))),
    (RBOOT, rboot(1, 0, 1, 0, 1, merge=1), Record(0, BootConfig(1, False, previous=0, first=True, merge=True))),
    (RBOOT, rboot(1, 0, 1, 1, 1), Record(0, BootConfig(1, False, previous=0, first=True, tried=1))),
    # After a rollback: committed, and still counting.
    (RBOOT, rboot(0, 0, 1, 0, 0), Record(0, BootConfig(0, True, first=True))),
    (RBOOT, rboot(2, 0, 0, 0, 0), Record(0, BootConfig(0, True))),
]


@pytest.mark.parametrize(("form", "data", "record"), MEANINGS, ids=range(len(MEANINGS)))
def test_what_the_bytes_mean(form: Codec, data: bytes, record: Record) -> None:
    """Each field is read from its place."""
    assert record == form.decode(data)


@pytest.mark.parametrize(("form", "data", "record"), MEANINGS[:-1], ids=range(len(MEANINGS) - 1))
def test_what_is_meant_is_written(form: Codec, data: bytes, record: Record) -> None:
    """Encoding makes these bytes again, but for a state that the lab never writes."""
    expected = idf(1, VALID) if data == idf(1, UNDEFINED) else data

    assert expected == form.encode(record)


@pytest.mark.parametrize(
    ("state", "config"),
    [
        (0x310, BootConfig(1, False, previous=0, first=True, merge=True)),
        (0x010, BootConfig(1, True, previous=0)),
        (0x011, BootConfig(1, True, previous=1)),
        (0x000, BootConfig(0, True)),
    ],
)
def test_the_word_in_nvs(state: int, config: BootConfig) -> None:
    """Bits 0-3 the old slot, 4-7 the new one, 0x100 first boot, 0x200 files to be carried over."""
    config = replace(config, previous=None if config.previous == config.active else config.previous)

    assert config == meaning(state)
    assert state == word(config)


def test_an_absent_word_is_zero() -> None:
    """Slot 0, committed: as on a device that was never updated."""
    assert BootConfig(0, True) == read_state(Controller(BOARD, Flash.blank(BOARD.geometry)))


# Selection


@dataclass(frozen=True)
class Pair:
    """Two places, which of them the rule takes, and a word of the reason that is given."""

    design: str
    first: bytes
    second: bytes
    place: int | None
    says: str


def blank(form: Codec) -> bytes:
    return b"\xff" * form.size


def torn(data: bytes, kept: int) -> bytes:
    return data[:kept].ljust(len(data), b"\xff")


C, C1 = cc3200(2**64 - 2, 0, 0), cc3200(2**64 - 3, 3, 1)
NO_CC3200, INVALID = bytes(512), cc3200(2**64 - 3, 1 << 31, 1)
PAIRS = [
    # The smaller of two that are not zero; the second of two that are the same; one that is zero is none.
    Pair("cc3200", C, NO_CC3200, 0, "its sequencer is zero"),
    Pair("cc3200", C, C1, 1, "2**64-3 is smaller than 2**64-2"),
    Pair("cc3200", C, cc3200(TOMBSTONE, 3, 1), 0, "2**64-2 is smaller than 2**64-1"),
    Pair("cc3200", cc3200(TOMBSTONE, 0, 0), cc3200(TOMBSTONE, 1, 1), 1, "both sequencers are 2**64-1"),
    Pair("cc3200", blank(CC3200), blank(CC3200), None, "record 1 is taken by its sequencer, and only then seen to be"),
    Pair("cc3200", NO_CC3200, NO_CC3200, None, "record 1 is invalid (its sequencer is zero"),
    Pair("cc3200", C, cc3200(2**64 - 2, 3, 1), 1, "both sequencers are 2**64-2, and of two equal ones the last counts"),
    Pair("cc3200", C, INVALID, None, "seen to be invalid (its flags say invalid)"),
    Pair("cc3200", C, blank(CC3200), 0, "record 1 is erased"),
    Pair("cc3200", C, torn(C1, 8), None, "its flags say invalid"),
    # Nothing guards them: a sequencer, its flags and half a name are a record.
    Pair("cc3200", C, torn(C1, 20), 1, "nothing guards them"),
    Pair("cc3200", cc3200(1, 0, 0), cc3200(TOMBSTONE, 0, 1), 0, "1 is smaller than 2**64-1"),
    # The larger of two that are whole and not refused; the first of two that are the same.
    Pair("esp-idf", idf(1, VALID), blank(IDF), 0, "record 1 is erased"),
    Pair("esp-idf", idf(1, VALID), idf(2, NEW), 1, "2 is larger than 1"),
    Pair("esp-idf", idf(1, VALID), idf(1, VALID), 0, "both sequencers are 1, and of two equal ones the first counts"),
    Pair(
        "esp-idf-fork", idf(1, VALID), idf(1, VALID), 1, "both sequencers are 1, and of two equal ones the last counts"
    ),
    Pair("esp-idf", idf(1, VALID), idf(2, REFUSED), 0, "its state is invalid"),
    Pair("esp-idf", idf(1, VALID), idf(2, ABORTED), 0, "its state is aborted"),
    Pair("esp-idf", idf(1, VALID), bytes(32), 0, "its CRC-32 does not match"),
    Pair("esp-idf", idf(1, VALID), torn(idf(2, NEW), 28), 0, "its CRC-32 does not match"),
    Pair("esp-idf", idf(2**32 - 1, VALID), idf(1, VALID), 1, "its sequencer is all ones"),
    Pair("esp-idf", idf(2**32 - 2, VALID), idf(1, VALID), 0, "4294967294 is larger than 1"),
    Pair("esp-idf", idf(1, ABORTED), idf(2, ABORTED), None, "record 1 is invalid (its state is aborted)"),
    Pair("esp32", mongoose(1, 0), mongoose(2, 1), 1, "2 is larger than 1"),
    Pair("esp32", mongoose(3, 0), mongoose(2, 1), 0, "3 is larger than 2"),
    Pair("esp32", mongoose(2, 0), mongoose(2, 1), 1, "both sequencers are 2, and of two equal ones the last counts"),
    Pair("esp32", mongoose(1, 0), bytes(32), 0, "its CRC-32 does not match"),
    Pair("esp32", mongoose(1, 0), torn(mongoose(2, 1), 30), 0, "its CRC-32 does not match"),
    Pair("esp32", mongoose(2**32 - 1, 0), blank(MONGOOSE), None, "record 0 is invalid (its sequencer is all ones)"),
    Pair("esp32", mongoose(2**32 - 2, 0), mongoose(0, 1), 0, "4294967294 is larger than 0"),
    # One record, and no sequencer.
    Pair("esp8266", rboot(1, 0, 1, 0, 1, merge=1), blank(RBOOT), 0, "the design has no other"),
    Pair("esp8266", torn(rboot(1, 0, 1, 0, 1, merge=1), 9), blank(RBOOT), 0, "nothing guards them"),
    Pair("esp8266", blank(RBOOT), rboot(1, 0, 1, 0, 1, merge=1), None, "record 0 is erased"),
    Pair("esp8266", bytes(84), blank(RBOOT), None, "it does not begin with its magic, e1 01"),
]


def laid(*areas: bytes) -> Controller:
    """Return a chip with these contents at the beginning of its record areas."""
    flash = Flash.blank(BOARD.geometry)
    for area, data in zip(BOARD.records, areas, strict=True):
        flash = flash.patched(area.address, data)
    return Controller(BOARD, flash)


def place_of(chip: Controller, design: Design) -> int | None:
    found = store.select(chip, design)
    return None if found is None else found.place


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.design}: {pair.says}")
def test_the_record_that_counts_is_the_loader_s(pair: Pair) -> None:
    """Erased, torn, equal, wrapped, zeroed, given up: the rule of each loader decides, and the store says why."""
    chip, design = laid(pair.first, pair.second), load_design(pair.design)
    told = explain(chip, design)

    assert pair.place == place_of(chip, design)
    assert pair.place == told.selected
    assert pair.says in told.reason
    assert told.reason.startswith("No record counts" if pair.place is None else f"Record {pair.place} counts")


def j(sequencer: int) -> bytes:
    return journal(sequencer, 0, -1, 1)


BROKEN = bytes([j(3)[0] ^ 1]) + j(3)[1:]
TORN = torn(j(3), 255)


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        # From the beginning of each area upwards; the last that was accepted counts.
        (j(1), b"", 0),
        (j(1) + j(2) + j(3), b"", 2),
        (b"".join(map(j, range(1, 17))), b"", 15),
        (b"".join(map(j, range(1, 17))), j(17), 16),
        (j(17), j(16), 0),
        (j(17) + j(18), b"".join(map(j, range(1, 17))), 1),
        # Wrong magic, wrong check, erased or zeroed: the scan of this area stops there, whatever lies behind.
        (j(1) + BROKEN + j(4), b"", 0),
        (j(1) + TORN + j(4), b"", 0),
        (j(1) + b"\xff" * 256 + j(4), b"", 0),
        (j(1) + bytes(256) + j(4), j(2), 16),
        (BROKEN + j(4), j(2), 16),
        # Not newer than the best so far: the scan stops there too, also in the second area.
        (j(5) + j(5) + j(6), b"", 0),
        (j(5) + j(4) + j(6), b"", 0),
        (j(5), j(5) + j(6), 0),
        # Wrap-around is not handled: the record after the last sequencer is older than all others.
        (j(2**32 - 1), j(0), 0),
        (b"", b"", None),
        (b"", j(1), 16),
    ],
)
def test_a_journal_is_scanned_up_to_what_is_no_newer_record(first: bytes, second: bytes, place: int | None) -> None:
    """The stop conditions of the scan, and the words for them."""
    chip, design = laid(first, second), load_design("mgos-boot")
    told = explain(chip, design)

    assert place == place_of(chip, design) == told.selected
    said = "the journal holds no valid record" if place is None else f"Record {place} counts: it is the last one"
    assert said in told.reason
    assert 32 == len(told.places)
    assert told.telling == tuple(place for place in told.places if not place.blank) or told.places[:1]


# Both directions

numbers = st.integers(0, 2**32 - 1)
slots = st.integers(0, 1)
facts = st.builds(SlotFacts, numbers, numbers)


@st.composite
def cc3200_records(draw: st.DrawFn) -> Record:
    """A name says a slot, and the other one is what to go back to; only first boots are not committed."""
    active, fresh, merge = draw(slots), draw(st.booleans()), draw(st.booleans())
    sequencer = draw(st.integers(1, TOMBSTONE))
    config = BootConfig(active, not fresh, previous=1 - active, first=fresh, merge=merge)
    return Record(sequencer, replace(config, withdrawn=sequencer == TOMBSTONE))


@st.composite
def journal_records(draw: st.DrawFn) -> Record:
    """Everything but an interval; what is tried is not committed."""
    committed = draw(st.booleans())
    config = BootConfig(
        draw(st.integers(0, 127)),
        committed,
        (draw(facts), draw(facts)),
        previous=draw(st.none() | st.integers(0, 127)),
        tried=0 if committed else draw(slots),
        first=draw(st.booleans()),
        merge=draw(st.booleans()),
    )
    return Record(draw(numbers), config)


@st.composite
def idf_records(draw: st.DrawFn) -> Record:
    """The slot follows from the sequencer."""
    sequencer = draw(st.integers(1, 2**32 - 2))
    active, trial = (sequencer - 1) % 2, draw(st.booleans())
    tried = draw(slots) if trial else 0
    return Record(sequencer, BootConfig(active, not trial, previous=1 - active, first=trial, tried=tried))


@st.composite
def rboot_records(draw: st.DrawFn) -> Record:
    """No sequencer; lengths, and no checksums."""
    active = draw(slots)
    sizes = tuple(SlotFacts(draw(numbers), at=draw(numbers), files_at=draw(numbers), files=draw(numbers)) for _ in "01")
    config = BootConfig(active, draw(st.booleans()), sizes, previous=draw(st.sampled_from([None, 1 - active])))
    first, merge, tried = draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 255))
    return Record(0, replace(config, first=first, merge=merge, tried=tried))


mongoose_records = st.builds(Record, st.integers(0, 2**32 - 2), slots.map(lambda slot: BootConfig(slot, True)))


@st.composite
def update_states(draw: st.DrawFn) -> Record:
    """One word."""
    active, fresh = draw(st.integers(0, 15)), draw(st.booleans())
    previous = draw(st.none() | st.integers(0, 15).filter(lambda slot: slot != active))
    config = BootConfig(active, not fresh, previous=previous, first=fresh, merge=draw(st.booleans()))
    return Record(draw(numbers), config)


GUARDED_CC3200 = store.codec(replace(load_design("cc3200"), store="atomic-replace"))
FORMS = {
    "cc3200": (CC3200, cc3200_records()),
    "cc3200 in its store": (GUARDED_CC3200, cc3200_records()),
    "mgos-boot": (JOURNAL, journal_records()),
    "esp-idf": (IDF, idf_records()),
    "esp32": (MONGOOSE, mongoose_records),
    "nvs": (UPDATE_STATE, update_states()),
    "rboot": (RBOOT, rboot_records()),
}
each_format = pytest.mark.parametrize("name", FORMS)


@each_format
@given(data=st.data())
def test_encoding_and_decoding_are_inverse(name: str, data: st.DataObject) -> None:
    """Within what a format can hold, what was written is read, and it has the size that it says."""
    form, records = FORMS[name]
    record = data.draw(records)
    encoded = form.encode(record)

    assert record == form.decode(encoded)
    assert form.size == len(encoded) == sum(form.fields)
    assert len(form.fields) == len(form.names)


@pytest.mark.parametrize("name", [name for name in FORMS if name != "rboot"])
@given(data=st.data())
def test_the_next_record_is_newer(name: str, data: st.DataObject) -> None:
    """By one step, or by two where the slot follows from the sequencer; and it says what it was to say."""
    form, records = FORMS[name]
    record = data.draw(records.filter(lambda one: form.counting.left(one.sequencer) > 2))
    config = BootConfig(1 - record.config.active if record.config.active in (0, 1) else 0, True)
    after = form.follow(record, config)
    read = form.decode(form.encode(after))

    assert form.counting.age(after.sequencer) < form.counting.age(record.sequencer)
    assert isinstance(read, Record)
    assert (after.sequencer, config.active, True) == (read.sequencer, read.config.active, read.config.committed)


# What a check sees

COVERED = ["cc3200 in its store", "mgos-boot", "esp32", "nvs"]


@pytest.mark.parametrize("name", COVERED)
@given(data=st.data())
def test_a_guarded_record_refuses_every_flipped_bit(name: str, data: st.DataObject) -> None:
    """Where the check covers all of a record, no single bit of it can change."""
    form, records = FORMS[name]
    encoded = bytearray(form.encode(data.draw(records)))
    bit = data.draw(st.integers(0, 8 * form.size - 1))
    encoded[bit // 8] ^= 1 << bit % 8

    assert isinstance(form.decode(bytes(encoded)), Invalid)


@pytest.mark.parametrize("name", [*COVERED, "esp-idf"])
@given(data=st.data())
def test_a_guarded_record_refuses_every_torn_program(name: str, data: st.DataObject) -> None:
    """Any number of leading bytes over erased flash is no record, unless the missing ones are all ones anyway."""
    form, records = FORMS[name]
    encoded = form.encode(data.draw(records))
    left = torn(encoded, data.draw(st.integers(0, form.size - 1)))

    assert left == encoded or isinstance(form.decode(left), Invalid)


@given(record=idf_records(), bit=st.integers(0, 255))
def test_the_check_of_esp_idf_sees_the_sequencer_and_itself(record: Record, bit: int) -> None:
    """A bit of these eight bytes is seen; one of the label means nothing; one of the state says something else."""
    encoded = bytearray(IDF.encode(record))
    encoded[bit // 8] ^= 1 << bit % 8
    read = IDF.decode(bytes(encoded))

    if bit // 8 in (*range(4), *range(28, 32)):
        assert isinstance(read, Invalid)
    elif bit // 8 < 24:
        assert record == read
    else:
        assert record.sequencer == read.sequencer if isinstance(read, Record) else "its state is" in read.reason


@pytest.mark.parametrize(
    ("state", "committed"),
    [
        (UNDEFINED, True),
        (0xFFFFFF00, True),
        (0x02, True),
        (0x00, False),
        (0x01, False),
        (0x05, True),
        (0x8000_0001, True),
    ],
)
def test_a_state_that_was_not_programmed_is_taken_for_a_good_one(state: int, committed: bool) -> None:
    """Only new and pending are on trial: with its state unwritten, or written by half, a new entry is committed."""
    read = IDF.decode(idf(2, state))

    assert isinstance(read, Record)
    assert committed is read.config.committed

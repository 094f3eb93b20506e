"""A format by its fields: what the catalogue has as code, and formats of one's own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from otalab.formats.records.catalogue import crc_of_32_bits
from otalab.formats.records.fields import Field, FieldsCodec
from otalab.formats.records.lab import CompleteCodec, MongooseCodec
from otalab.formats.records.record import BLANK, BootConfig, Counting, Invalid, Record, SlotFacts

SLOTS = tuple(
    Field(f"slot {n} {what}", size) for n in (0, 1) for what, size in (("length", 4), ("crc", 4), ("version", 24))
)
COMPLETE = FieldsCodec(
    (
        *(Field("sequencer", 8, "sequencer"), Field("active", 1, "slot"), Field("revert", 1, "previous")),
        *(Field("committed", 1, "committed"), Field("tried", 1, "tried"), Field("interval", 4, "interval")),
        *(*SLOTS, Field("crc", 4, "check")),
    ),
    *(-1, "crc32"),
    ("sequencer", "active", "revert", "committed", "tried", "interval", *(field.name for field in SLOTS)),
)
PUBLISHED = FieldsCodec(
    (
        *(Field("sequencer", 8, "sequencer"), Field("active", 1, "slot"), Field("previous", 1, "previous")),
        *(Field("committed", 1, "committed"), Field("previously committed", 1), Field("interval", 4, "interval")),
        *SLOTS,
    ),
    -1,
)
TWINS = {"complete": (COMPLETE, crc_of_32_bits(CompleteCodec())), "mongoose": (PUBLISHED, MongooseCodec())}
SMALL = FieldsCodec(
    (
        *(Field("magic", 2, "magic", 0xB007), Field("crc", 2, "check"), Field("count", 2, "sequencer")),
        *(Field("from", 4, "slot", 0, (0x3000, 0xD000)), Field("size", 3)),
    ),
    *(1, "crc16", ("count", "from", "size"), "big"),
)


@pytest.mark.parametrize("name", TWINS)
@given(sequencer=some.integers(1, 2**64 - 2), flags=some.tuples(*[some.integers(0, 1)] * 3), torn=some.integers(0, 96))
def test_a_format_of_the_catalogue_is_the_same_by_its_fields(name, sequencer, flags, torn):
    """
    Whole and torn: bytes, size, guard, counting, and what is read.
    """
    ours, labs = TWINS[name]
    active, committed, tried = flags
    facts = SlotFacts(3000, 0x1234, "2.0"), SlotFacts()
    record = Record(sequencer, BootConfig(active, bool(committed), facts, 1 - active, tried=tried, interval=60))
    data = labs.encode(record)
    data = data[:torn] + b"\xff" * (len(data) - torn) if torn < len(data) else data
    read, known = ours.decode(data), labs.decode(data)

    assert (labs.size, labs.guard_bits, labs.counting) == (ours.size, ours.guard_bits, ours.counting)
    assert isinstance(known, Invalid) == isinstance(read, Invalid)
    if isinstance(known, Invalid):
        assert known == read
        return
    assert known.sequencer == read.sequencer
    for what in ("active", "committed", "tried", "interval"):
        assert getattr(known.config, what) == getattr(read.config, what)
    assert data == ours.encode(read)


@given(some.binary(min_size=13, max_size=13))
def test_a_record_holds_nothing_but_what_it_is_read_as(data):
    """
    So two that read alike are alike in every byte, those of fields that mean nothing to the lab too.
    """
    data = SMALL.sealed(b"\xb0\x07" + data[2:])
    record = SMALL.decode(data)

    if isinstance(record, Record):
        assert data == SMALL.encode(record)
        assert data[4:6] == record.sequencer.to_bytes(2, "big")


def test_what_a_record_says():
    """
    A known answer: big-endian, its slot by an address, its check before what it covers.
    """
    record = SMALL.decode(SMALL.sealed(bytes.fromhex("b007 0000 0005 0000d000 000102")))

    assert (5, 1) == (record.sequencer, record.config.active)
    assert 0xFF == SMALL.decode(SMALL.sealed(bytes.fromhex("b007 0000 0005 0000d001 000102"))).config.active
    assert SMALL == FieldsCodec.of(SMALL.text)
    assert (13, 16, Counting(1, 16)) == (SMALL.size, SMALL.guard_bits, SMALL.counting)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("ff" * 13, BLANK),
        ("b0ff" + "ff" * 11, "its magic is 0xb0ff, and not 0xb007"),
        ("b007 0000 0005 0000d000 000102", "its CRC-16 does not match"),
        ("b007 ea9b ffff 0000d000 000102", "its sequencer is all ones"),
    ],
)
def test_why_one_is_invalid(data, reason):
    """
    In the words of all formats.
    """
    data = bytes.fromhex(data)
    assert Invalid(reason) == SMALL.decode(SMALL.sealed(data) if "sequencer" in reason else data)


def test_a_guard_that_leaves_a_field_out_is_worth_no_bits():
    """
    Torn records are then told apart by their bytes; a magic is compared, and may be left out.
    """
    assert 0 == replace(SMALL, covers=("count", "from")).guard_bits
    assert 0 == replace(SMALL, check="").guard_bits
    assert 16 == replace(SMALL, covers=("magic", "count", "from", "size")).guard_bits

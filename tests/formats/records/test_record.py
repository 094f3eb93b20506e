"""Boot records: bytes, order and selection."""

from __future__ import annotations

from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.firmware import store
from otalab.firmware.catalogue import load_design
from otalab.firmware.controller import Controller
from otalab.formats.records.catalogue import GUARDS
from otalab.formats.records.lab import CompleteCodec, MongooseCodec
from otalab.formats.records.record import FIRST_SEQUENCER, BootConfig, Counting, Invalid, Record, SlotFacts, renumbered
from otalab.hardware.board import load_board
from otalab.hardware.flash import Flash

FACTS = (SlotFacts(0x40000, 0x11223344, "1"), SlotFacts(5, 0x55667788, "1.0.4"))
PLAIN, COMPLETE = MongooseCodec(), GUARDS["crc32"](CompleteCodec())

facts = st.builds(SlotFacts, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.just("2.1"))
configs = st.builds(
    BootConfig,
    active=st.integers(0, 1),
    committed=st.booleans(),
    slots=st.tuples(facts, facts),
    interval=st.integers(0, 2**32 - 1),
)
records = st.builds(Record, st.integers(1, 2**64 - 2), configs)


def test_the_published_record_has_its_bytes() -> None:
    """Sequencer, active, previous active, flags, previous flags, interval, then length, CRC, version of each slot."""
    config = BootConfig(1, False, FACTS, previous=0, previously_committed=True, interval=60)
    expected = bytes.fromhex("fdffffffffffffff 01 00 00 01 3c000000")
    expected += bytes.fromhex("00000400 44332211") + b"1" + b"\0" * 23
    expected += bytes.fromhex("05000000 88776655") + b"1.0.4" + b"\0" * 19

    assert expected == PLAIN.encode(Record(FIRST_SEQUENCER - 1, config))


def test_the_complete_record_ends_with_a_crc_over_all_of_it() -> None:
    """Sequencer, active, revert, committed, tried, interval, slots, CRC-32."""
    config = BootConfig(1, False, FACTS, previous=0, tried=True, interval=60)
    data = COMPLETE.encode(Record(7, config))

    assert bytes.fromhex("0700000000000000 01 00 00 01 3c000000") == data[:16]
    assert crc32(data[:-4]).to_bytes(4, "little") == data[-4:]


@pytest.mark.parametrize("form", [PLAIN, COMPLETE, GUARDS["crc16"](CompleteCodec())])
@given(record=records)
def test_encoding_and_decoding_are_inverse(form: object, record: Record) -> None:
    """What was written is read."""
    assert record == form.decode(form.encode(record))  # type: ignore[attr-defined]


@given(record=records, bit=st.integers(0, COMPLETE.size * 8 - 1))
def test_a_guarded_record_refuses_every_flipped_bit(record: Record, bit: int) -> None:
    """CRC-32 sees each single bit."""
    data = bytearray(COMPLETE.encode(record))
    data[bit // 8] ^= 1 << bit % 8

    assert isinstance(COMPLETE.decode(bytes(data)), Invalid)


@given(record=records, kept=st.integers(0, COMPLETE.size - 1))
def test_a_guarded_record_refuses_every_torn_program(record: Record, kept: int) -> None:
    """A prefix over erased flash is no record, unless what is missing is all ones anyway."""
    data = COMPLETE.encode(record)
    torn = data[:kept] + b"\xff" * (len(data) - kept)

    assert torn == data or isinstance(COMPLETE.decode(torn), Invalid)


def test_any_other_flag_means_committed() -> None:
    """The published loader believes what it reads: a torn flag of all ones is not 0."""
    data = bytearray(PLAIN.encode(Record(7, BootConfig(1, False, FACTS, previous=0))))
    data[10] = 0xFF

    record = PLAIN.decode(bytes(data))
    assert isinstance(record, Record) and record.config.committed


@given(record=records, noise=st.binary(min_size=64, max_size=64))
def test_torn_version_bytes_survive_a_rewrite(record: Record, noise: bytes) -> None:
    """What a record says of the other slot is copied as it stands, also where it is no text."""
    data = PLAIN.encode(record)[:16] + noise
    read = PLAIN.decode(data)

    assert isinstance(read, Record)
    assert noise == PLAIN.encode(read)[16:]


def selected(design: str, first: bytes, second: bytes) -> int | None:
    """Return the place that the store selects on a chip with these two records."""
    board = load_board("tiny")
    flash = Flash.blank(board.geometry)
    for place, data in zip(board.records, (first, second), strict=True):
        flash = flash.patched(place.address, data)
    found = store.select(Controller(board, flash), load_design(design))
    return None if found is None else found.place


def plain(sequencer: int) -> bytes:
    return PLAIN.encode(Record(sequencer, BootConfig(0, True, FACTS)))


def complete(sequencer: int) -> bytes:
    return COMPLETE.encode(Record(sequencer, BootConfig(0, True, FACTS)))


ERASED, ZEROS = b"\xff" * 84, b"\0" * 84


@pytest.mark.parametrize(
    ("expected", "design", "first", "second"),
    [
        (1, "mongoose", plain(9), plain(8)),
        (0, "mongoose", plain(8), plain(9)),
        (0, "mongoose", plain(8), plain(8)),
        (0, "mongoose", plain(2**64 - 2), ERASED),
        (1, "mongoose", ERASED, plain(2**64 - 2)),
        (None, "mongoose", ERASED, ERASED),
        (1, "mongoose", plain(8), ZEROS),  # it believes what it reads
        (1, "hardened", complete(9), complete(8)),
        (0, "hardened", complete(9), complete(8)[:20] + ERASED[20:]),
        (0, "hardened", complete(9), ZEROS),
        (0, "hardened", complete(9), complete(0)),
        (0, "hardened", complete(9), complete(2**64 - 1)),
        (None, "hardened", ZEROS, ERASED),
        (0, "single-record", complete(9), complete(8)),  # it knows of no second place
        (None, "single-record", ERASED, complete(8)),
    ],
)
def test_the_smaller_sequencer_is_the_newer(expected: int | None, design: str, first: bytes, second: bytes) -> None:
    """Erased flash is older than any valid record; of two equal ones the first counts."""
    assert expected == selected(design, first, second)


countings = st.sampled_from([Counting(step, bits) for step in (-1, 1) for bits in (16, 32, 64)])


@given(countings, st.integers(1, 2), st.lists(st.integers(1, 2**16 - 2), min_size=1, max_size=8), st.integers(0, 2**14))
def test_records_moved_together_are_renumbered_alike(
    counting: Counting, stride: int, numbers: list[int], by: int
) -> None:
    """Whatever they were moved by; their order, their distances and all else stay, and so does their stride."""
    one, moved = ([Record(number + shift, BootConfig(0, True)) for number in numbers] for shift in (0, by * stride))

    told = renumbered(one, counting, stride)

    assert told == renumbered(moved, counting, stride)
    (shift,) = {after.sequencer - before.sequencer for before, after in zip(one, told, strict=True)}
    assert 0 == shift % stride
    assert abs(max((record.sequencer for record in told), key=counting.age) - counting.first) < stride


def test_a_tombstone_keeps_its_mark() -> None:
    """The others move without it."""
    tombstone = Record(2**64 - 1, BootConfig(1, False, withdrawn=True))

    told = renumbered([Record(7, BootConfig(0, True)), tombstone], Counting())

    assert [Record(FIRST_SEQUENCER, BootConfig(0, True)), tombstone] == told
    assert [tombstone] == renumbered([tombstone], Counting())
    assert [] == renumbered([], Counting())

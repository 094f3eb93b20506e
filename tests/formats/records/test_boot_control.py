"""Android's boot control: its bytes, and which slot its loader takes, worked out by hand from U-Boot's source."""

from __future__ import annotations

from binascii import crc32
from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.firmware import store
from otalab.firmware.catalogue import load_design
from otalab.firmware.explain import explain
from otalab.formats.records.boot_control import MOST_TRIES, NO_SLOT, BootControlCodec
from otalab.formats.records.record import BootConfig, Invalid, Record
from otalab.hardware.board import load_board
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash

DESIGN, BOARD = load_design("ab-tries"), load_board("tiny")
FORM = BootControlCodec(6)
Marks = tuple[int, int, int]


def control(suffix: str, *slots: Marks) -> bytes:
    """Return the 32 bytes: suffix, magic, version, slots; priority, tries and "successful" of each; CRC-32."""
    words = [priority | tries << 4 | successful << 7 for priority, tries, successful in slots]
    head = suffix.encode().ljust(4, b"\0") + b"BCAB" + bytes([1, 2, 0, 0])
    body = head + pack("<4H", *words, 0, 0) + bytes(8)
    return body + pack("<I", crc32(body))


def read(data: bytes) -> BootConfig:
    record = FORM.decode(data)
    assert isinstance(record, Record)
    return record.config


KNOWN = [
    (control("a", (15, 1, 1), (14, 0, 0)), BootConfig(0, True)),
    (control("a", (14, 1, 1), (15, 6, 0)), BootConfig(1, False, previous=0, first=True)),
    (control("b", (14, 1, 1), (15, 4, 0)), BootConfig(1, False, previous=0, tried=2, first=True)),
    (control("b", (14, 1, 1), (15, 1, 1)), BootConfig(1, True, previous=0)),
    # Its last try is over, and the loader has not yet written that it starts the other one.
    (control("b", (14, 1, 1), (15, 0, 0)), BootConfig(1, False, previous=0, tried=6, first=True)),
]


@pytest.mark.parametrize(("data", "config"), KNOWN)
def test_what_is_written_is_what_the_source_writes(data: bytes, config: BootConfig) -> None:
    """An update gives priority 15 and six tries, a start takes one, a commit leaves one and "successful"."""
    assert data == FORM.encode(Record(0, config))
    assert config == read(data)


@pytest.mark.parametrize(
    ("active", "suffix", "first", "second"),
    [
        (1, "a", (14, 1, 1), (15, 1, 1)),
        (0, "b", (15, 1, 1), (15, 1, 0)),
        (1, "a", (15, 2, 0), (15, 3, 0)),
        (0, "a", (15, 7, 0), (15, 7, 0)),
        # Without tries a slot is not started, however successful it was.
        (1, "b", (15, 0, 1), (1, 1, 0)),
        (0, "a", (14, 1, 1), (15, 0, 0)),
        (NO_SLOT, "a", (15, 0, 0), (15, 0, 1)),
    ],
)
def test_the_loader_s_comparison(active: int, suffix: str, first: Marks, second: Marks) -> None:
    """Priority first, then "successful", then tries left, then the first slot (`ab_compare_slots`)."""
    assert active == read(control(suffix, first, second)).active


@given(st.integers(0, 1), st.booleans(), st.booleans(), st.integers(0, MOST_TRIES), st.integers(1, MOST_TRIES))
def test_encoding_and_decoding_are_inverse(slot: int, committed: bool, back: bool, tried: int, tries: int) -> None:
    """For all that an update, a start, a commit or a way back can write, with any number of tries."""
    form = BootControlCodec(tries)
    tried = 0 if committed else min(tried, tries if back else tries - 1)
    config = BootConfig(slot, committed, previous=1 - slot if back else None, tried=tried, first=not committed)

    assert Record(0, config) == form.decode(form.encode(Record(0, config)))


@given(st.integers(0, 31), st.sampled_from([data for data, _ in KNOWN]))
def test_a_torn_one_is_refused(done: int, data: bytes) -> None:
    """Over erased flash, whatever number of leading bytes was programmed."""
    assert isinstance(FORM.decode(data[:done].ljust(32, b"\xff")), Invalid)


@pytest.mark.parametrize("data", [b"\xff" * 32, bytes(32), b"\0" * 20 + b"\xff" * 12, KNOWN[0][0][:8] + bytes(24)])
def test_what_an_erase_or_zeros_leave_is_none(data: bytes) -> None:
    """No stretch of zeros or ones has a right check."""
    assert isinstance(FORM.decode(data), Invalid)


def test_a_slot_that_was_not_given_up_keeps_its_success() -> None:
    """Who makes it the active one leaves that bit: the new image in it is on no trial."""
    before = Record(0, BootConfig(0, True, previous=1))
    staged = before.config.staged(1, before.config.facts(1), 0)

    assert FORM.follow(before, staged).config.committed
    assert not FORM.follow(replace(before, config=BootConfig(0, True)), staged).config.committed


def test_the_first_copy_counts() -> None:
    """While its check fits; nothing tells which is newer."""
    first, second = KNOWN[0][0], KNOWN[3][0]
    for copies, place in (((first, second), 0), ((b"\xff" * 32, second), 1)):
        flash = Flash.blank(BOARD.geometry)
        for area, data in zip(BOARD.records, copies, strict=True):
            flash = flash.patched(area.address, data)
        selected = store.select(Chip(BOARD, flash), DESIGN)
        assert selected is not None
        assert place == selected.place
    assert (
        "the first of two that are valid"
        in explain(
            Chip(BOARD, Flash.blank(BOARD.geometry).patched(0x1000, first).patched(0x2000, second)), DESIGN
        ).reason
    )

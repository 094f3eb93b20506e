"""Records that any erase can leave need no telling apart, but for what they keep of what stood there."""

from __future__ import annotations

import struct
from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from plain import Thin, enumerate_plainly, small

from otalab.faults.models import fault_model
from otalab.formats.records.otadata import OtadataCodec
from otalab.formats.records.record import Record
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.passages import Passages, as_read

CODEC = OtadataCodec()
NEW, PENDING, VALID, REFUSED, NOTHING = 0, 1, 2, 3, 2**32 - 1


def entry(sequencer: int, state: int, check: int | None = None) -> bytes:
    """Return an entry with the check that belongs to it, or with another one."""
    data = struct.pack("<I20sII", sequencer, b"\xff" * 20, state, 0)
    return CODEC.sealed(data) if check is None else data[:-4] + check.to_bytes(4, "little")


def known() -> Passages:
    """Return what is known once an erase has left an entry that says new, and one that says nothing."""
    passed = Passages(CODEC)
    for state in (NEW, NOTHING):
        passed.learn(entry(0, state), CODEC.decode(entry(0, state)))
    return passed


def test_an_entry_of_zeros_and_ones_is_a_record():
    """Of sequencer 0 the check is all ones: the trap that this is about, in the real format."""
    assert isinstance(CODEC.decode(entry(0, NOTHING)), Record)
    assert not entry(0, NOTHING).strip(b"\x00\xff")


def test_what_every_erase_leaves_is_told_by_what_it_decodes_to():
    """Valid or without a state is the same slot, committed; pending is a start that was counted."""
    passed = known()
    assert passed.record_class(entry(0, VALID), CODEC.decode(entry(0, VALID))) == passed.record_class(
        entry(0, NOTHING), CODEC.decode(entry(0, NOTHING))
    )
    assert passed.record_class(entry(0, PENDING), CODEC.decode(entry(0, PENDING))) != passed.record_class(
        entry(0, NEW), CODEC.decode(entry(0, NEW))
    )
    assert passed.record_class(entry(7, VALID), CODEC.decode(entry(7, VALID))) is None


def test_scrap_is_told_apart_by_a_state_that_no_erase_makes():
    """Two cuts can leave a pending entry of what was pending, and of nothing else; how many, other fields say."""
    passed = known()
    assert passed.scrap_class(entry(7, VALID, check=3)) is None
    assert passed.scrap_class(entry(7, PENDING, check=3)) is not None
    assert passed.scrap_class(entry(7, PENDING, check=3)) != passed.scrap_class(entry(7, PENDING, check=2**32 - 1))


@cache
def lefts() -> tuple[tuple[int, int], ...]:
    """Return where the fronts of a passage can stand in an entry: so many bytes done, from either end."""
    return tuple((low, high) for low in range(33) for high in range(low, 33))


@tuned(max_examples=20)
@given(
    one=st.sampled_from([VALID, PENDING, NEW, REFUSED, NOTHING, 0x01FF]),
    other=st.sampled_from([VALID, PENDING, NEW, REFUSED, NOTHING, 0x01FF]),
    sequencer=st.integers(1, 300),
    checks=st.tuples(st.integers(1, 2**32 - 2), st.integers(1, 2**32 - 2)),
)
def test_scrap_of_one_class_becomes_the_same_records(one, other, sequencer, checks):
    """Whatever fronts of zeros or ones come to from both ends, of equal classes they leave equal records."""
    passed, ways = known(), []
    for state, check in ((one, checks[0]), (other, checks[1])):
        data = entry(sequencer, state, check)
        records = set()
        for low, high in lefts():
            for head in (b"\x00", b"\xff"):
                for tail in (b"\x00", b"\xff"):
                    left = CODEC.decode(head * low + data[low:high] + tail * (32 - high))
                    records |= {left} if isinstance(left, Record) else set()
        ways.append((passed.scrap_class(data), records))
    if ways[0][0] == ways[1][0]:
        assert ways[0][1] == ways[1][1]


def test_nobody_reads_a_label():
    """It is neither looked at nor covered by the check."""
    labelled = entry(7, VALID)[:4] + b"firmware one".ljust(20, b"\0") + entry(7, VALID)[24:]
    assert CODEC.decode(labelled) == CODEC.decode(entry(7, VALID))
    assert as_read(CODEC, labelled) == entry(7, VALID)


PASSAGES = Thin(prefixes=(26,), fronts=(2,), zeros=(4, 26), backs=(28,), through=(4, 28))
CASES = [("healthy", 1), ("crashes", 1), ("hangs", 1), ("flaky", 1)]


@pytest.mark.parametrize(
    ("image", "cuts"),
    [("crashes", 1), *(pytest.param(image, 2, marks=pytest.mark.slow) for image in ("healthy", "crashes", "flaky"))],
)
def test_it_finds_what_plain_enumeration_finds(image, cuts):
    """Passages from both ends, cut again: same ends, and the same shortest history of each."""
    what = small("esp-idf", image=image)
    explorer = Explorer(what, PASSAGES, budget=3000, verdict_only=True)
    explorer.explore()
    orders = {end: history.order for end, history in graph_of(explorer).histories.items()}

    assert explorer.closed
    assert all(kind._passages for kind in explorer.identity._kinds)
    assert enumerate_plainly(what, PASSAGES, cuts) == {end: order for end, order in orders.items() if order[0] <= cuts}


def test_where_an_erase_does_not_leave_all_of_them_bytes_decide():
    """A part whose erase makes only some of these records: nothing is taken for what every erase leaves."""
    faults = Thin(zeros=(4,), backs=(4, 28), through=(4,))
    explorer = Explorer(small("esp-idf"), faults, budget=600, verdict_only=True)
    explorer.explore()

    assert [None] == [kind._passages for kind in explorer.identity._kinds]


@pytest.mark.parametrize("image", ["healthy", "crashes"])
def test_the_passage_through_zeros_closes(image):
    """What a thousand nodes did not close are a dozen."""
    explorer = Explorer(small("esp-idf", image=image), fault_model("zeroed-erase"), budget=200, verdict_only=True)
    explorer.explore()

    assert "safe" == graph_of(explorer).verdict
    assert len(explorer.nodes) < 50

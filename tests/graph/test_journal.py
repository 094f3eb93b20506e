"""What a journal's scrap is taken for is all that can become of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from plain import Thin, enumerate_plainly, small

from otalab.bench.scenario import Scenario
from otalab.faults.tear import Tear
from otalab.formats.records.record import Record
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.journal import COMPLETED, Journal
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

SIZE = 256  # of a record of this journal
PLACE = 1  # its second entry


@dataclass
class Step:
    """As much of a step as a journal looks at."""

    effect: Program


@cache
def device() -> tuple[Scenario, int, tuple[bytes, ...]]:
    """Return an update, the sector of the first area, and three records that could come to its second place."""
    what = small("mgos-boot")
    (family,) = what.device.families
    first = family.codec.decode(what.flash.sectors[family.sectors[0]][:SIZE])
    staged = first.config.staged(1, first.config.slots[0], 60)
    configs = first.config.trusted(), staged, staged.spent()
    return what, family.sectors[0], tuple(family.codec.encode(Record(first.sequencer + 1, one)) for one in configs)


def journal(known: int) -> tuple[Journal, Flash, Program]:
    """Return a journal that saw so many records programmed, blank contents, and a program of its second place."""
    what, sector, records = device()
    kept, blank = Journal(what.device.families[0]), Flash.blank(what.flash.geometry)
    at = sector * what.flash.geometry.sector_size + PLACE * SIZE
    for record in records[:known]:
        kept.learn(blank, [Step(Program(at, record))])
    return kept, blank, Program(at, b"")


def torn(old: bytes, record: bytes) -> Iterator[bytes]:
    """Yield what any number of leading bytes leave, and every trailing part without the bytes before it."""
    done = bytes(a & b for a, b in zip(old, record, strict=True))
    for length in range(SIZE + 1):
        yield done[:length] + old[length:]
        yield old[:length] + done[length:]


def classes(kept: Journal, blank: Flash, program: Program, entry: bytes, record: bytes) -> set[Hashable]:
    """Return the classes that a cut program of a record can leave of an entry."""
    sector = device()[1]
    before = blank.patched(program.address, entry)
    lefts = [blank.patched(program.address, left).sectors[sector] for left in torn(entry, record)]
    tears = [Tear(str(number), contents, None, (0.0,)) for number, contents in enumerate(lefts)]
    noted = kept.noted(Program(program.address, record), before, sector, tears)
    return {kept.sector_class(sector, tear.contents) for tear in noted}


cuts = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2 * SIZE)), min_size=1, max_size=2)


@tuned(max_examples=15)
@given(histories=st.lists(cuts, min_size=4, max_size=8), record=st.integers(0, 2))
def test_of_scrap_of_one_class_a_program_leaves_the_same_classes(histories, record):
    """Whichever entry stands for a class: a later program, whole or cut, makes the same classes of all of them."""
    (kept, blank, program), (_, sector, records) = journal(3), device()
    alike: dict[Hashable, set[bytes]] = {}
    for history in histories:
        entry = b"\xff" * SIZE
        for number, left in history:
            entry = list(torn(entry, records[number]))[left]
        contents = blank.patched(program.address, entry).sectors[sector]
        alike.setdefault(kept.sector_class(sector, contents), set()).add(entry)
    for entries in alike.values():
        first, *others = (classes(kept, blank, program, entry, records[record]) for entry in sorted(entries))
        assert all(other == first for other in others)


def test_what_a_record_could_still_complete_is_told_from_what_none_could():
    """Torn before the records differ: each of three could come of it; torn behind: its own alone; both torn: none."""
    (kept, blank, program), (_, sector, records) = journal(3), device()

    def completions(entry: bytes) -> int:
        whole, _ = kept.sector_class(sector, blank.patched(program.address, entry).sectors[sector])[0][1]
        return len(whole)

    assert completions(records[0][:8] + b"\xff" * (SIZE - 8)) == 3
    assert completions(records[0][:-1] + b"\xff") == 1
    assert completions(bytes(a & b for a, b in zip(records[0], records[1], strict=True))) == 0


def test_what_lacks_a_bit_that_no_other_record_has_is_completed_by_its_own_program_alone():
    """Another record's program, cut, completes a record that lacks bits of both; never one that lacks a bit of its own.

    A program of that bit and one more does, whoever's it is.
    """
    (kept, blank, program), (_, sector, records) = journal(2), device()
    whole, other = (int.from_bytes(record) for record in records[:2])
    ones = (1 << 8 * SIZE) - 1
    own = other & ~whole

    def completed(entry: int, data: bytes) -> list[bytes]:
        before = blank.patched(program.address, entry.to_bytes(SIZE))
        nothing = [Tear("before", before.sectors[sector], None, (0.0,))]
        tears = kept.noted(Program(program.address, data), before, sector, nothing)
        return [tear.contents for tear in tears if tear.label.startswith(COMPLETED)]

    all_own, all_but_one = ones & ~own, ones & ~(own & own - 1)
    (record,) = completed(all_own, records[1])
    first_bit_left_out = (whole | 1 << 8 * SIZE - 1).to_bytes(SIZE)

    assert blank.patched(program.address, records[0]).sectors[sector] == record
    assert [] == completed(all_but_one, records[1])
    assert [record] == completed(all_but_one, first_bit_left_out)


def test_a_record_that_is_new_makes_the_classes_of_scrap_stale():
    """What nothing was known to complete is told apart anew once something is."""
    (kept, blank, program), (_, sector, records) = journal(1), device()
    kept.sector_class(sector, blank.patched(program.address, records[1][:-1]).sectors[sector])
    assert not kept.stale
    kept.learn(blank, [Step(Program(program.address, records[1]))])
    assert kept.stale


@pytest.mark.parametrize("pages", [1, 4])
def test_a_record_is_learnt_from_its_pieces_also_over_scrap(pages):
    """What a run programs page by page, over bits that spoil it, is known as the record that was meant."""
    (kept, blank, program), (_, sector, records) = journal(0), device()
    size = SIZE // pages
    spoilt = blank.patched(program.address, bytes(8))
    kept.learn(spoilt, [Step(Program(program.address + at, records[0][at : at + size])) for at in range(0, SIZE, size)])

    (whole, _) = kept.sector_class(sector, blank.patched(program.address, records[0][:9]).sectors[sector])[0][1]
    assert whole == {records[0]}


@pytest.mark.parametrize("leaves", ["an erase by halves", "more than was to be programmed", "less than there was"])
def test_what_leaves_more_than_a_torn_program_is_left_to_bytes(leaves):
    """The argument holds for programs by halves; of anything else the bytes decide, and the search is made anew."""
    (kept, blank, program), (_, sector, records) = journal(1), device()
    before = blank.patched(program.address, records[0])
    effect, contents = {
        "an erase by halves": (Erase(sector), blank.patched(program.address, records[0][:9]).sectors[sector]),
        "more than was to be programmed": (Program(program.address, b"\x0f"), bytes(len(before.sectors[sector]))),
        "less than there was": (Program(program.address, b"\x0f"), b"\xff" * len(before.sectors[sector])),
    }[leaves]
    list(kept.noted(effect, before, sector, [Tear("strange", contents, None, (0.0,))]))

    assert kept.by_bytes
    assert kept.stale
    assert contents == kept.sector_class(sector, contents)


CASES = [
    ("mgos-boot", "crashes", Thin(prefixes=(9, 60)), 2),
    ("mgos-boot-both", "flaky", Thin(prefixes=(20,), missing=(4,)), 2),
]


@pytest.mark.slow
@pytest.mark.parametrize(("design", "image", "faults", "cuts"), CASES)
def test_no_end_is_missed_that_plain_enumeration_finds(design, image, faults, cuts):
    """Whatever cuts of cuts lead to is in the graph, with no more cuts, also where a record is completed by another."""
    what = small(design, image=image)
    explorer = Explorer(what, faults, budget=3000, verdict_only=True)
    explorer.explore()
    graph = graph_of(explorer)
    orders = {end: history.order[0] for end, history in graph.histories.items()}

    assert explorer.closed
    assert not any(journal.by_bytes for journal in explorer.identity._journals)
    for end, (fewest, _) in enumerate_plainly(what, faults, cuts).items():
        assert orders[end] <= fewest
    if not any(label.startswith(COMPLETED) for label in graph.labels):
        assert set(graph.ends) >= set(enumerate_plainly(what, faults, cuts))

"""The shape, tried: a plain breadth-first search over power cuts, equal contents merged, no other cleverness.

That this fits on a page is the reason why firmware is a generator that knows nothing of power.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from plain import shrunk

from otalab.bench.ends import BAD
from otalab.bench.observer import judge
from otalab.bench.scenario import Scenario, World
from otalab.bench.setup import set_up
from otalab.bench.trace import Life, Step, run
from otalab.firmware.outcome import Reset
from otalab.hardware.board import load_board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

History = tuple[str, ...]
FILES = {"conf9.json": b"{}"}


def tears(step: Step) -> Iterator[Flash]:
    """Yield what a cut can leave: before, a handful of prefixes, after."""
    yield step.before
    match step.effect:
        case Program(address, data):
            for length in sorted({1, 8, 10, 12, len(data) // 2, len(data) - 1} & set(range(1, len(data)))):
                yield step.before.after(Program(address, data[:length]))
            yield step.before.after(step.effect)
        case Erase(sector):
            old, size = step.before.sectors[sector], step.before.geometry.sector_size
            for length in (16, size // 2, size - 16):
                yield step.before.with_sector(sector, b"\xff" * length + old[length:])
            yield step.before.after(step.effect)


def search(what: Scenario, cuts: int) -> Iterator[tuple[History, str]]:
    """Yield (history, end) for every distinct state that at most this many cuts can lead to, fewest cuts first.

    A history is the phase of each cut; a reset by the device itself leads on without a cut, and has no end yet.
    """
    first = (what.flash, what.power_on(World()))
    seen, front = {first}, [((), first)]
    while front:
        here, front = front, []
        for past, state in here:
            taken = run(what, *state)
            reset = isinstance(taken.outcome, Reset)
            yield past, "" if reset else judge(what, Life(what.device.board, (taken,), endless=False)).name
            following = [(past, taken.flash, taken.world)] if reset else []
            if len(past) < cuts:
                following += [((*past, s.phase), left, s.world) for s in taken.steps for left in tears(s)]
            for history, flash, world in following:
                if (state := (flash, what.power_on(world))) not in seen:
                    seen.add(state)
                    # A reset goes to the front of the queue: it costs no cut.
                    (here if history is past else front).append((history, state))


def small(design: str, sector: int = 4096) -> Scenario:
    """Return an update of one page of code on the tiny board, which may be tinier: with fewer pages to a sector."""
    return set_up(design, shrunk(load_board("tiny"), sector), app_size=200, files=FILES)


# Twelve pages to a file system, not ninety-six: each effect is there, and pairs of cuts are a fourth of those of tiny.
@pytest.mark.parametrize(("cuts", "sector"), [(1, 4096), pytest.param(2, 512, marks=pytest.mark.slow)])
def test_hardened_survives_every_cut(cuts: int, sector: int) -> None:
    """Wherever the power fails, once or twice, the hardened device ends on a whole image with its files."""
    ends = Counter(end for _, end in search(small("hardened", sector), cuts))
    print(f"hardened, {cuts} cut(s): {ends.total()} states, ends {dict(ends)}")

    assert {"", "updated", "update-lost"} == set(ends)
    assert ends.total() > 100**cuts / 8


def test_mongoose_is_undone_by_one_cut_in_the_record() -> None:
    """The published record, torn, is believed: one cut in the phase that writes it ends badly."""
    found = list(search(small("mongoose"), 1))
    print(f"mongoose, 1 cut: {len(found)} states, ends {dict(Counter(end for _, end in found))}")
    bad = [history for history, end in found if end in BAD]

    assert bad
    assert set(bad) <= {("switch",), ("commit",)}


def test_an_undisturbed_update_needs_no_luck() -> None:
    """Without a cut both designs end updated: what the searches above find, the cuts did."""
    for design in ("hardened", "mongoose"):
        assert {((), ""), ((), "updated")} == set(search(small(design), 0))

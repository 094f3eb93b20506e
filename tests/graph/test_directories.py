"""What the blocks of a littlefs's directory are taken for is all that anybody reads of them, and can make of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from plain import Thin, enumerate_plainly, shrunk

from otalab import load_board, load_design
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import Step, life, sector_of
from otalab.faults.models import fault_model
from otalab.faults.tear import Tear
from otalab.firmware.device import Device
from otalab.firmware.merge import directory_sectors
from otalab.formats.filesystems.answers import answers
from otalab.formats.filesystems.kinds import build_image, mount
from otalab.formats.filesystems.littlefs_directory import as_directory
from otalab.formats.filesystems.scratch import BlockErase, BlockProgram, Scratch
from otalab.graph import directories
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

BLOCK, BLOCKS = 4096, 4
FILES = {"a": b"x" * 40, "conf9.json": b"{}"}


def update(design: str, image: str) -> Scenario:
    """Return an update on the tiny board in sectors of four pages, with a journal of as many records."""
    four = replace(load_design(design), journal=4)
    return set_up(four, shrunk(load_board("tiny"), 1024), image=image, app_size=100, files=FILES)


def at_work(rounds: int) -> tuple[bytes, list[BlockErase | BlockProgram]]:
    """Return a littlefs on which so many files were written, and what it does to write one more."""
    scratch = Scratch(build_image(FILES, BLOCKS * BLOCK), BLOCK)
    fs = mount("littlefs", scratch)
    for number in range(rounds):
        fs.write(f"file {number % 3}", bytes([number]) * 100)
    before = scratch.contents
    scratch.drain()
    fs.write("one more", b"1" * 60)
    return before, [done for done in scratch.drain() if isinstance(done, (BlockErase, BlockProgram))]


def cut(contents: bytes, did: list[BlockErase | BlockProgram], left: bytes) -> bytes:
    """Return what is left where all of this was done, and of the last program only the zeros that are in `left`."""
    scratch = Scratch(contents, BLOCK)
    for done in did[:-1]:
        scratch.erase(done.block) if isinstance(done, BlockErase) else scratch.program(done.offset, done.data)
    if isinstance(did[-1], BlockProgram):
        kept = (byte | other for byte, other in zip(did[-1].data, left, strict=False))
        scratch.program(did[-1].offset, bytes(kept))
    return scratch.contents


def classes(contents: bytes) -> list[Hashable]:
    """Return the classes of the two blocks of the directory, and the other blocks."""
    blocks = [contents[at : at + BLOCK] for at in range(0, len(contents), BLOCK)]
    return [*map(as_directory, blocks[:2]), *blocks[2:]]


def others(contents: bytes, filling: bytes) -> bytes:
    """Return contents with other bytes where the classes of the directory's blocks leave them out, if they stay so."""
    blocks = []
    for at in (0, BLOCK):
        block = contents[at : at + BLOCK]
        whole, behind = as_directory(block)
        other = whole + (filling * BLOCK)[: BLOCK - len(whole)]
        blocks.append(block if behind is not None or as_directory(other) != (whole, None) else other)
    return b"".join(blocks) + contents[2 * BLOCK :]


# Rounds up to where a block is full, so that the other one is erased and begun anew.
@tuned(max_examples=40)
@given(
    rounds=st.integers(0, 9),
    last=st.integers(1, 4),
    left=st.binary(min_size=256, max_size=256) | st.integers(0, 255).map(lambda at: bytes(at) + b"\xff" * (256 - at)),
    filling=st.binary(min_size=1, max_size=300),
)
def test_littlefs_shows_the_same_whatever_a_class_leaves_out(rounds, last, left, filling):
    """Files, and all that it does to write and to remove one more: mounted over bytes that are not the same."""
    before, did = at_work(rounds)
    contents = cut(before, did[:last], left)
    other = others(contents, filling)

    assert classes(contents) == classes(other)
    assert answers("littlefs", contents, BLOCK) == answers("littlefs", other, BLOCK)


@tuned(max_examples=40)
@given(rounds=st.integers(0, 9), last=st.integers(1, 4), at=st.integers(0, 255))
def test_where_a_class_keeps_what_follows_littlefs_appends_and_else_it_erases(rounds, last, at):
    """A class says whether the block in use goes on, as the next write shows."""
    before, did = at_work(rounds)
    contents = cut(before, did[:last], bytes(at) + b"\xff" * (256 - at))
    whole = [as_directory(contents[start : start + BLOCK]) for start in (0, BLOCK)]
    in_use = max(whole, key=lambda one: int.from_bytes(one[0][:4], "little") if one[0] else -1)
    first = next(
        done for done in answers("littlefs", contents, BLOCK)[1] if isinstance(done, (BlockErase, BlockProgram))
    )
    is_room = in_use[1] is not None and len(in_use[0]) <= BLOCK - 512

    assert isinstance(first, BlockErase) or in_use[1] is not None
    assert isinstance(first, BlockProgram) or not is_room


@cache
def appended() -> tuple[Scenario, Step]:
    """Return an update, and its first step that appends to a directory."""
    what = update("mgos-boot", "crashes")
    of_directories = directory_sectors(what.device.board)
    steps = [step for run in life(what).runs for step in run.steps if step.phase in ("switch", "merge")]
    return what, next(
        step for step in steps if isinstance(step.effect, Program) and step.effect.address // 1024 in of_directories
    )


def test_a_torn_commit_is_one_class_whatever_is_missing_of_it():
    """Each tear that a model of single bits leaves of a commit is what stood there, the commit, or no commit."""
    what, step = appended()
    tears = [tear.contents for tear in fault_model("torn-bits").tears(step.effect, step.before, what.device)]
    told = {as_directory(contents) for contents in tears}

    assert len(tears) > 300
    assert len(told) == 3
    assert [None] == [behind for _, behind in told if behind is None]


def test_what_a_class_leaves_out_too_much_is_seen_by_mounting(monkeypatch):
    """A class that leaves commits out is not believed: bytes decide from then on, and the search begins anew."""
    what, step = appended()
    monkeypatch.setattr(directories, "as_directory", lambda block: (block[:256], None))
    kept = directories.Directory(what.device.board)
    kept.learn(step.before, [])

    assert kept.stale
    assert kept.by_bytes
    assert kept.read_class(b"x") == (b"x", b"")


@pytest.mark.parametrize("erased", [False, True])
def test_a_program_over_what_a_class_leaves_out_is_seen(erased):
    """What no littlefs does: a program behind a torn commit.  Behind an erase it may go anywhere."""
    what, step = appended()
    torn = step.before.after(Program(step.effect.address, step.effect.data[:9]))
    sector, at = step.effect.address // 1024, step.effect.address
    blank = torn.after(Erase(sector))
    program = step._replace(effect=Program(at, b"\x00"), before=blank if erased else torn)
    steps = [step._replace(effect=Erase(sector), before=torn), program] if erased else [program]
    kept = directories.Directory(what.device.board)
    kept.learn(torn, steps)

    assert kept.by_bytes is not erased


def agree(what: Scenario, faults: Thin, cuts: int) -> None:
    """Hold the graph against plain enumeration."""
    explorer = Explorer(what, faults, budget=3000, verdict_only=True)
    explorer.explore()
    graph, plainly = graph_of(explorer), enumerate_plainly(what, faults, cuts)
    orders = {end: history.order[0] for end, history in graph.histories.items()}

    assert explorer.closed
    assert not explorer.identity._directory.by_bytes
    for end, (fewest, _) in plainly.items():
        assert orders[end] <= fewest
    assert {end for end, fewest in orders.items() if fewest <= cuts} <= set(plainly)


@tuned(max_examples=2)
@given(image=st.sampled_from(["hangs", "flaky"]), done=st.integers(1, 255), missing=st.integers(1, 255))
def test_no_end_is_missed_that_plain_enumeration_finds_at_one_cut(image, done, missing):
    """Whatever one cut leads to is in the graph, and nothing else is."""
    agree(update("mgos-boot-both", image), Thin(prefixes=(done,), missing=(missing,)), 1)


class InDirectories(Thin):
    """Tears in directories alone; elsewhere a cut comes before an effect."""

    def tears(self, effect: Erase | Program, before: Flash, device: Device) -> Iterator[Tear]:
        every = super().tears(effect, before, device)
        return every if sector_of(effect, before) in directory_sectors(device.board) else islice(every, 1)


@pytest.mark.slow
@tuned(max_examples=1)
@given(done=st.integers(1, 255))
def test_no_end_is_missed_that_plain_enumeration_finds_at_two_cuts(done):
    """Whatever two cuts lead to is in the graph, with no more cuts."""
    agree(update("mgos-boot", "crashes"), InDirectories(prefixes=(done,), fronts=(256,)), 2)

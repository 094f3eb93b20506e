"""A/B with tries: every start is counted, its weak places are found, and each is mended by one choice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.firmware import store
from otalab.firmware.bootloader import Start, boot
from otalab.firmware.catalogue import checked, load_design
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.outcome import Running
from otalab.formats.records.record import BootConfig
from otalab.graph.check import check_design
from otalab.graph.crash_graph import CrashGraph
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase

DESIGN, BOTH = load_design("ab-tries"), load_design("ab-tries-both")
# With one try a search is small, and the histories are short.
ONE = {"tries": 1}


def found(
    design: Design, image: str = "healthy", *, faults: str = "atomic", used: bool = False, budget: int = 1000
) -> CrashGraph:
    return check_design(checked(design), faults, image, "tiny", budget=budget, used=used).graph


def cuts(graph: CrashGraph) -> int | None:
    return len(graph.counterexample.cuts) if graph.counterexample else None


def test_each_start_takes_a_try() -> None:
    """A crashing image is started three times; then the loader writes that it starts the other one."""
    lived = life(set_up(DESIGN, "tiny", app_size=3000, image="crashes"))
    tried = [line for line in lived.log if line.startswith("Boot record 0: sequencer 0, slot 1")]

    assert 4 == len(tried)
    assert isinstance(lived.last.outcome, Running)
    assert "1" == lived.last.outcome.version


def test_both_copies_say_the_same_after_a_start() -> None:
    """The loader copies what it has written; the commit of the image reaches the second copy at the next start."""
    for design, second in ((DESIGN, False), (BOTH, True)):
        lived = life(set_up(design, "tiny", app_size=3000))
        first, copy = store.read(Chip(lived.board, lived.last.flash), design)
        assert second == (first == copy)


def test_a_slot_is_given_up_before_it_is_erased() -> None:
    """The first thing that a download writes is a record that leads there no more."""
    what = set_up(DESIGN, "tiny", app_size=3000)
    erased = [step for step in life(what).runs[0].steps if isinstance(step.effect, Erase)]
    records = {what.device.board.geometry.sector_at(area.address) for area in what.device.board.records}

    assert [True, False] == [step.effect.sector in records for step in erased[:2]]


def test_two_cuts_lose_both_copies() -> None:
    """The second while it is written, then the first, which the next start writes over all the same.

    With one try for each slot two more cuts brick the device; repaired first, a torn copy is none to fear.
    """
    torn, mended = found(replace(DESIGN, **ONE)), found(replace(BOTH, **ONE))

    assert ("unsafe", 4) == (torn.verdict, cuts(torn))
    assert ("safe", None) == (mended.verdict, cuts(mended))
    assert {"updated", "update-lost"} == set(mended.ends)


def test_a_slot_that_is_not_given_up_is_on_no_trial() -> None:
    """On a used device it is successful already: an image that crashes is started for ever, without any cut."""
    wrong, right = (found(replace(BOTH, clear=clear), "crashes", used=True) for clear in ("none", "slot-given-up"))

    assert ("unsafe", 0, ("stuck",)) == (wrong.verdict, cuts(wrong), tuple(wrong.ends))
    assert ("safe", ("rolled-back",)) == (right.verdict, tuple(right.ends))


def test_one_copy_is_lost_by_one_cut() -> None:
    """Slots get their tries anew, the first one whatever lies in it: two copies mend it."""
    single = found(replace(DESIGN, records=1, **ONE), budget=60)

    assert ("unsafe", 2) == (single.verdict, cuts(single))


@pytest.mark.slow
@pytest.mark.parametrize(("design", "verdict"), [(DESIGN, "unsafe"), (BOTH, "safe")])
def test_with_three_tries_and_every_fault_model(design: Design, verdict: str) -> None:
    """The graph closes; two cuts and three tries of each slot are eight."""
    graph = found(design, faults="all")

    assert graph.closed
    assert (verdict, 8 if verdict == "unsafe" else None) == (graph.verdict, cuts(graph))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"placing": "beside"}, "need each other"),
        ({"tie": "last"}, "of two copies the first counts"),
        ({"tries": 8}, "counts down from 7"),
        ({"trial": "timer", "tries": 1}, 'counts every start: "one-start"'),
        ({"clear": "before-slot"}, "the other record is a copy"),
        ({"no_record": "halt"}, "need each other"),
    ],
)
def test_what_does_not_go_together_is_one_line(changes: dict[str, object], words: str) -> None:
    """It says which choice, and what it needs."""
    with pytest.raises(BadInput, match=words) as refused:
        checked(replace(DESIGN, **changes))
    assert 1 == len(str(refused.value).splitlines())


def test_a_default_record_promises_nothing() -> None:
    """`ab_control_default`: where both copies are gone every slot has its tries, and the first one is started."""
    what = set_up(DESIGN, "tiny", app_size=3000)
    blank = what.flash
    for area in what.device.board.records:
        blank = blank.patched(area.address, b"\xff" * 32)
    chip = Controller(what.device.board, blank)
    start = chip.carry_out(boot(chip, DESIGN))
    selected = store.select(chip, DESIGN)

    assert selected is not None
    assert BootConfig(0, False, previous=1, previously_committed=False, tried=1, first=True) == selected.config
    assert Start(0, committed=False, commit_within=0) == start

"""Each choice of a design, by what it is for: where it stands the other way, something else happens."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest
from lab_cells import cell, numbered, story, tiny, used
from plain import Thin, small

from otalab.bench.observer import judge
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.firmware import record_writes, store
from otalab.firmware.bootloader import boot
from otalab.firmware.catalogue import load_design
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.explain import explain
from otalab.firmware.outcome import Bricked, Reset, Running
from otalab.firmware.update_state import read_state
from otalab.formats.records.record import BootConfig, Invalid, Record
from otalab.hardware.effects import Effect, Erase, Program, Routine, Wait
from otalab.hardware.flash import Flash

HARDENED, MONGOOSE, SINGLE = load_design("hardened"), load_design("mongoose"), load_design("single-record")
CC3200, JOURNAL, IDF = load_design("cc3200"), load_design("mgos-boot-both"), load_design("esp-idf")
RBOOT, ESP32 = load_design("esp8266"), load_design("esp32")
BESIDE = load_design("esp32-beside")
SAFE: tuple[str, str, list[Any]] = ("safe", "", [])


def starts(what: Any) -> int:
    """Return how often the undisturbed life starts the new image."""
    return sum(f"Starting version {what.new.version} " in line for run in life(what).runs for _, line in run.log)


def at_first_cut(one: Any) -> tuple[str, str, int, str]:
    """Return verdict, end, how many cuts, and the phase of the first."""
    verdict, end, cuts = story(one)
    return verdict, end, len(cuts), cuts[0][3] if cuts else ""


# order


LAST = replace(MONGOOSE, name="sequencer-last", order="sequencer-last")
UP = replace(LAST, name="increasing-last", sequencer="increasing")


def test_a_sequencer_that_comes_last_needs_no_check_against_torn_programs() -> None:
    """Counting down, a torn sequencer is older than all others: the published record, without a check, holds."""
    assert SAFE == story(cell(small(LAST), "torn-program"))
    assert ("unsafe", "bricked", 1, "switch") == at_first_cut(cell(small(MONGOOSE), "torn-program", budget=30))


@pytest.mark.parametrize("faults", ["torn-erase", "zeroed-erase"])
def test_a_sequencer_that_comes_last_does_not_help_against_a_torn_erase(faults: str) -> None:
    """An erase that stops half-way leaves what no program wrote: it is believed as before."""
    assert ("unsafe", "bricked", 1, "switch") == at_first_cut(cell(small(LAST), faults, budget=30))


def test_counting_up_a_torn_sequencer_is_the_newest_there_can_be() -> None:
    """Of 0xfe its first byte is there and the rest reads ones: the next sequencer is all ones, which is none."""
    assert ("unsafe", "stuck", [(0, 15, "prefix-1", "switch")]) == story(cell(numbered(UP, 0xFD), "torn-program"))
    assert SAFE == story(cell(numbered(LAST, 0xFD), "torn-program"))


# erase


def test_what_looks_blank_need_not_be() -> None:
    """Sparing the erase is unsafe after an erase that was cut short, unless somebody reads back what was written."""
    spared = replace(HARDENED, erase="unless-blank", write="once")

    assert ("unsafe", "not-updatable", 1, "rollback") == at_first_cut(cell(small(spared, image="hangs"), "weak-erase"))
    assert SAFE == story(cell(small(replace(spared, erase="always"), image="hangs"), "weak-erase"))
    assert SAFE == story(cell(small(replace(spared, write="read-back"), image="hangs"), "weak-erase"))


# trial, tries, timer


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_an_image_starts_as_often_as_it_may(tries: int) -> None:
    """One that crashes is rolled back after its last try, and not before."""
    what = tiny(replace(HARDENED, tries=tries), "crashes")

    assert tries == starts(what)
    assert "rolled-back" == judge(what, life(what)).name


def test_more_tries_are_as_safe() -> None:
    """Every start is counted in a record of its own."""
    assert SAFE == story(cell(small(replace(HARDENED, tries=3), image="crashes"), "torn-program"))


@pytest.mark.parametrize("timer", ["loader", "image"])
def test_a_timer_ends_a_hang_and_no_crash(timer: str) -> None:
    """Nor does it matter whose it is: a crash comes before the timer is due, and starts it anew."""
    design = replace(MONGOOSE, timer=timer)

    assert SAFE == story(cell(small(design, image="hangs")))
    assert ("unsafe", "stuck", []) == story(cell(small(design, image="crashes")))


def test_a_timer_of_the_image_begins_when_the_image_is_up() -> None:
    """The loader's has then run for as long as the image took to boot."""
    ends = {}
    for timer in ("loader", "image"):
        what = tiny(replace(MONGOOSE, timer=timer), "hangs")
        ends[timer] = life(what).runs[1].steps[-1].at
    assert ends["image"] - ends["loader"] == pytest.approx(what.new.boot_seconds)


def test_rboot_goes_on_counting_after_a_rollback() -> None:
    """The record is committed and its first boot is not over: every start of the old image rewrites the only record."""
    what = tiny(RBOOT, "crashes")
    last = life(what).last
    config = store.select(Controller(what.device.board, last.flash), RBOOT)
    again = life(what, last.flash, last.world)
    writes = [step.effect for step in again.runs[0].steps if isinstance(step.effect, Erase | Program)]

    assert config is not None
    assert (0, True, True) == (config.config.active, config.config.committed, config.config.first)
    assert [Erase, Program] == [type(effect) for effect in writes]
    assert Running(0, "1", True) == again.last.outcome


# merge


@pytest.mark.parametrize(
    ("when", "verdict", "end"),
    [("before-switch", "safe", ""), ("first-boot", "safe", ""), ("none", "unsafe", "data-lost")],
)
def test_old_files_come_along_before_or_after_the_switch(when: str, verdict: str, end: str) -> None:
    """Either is safe where a trial has a way back; without a merge they are lost, and no cut is needed."""
    assert (verdict, end, []) == story(cell(tiny(replace(HARDENED, merge=when))))


def merge_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files of a first boot not fit."""
    from otalab.firmware import merge_times  # noqa: PLC0415
    from otalab.formats.filesystems.kinds import FileSystemFault  # noqa: PLC0415

    def full(*_: object) -> Any:
        raise FileSystemFault("no space left")
        yield

    monkeypatch.setattr(merge_times, "carry_over", full)


@pytest.mark.parametrize(("fault", "end"), [("revert", "update-lost"), ("ignore", "data-lost")])
def test_a_merge_that_fails_is_reverted_or_ignored(monkeypatch: pytest.MonkeyPatch, fault: str, end: str) -> None:
    """The CC3200 goes on without its files; the others go back."""
    merge_breaks(monkeypatch)
    what = tiny(replace(HARDENED, merge="first-boot", merge_fault=fault))
    lived = life(what)

    assert end == judge(what, lived).name


# tie


@pytest.mark.parametrize(("tie", "slot"), [("first", 0), ("last", 1)])
def test_of_two_that_are_as_new_the_first_or_the_last_counts(tie: str, slot: int) -> None:
    """With the published record, and nothing wrong with either."""
    what, design = tiny(MONGOOSE), replace(MONGOOSE, tie=tie)
    form, flash = store.codec(design), what.flash
    for place, active in zip(what.device.board.records, (0, 1), strict=True):
        data = form.encode(Record(9, BootConfig(active, True)))
        flash = flash.with_sector(place.address // 4096, data.ljust(4096, b"\xff"))
    chip = Controller(what.device.board, flash)
    found = store.select(chip, design)

    assert found is not None
    assert (slot, slot) == (found.place, found.config.active)
    assert f"both sequencers are 9, and of two equal ones the {tie} counts" in explain(chip, design).reason


# journal


def written(chip: Controller, design: Design, times: int, spoil: int | None = None) -> list[tuple[str, int]]:
    """Let the firmware write so many records; return its effects, as kind and address.

    `spoil`: the program with this number does not hold.
    """
    done: list[tuple[str, int]] = []
    for number in range(times):
        for effect in record_writes.write(chip, design, BootConfig(number % 2, True)):
            assert isinstance(effect, Erase | Program)
            if isinstance(effect, Erase):
                done.append(("erase", effect.sector * chip.board.geometry.sector_size))
            else:
                fails = sum(kind == "program" for kind, _ in done) == spoil
                done.append(("program", effect.address))
                if fails:
                    chip.apply(Program(effect.address, bytes(len(effect.data))))
            chip.apply(effect)
    return done


FIRST, SECOND = 0x1000, 0x2000


def place(chip: Controller, design: Design) -> int:
    found = store.select(chip, design)
    assert found is not None
    return found.place


def test_a_journal_goes_from_place_to_place_and_area_to_area() -> None:
    """A full area is left as it is; the other one is erased just before its first record, and not again."""
    what = tiny(JOURNAL)
    chip = Controller(what.device.board, what.flash)
    around = written(chip, JOURNAL, 32)
    steps = [("program", FIRST + 256 * n) for n in range(1, 16)] + [("erase", SECOND)]
    steps += [("program", SECOND + 256 * n) for n in range(16)] + [("erase", FIRST), ("program", FIRST)]

    assert steps == around
    assert 0 == place(chip, JOURNAL)
    # The full one still stands, and its last record is not newer.
    assert isinstance(store.read(chip, JOURNAL)[31], Record)


def test_a_record_that_does_not_read_back_goes_to_the_other_area() -> None:
    """Which is erased first; and what is left of the first try ends the scan of its area."""
    what = tiny(JOURNAL)
    chip = Controller(what.device.board, what.flash)
    steps = written(chip, JOURNAL, 2, spoil=1)

    assert [("program", FIRST + 256), ("program", FIRST + 512), ("erase", SECOND), ("program", SECOND)] == steps
    assert 16 == place(chip, JOURNAL)
    assert isinstance(store.read(chip, JOURNAL)[2], Invalid)


@pytest.mark.parametrize("image", ["healthy", "crashes"])
def test_a_short_journal_survives_torn_programs(image: str) -> None:
    """Two records to an area, so that cuts meet the change of areas, too."""
    one = cell(small(JOURNAL, image=image), Thin("few", prefixes=(1, 8, 60)))

    assert SAFE == story(one)
    assert one.graph.closed


def test_an_image_that_sees_one_area_is_lost_in_the_other() -> None:
    """With two records to an area the first update gets there, with sixteen the sixth; no cut is needed."""
    lost = replace(JOURNAL, sees="area-0")
    assert ("unsafe", "not-updatable", []) == story(cell(small(lost), "atomic"))
    sixth = set_up(lost, "tiny", app_size=500, updates=6)
    assert "not-updatable" == judge(sixth, life(sixth)).name


# unwritten


def driven(loader: Routine[Any], met: Callable[[Effect], None]) -> Any:
    """Let a loader run to its end, with something done at each effect, and return what it decides."""
    while True:
        try:
            met(next(loader))
        except StopIteration as end:
            return end.value


def decided_on_dead_records(design: Design, *, blank: bool) -> tuple[Any, float]:
    """Return what a loader decides where no program holds in its records, and how many seconds it waited first."""
    what = set_up(design, "tiny", app_size=500)
    staged = next(step.before for one in life(what).runs[1:] for step in one.steps)
    board = what.device.board
    flash = staged.with_sector(1, 4096 * b"\xff").with_sector(2, 4096 * b"\xff") if blank else staged
    chip, waits = Controller(board, flash), list[float]()

    def met(effect: Effect) -> None:
        if isinstance(effect, Wait):
            waits.append(effect.seconds)
        elif isinstance(effect, Erase):
            chip.apply(effect)

    return driven(boot(chip, design), met), sum(waits)


@pytest.mark.parametrize("blank", [False, True], ids=["a start to note", "no record"])
def test_a_loader_that_cannot_write_its_record_stops(blank: bool) -> None:
    """`mgos_boot_main` goes to `FAIL`, and the watchdog resets after ten seconds; others start all the same."""
    slot = 0 if blank else 1
    assert (Reset("watchdog: the boot record could not be written"), 10) == decided_on_dead_records(
        JOURNAL, blank=blank
    )
    decided, waited = decided_on_dead_records(replace(JOURNAL, unwritten="go-on"), blank=blank)
    assert (slot, blank, 0) == (decided.slot, decided.committed, waited)


# store


def test_a_store_that_replaces_whole_files_makes_the_cc3200_safe() -> None:
    """On bare flash one byte of a sequencer bricks it: flags of all ones are seen only when the record was chosen."""
    kept = replace(CC3200, store="atomic-replace")

    assert ("unsafe", "bricked", [(0, 17, "prefix-1", "switch")]) == story(
        cell(small(CC3200), "torn-program", budget=60)
    )
    for image in ("healthy", "crashes"):
        assert SAFE == story(cell(small(kept, image=image), "torn-program"))
    assert SAFE == story(cell(small(kept), "torn-erase"))


# placing


def test_a_record_given_up_is_written_over_itself() -> None:
    """Beside it, a rollback needs a third record; in its own place the old one counts again, untouched."""
    sectors = {}
    for placing in ("own", "beside"):
        what = tiny(replace(IDF, placing=placing), "crashes")
        lived = life(what)
        back = [step.effect for run in lived.runs[1:] for step in run.steps if isinstance(step.effect, Erase)]
        sectors[placing] = [effect.sector for effect in back]
        assert "rolled-back" == judge(what, lived).name
    # The start is noted, then the entry given up.
    assert [2, 2] == sectors["own"]
    assert [1, 2] == sectors["beside"]


# bits, reserve


NARROW = replace(HARDENED, name="narrow", sequencer_bits=16)


def test_an_update_is_refused_while_its_records_can_still_be_written() -> None:
    """Eight are kept back: with fewer left the old image stays, and says why."""
    assert SAFE == story(cell(numbered(NARROW, 20)))
    refused = life(numbered(NARROW, 8))

    assert Running(0, "1", True) == refused.last.outcome
    assert any("Boot sequencer used up: 8 left, an update needs 8" in line for _, line in refused.last.log)


@pytest.mark.parametrize(
    ("design", "sequencer", "end"),
    [
        (replace(NARROW, reserve=0), 3, "not-updatable"),
        (replace(NARROW, reserve=0), 2, "stuck"),
        (replace(NARROW, reserve=0, sequencer="increasing"), 2**16 - 4, "not-updatable"),
        (replace(MONGOOSE, sequencer_bits=16), 1, "stuck"),
    ],
)
def test_without_a_reserve_the_end_comes_inside_an_update(design: Design, sequencer: int, end: str) -> None:
    """The record that would be newer is none, or the oldest of all; no cut is needed."""
    assert ("unsafe", end, []) == story(cell(numbered(design, sequencer)))


# no record, bad image


def booted(design: Design, flash: Flash) -> tuple[Any, Controller]:
    """Let the loader run alone, and return what it makes of a chip."""
    chip = Controller(tiny(design).device.board, flash)
    return driven(boot(chip, design), lambda effect: None if isinstance(effect, Wait) else chip.apply(effect)), chip


def without_records(design: Design) -> Flash:
    return tiny(design).flash.with_sector(1, b"\xff" * 4096)


def test_without_a_record_a_loader_halts_writes_one_or_starts_slot_0() -> None:
    """Only where all is erased is it a new device: a record that is torn halts the loader that would start slot 0."""
    halts, writes = (replace(HARDENED, no_record=way) for way in ("halt", "default"))
    # With no record there is no checksum to compare the image with.
    starts_0 = replace(HARDENED, no_record="slot-0", image_check="none")

    assert Bricked("no valid boot record") == booted(halts, without_records(halts))[0]
    for design, records in ((writes, 1), (starts_0, 0)):
        start, chip = booted(design, without_records(design))
        assert (0, True) == (start.slot, start.committed)
        assert records == sum(isinstance(one, Record) for one in store.read(chip, design))
    torn = without_records(starts_0).with_sector(1, b"\0" + b"\xff" * 4095)
    assert Bricked("no valid boot record") == booted(starts_0, torn)[0]


def entry(sequencer: int, state: int, *, good: bool = True) -> bytes:
    number = struct.pack("<I", sequencer)
    return number + b"\xff" * 20 + struct.pack("<II", state, crc32(number, 0xFFFFFFFF) if good else 0)


BLANK_ENTRY = b"\xff" * 32
NO_ENTRY = {
    "the check of one is wrong, the other is erased": (entry(1, 2, good=False), BLANK_ENTRY),
    "the checks of both are wrong": (entry(5, 2, good=False), entry(4, 2, good=False)),
    "one is aborted, the other is erased": (entry(1, 4), BLANK_ENTRY),
    "both are invalid": (entry(2, 3), entry(3, 4)),
    "both are erased": (BLANK_ENTRY, BLANK_ENTRY),
    "neither is one": (b"text", bytes(32)),
}


@pytest.mark.parametrize("board", ["tiny", "lab-1M", "esp32-4M"])
@pytest.mark.parametrize("entries", NO_ENTRY.values(), ids=NO_ENTRY)
@pytest.mark.parametrize("broken", [(), (0,), (1,), (0, 1)])
def test_esp_idf_halts_only_where_no_image_is_whole(
    board: str, entries: tuple[bytes, bytes], broken: tuple[int, ...]
) -> None:
    """Without a valid entry the first slot whose image passes its check runs, and the next update goes in."""
    what = set_up("esp-idf", board, used=True, app_size=500)
    home, flash = what.device.board, what.flash
    for area, data in zip(home.records, entries, strict=True):
        flash = flash.patched(area.address, data.ljust(area.size, b"\xff"))
    for slot in broken:
        flash = flash.patched(home.slots[slot].app.address, bytes(100))
    lived = life(replace(what, flash=flash))
    first = lived.runs[0].outcome if len(broken) == 2 else lived.last.outcome

    if len(broken) == 2:
        assert Bricked("no valid boot record") == first
    else:
        started = 1 if broken == (0,) else 0
        assert f"No valid boot record: starting slot {started}" in lived.log
        assert isinstance(first, Running)
        assert (1 - started, what.new.version, True) == (first.slot, first.version, first.committed)


def test_of_two_entries_with_the_same_sequencer_esp_idf_takes_the_first() -> None:
    """As `bootloader_common_select_otadata` does, whatever their states are."""
    what = tiny(IDF)
    flash = what.flash.patched(what.device.board.records[0].address, entry(3, 2) + b"\xff" * 64)
    flash = flash.patched(what.device.board.records[1].address, entry(3, 0) + b"\xff" * 64)
    selected = store.select(Controller(what.device.board, flash), IDF)
    assert selected is not None
    assert (0, True) == (selected.place, selected.config.committed)


def test_a_first_update_without_a_record_goes_where_the_next_one_does_not() -> None:
    """A device shipped without a record takes its updates like others."""
    what = tiny(IDF)
    what = replace(what, flash=what.flash.with_sector(1, b"\xff" * 4096))

    assert "updated" == judge(what, life(what)).name


def test_a_default_record_saves_a_device_only_while_slot_0_is_the_old_one() -> None:
    """Where slot 1 runs, a cut while the only record is rewritten starts what lies in slot 0: the update, committed."""
    halting, saved = replace(SINGLE, name="halting"), replace(SINGLE, name="saved", no_record="default")

    assert ("unsafe", "bricked", 1, "switch") == at_first_cut(cell(small(halting)))
    assert SAFE == story(cell(tiny(saved)))
    assert ("unsafe", "stuck", 1, "switch") == at_first_cut(cell(used(saved, "crashes")))


@pytest.mark.parametrize(("image", "end"), [("healthy", "data-lost"), ("hangs", "not-updatable"), ("crashes", "stuck")])
def test_rboot_s_default_starts_an_image_without_a_trial(image: str, end: str) -> None:
    """The flow of the ESP8266 is safe in its first update, and in no second one: nor are the files carried over."""
    assert SAFE == story(cell(tiny(RBOOT, image)))
    assert ("unsafe", end, 1, "switch") == at_first_cut(cell(used(RBOOT, image)))


@pytest.mark.parametrize(
    ("way", "outcome"),
    [
        ("halt", Bricked("the image in slot 0 fails its checksum")),
        ("reset", Reset("watchdog: the image in slot 0 fails its checksum")),
        ("other", Bricked("no slot has an image that passes its check")),
    ],
)
def test_a_committed_image_that_fails(way: str, outcome: Any) -> None:
    """It halts, waits for its watchdog, or looks for another one, of which a new device has none."""
    design = replace(HARDENED, bad_image=way)
    what = tiny(design)
    spoilt = what.flash.patched(what.device.board.slots[0].app.address, b"\0")

    assert outcome == booted(design, spoilt)[0]


def test_the_other_image_is_started_if_that_one_is_whole() -> None:
    """After an update the old one is still there."""
    what = tiny(IDF)
    flash = life(what).last.flash
    start, _ = booted(IDF, flash.patched(what.device.board.slots[1].app.address, b"\0" * 16))

    assert (0, True) == (start.slot, start.committed)


# state


def story_of_esp32(image: str) -> tuple[str, str, list[Any]]:
    return story(cell(tiny(BESIDE, image)))


@pytest.mark.parametrize("image", ["hangs", "crashes"])
def test_between_two_stores_the_old_image_commits_the_new_one(image: str) -> None:
    """NVS says that a trial runs, otadata still names the old slot: the old image passes its test, and commits.

    What starts then was never tried, and has no way back.
    """
    verdict, end, cuts = story_of_esp32(image)

    assert ("unsafe", "not-updatable") == (verdict, end)
    assert [(0, "after", "switch")] == [(run, tear, phase) for run, _, tear, phase in cuts]


def test_between_two_stores_a_switch_back_forgets_the_files() -> None:
    """NVS says that all is committed, otadata still names the new slot: it starts again, and carries nothing over."""
    assert ("unsafe", "data-lost", [(1, 2, "after", "rollback")]) == story_of_esp32("healthy")


def test_the_image_believes_nvs_and_the_loader_otadata() -> None:
    """After an update both say slot 1, and NVS remembers slot 0."""
    what = tiny(ESP32)
    chip = Controller(what.device.board, life(what).last.flash)
    loader = store.select(chip, ESP32)

    assert loader is not None
    assert (1, True) == (loader.config.active, loader.config.committed)
    assert BootConfig(1, True, previous=0) == read_state(chip)


# a state that nothing guards


def test_an_entry_whose_state_was_not_written_is_good_for_esp_idf() -> None:
    """Its check covers the sequencer alone: a cut that writes both and not the state between them ends the trial."""
    assert ("unsafe", "stuck", [(0, 13, "fields-9", "switch")]) == story(cell(small(IDF, image="crashes"), "torn-bits"))
    assert SAFE == story(cell(small(IDF, image="crashes"), "torn-program"))


@pytest.mark.parametrize("timer", ["loader", "image"])
def test_an_interval_that_is_kept_nowhere_starts_no_timer(timer: str) -> None:
    """Also where the record would have room for it: an image that hangs then hangs for ever."""
    ends = {}
    for kept in ("record", "nowhere"):
        what = tiny(replace(MONGOOSE, timer=timer, interval_in=kept), "hangs")
        ends[kept] = judge(what, life(what)).name

    assert {"record": "rolled-back", "nowhere": "not-updatable"} == ends

"""A whole life: an update is taken, committed or rolled back, and files come along."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest

from otalab.bench.contents import default_bundle, noise
from otalab.bench.contents import unpack as unpack_bundle
from otalab.bench.observer import judge, overwritten
from otalab.bench.scenario import Scenario, World
from otalab.bench.setup import NEW_VERSION, set_up
from otalab.bench.trace import Life, Run, life, run
from otalab.firmware import store
from otalab.firmware.controller import Controller
from otalab.firmware.outcome import Reset, Running
from otalab.formats.filesystems.kinds import read_files
from otalab.formats.records.record import Selection
from otalab.hardware.board import load_board
from otalab.hardware.effects import Ask, Erase, Program, Wait
from otalab.hardware.flash import Flash

DESIGNS = ("mongoose", "hardened")


def tiny(design: str = "hardened", **options: object) -> Scenario:
    """Return an update of two pages of code on the tiny board."""
    return set_up(design, "tiny", app_size=500, **options)  # type: ignore[arg-type]


def selection(what: Scenario, flash: Flash) -> Selection:
    """Return the record that counts."""
    found = store.select(Controller(what.device.board, flash), what.device.design)
    assert found is not None
    return found


def files_in(what: Scenario, flash: Flash, slot: int) -> dict[str, bytes] | None:
    """Return the user files in a slot."""
    region = what.device.board.slots[slot].fs
    return read_files(flash.read(region.address, region.size))


def offering(what: Scenario, version: str, temper: str = "healthy") -> Scenario:
    """Return the same device with another update on offer, and the images that it may hold by now."""
    bundle = default_bundle(what.device.board, version, 500)
    image, brought = unpack_bundle(bundle)
    image = replace(image, temper=temper)  # type: ignore[arg-type]
    device = replace(what.device, images=(*what.device.images, image))
    return replace(what, device=device, old=what.new, new=image, bundle=bundle, brought=tuple((brought or {}).items()))


@pytest.mark.parametrize("board", ["tiny", "lab-1M", "esp8266-4M", "esp32-4M"])
@pytest.mark.parametrize("design", DESIGNS)
def test_a_good_image_is_committed_in_the_other_slot(design: str, board: str) -> None:
    """The new version runs from the other partition, committed, and nobody touched the old one."""
    what = set_up(design, board)
    lived = life(what)
    old_app = what.device.board.slots[0].app

    assert Running(1, NEW_VERSION, True) == lived.last.outcome
    assert "updated" == judge(what, lived).name
    assert what.flash.read(old_app.address, old_app.size) == lived.last.flash.read(old_app.address, old_app.size)


@pytest.mark.parametrize("design", DESIGNS)
def test_an_image_that_hangs_is_rolled_back_and_the_next_update_goes_in(design: str) -> None:
    """The timer fires without a commit: image and flag are set back, and the device is as updatable as before."""
    what = tiny(design, image="hangs")
    lived = life(what)
    following = offering(what, "3")
    second = life(following, lived.last.flash)

    assert "rolled-back" == judge(what, lived).name
    assert Running(0, "1", True) == lived.last.outcome
    assert Running(1, "3", True) == second.last.outcome


def test_an_image_that_crashes_reboots_for_ever_if_only_a_timer_can_end_it() -> None:
    """A timer that is started anew at each boot never fires; a try that is counted ends it."""
    mongoose, hardened = tiny("mongoose", image="crashes"), tiny("hardened", image="crashes")

    assert "stuck" == judge(mongoose, life(mongoose)).name
    assert "reboots for ever" in judge(mongoose, life(mongoose)).reason
    assert "rolled-back" == judge(hardened, life(hardened)).name


@pytest.mark.parametrize("design", DESIGNS)
def test_updates_follow_one_another(design: str) -> None:
    """Slots take turns, the sequencer goes down by the records written, and files stay."""
    what = tiny(design)
    flash, used = life(what).last.flash, {"mongoose": 2, "hardened": 3}[design]
    before = selection(what, what.flash).record.sequencer
    assert before - used == selection(what, flash).record.sequencer
    for number in range(3, 7):
        what = offering(what, str(number))
        lived = life(what, flash)
        flash = lived.last.flash
        assert Running(number % 2 ^ 1, str(number), True) == lived.last.outcome
        assert "updated" == judge(what, lived).name


@pytest.mark.parametrize("design", DESIGNS)
def test_user_files_come_along_and_the_image_wins(design: str) -> None:
    """A file that the new file system lacks is carried over; one that the image brings is the image's."""
    what = tiny(design)
    after = files_in(what, life(what).last.flash, 1)

    assert after is not None
    assert dict(what.files)["conf9.json"] == after["conf9.json"]
    assert dict(what.files)["calibration.bin"] == after["calibration.bin"]
    assert dict(what.brought)["index.html"] == after["index.html"] != dict(what.files)["index.html"]


def test_files_in_folders_come_along() -> None:
    """The real littlefs has folders; their files are files of the old file system too."""
    what = set_up("hardened", files={"logs/2026/boot.txt": b"first", "conf9.json": b"{}"})

    assert "updated" == judge(what, life(what)).name


def test_files_that_do_not_fit_abort_the_update() -> None:
    """The merge comes before the switch: the old firmware and its files stay in charge."""
    what = tiny(files={"big.bin": noise("big", 9000)})
    lived = life(what)

    assert Running(0, "1", True) == lived.last.outcome
    assert any("Update aborted: littlefs could not copy big.bin" in line for line in lived.log)
    assert selection(what, what.flash) == selection(what, lived.last.flash)


@pytest.mark.parametrize("files", ["spiffs", "raw"])
def test_a_file_system_that_cannot_be_mounted_is_written_as_it_is_and_it_is_said(files: str) -> None:
    """Nothing is silently lost: the log says plainly that old files were not carried over, and the observer sees it."""
    what = set_up("hardened", replace(load_board("tiny"), file_system=files), app_size=500, bundle=tiny().bundle)
    lived = life(what)

    assert any("NOT carried over" in line for line in lived.log)
    assert ("data-lost" if what.files else "updated") == judge(what, lived).name


def test_the_record_keeps_the_previous_values_and_the_interval() -> None:
    """Step 4: the new partition is to be booted, dirty, within the commit interval, and the way back is known."""
    what = tiny("mongoose")
    config = selection(what, run(what).flash).config

    assert (1, False, 60) == (config.active, config.committed, config.interval)
    assert (0, True) == (config.previous, config.previously_committed)


def phases(one: Run) -> list[str]:
    """Return the phases of a run in order."""
    return [name for name, _ in groupby(step.phase for step in one.steps)]


def test_an_update_goes_through_its_phases_in_order() -> None:
    """Files are carried over before the switch, and the trial comes before the commit."""
    update, trial = life(tiny("mongoose")).runs

    assert ["boot", "download", "merge", "download", "switch", "boot"] == phases(update)
    assert ["trial", "commit", "trial"] == phases(trial)


def fires_at(what: Scenario, seconds: int) -> Life:
    """Return the life of a device whose commit interval is so many seconds."""
    return life(replace(what, commit_timeout=seconds))


def test_the_timer_may_fire_between_the_erase_and_the_program_of_a_commit() -> None:
    """The half-done commit is dropped, the rollback is written over it, and the old version runs."""
    what = tiny("mongoose")
    # Boot 1 s and health check 4.98 s: the erase of 45 ms ends past the 6 s of the timer.
    new = replace(what.new, health_seconds=4.98)
    what = replace(what, new=new, device=replace(what.device, images=(what.old, new)))
    lived = fires_at(what, 6)
    trial = lived.runs[1]

    assert [Erase] == [type(step.effect) for step in trial.steps if step.phase == "commit"]
    assert isinstance(trial.outcome, Reset)
    assert Running(0, "1", True) == lived.last.outcome
    assert "update-lost" == judge(what, lived).name


def test_the_timer_exits_silently_after_a_commit() -> None:
    """A spent timer changes nothing: the device idles on."""
    trial: Run = life(tiny("mongoose")).runs[1]
    waits = [step.effect for step in trial.steps if isinstance(step.effect, Wait)]

    assert ["boot", "health check", "idle", "idle"] == [wait.what for wait in waits]
    assert 60 == pytest.approx(trial.seconds)


def test_without_an_interval_there_is_no_timer() -> None:
    """An interval of 0 starts none: the image commits when its health check passes, or never."""
    assert Running(1, "2", True) == fires_at(tiny("mongoose"), 0).last.outcome
    assert "not-updatable" == judge(tiny(), fires_at(tiny("mongoose", image="hangs"), 0)).name


def by_hand(what: Scenario, after: float | None) -> Scenario:
    """Return the scenario with an image that waits for an operator, who commits so long after power-on."""
    new = replace(what.new, commits="by hand")
    return replace(what, new=new, device=replace(what.device, images=(what.old, new)), operator_commits_after=after)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(("after", "version"), [(20.0, "2"), (59.9, "2"), (60.1, "1"), (None, "1")])
def test_a_commit_by_hand_races_the_timer(design: str, after: float | None, version: str) -> None:
    """Who commits in time keeps the new version; who comes late finds the old one."""
    outcome = life(by_hand(tiny(design), after)).last.outcome

    assert isinstance(outcome, Running)
    assert (version, True) == (outcome.version, outcome.committed)


def test_a_flaky_image_that_fails_its_check_is_rolled_back() -> None:
    """It does not commit, so the timer ends its trial; and the world knows that it was no good."""
    what = tiny(image="flaky:1.0")

    assert "rolled-back" == judge(what, life(what)).name


def test_a_refused_image_is_not_offered_again() -> None:
    """After a rollback the offer is withdrawn; a server that offers it again gets an endless loop, and it is seen."""
    once, again = tiny(image="hangs"), tiny(image="hangs", offer="again")

    assert 3 == len(life(once).runs)
    assert "stuck" == judge(again, life(again)).name


def test_a_used_up_sequencer_refuses_the_update() -> None:
    """The hardened design needs eight left; it says so and changes nothing."""
    what = tiny()
    form, old = store.codec(what.device.design), selection(what, what.flash).record
    low = what.flash.patched(what.device.board.records[0].address, form.encode(replace(old, sequencer=8)))
    lived = life(what, low)

    assert Running(0, "1", True) == lived.last.outcome
    assert any("Boot sequencer used up" in line for line in lived.log)
    assert Running(1, "2", True) == life(what, low.patched(0x1000, form.encode(replace(old, sequencer=9)))).last.outcome


def test_a_device_without_a_valid_record_halts() -> None:
    """A brick is a result, not an exception."""
    what = tiny()
    lived = life(what, what.flash.after(Erase(1)))

    assert ("bricked", "no valid boot record") == (judge(what, lived).name, judge(what, lived).reason)


def test_what_is_started_must_be_whole() -> None:
    """A loader that checks halts; one that believes starts half an image: the observer calls both bricked."""
    for design, reason in (("hardened", "fails its checksum"), ("mongoose", "is not a whole image")):
        what = tiny(design)
        lived = life(what, what.flash.after(Program(0x3000, b"\0")))
        assert "bricked" == judge(what, lived).name
        assert reason in judge(what, lived).reason


def test_a_lost_file_is_seen_by_the_observer() -> None:
    """The firmware does not know of it; the observer does."""
    what = tiny()
    lived = life(what)
    flash = lived.last.flash
    for sector in what.device.board.sectors_of(what.device.board.slots[1].fs):
        flash = flash.after(Erase(sector))

    assert "data-lost" == judge(what, life(what, flash)).name


@pytest.mark.parametrize("design", DESIGNS)
def test_an_honest_update_never_programs_over_old_bits(design: str) -> None:
    """The strict observer has nothing to report on either design, and reports what it should."""
    for one in life(tiny(design)).runs:
        assert [] == list(overwritten(one))

    what = tiny()
    dirty = run(what)
    first = next(step for step in dirty.steps if isinstance(step.effect, Program))
    spoiled = first._replace(before=first.before.after(Program(first.effect.address, b"\0")))  # type: ignore[union-attr]
    assert [(0, first.effect.address)] == list(overwritten(replace(dirty, steps=(spoiled._replace(number=0),))))  # type: ignore[union-attr]


def test_only_the_inactive_slot_and_record_are_written() -> None:
    """Never in place: until the switch, no effect touches a sector that the running firmware owns."""
    what = tiny()
    board = what.device.board
    touched = {board.owner_of(step.effect.sector) for step in run(what).steps if isinstance(step.effect, Erase)}

    assert {"slot 1 app", "slot 1 files", "record 1"} == touched


def test_a_run_notes_what_it_read_before_it_erased_it() -> None:
    """The inactive slot is erased before anyone reads it, so it is not in the footprint; the records are."""
    what = tiny()
    board, first = what.device.board, run(what)

    assert not set(first.footprint) & set(board.sectors_of(board.slots[1].app))
    assert {1, 2} <= set(first.footprint)
    assert set(board.sectors_of(board.slots[1].app)) & set(first.killed)


def test_the_download_asks_for_small_pieces_only() -> None:
    """Nothing of a bundle is ever held whole: 64 KiB at a time at most."""
    what = set_up("hardened")
    asks = [step for step in run(what).steps if isinstance(step.effect, Ask) and step.effect.question == "piece"]

    assert all(what.choices(World(), step.effect, 0)[0].seconds <= 65536 / what.bytes_per_second for step in asks)
    assert len(asks) >= len(what.bundle) / 65536

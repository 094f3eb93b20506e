"""The catalogue: what sets its designs apart, each choice where it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from otalab.bench.contents import default_bundle, noise
from otalab.bench.observer import damaged_files, judge, overwritten
from otalab.bench.scenario import Scenario, World
from otalab.bench.setup import set_up
from otalab.bench.trace import Run, Step, life, run
from otalab.firmware import store
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.controller import Controller
from otalab.firmware.designed import Designed
from otalab.firmware.device import power_on
from otalab.firmware.outcome import Bricked, Hung, Outcome, Reset, Running
from otalab.formats.filesystems.kinds import read_files
from otalab.formats.records.record import Record
from otalab.hardware.board import load_board
from otalab.hardware.effects import Ask, Effect, Erase, Program, Wait
from otalab.hardware.flash import Flash, Mark
from otalab.hardware.places import Region

TWO_RECORDS = [name for name in designs() if load_design(name).records == 2 and load_design(name).record == "complete"]
PLUS = "hardened-plus"


def is_started_where_written(design: str) -> bool:
    """Say whether no loader brings the images of a design to slot 0."""
    return load_design(design).runs_from == "its-slot"


def tiny(design: str, **options: object) -> Scenario:
    """Return an update of two pages of code on the tiny board."""
    return set_up(design, "tiny", app_size=500, **options)  # type: ignore[arg-type]


def writes(one: Run) -> list[Step]:
    """Return the erases and programs of a run."""
    return [step for step in one.steps if isinstance(step.effect, Erase | Program)]


def erases(steps: list[Step]) -> list[int]:
    """Return the sectors that are erased, in order."""
    return [step.effect.sector for step in steps if isinstance(step.effect, Erase)]


def sectors_of(what: Scenario, *regions: Region) -> set[int]:
    """Return the sectors of some regions."""
    return {sector for region in regions for sector in what.device.board.sectors_of(region)}


def selected_place(what: Scenario, flash: Flash) -> int | None:
    """Return the place of the record that counts, if one does."""
    found = store.select(Controller(what.device.board, flash), what.device.design)
    return None if found is None else found.place


@pytest.mark.parametrize("board", ["tiny", "lab-1M", "esp8266-4M", "esp32-4M"])
@pytest.mark.parametrize("design", designs())
def test_an_undisturbed_update_ends_updated(design: str, board: str) -> None:
    """Whatever a design gets wrong, it gets it wrong only when the power fails: the new image runs, files are whole."""
    what = set_up(design, board)
    lived = life(what)
    slot = {"inactive": 1, "running": 0}[what.device.design.target] if is_started_where_written(design) else 0

    assert Running(slot, "2", True) == lived.last.outcome
    assert "updated" == judge(what, lived).name
    assert what.new == what.device.image_in(Controller(what.device.board, lived.last.flash), slot)
    assert what.files
    assert "" == damaged_files(what, lived.last.flash, slot, "2")


@pytest.mark.parametrize(
    ("design", "hangs", "crashes"),
    [
        ("mongoose", "rolled-back", "stuck"),
        ("hardened", "rolled-back", "rolled-back"),
        ("hardened-plus", "rolled-back", "rolled-back"),
        ("single-record", "rolled-back", "rolled-back"),
        ("in-place", "not-updatable", "stuck"),
        ("mcuboot-overwrite", "not-updatable", "stuck"),
        ("cc3200", "rolled-back", "rolled-back"),
        ("mgos-boot", "rolled-back", "rolled-back"),
        # Nothing in ESP-IDF ends a hang: that is left to a watchdog.
        ("esp-idf", "not-updatable", "rolled-back"),
        ("esp8266", "rolled-back", "rolled-back"),
        ("esp32", "rolled-back", "rolled-back"),
    ],
)
def test_a_bad_image_ends_as_the_design_allows(design: str, hangs: str, crashes: str) -> None:
    """A timer ends a hang, a counted try also a crash; where there is no trial nothing ends either."""
    for image, end in (("hangs", hangs), ("crashes", crashes)):
        what = tiny(design, image=image)
        assert end == judge(what, life(what)).name


@pytest.mark.parametrize("design", designs())
def test_updates_follow_one_another(design: str) -> None:
    """Version after version goes in, and user files come along each time."""
    what = tiny(design)
    flash, kept = what.flash, dict(what.files)["conf9.json"]
    for version in ("2", "3", "4"):
        own_check = what.device.design.image_check == "own"
        bundle = default_bundle(what.device.board, version, 500, own_check=own_check)
        offered = tiny(design, bundle=bundle)
        images = (*what.device.images, offered.new)
        what = replace(offered, device=replace(what.device, images=images), old=what.new)
        lived = life(what, flash)
        flash = lived.last.flash
        outcome = lived.last.outcome
        assert isinstance(outcome, Running)
        assert (version, True) == (outcome.version, outcome.committed)
        fs = what.device.board.slots[outcome.slot].fs
        assert kept == (read_files(flash.read(fs.address, fs.size)) or {})["conf9.json"]


@pytest.mark.parametrize("design", designs())
def test_no_design_programs_over_old_bits(design: str) -> None:
    """What was not erased is programmed only to what it holds already."""
    assert [] == [found for one in life(tiny(design)).runs for found in overwritten(one)]


# One cut, the kind of which every write happened or did not.


def lives(design: str) -> Iterator[tuple[Step, bool, str]]:
    """Yield, for a cut in each write of each run, the step, whether it was done, and how life ends after it."""
    what = tiny(design, files={"conf9.json": b"{}"})
    for step in (step for one in life(what).runs for step in writes(one)):
        for done, flash in ((False, step.before), (True, step.before.after(step.effect))):
            yield step, done, judge(what, life(what, flash, step.world)).name


@pytest.mark.slow
@pytest.mark.parametrize("design", ["hardened", "hardened-plus"])
def test_a_safe_design_survives_a_cut_between_any_two_writes(design: str) -> None:
    """It ends on a good image with its files, the new one where the offer still stands."""
    ends = [end for _, _, end in lives(design)]

    assert len(ends) > 40
    assert {"updated", "update-lost"} >= set(ends)


# One record.


def test_a_single_record_is_erased_and_programmed_in_its_place() -> None:
    """Read, erase, write: the switch, the try and the commit all go to place 0, and place 1 is never touched."""
    what = tiny("single-record")
    first, second = what.device.board.records
    lived = life(what)
    steps = [step for one in lived.runs for step in writes(one)]
    into_first = [step.effect for step in steps if touches(step.effect, first)]

    assert [Erase, Program] * 3 == [type(effect) for effect in into_first]
    assert not [step for step in steps if touches(step.effect, second)]
    assert {0} == {selected_place(what, one.flash) for one in lived.runs}


def touches(effect: Effect, region: Region) -> bool:
    """Say whether a write goes into a region of one sector."""
    match effect:
        case Erase(sector):
            return sector * region.size == region.address
        case Program(address, _):
            return region.address <= address < region.end
    return False


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["switch", "boot", "commit"])
def test_a_single_record_bricks_between_its_erase_and_its_program(phase: str) -> None:
    """The published warning: after the erase and before the program the device has no boot configuration."""
    ends = [(type(step.effect), done, end) for step, done, end in lives("single-record") if step.phase == phase]

    assert 4 == len(ends)
    assert [(Erase, True, "bricked"), (Program, False, "bricked")] == [one for one in ends if one[2] == "bricked"]


def test_a_single_record_bricks_nowhere_else() -> None:
    """Slots are as safe as in the hardened design: only the three moments without a record are fatal."""
    bad = {(step.phase, type(step.effect), done) for step, done, end in lives("single-record") if end == "bricked"}

    assert {(p, *e) for p in ("switch", "boot", "commit") for e in ((Erase, True), (Program, False))} == bad


def test_a_timer_that_fires_without_a_record_exits_silently() -> None:
    """It finds no record between the erase and the program of a commit: nothing to roll back, the commit goes on."""
    what = tiny("single-record")
    # Boot 1 s and health check 4.98 s: the erase of 45 ms ends past the 6 s of the timer, which starts with the boot.
    new = replace(what.new, health_seconds=4.98)
    what = replace(what, new=new, device=replace(what.device, images=(what.old, new)), commit_timeout=6)
    lived = life(what)
    trial = lived.runs[1]
    due = 6 + next(step.at for step in trial.steps if isinstance(step.effect, Wait))
    steps = [step for step in trial.steps if step.phase == "commit"]

    assert [Erase, Program] == [type(step.effect) for step in steps]
    assert steps[0].at < due < steps[1].at
    assert not any("timeout" in line for line in lived.log)
    assert Running(1, "2", True) == lived.last.outcome


# The selected record over itself, the other one away.


@pytest.mark.parametrize("image", ["healthy", "hangs", "crashes", "flaky:1.0"])
def test_the_first_write_of_every_run_is_the_selected_record_over_itself(image: str) -> None:
    """In an update, a first start, a commit and a rollback alike; and it changes no bit."""
    what = tiny(PLUS, image=image)
    flash, runs = what.flash, [one for one in life(what).runs if writes(one)]
    size = store.codec(what.device.design).size

    assert len(runs) > 1
    for one in runs:
        first, place = writes(one)[0], selected_place(what, flash)
        assert place is not None
        address = what.device.board.records[place].address
        assert Program(address, flash.read(address, size)) == first.effect
        assert first.before == first.before.after(first.effect)
        flash = one.flash


def test_a_record_is_programmed_over_itself_before_the_other_is_erased() -> None:
    """Also later in a run: whatever erases one record leaves the other firm."""
    what = tiny(PLUS)
    records = what.device.board.records
    for one in life(what).runs:
        for before, step in zip(writes(one), writes(one)[1:], strict=False):
            if isinstance(step.effect, Erase) and any(touches(step.effect, record) for record in records):
                assert isinstance(before.effect, Program)
                assert before.before == before.before.after(before.effect)
                assert not touches(step.effect, records[before.effect.address // records[0].size - 1])


def test_the_inactive_record_is_erased_before_its_slot_is() -> None:
    """In the second update it speaks of the slot that is next: it is gone before the first sector of the slot is."""
    what = tiny(PLUS)
    flash = life(what).last.flash
    bundle = default_bundle(what.device.board, "3", 500)
    again = tiny(PLUS, bundle=bundle)
    again = replace(again, device=replace(again.device, images=(*what.device.images, again.new)))
    place = selected_place(what, flash)
    assert place is not None
    other = 1 - place
    sectors = erases(writes(run(again, flash)))

    assert isinstance(store.read(Controller(what.device.board, flash), what.device.design)[other], Record)
    assert what.device.board.records[other].address // 4096 == sectors[0]
    assert sectors[1] in sectors_of(what, what.device.board.slots[0].app)
    assert Running(0, "3", True) == life(again, flash).last.outcome


def test_the_two_cares_are_all_that_hardened_plus_adds() -> None:
    """Without them the writes are those of hardened, one by one."""
    plain, plus = (
        [[step.effect for step in writes(one)] for one in life(tiny(name)).runs] for name in ("hardened", PLUS)
    )
    added = [len(two) - len(one) for one, two in zip(plain, plus, strict=True)]

    # Before the slot two and before the switch one; before the try and before the commit one each.
    assert [3, 2] == added
    assert plain[0] == plus[0][2:-3] + plus[0][-2:]


def test_a_refused_bundle_writes_nothing() -> None:
    """The records are made ready only for a bundle that is for this device."""
    what = tiny(PLUS)
    refused = replace(what, bundle=default_bundle(load_board("esp32-4M"), "2", 500))
    lived = life(refused)

    assert any("Wrong platform" in line for line in lived.log)
    assert [] == writes(lived.last)


def unstable(what: Scenario, flash: Flash) -> Flash:
    """Return the flash as it is if the last byte of the selected record holds only until some power-on."""
    place = selected_place(what, flash)
    assert place is not None
    address, size = what.device.board.records[place].address, store.codec(what.device.design).size
    sector = flash.sectors[address // 4096]
    other = sector[: size - 1] + b"\xff" + sector[size:]
    return replace(flash, marks=frozenset({Mark(address // 4096, "unstable", other)}))


@pytest.mark.parametrize(("design", "firm"), [("hardened", False), (PLUS, True)])
@pytest.mark.parametrize("image", ["healthy", "hangs"])
def test_a_record_that_reads_well_only_now_is_made_firm(design: str, firm: bool, image: str) -> None:
    """An unstable record is whole before the first erase; in the hardened design it stays what it is."""
    what = tiny(design, image=image)
    flash, world = what.flash, World()
    for one in life(what).runs:
        taken = run(what, unstable(what, flash), world)
        for step in writes(taken):
            if isinstance(step.effect, Erase):
                assert firm == (not step.before.marks)
                break
        flash, world = one.flash, one.world


@pytest.mark.parametrize("name", TWO_RECORDS)
def test_a_refresh_keeps_to_pages_and_units(name: str) -> None:
    """A record that is longer than a page, and no whole number of units, is programmed page by page, filled up."""
    board = load_board("tiny")
    board = replace(board, geometry=replace(board.geometry, page_size=64, program_unit=32))
    design = replace(load_design(name), refresh="selected", clear="before-slot")
    what = set_up(design, board, app_size=500)
    address = board.records[0].address
    first = [step.effect for step in writes(run(what))][:2]

    assert [(address, 64), (address + 64, 32)] == [(e.address, len(e.data)) for e in first if isinstance(e, Program)]
    assert "updated" == judge(what, life(what)).name


# In place.


def test_in_place_overwrites_what_runs() -> None:
    """Code and files of the running slot, and the record that will name them; the other slot stays as it was."""
    what = tiny("in-place")
    board = what.device.board
    touched = {board.owner_of(sector) for sector in erases(writes(run(what)))}

    assert {"slot 0 app", "slot 0 files", "record 1"} == touched


def test_in_place_bricks_from_its_first_erase_to_its_last_program() -> None:
    """One cut anywhere between is fatal, and one outside is not: hence two partitions."""
    found = list(lives("in-place"))
    ends = [end for _, _, end in found]

    assert {"download", "merge", "switch"} == {step.phase for step, _, _ in found}
    assert ["updated", *["bricked"] * (len(ends) - 2), "updated"] == ends


def test_in_place_says_why_it_does_not_start() -> None:
    """The record still names the old image, whose checksum what lies there does not have."""
    what = tiny("in-place")
    middle = next(step for step in writes(run(what)) if isinstance(step.effect, Program))

    assert Bricked("the image in slot 0 fails its checksum") == life(what, middle.before).last.outcome


def test_in_place_files_are_in_ram_alone_while_their_file_system_is_overwritten() -> None:
    """After the download the flash holds the image's files only; the merge writes the kept ones from RAM."""
    what = tiny("in-place")
    fs = what.device.board.slots[0].fs
    merge = next(step for step in writes(run(what)) if step.phase == "merge")
    then = read_files(merge.before.read(fs.address, fs.size))

    assert dict(what.brought) == then
    assert "calibration.bin in slot 0 is missing" == damaged_files(what, merge.before, 0, "2")


def test_in_place_reads_what_it_is_going_to_erase() -> None:
    """All of the old file system is in the footprint: what the run leaves depends on it."""
    what = tiny("in-place")

    assert sectors_of(what, what.device.board.slots[0].fs) <= set(run(what).footprint)


def test_in_place_a_file_that_does_not_fit_leaves_no_image_that_starts() -> None:
    """The abort comes too late: the device says why, runs on from RAM, and will not come up again."""
    what = tiny("in-place", files={"big.bin": noise("big", 9000)})
    lived = life(what)

    assert any("Update aborted: littlefs could not copy big.bin" in line for line in lived.log)
    assert Bricked("the image in slot 0 fails its checksum") == run(what, lived.last.flash).outcome


def test_without_a_trial_an_image_is_committed_by_the_record_that_names_it() -> None:
    """Beside the running image too: it starts without a timer, and if it is no good there is no way back."""
    design = replace(load_design("hardened"), trial="none")
    good, bad = (set_up(design, "tiny", app_size=500, image=image) for image in ("healthy", "hangs"))
    staged = store.select(Controller(good.device.board, run(good).flash), design)

    assert staged is not None
    assert (1, True, None) == (staged.config.active, staged.config.committed, staged.config.previous)
    assert "updated" == judge(good, life(good)).name
    assert "not-updatable" == judge(bad, life(bad)).name


def test_without_a_trial_the_loader_knows_of_no_dirty_image() -> None:
    """A record that says dirty, written by another firmware, is started like any other: no try is written, no timer."""
    design = replace(load_design("hardened"), trial="none")
    what = tiny("hardened", image="hangs")
    dirty = run(what).flash
    found = run(replace(what, device=replace(what.device, firmware=Designed(design))), dirty)

    assert Hung(1, "2") == found.outcome
    assert [] == writes(found)


# A place that does not take what is programmed into it.


class DeafChip(Controller):
    """A chip with one sector in which the first so many programs do not hold."""

    deaf_sector = -1
    deaf_for = 0

    def apply(self, effect: Effect) -> None:
        if isinstance(effect, Program) and effect.address // 4096 == self.deaf_sector and self.deaf_for:
            self.deaf_for -= 1
            effect = replace(effect, data=b"\xff" * len(effect.data))
        super().apply(effect)


def powered(what: Scenario, flash: Flash, place: int, times: int) -> tuple[DeafChip, list[str], list[Effect], Outcome]:
    """Run a device once with a deaf record place; return its chip, its reports, its effects and how it ended."""
    chip, world = DeafChip(what.device.board, flash), World()
    chip.deaf_sector, chip.deaf_for = what.device.board.records[place].address // 4096, times
    routine, answer, reports, effects = power_on(chip, what.device), None, [], []
    while True:
        try:
            effect = routine.send(answer)
        except StopIteration as end:
            return chip, reports, effects, end.value
        answer = None
        effects.append(effect)
        if isinstance(effect, Ask):
            choice = what.choices(world, effect, chip.now)[0]
            answer, world = choice.answer, choice.world
            reports += [effect.detail.message] if effect.question == "report" else []
        chip.apply(effect)


@pytest.mark.parametrize("design", ["hardened", "hardened-plus"])
def test_an_update_whose_record_does_not_hold_is_aborted_after_three_tries(design: str) -> None:
    """The device says so, the old record counts, and the next power-on starts what ran before."""
    what = tiny(design)
    board, before = what.device.board, selected_place(what, what.flash)
    chip, reports, effects, outcome = powered(what, what.flash, 1, 99)
    programs = [effect for effect in effects if isinstance(effect, Program) and touches(effect, board.records[1])]

    assert ["Could not write new boot cfg"] == reports
    assert 3 == len(programs)
    assert Running(0, "1", True) == outcome
    assert before == selected_place(what, chip.flash)
    assert Running(0, "1", True) == life(what, chip.flash, World(refused=True)).last.outcome
    assert Running(1, "2", True) == life(what, chip.flash).last.outcome


@pytest.mark.parametrize("design", ["hardened", "hardened-plus"])
def test_a_try_that_cannot_be_recorded_is_not_taken(design: str) -> None:
    """After three tries the loader starts the image that it would revert to, at this power-on and at the next."""
    what = tiny(design)
    dirty = run(what).flash
    for _ in range(2):
        chip, _, effects, outcome = powered(what, dirty, 0, 99)
        assert isinstance(outcome, Running)
        assert (0, "1") == (outcome.slot, outcome.version)
        given_up = next(n for n, effect in enumerate(effects) if isinstance(effect, Ask))
        tries = [effect for effect in effects[:given_up] if isinstance(effect, Erase)]
        assert [Erase(what.device.board.records[0].address // 4096)] * 3 == tries
        dirty = chip.flash


@pytest.mark.parametrize("design", ["hardened", "hardened-plus", "single-record"])
def test_a_record_that_holds_at_the_third_try_is_good(design: str) -> None:
    """A later try needs no selected record: with one place there is none any more after the first erase."""
    what = tiny(design)
    place = 1 % what.device.design.records
    chip, reports, effects, outcome = powered(what, what.flash, place, 2)
    tries = [effect for effect in effects if isinstance(effect, Erase) and touches(effect, chip.board.records[place])]

    assert ["Update applied, finalizing"] == reports
    assert isinstance(outcome, Reset)
    assert {"hardened": 3, "hardened-plus": 4, "single-record": 3}[design] == len(tries)
    assert "updated" == judge(what, life(what, chip.flash)).name


def test_a_single_record_that_does_not_hold_leaves_nothing_to_start_from() -> None:
    """The update is refused with its reason; the device runs on, and halts at the next power-on."""
    what = tiny("single-record")
    chip, reports, _, _ = powered(what, what.flash, 0, 99)

    assert ["Could not write new boot cfg"] == reports
    assert Bricked("no valid boot record") == run(what, chip.flash).outcome

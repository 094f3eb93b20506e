"""What the public sources do otherwise, by the choices that have it: each value does what its words say."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from bundles import CENTRAL, entry
from lab_cells import tiny

from otalab.bench.contents import file_system
from otalab.bench.observer import judge_run
from otalab.bench.scenario import World
from otalab.bench.setup import set_up
from otalab.bench.trace import life, run, sector_of
from otalab.firmware import store
from otalab.firmware.application import serve
from otalab.firmware.boot_state import set_state
from otalab.firmware.bootloader import boot
from otalab.firmware.catalogue import load_design
from otalab.firmware.controller import Controller
from otalab.firmware.merge import FOLDERS, carry_over, mounted
from otalab.firmware.outcome import Bricked, Outcome, Reset, Running
from otalab.firmware.requests import BootState, Keep
from otalab.firmware.update_state import read_state
from otalab.formats.bundle.reader import BundleReader, ManifestRead, PartData
from otalab.formats.filesystems.kinds import read_files
from otalab.formats.records.record import BootConfig
from otalab.hardware.board import load_board
from otalab.hardware.effects import Ask, Erase, Program
from otalab.hardware.flash import Flash

MONGOOSE, BESIDE = load_design("mongoose"), load_design("esp32-beside")
FIRST_BOOT = replace(load_design("hardened"), merge="first-boot")


# sees


@pytest.mark.parametrize(("sees", "place"), [("all", 1), ("area-0", 0)])
def test_an_image_that_lost_its_record_mounts_the_first_file_system(sees: str, place: int) -> None:
    """`mgos_core_fs_init` takes "fs0" where there is none: what it writes goes into the files of slot 0."""
    design = replace(load_design("mgos-boot"), sees=sees)
    what = set_up(design, "tiny", app_size=500)
    flash = life(what).last.flash
    chip = Controller(what.device.board, flash)
    chip.blind = sees == "area-0"
    asked = iter([Keep("kept", b"1"), None])
    image = serve(chip, design, what.new, 1)
    effect = next(image)
    with suppress(StopIteration):
        while True:
            if isinstance(effect, Ask):
                effect = image.send(next(asked) if effect.question == "request" else None)
            else:
                chip.apply(effect)
                effect = next(image)
    sizes = [(slot.fs.address, slot.fs.size) for slot in what.device.board.slots]
    found = ["kept" in (read_files(chip.flash.read(*lies), 4096, "littlefs") or {}) for lies in sizes]
    assert [place == 0, place == 1] == found


# folders


@pytest.mark.parametrize(
    ("files", "folders", "left", "said"),
    [
        ({"a/b": b"1", "c": b"2"}, "carried", ["a/b", "c"], ""),
        ({"a/b": b"1", "c": b"2"}, "flat", None, "a is a folder, and cannot be copied as a file"),
        ({"c": b"2"}, "flat", ["c"], ""),
    ],
)
def test_a_flat_merge_knows_no_folders(
    files: dict[str, bytes], folders: str, left: list[str] | None, said: str
) -> None:
    """A folder that the new file system lacks makes it fail, and the update is rolled back with all of its files."""
    what = set_up(replace(FIRST_BOOT, folders=folders), app_size=500, files=files)
    lived = life(what)
    board, outcome = what.device.board, lived.last.outcome
    assert isinstance(outcome, Running)
    region = board.slots[outcome.slot].fs
    found = read_files(lived.last.flash.read(region.address, region.size), board.geometry.sector_size, "littlefs")
    assert found is not None
    assert (left is not None) == (outcome.version == what.new.version)
    assert set(files) <= set(found) or left is None
    assert any(said in line for line in lived.log)


def test_a_folder_that_both_have_loses_its_files_in_a_flat_merge() -> None:
    """It is there already, so nobody looks into it."""
    board = load_board("tiny")
    old = file_system(board, board.slots[0], "1", {"www/mine": b"1"})
    new = file_system(board, board.slots[1], "2", {"www/theirs": b"2"})
    flash = Flash.blank(board.geometry).patched(board.slots[0].fs.address, old)
    flash = flash.patched(board.slots[1].fs.address, new)
    kept = {}
    for name, folders in FOLDERS.items():
        chip = Controller(board, flash)
        assert chip.carry_out(carry_over(chip, board.slots[0].fs, board.slots[1].fs, mounted, folders))
        region = board.slots[1].fs
        found = read_files(chip.flash.read(region.address, region.size), board.geometry.sector_size, "littlefs")
        kept[name] = sorted(found or {})
    assert {"carried": ["www/mine", "www/theirs"], "flat": ["www/theirs"]} == kept


# the slot that is spared, and when it is erased


def test_a_slot_is_erased_as_a_whole_before_its_first_byte() -> None:
    """All erases of a region come before its programs; by sector they take turns, and what is not reached stays."""
    orders = {}
    for when in ("by-sector", "whole"):
        what = tiny(replace(MONGOOSE, slot_erase=when))
        app = what.device.board.slots[1].app
        sectors = what.device.board.sectors_of(app)
        steps = [step for step in run(what).steps if sector_of(step.effect, step.before) in sectors]
        orders[when] = "".join("E" if isinstance(step.effect, Erase) else "P" for step in steps)
    assert {"by-sector": "EPP", "whole": "EEPP"} == orders


@pytest.mark.parametrize(
    ("lying", "app", "fs"), [("written", True, True), ("app-skipped", False, True), ("skipped", False, False)]
)
def test_what_lies_in_its_slot_already_is_not_written_again(lying: str, app: bool, fs: bool) -> None:
    """A download that was cut behind its last byte begins anew; what has its SHA-1 by then is spared, or not."""
    what = tiny(replace(MONGOOSE, lying=lying))
    slot, board = what.device.board.slots[1], what.device.board
    switch = next(step.before for step in run(what).steps if step.phase == "merge")
    again = run(what, switch)
    for region, written in ((slot.app, app), (slot.fs, fs)):
        sectors = board.sectors_of(region)
        assert written == any(sector_of(step.effect, step.before) in sectors for step in again.during("download"))
    lived = life(what, switch)
    assert [app, fs].count(False) == sum("Skip writing" in line for line in lived.log)
    assert Running(1, "2", True) == lived.last.outcome


def test_between_two_stores_the_slot_that_runs_is_spared() -> None:
    """NVS says that the new image is committed, otadata still starts the old one: the next update must not hit it."""
    hit = {}
    for spares in ("next", "running"):
        what = tiny(replace(BESIDE, spares=spares))
        commits = (step.before for one in life(what).runs for step in one.during("commit"))
        states = ((flash, read_state(Controller(what.device.board, flash))) for flash in commits)
        between = next(flash for flash, state in states if state == BootConfig(1, True, previous=0))
        slots = [what.device.board.sectors_of(slot.app).start for slot in what.device.board.slots]
        touched = [sector_of(step.effect, step.before) for step in run(what, between).steps]
        hit[spares] = next(slots.index(sector) for sector in touched if sector in slots)
    assert {"next": 0, "running": 1} == hit


# a bad image


def test_a_bad_image_makes_the_other_one_current_and_leaves_the_rest() -> None:
    """A committed record whose image is spoilt then names the other one as committed; mended it stays as it was."""
    told = {}
    for name in ("esp8266", "esp8266-passing"):
        what = tiny(load_design(name))
        flash = life(what).last.flash
        spoilt = flash.patched(what.device.board.slots[1].app.address, b"\0" * 16)
        chip = Controller(what.device.board, spoilt)
        start = chip.carry_out(boot(chip, load_design(name)))
        assert (0, True) == (start.slot, start.committed)
        found = store.select(chip, load_design(name))
        assert found is not None
        told[name] = found.config.active, found.config.committed
    assert {"esp8266": (0, True), "esp8266-passing": (1, True)} == told


def test_a_trial_whose_image_is_spoilt_is_written_down_once() -> None:
    """rBoot looks at the images before it writes: one write has attempt and ROM, and the old image is on trial."""
    what = tiny(load_design("esp8266"))
    staged = run(what).flash
    chip = Controller(what.device.board, staged.patched(what.device.board.slots[1].app.address, b"\0" * 16))
    effects = []
    loader = boot(chip, load_design("esp8266"))
    while True:
        try:
            effect = next(loader)
        except StopIteration as end:
            start = end.value
            break
        effects.append(type(effect).__name__)
        chip.apply(effect)
    assert (["Erase", "Program"], 0, False) == (effects, start.slot, start.committed)


# where a record says that things lie


@pytest.mark.parametrize(
    ("finds", "field", "end"),
    [
        ("record", "at", Bricked("no slot has an image that passes its check")),
        ("record", "files_at", Reset("its file system cannot be mounted")),
        ("record", "files", Reset("its file system cannot be mounted")),
        ("table", "at", Running(0, "1", True)),
        ("table", "files_at", Running(0, "1", True)),
    ],
)
def test_a_torn_address_leads_nowhere(finds: str, field: str, end: Outcome) -> None:
    """rBoot starts what lies where its record says, and the image mounts what lies where that says."""
    design = replace(load_design("esp8266"), finds=finds)
    what = tiny(design)
    found = store.select(Controller(what.device.board, what.flash), design)
    assert found is not None
    torn = [replace(one, **{field: 2**32 - 1}) for one in found.config.slots]
    record = replace(found.record, config=replace(found.config, slots=(torn[0], torn[1])))
    flash = what.flash.patched(what.device.board.records[0].address, store.codec(design).encode(record))
    assert end == run(what, flash, World(refused=True)).outcome


# set dirty from outside


@pytest.mark.parametrize(("design", "version"), [("mgos-boot", "1"), ("hardened", "2")])
def test_an_image_that_is_set_dirty_has_its_trial_or_none(design: str, version: str) -> None:
    """`OTA.SetBootState` of the STM32 leaves both flags of the first boot as they are: the next start rolls back."""
    what = tiny(load_design(design))
    chip = Controller(what.device.board, life(what).last.flash)
    told = chip.carry_out(set_state(chip, load_design(design), 1, BootState(committed=False, revert_slot=0)))
    assert told.fine
    outcome = life(replace(what, offers="once"), chip.flash, World(given=True)).runs[0].outcome
    assert isinstance(outcome, Running)
    assert version == outcome.version


@pytest.mark.parametrize(("design", "said"), [("mongoose", "Slot 1 is dirty: commit within 60 s"), ("esp8266", "")])
def test_a_loader_tells_of_a_timer_where_it_has_one(design: str, said: str) -> None:
    """Where the image keeps the time, the loader has no seconds to tell of."""
    lines = [line for line in life(tiny(load_design(design))).log if line.startswith("Slot 1 is dirty")]
    assert lines
    assert [] == [line for line in lines if ("commit within" in line) != bool(said)]
    assert not said or lines == [said]


# what is left of a merge that failed


@pytest.mark.parametrize(("fault", "mark"), [("leave", 2), ("ignore", 0)])
def test_a_merge_that_failed_leaves_its_mark(fault: str, mark: int) -> None:
    """The commit of the CC3200 writes MERGE again where it was not cleared; one that went well clears it."""
    design = replace(load_design("cc3200"), merge_fault=fault)
    size = load_board("tiny").slots[0].fs.size
    for files, expected in (({"big": bytes(size * 5 // 8)}, mark), ({"a": b"1"}, 0)):
        what = set_up(design, "tiny", app_size=500, files=files)
        lived = life(what)
        assert Running(1, "2", True) == lived.last.outcome
        assert bool(files.get("big")) == any("could not be carried over" in line for line in lived.log)
        flags = lived.last.flash.read(what.device.board.records[1].address + 8, 4)
        assert expected == int.from_bytes(flags, "little")


# platforms


def bundle_on(platform: str, **changes: dict[str, str | None] | None) -> str:
    """Return what a device of a platform says of its default bundle, with a part's fields changed; `None` drops one."""
    board = replace(load_board("tiny"), platform=platform)
    what = set_up("mongoose", board, app_size=500)
    reader = BundleReader()
    events = list(reader.feed(what.bundle))
    manifest = next(event.manifest for event in events if isinstance(event, ManifestRead))
    pieces = {part.src: b"".join(e.data for e in events if isinstance(e, PartData) and e.part == part)
              for part in manifest.parts}  # fmt: skip
    parts = {}
    for part in manifest.parts:
        change = changes.get(part.role, {})
        if change is not None:
            fields = {"type": part.role, "src": part.src, "cs_sha1": part.sha1} | change
            parts[part.name] = {key: one for key, one in fields.items() if one is not None}
    page = {"name": "lamp", "platform": platform, "version": "2", "build_id": "2/lab", "parts": parts}
    files = [entry("manifest.json", json.dumps(page).encode()), *(entry(src, data) for src, data in pieces.items())]
    lived = life(replace(what, bundle=b"".join(files) + CENTRAL))
    return next((line for line in lived.log if line.startswith("Update aborted")), "").removeprefix("Update aborted: ")


NONE, WRONG = {"cs_sha1": None}, {"cs_sha1": "0" * 40}


@pytest.mark.parametrize(
    ("platform", "without", "wrong", "no_files"),
    [
        ("esp8266", "Incomplete update package", "Invalid checksum", "Invalid manifest"),
        ("esp32", "Incomplete update package", "Digest mismatch", "Incomplete update package"),
        ("stm32", "Incomplete update package", "Checksum mismatch", "Incomplete update package"),
        ("cc3200", "Checksum mismatch", "Checksum mismatch", "Incomplete update package"),
        ("lab", "", "Checksum mismatch", "Incomplete update package"),
    ],
)
def test_a_part_without_a_digest_gets_the_words_of_its_platform(
    platform: str, without: str, wrong: str, no_files: str
) -> None:
    """So does a wrong digest, and a manifest without a file system; the STM32 asks only for that of its application."""
    assert without == bundle_on(platform, app=NONE)
    assert ("" if platform == "stm32" else without) == bundle_on(platform, fs=NONE)
    assert wrong == bundle_on(platform, app=WRONG) == bundle_on(platform, fs=WRONG)
    assert no_files == bundle_on(platform, fs=None)
    assert "" == bundle_on(platform)


# what is compared of a record that was written


@pytest.mark.parametrize(("write", "end"), [("move-on-by-body", "not-updatable"), ("move-on", "update-lost")])
def test_a_record_with_a_wrong_check_is_followed_by_others(write: str, end: str) -> None:
    """A cut leaves the check of a commit alone; the revert programmed over it has its body right, and its check wrong.

    RAM goes on from there, and the next search stops before it: no later update is ever found.
    """
    what = tiny(replace(load_design("mgos-boot-both"), write=write))
    commit = next(step for one in life(what).runs for step in one.during("commit") if isinstance(step.effect, Program))
    torn = commit.before.after(Program(commit.effect.address + 252, commit.effect.data[252:]))
    ended, _ = judge_run(what, run(what, torn, World(refused=True)))
    assert ended is not None
    assert end == ended.name

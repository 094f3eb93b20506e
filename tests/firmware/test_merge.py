"""The merge on both file systems: what is carried over, and what a cut at every effect leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from bundles import real
from spiffs_images import BOARDS, FILES
from spiffs_shapes import FILES as SHAPED
from spiffs_shapes import SHAPES, made

from otalab.bench.contents import default_files, noise
from otalab.bench.observer import damaged_files, judge
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.faults.models import fault_model
from otalab.firmware.controller import Controller
from otalab.firmware.merge import carry_over, held_in_ram, mounted
from otalab.formats.bundle.build import PartSource, bundle_bytes
from otalab.formats.filesystems.kinds import build_image, geometry, mount, read_files
from otalab.formats.filesystems.scratch import FileSystemFault, Scratch
from otalab.formats.filesystems.spiffs import Spiffs
from otalab.graph.case import Case
from otalab.graph.check import check
from otalab.hardware.board import Board, load_board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

KINDS = ("littlefs", "spiffs")
OLD = {
    "conf9.json": b'{"wifi": "secret"}' * 9,
    "calibration.bin": noise("calibration", 1500),
    "index.html": noise("old", 300),
    "log.txt": b"",
}
NEW = {"conf0.json": noise("defaults", 300), "index.html": noise("new", 600)}
CARRIED = {name: data for name, data in OLD.items() if name not in NEW}


def tiny(kind: str) -> Board:
    return replace(load_board("tiny"), file_system=kind)


def before(kind: str) -> Flash:
    """A device whose old files lie in slot 0 and whose new image in slot 1."""
    board = tiny(kind)
    flash = Flash.blank(board.geometry)
    for slot, files in zip(board.slots, (OLD, NEW), strict=True):
        flash = flash.patched(slot.fs.address, build_image(files, slot.fs.size, kind=kind))
    return flash


def merge(kind: str, flash: Flash) -> tuple[list[tuple[Flash, Erase | Program]], Flash, list[str]]:
    """Carry files over: what the flash was before each effect, what it is in the end, and what was said."""
    board = tiny(kind)
    chip, taken = Controller(board, flash), []
    old, new = (slot.fs for slot in board.slots)
    try:
        for effect in carry_over(chip, old, new, mounted):
            assert isinstance(effect, Erase | Program)
            taken.append((chip.flash, effect))
            chip.apply(effect)
    except FileSystemFault as fault:
        chip.say(str(fault))
    return taken, chip.flash, chip.log


def found(kind: str, flash: Flash) -> dict[str, bytes | None]:
    """The files of the new slot after a restart; `None` is one that cannot be read."""
    region = tiny(kind).slots[1].fs
    fs = mount(kind, Scratch(flash.read(region.address, region.size)))
    files: dict[str, bytes | None] = {}
    for name in fs.names():
        try:
            files[name] = fs.read(name)
        except FileSystemFault:
            files[name] = None
    return files


def cuts(kind: str, *, torn: bool) -> Iterator[Flash]:
    """What a cut between two effects of a merge leaves, and if `torn` also a cut inside of each."""
    taken, after, _ = merge(kind, before(kind))
    for flash, effect in taken:
        yield flash
        if torn and isinstance(effect, Program):
            lengths = {1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 40, 70, 71, 72, 130, len(effect.data) - 1}
            yield from (flash.after(Program(effect.address, effect.data[:length])) for length in lengths if length)
    yield after


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_image_lacks_is_carried_over(kind: str) -> None:
    """Byte for byte, the empty file too; what the image brings stays the image's, and the old slot as it was."""
    _, after, log = merge(kind, before(kind))
    old = tiny(kind).slots[0].fs

    assert NEW | CARRIED == found(kind, after)
    assert before(kind).read(old.address, old.size) == after.read(old.address, old.size)
    assert [f"Carried over {name}" for name in sorted(CARRIED)] == sorted(line for line in log if "Carried" in line)


@pytest.mark.parametrize("name", FILES)
def test_a_real_bundle_keeps_the_user_s_files_and_brings_its_own(name: str) -> None:
    """`conf9.json` is there unchanged, and a file that device and image both have is the image's."""
    both = next(file for file in FILES[name] if file.startswith("conf"))
    mine = {"conf9.json": b'{"pass": "secret"}', both: b"the old one"}
    what = set_up("hardened", BOARDS[name], bundle=real(name), files=mine)
    lived = life(what)
    region = what.device.board.slots[1].fs
    files = read_files(lived.last.flash.read(region.address, region.size), kind="spiffs")

    assert "updated" == judge(what, lived).name
    assert files == dict(what.brought) | {"conf9.json": mine["conf9.json"]}
    assert FILES[name].keys() | {"conf9.json"} == files.keys()


def update_with(fs: bytes, board: str, told: dict[str, object]) -> bytes:
    kind = "fw" if board == "esp8266-4M" else "app"
    parts = [PartSource(kind, "app", "a.bin", noise("new", 9000)), PartSource("fs", "fs", "fs.img", fs, told)]
    return bundle_bytes(name="lamp", platform=load_board(board).platform, version="2.0", build_id="b", parts=parts)


@pytest.mark.parametrize("design", ["mongoose", "hardened"])
@pytest.mark.parametrize("board", ["lab-1M", "esp8266-4M", "esp32-4M"])
def test_a_file_system_smaller_than_its_region_takes_the_files(board: str, design: str) -> None:
    """An undisturbed update carries them over, also where a larger file system lay there before."""
    kind, whole = load_board(board).file_system, load_board(board).slots[0].fs.size
    fs = build_image(NEW, whole // 2, kind=kind)
    scenario = set_up(design, board, app_size=500, used=True, bundle=update_with(fs, board, geometry(kind, len(fs))))
    one = life(scenario)

    assert {*scenario.files} >= {("conf9.json", default_files()["conf9.json"])}
    assert "updated" == judge(scenario, one).name


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_a_merge_writes_the_shape_that_it_finds(shape: dict[str, object]) -> None:
    """An old file system of the lab's own shape, and a new one of any: the new one is read by what wrote it."""
    fs = made(SHAPED, 0x20000, **shape)
    scenario = set_up(
        "mongoose", "esp8266-4M", app_size=500, bundle=update_with(fs, "esp8266-4M", {"fs_size": 0x20000})
    )
    one = life(scenario)
    region = one.board.slots[1].fs
    kept = Spiffs(Scratch(one.last.flash.read(region.address, 0x20000)))

    assert "updated" == judge(scenario, one).name
    assert Spiffs(Scratch(fs)).shape == kept.shape
    assert default_files() | SHAPED == {name: kept.read(name) for name in kept.names()}


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_merge_mounts_and_shows_no_foreign_byte(kind: str, torn: bool) -> None:
    """A carried file is absent, unreadable, or begins as it should and ends too early; all others are whole.

    An empty file is the shortest beginning; littlefs knows no other, SPIFFS has them all, and both look whole.
    """
    states: Counter[str] = Counter()
    for flash in cuts(kind, torn=torn):
        files = found(kind, flash)
        assert NEW.items() <= files.items()
        for name, data in CARRIED.items():
            left = files.get(name, b"")
            if left is not None:
                assert data.startswith(left)
                short = len(left) < len(data)
                states[
                    "absent" if name not in files else "short" if left and short else "empty" if short else "whole"
                ] += 1
            else:
                states["unreadable"] += 1
        # A name that was cut short is that of an empty file.
        assert not any(files[name] for name in files.keys() - NEW.keys() - CARRIED.keys())

    assert {"absent", "empty", "whole"} <= states.keys()
    assert (kind == "spiffs") == ("short" in states)
    assert (kind == "spiffs" and torn) == ("unreadable" in states)


def test_a_second_merge_into_what_a_cut_left_keeps_the_unfinished_file() -> None:
    """A file that is there is taken for one that the image brought; so a merge must begin with a fresh image.

    On littlefs it is empty at worst.
    On SPIFFS it is any beginning, and worse: a page that was written, and not yet taken in the lookup, is written over.
    """
    worst: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for kind in KINDS:
        for flash in cuts(kind, torn=False):
            _, after, log = merge(kind, flash)
            files = found(kind, after)
            assert NEW.items() <= files.items()
            if any("could not copy" in line for line in log):
                worst[kind].add("refused")
            for name, data in CARRIED.items():
                left = files.get(name, b"")
                worst[kind].add(
                    "unreadable"
                    if left is None
                    else "whole"
                    if left == data
                    else "empty"
                    if not left
                    else "short"
                    if data.startswith(left)
                    else "spoilt"
                )

    assert {"whole", "empty"} == worst["littlefs"]
    assert {"whole", "empty", "short", "spoilt", "refused"} <= worst["spiffs"]


@pytest.mark.slow
def test_an_update_that_is_cut_in_its_merge_begins_with_a_fresh_image() -> None:
    """So no cut, however many there are, loses a file: the graph is closed."""
    board = tiny("spiffs")
    what = set_up("hardened", board, app_size=500)
    cell = check(Case("hardened", "tiny", "torn-bits", "healthy", "until-taken"), what, fault_model("torn-bits"))

    assert ("safe", True) == (cell.graph.verdict, cell.graph.closed)
    assert what.files


def test_the_observer_misses_a_file_on_spiffs_too() -> None:
    """One that is gone, and one whose bytes are others."""
    what = set_up("hardened", tiny("spiffs"), app_size=500)
    flash, region = life(what).last.flash, what.device.board.slots[1].fs
    assert "" == damaged_files(what, flash, 1, "2")
    fs = mount("spiffs", Scratch(flash.read(region.address, region.size)))
    fs.write("calibration.bin", b"other")

    assert "calibration.bin in slot 1 is damaged" == damaged_files(
        what, flash.patched(region.address, fs.scratch.contents), 1, "2"
    )
    fs.remove("calibration.bin")
    assert "calibration.bin in slot 1 is missing" == damaged_files(
        what, flash.patched(region.address, fs.scratch.contents), 1, "2"
    )


def test_a_mount_in_ram_repairs_nothing_in_flash() -> None:
    """What is about to be overwritten is not worth an erase."""
    board = tiny("spiffs")
    region = board.slots[0].fs
    flash = before("spiffs").patched(region.address + 3 * 4096, bytes(4096))
    chip = Controller(board, flash)
    routine = held_in_ram(chip, region)(chip, region)

    with pytest.raises(StopIteration) as end:
        next(routine)
    assert end.value.value is not None
    assert flash == chip.flash


def test_a_mount_of_what_lies_in_flash_is_repaired_there() -> None:
    """The erase that a cut interrupted is an effect like any other."""
    board = tiny("spiffs")
    region = board.slots[0].fs
    chip = Controller(board, before("spiffs").patched(region.address + 3 * 4096, bytes(4096)))
    routine, effects = mounted(chip, region), []
    while True:
        try:
            effects.append(next(routine))
        except StopIteration as end:
            fs = end.value
            break
        chip.apply(effects[-1])

    assert [Erase, Program, Program] == [type(effect) for effect in effects]
    assert fs is not None
    assert fs.scratch.contents == chip.flash.read(region.address, region.size)

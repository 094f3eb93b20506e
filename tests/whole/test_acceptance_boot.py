"""The acceptance table, records and boot: what real loaders and images make of flash, and what the lab makes of it."""

from __future__ import annotations

import struct
from binascii import crc32 as crc32_from
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha1
from zlib import crc32

import pytest
from acceptance import Rows

from otalab.bench.contents import application, default_bundle, noise
from otalab.bench.inspection import inspect_records
from otalab.bench.scenario import Scenario, World
from otalab.bench.setup import set_up
from otalab.bench.trace import Run, Step, every_run, life, run
from otalab.firmware import store
from otalab.firmware.controller import Controller
from otalab.firmware.outcome import Bricked, Hung, Outcome, Reset, Running
from otalab.formats.bundle.build import PartSource, bundle_bytes
from otalab.formats.filesystems.kinds import build_image, read_files
from otalab.formats.records.nvs import meaning, word
from otalab.formats.records.record import BootConfig
from otalab.hardware.effects import Erase, Program, Wait
from otalab.hardware.flash import Flash

rows = Rows()
N, TOMBSTONE = 2**64 - 2, 2**64 - 1
QUIET = World(refused=True)  # nothing is on offer
REAL = ("cc3200", "esp8266", "esp32", "mgos-boot")
OLD, NEW = Running(0, "1", True), Running(1, "2", True)


def tiny(design: str, **options: object) -> Scenario:
    """Return an update of two pages of code on the tiny board."""
    return set_up(design, "tiny", app_size=500, **options)  # type: ignore[arg-type]


def updated(what: Scenario) -> Flash:
    """Return the flash with the old image whole in slot 0 and the new one whole in slot 1."""
    return life(what).last.flash


def with_records(what: Scenario, flash: Flash, *records: bytes) -> Flash:
    """Return a flash with these bytes at the start of its record areas, and all ones after them."""
    for area, data in zip(what.device.board.records, records, strict=False):
        flash = flash.patched(area.address, data.ljust(area.size, b"\xff"))
    return flash


def settled(what: Scenario, flash: Flash) -> Outcome:
    """Return how a device ends that is switched on, and to which nothing is offered."""
    return life(what, flash, QUIET).last.outcome


def place_of(what: Scenario, flash: Flash) -> int | None:
    """Return the place that the loader takes, whatever lies there."""
    return store.taken(what.device.design, store.read(Controller(what.device.board, flash), what.device.design))


def config_of(what: Scenario, flash: Flash) -> BootConfig:
    """Return what an image that has just been started believes."""
    found = store.current(Controller(what.device.board, flash), what.device.design)
    assert found is not None
    return found.config


def record_bytes(what: Scenario, flash: Flash, area: int, size: int, number: int = 0) -> bytes:
    """Return the bytes of a record."""
    return flash.read(what.device.board.records[area].address + number * size, size)


def files(what: Scenario, flash: Flash, slot: int) -> dict[str, bytes]:
    """Return the files of a slot."""
    region = what.device.board.slots[slot].fs
    found = read_files(flash.read(region.address, region.size), kind=what.device.board.file_system)
    assert found is not None
    return found


def again(what: Scenario, version: str, **options: object) -> Scenario:
    """Return the same device to which another version is offered."""
    own_check = what.device.design.image_check == "own"
    bundle = default_bundle(what.device.board, version, 500, own_check=own_check)
    offered = tiny(what.device.design.name, bundle=bundle, **options)
    images = (*what.device.images, offered.new)
    return replace(offered, device=replace(what.device, images=images), old=what.new)


def bringing(what: Scenario, **brought: bytes) -> bytes:
    """Return a bundle of the new application and these files; a name's last underscore is its dot."""
    board, own_check = what.device.board, what.device.design.image_check == "own"
    names = {".".join(name.rsplit("_", 1)): data for name, data in brought.items()}
    parts = [
        PartSource("app", "app", "lamp.bin", application("2", 500, own_check=own_check), {}),
        PartSource("fs", "fs", "fs.img", build_image(names, board.slots[1].fs.size, kind=board.file_system), {}),
    ]
    return bundle_bytes(name="lamp", platform=board.platform, version="2", build_id="2/lab", parts=parts)


# CC3200: two files, the smaller sequencer.


def cc3200(sequencer: int, flags: int, slot: int) -> bytes:
    """Return a record of the CC3200, packed here once more."""
    app, fs = f"app.bin.{slot}".encode(), f"spiffs.img.{slot}".encode()
    return struct.pack("<QI50s2xI50s2x392x", sequencer, flags, app, 0x20000000, fs)


def started(*records: bytes) -> tuple[int | None, Outcome]:
    """Return the place that a CC3200's loader takes, and what comes of it."""
    what = tiny("cc3200")
    flash = with_records(what, updated(what), *records)
    return place_of(what, flash), settled(what, flash)


@rows("A1")
def _() -> None:
    """The smaller sequencer is started."""
    assert (1, NEW) == started(cc3200(N, 0, 0), cc3200(N - 1, 0, 1))
    assert (0, OLD) == started(cc3200(N - 1, 0, 0), cc3200(N, 0, 1))


@rows("A2")
def _() -> None:
    """Of two that are equal, record 1."""
    assert (1, NEW) == started(cc3200(N, 0, 0), cc3200(N, 0, 1))


@rows("A3")
def _() -> None:
    """A tombstone is older than anything."""
    assert (0, OLD) == started(cc3200(N, 0, 0), cc3200(TOMBSTONE, 3, 1))


@rows("A4")
def _() -> None:
    """A file that is missing, or has 100 bytes, reads as sequencer 0, which is none; so do the zeros on flash."""
    first, second = cc3200(N, 0, 0), cc3200(N - 1, 0, 1)
    for kept in (b"", second[:100]):
        assert 0 == inspect_records([("cfg.0", first), ("cfg.1", kept)], "cc3200").selected
    assert (0, OLD) == started(first, bytes(512))


@rows("A5")
def _() -> None:
    """Two sequencers of 0: no record, and the loader stops for ever."""
    assert (None, Bricked("no valid boot record")) == started(bytes(512), bytes(512))


@rows("A6")
def _() -> None:
    """All ones: record 1 is taken, found invalid, and the loader stops for ever; it does not try the other."""
    assert (1, Bricked("no valid boot record")) == started(b"\xff" * 512, b"\xff" * 512)
    assert (1, Bricked("no valid boot record")) == started(cc3200(N, 0, 0), cc3200(N - 1, 1 << 31, 1))


@rows("A7")
def _() -> None:
    """Two tombstones without flags: record 1 is started as if it were valid."""
    assert (1, NEW) == started(cc3200(TOMBSTONE, 0, 0), cc3200(TOMBSTONE, 0, 1))


@rows("A8")
def _() -> None:
    """The first update writes record 1: sequencer 2**64-3, flags 3, names that end in .1; a file system must come."""
    what = tiny("cc3200")
    left = run(what).flash
    assert "6a0c080b46b25303851854e9528f4d8a4d3b906e" == sha1(record_bytes(what, what.flash, 0, 512)).hexdigest()
    assert "b10911b7f5206955f132904f3ed54347a9d03992" == sha1(record_bytes(what, left, 1, 512)).hexdigest()
    assert cc3200(N - 1, 3, 1) == record_bytes(what, left, 1, 512)

    parts = [PartSource("app", "app", "lamp.bin", application("2", 500), {})]
    bare = bundle_bytes(name="lamp", platform="lab", version="2", build_id="2/lab", parts=parts)
    lived = life(replace(what, bundle=bare))
    assert (OLD, what.flash) == (lived.last.outcome, lived.last.flash)
    assert any("Incomplete update package" in line for line in lived.log)


@rows("A9")
def _() -> None:
    """After a commit the next update writes record 0, with 2**64-4."""
    what = tiny("cc3200")
    left = run(again(what, "3"), updated(what)).flash
    assert cc3200(N - 2, 3, 0) == record_bytes(what, left, 0, 512)


@rows("A10")
def _() -> None:
    """After a rollback the next update writes record 1 again, with 2**64-3 again."""
    what = tiny("cc3200", image="hangs")
    rolled_back = life(what).last
    assert OLD == rolled_back.outcome
    assert cc3200(TOMBSTONE, 0, 0)[:8] == record_bytes(what, rolled_back.flash, 1, 8)
    left = run(again(what, "3"), rolled_back.flash).flash
    assert cc3200(N - 1, 3, 1) == record_bytes(what, left, 1, 512)


@rows("A11")
def _() -> None:
    """From its tombstone to its commit, a cut leads back to the old firmware."""
    what = tiny("cc3200")
    trial = life(what).runs[1]
    withdrawn = [step for step in trial.steps if record_bytes(what, step.before, 1, 8) == b"\xff" * 8]
    assert {"trial", "merge", "commit"} <= {step.phase for step in withdrawn}
    for step in withdrawn:
        assert OLD == settled(what, step.before)
    tombstone = next(step.before for step in withdrawn if step.phase == "merge")
    assert cc3200(TOMBSTONE, 3, 1)[:12] == record_bytes(what, tombstone, 1, 12)


@rows("A12")
def _() -> None:
    """Also between the two halves of the commit's write, where the real one has neither the old file nor the new."""
    what = tiny("cc3200")
    steps = [step for step in trial_of(what).steps if step.phase == "commit" and in_record(what, step.effect, 1)]
    assert [Erase, Program] == [type(step.effect) for step in steps[:2]]
    for step in steps[:2]:
        assert OLD == settled(what, step.before)
    assert NEW == settled(what, steps[-1].before.after(steps[-1].effect))


def in_record(what: Scenario, effect: object, number: int) -> bool:
    """Say whether an effect writes to a record area."""
    area = what.device.board.records[number]
    match effect:
        case Erase(sector):
            return sector in what.device.board.sectors_of(area)
        case Program(address, _):
            return area.address <= address < area.end
    return False


# The merge, and the interval that it carries over.


def crowded(name: str, **options: object) -> Scenario:
    """Return an update of a CC3200 with a file that does not fit beside the new ones; the merge goes by name."""
    return tiny("cc3200", files={name: noise("big", 9000)}, commit_timeout=60, **options)


@rows("A13")
def _() -> None:
    """The start goes on; whether there is a timer depends on what had been copied by then."""
    early, late = crowded("big.bin"), crowded("zzz.bin")
    for what, kept in ((early, False), (late, True)):
        lived = life(what)
        assert NEW == lived.last.outcome
        assert any("could not be carried over" in line for line in lived.log)
        started = next(step.before for step in lived.runs[1].steps if step.effect == Wait("health check", 5.0))
        assert kept == ("updater.dat" in files(what, started, 1))
        assert not files(what, started, 1).keys() & {"big.bin", "zzz.bin"}
    assert Hung(1, "2") == life(crowded("big.bin", image="hangs")).last.outcome
    assert OLD == life(crowded("zzz.bin", image="hangs")).last.outcome


@rows("A14")
def _() -> None:
    """A file system that cannot be mounted is an error that not even the CC3200 ignores: back to the old firmware."""
    for design in REAL:
        what = tiny(design)
        staged = run(what).flash
        for slot in what.device.board.slots:
            spoilt = staged.patched(slot.fs.address, noise("spoilt", slot.fs.size))
            trial = run(what, spoilt, QUIET)
            assert Reset("its files could not be carried over") == trial.outcome
            assert OLD == settled(what, trial.flash)


@rows("A15")
def _() -> None:
    """On the ESP32 any error of the merge leads back, and so it does on the others but the CC3200."""
    for design in ("esp32", "esp8266", "mgos-boot"):
        what = tiny(design, files={"big.bin": noise("big", 9000)})
        lived = life(what)
        assert OLD == lived.last.outcome
        assert Reset("its files could not be carried over") == lived.runs[1].outcome


@rows("A16")
def _() -> None:
    """A file that both have stays as the new image brings it."""
    for design in REAL:
        what = tiny(design)
        assert dict(what.files)["index.html"] != dict(what.brought)["index.html"]
        assert dict(what.brought)["index.html"] == files(what, updated(what), 1)["index.html"]


@rows("A17")
def _() -> None:
    """A file that the new version no longer has comes back."""
    for design in REAL:
        what = tiny(design)
        assert "calibration.bin" not in dict(what.brought)
        assert dict(what.files)["calibration.bin"] == files(what, updated(what), 1)["calibration.bin"]


@rows("A18")
def _() -> None:
    """A `conf9.json` in the bundle takes the place of the user's."""
    for design in REAL:
        what = tiny(design)
        what = replace(what, bundle=bringing(what, conf9_json=b"{}"))
        assert {"conf9.json": b"{}"}.items() <= files(what, updated(what), 1).items()


@rows("A65")
def _() -> None:
    """An `updater.dat` that a rollback left makes the next update need a commit, though that asks for no interval."""
    for design in REAL:
        what = tiny(design, image="hangs", commit_timeout=60)
        rolled_back = life(what).last
        assert OLD == rolled_back.outcome
        assert (60).to_bytes(4, "little") == files(what, rolled_back.flash, 0)["updater.dat"]
        following = again(what, "3", image="hangs", commit_timeout=0)
        assert OLD == life(following, rolled_back.flash).last.outcome
        assert Hung(1, "2") == life(tiny(design, image="hangs", commit_timeout=0)).last.outcome


# The commit timer.


def trial_of(what: Scenario) -> Run:
    """Return the first run of a new image."""
    return life(what).runs[1]


def hanging(design: str) -> tuple[Scenario, Run, Step]:
    """Return an update with an interval of 30 seconds to an image that hangs, its trial, and where it hangs."""
    what = tiny(design, image="hangs", commit_timeout=30)
    trial = trial_of(what)
    return what, trial, next(step for step in trial.steps if step.effect == Wait("hang", 30.0))


@rows("A20")
def _() -> None:
    """With an interval of 0 there is no timer: the image commits when its health check has passed, or never."""
    for design in REAL:
        what = tiny(design, commit_timeout=0)
        trial = trial_of(what)
        check = next(step for step in trial.steps if step.effect == Wait("health check", what.new.health_seconds))
        commit = next(step for step in trial.steps if step.phase == "commit")
        assert NEW == trial.outcome
        assert commit.at == check.at + check.seconds
        fails = tiny(design, commit_timeout=0, image="flaky:1")
        failed = next(one for one in every_run(fails, run(fails).flash, World()) if one.world.failed)
        assert Running(1, "2", False) == failed.outcome


@rows("A21")
def _() -> None:
    """A commit a second before the end stands: the timer finds it and does nothing."""
    for design in REAL:
        due = hanging(design)[2].at + 30
        lived = life(tiny(design, commit_timeout=30, operator_commits_after=due - 1))
        assert NEW == lived.last.outcome
        assert not any("timeout expired" in line for line in lived.log)
        assert OLD == life(tiny(design, commit_timeout=30, operator_commits_after=due + 1)).last.outcome


@rows("A22")
def _() -> None:
    """Thirty seconds after the timer was armed, which is after start and merge, the old firmware is on its way back."""
    for design in REAL:
        what, trial, hang = hanging(design)
        following = trial.steps[hang.number + 1]
        assert hang.at > what.new.boot_seconds
        assert (hang.at + 30, "rollback") == (following.at, following.phase)
        assert Reset("commit timer: rolled back") == trial.outcome
        assert OLD == life(what).last.outcome


@rows("A23")
def _() -> None:
    """Whoever cycles the power in these thirty seconds gets the old firmware."""
    for design in REAL:
        what, _, hang = hanging(design)
        assert OLD == settled(what, hang.before)


# ESP8266: one record.


@rows("A49")
def _() -> None:
    """A restart before the commit: the previous rom is the current one, committed, and the first boot is not over."""
    what, _, hang = hanging("esp8266")
    restarted = run(what, hang.before, QUIET)
    magic, _, _, current, _, _, previous, first, attempts, touched = record_bytes(what, restarted.flash, 0, 10)
    assert OLD == restarted.outcome
    assert (0xE1, 0, 0, 1, 0, 0) == (magic, current, previous, first, attempts, touched)
    # So the loader goes on counting, at every start.
    assert [1, 0, 1] == [record_bytes(what, one.flash, 0, 10)[8] for one in starts(what, restarted.flash, 3)]


@rows("A50")
def _() -> None:
    """Without a record rBoot writes one for rom 0, committed, with the addresses of both."""
    what = tiny("esp8266")
    flash = with_records(what, updated(what), b"")
    assert OLD == settled(what, flash)
    after = life(what, flash, QUIET).last.flash
    assert bytes([0xE1, 1, 0, 0, 0, 2, 0, 0, 0, 0]) == record_bytes(what, after, 0, 10)
    assert struct.pack("<4I", 0x3000, 0xB000, 0, 0) == record_bytes(what, after, 0, 28)[12:]


def starts(what: Scenario, flash: Flash, times: int) -> Iterator[Run]:
    """Switch a device on so many times."""
    for _ in range(times):
        yield (one := run(what, flash, QUIET))
        flash = one.flash


# ESP32: two stores.


def otadata(sequencer: int, slot: int) -> bytes:
    """Return an entry of Mongoose OS, packed here once more."""
    body = struct.pack("<II20x", sequencer, 0x10 + slot)
    return body + crc32_from(body + bytes(4), 0xFFFFFFFF).to_bytes(4, "little")


@rows("A51")
def _() -> None:
    """The larger sequencer is started; where its CRC is wrong, the other one."""
    what = tiny("esp32")
    assert bytes.fromhex("9026bf2d") == otadata(3, 0)[-4:]
    flash = updated(what)
    assert 1 == running_slot(settled(what, with_records(what, flash, otadata(3, 0), otadata(4, 1))))
    damaged = otadata(4, 1)[:-1] + b"\0"
    assert 0 == running_slot(settled(what, with_records(what, flash, otadata(3, 0), damaged)))


def running_slot(outcome: Outcome) -> int:
    assert isinstance(outcome, Running)
    return outcome.slot


@rows("A52")
def _() -> None:
    """Two entries that are neither valid nor erased, and no factory image: nothing is started."""
    what = tiny("esp32")
    damaged = otadata(4, 1)[:-1] + b"\0"
    assert Bricked("no valid boot record") == settled(what, with_records(what, updated(what), damaged, damaged))


@rows("A53")
def _() -> None:
    """0x310 in NVS: slot 1, back to 0, not committed, files still to be carried over; an update writes just that."""
    said = meaning(0x310)
    assert (1, 0, False, True) == (said.active, said.previous, said.committed, said.merge)
    what = tiny("esp32")
    staged = run(what).flash
    assert 0x310 == word(config_of(what, staged))
    assert b"\x10\x03\0\0" in [staged.read(area.address + 4, 4) for area in what.device.board.state]
    assert 0x010 == word(config_of(what, updated(what)))


# STM32 and RS14100: the journal.


def flags_of(what: Scenario, flash: Flash, number: int, area: int = 0) -> int:
    """Return the flags of a record: 1 committed, 2 first boot A, 4 first boot B, 8 merge."""
    record = record_bytes(what, flash, area, 256, number)
    assert b"MOS1" == record[:4]
    assert crc32(record[:252]) == int.from_bytes(record[252:], "little")
    return int.from_bytes(record[15:19], "little")


@rows("A55")
def _() -> None:
    """A torn last record: the one before it counts, and what is written next goes to the other area."""
    what = tiny("mgos-boot-both")
    following = again(what, "3")
    stage = next(step for step in run(following, updated(what)).steps if in_record(what, step.effect, 0))
    assert isinstance(stage.effect, Program)
    torn = stage.before.after(Program(stage.effect.address, stage.effect.data[:100]))
    assert (3, 3) == (place_of(what, stage.before), place_of(what, torn))
    assert NEW == settled(what, torn)
    # Of another image, so that what was torn is not simply finished.
    lived = life(again(following, "4"), torn)
    assert Running(0, "4", True) == lived.last.outcome
    assert 16 == place_of(what, lived.runs[0].flash)
    assert any("does not read back" in line for line in lived.log)
    # The real application finds its record in the first area only, so that this one cut is its last update.
    real = replace(following, device=replace(following.device, firmware=tiny("mgos-boot").device.firmware))
    assert Running(0, "4", False) == life(again(real, "4"), torn).last.outcome


@rows("A56")
def _() -> None:
    """The loader clears B and starts the new image; at the next start without a commit the old one is back for good."""
    what = tiny("mgos-boot", image="hangs")
    staged = run(what).flash
    assert 2 | 4 | 8 == flags_of(what, staged, 1)
    first = run(replace(what, commit_timeout=0), staged, QUIET)
    hang = first.steps[-1].before
    assert 2 | 8 == flags_of(what, hang, 2)
    back = run(what, hang, QUIET)
    assert OLD == back.outcome
    assert 1 == flags_of(what, back.flash, 3)
    assert (0, b"\xff") == (
        record_bytes(what, back.flash, 0, 256, 3)[13],
        record_bytes(what, back.flash, 0, 256, 3)[14:15],
    )


def spoilt_app(what: Scenario, flash: Flash, slot: int) -> Flash:
    """Return a flash in which an application has a wrong byte."""
    return flash.patched(what.device.board.slots[slot].app.address + 7, b"\0")


@rows("A57")
def _() -> None:
    """An image on trial with a wrong CRC: ten seconds until the watchdog, then the old one."""
    what = tiny("mgos-boot")
    trial = run(what, spoilt_app(what, run(what).flash, 1), QUIET)
    assert Wait("watchdog", 10) == trial.steps[-1].effect
    assert isinstance(trial.outcome, Reset)
    assert OLD == settled(what, trial.flash)


@rows("A58")
def _() -> None:
    """A committed one restarts for ever."""
    what = tiny("mgos-boot")
    for flash, slot in ((what.flash, 0), (updated(what), 1)):
        lived = life(what, spoilt_app(what, flash, slot), QUIET)
        assert lived.endless
        assert Reset(f"watchdog: the image in slot {slot} fails its checksum") == lived.last.outcome


@pytest.mark.parametrize("number", rows)
def test_a_row_of_the_acceptance_table(number: str) -> None:
    """What is given leads to what the table says."""
    rows[number]()

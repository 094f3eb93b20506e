"""Boot state and snapshot under power cuts: the firmware's part, without a wire."""

from __future__ import annotations

import pytest

from otalab import load_design, set_up
from otalab.bench.trace import life
from otalab.firmware import store
from otalab.firmware.boot_state import SNAPSHOT, TELLS_REVERT, set_state, snapshot
from otalab.firmware.bootloader import Start, boot
from otalab.firmware.controller import Controller
from otalab.firmware.intervals import commit_interval
from otalab.firmware.requests import BootState, Lost, Offer, Snapshot
from otalab.firmware.updater import update
from otalab.hardware.effects import Ask, Erase, Program


def driven(chip, routine, bundle=b""):
    """Run a routine on steady power; return its answer and the contents after each effect.

    A download breaks off when the bytes that are given are used up.
    """
    left = [chip.flash]
    try:
        effect = next(routine)
        while True:
            if isinstance(effect, Erase | Program):
                chip.apply(effect)
                left.append(chip.flash)
            asked = isinstance(effect, Ask) and effect.question == "piece"
            piece = bundle[effect.detail : effect.detail + 500] if asked else None
            effect = routine.send(Lost("cut off") if piece == b"" else piece)
    except StopIteration as end:
        return end.value, left


def booted(device, flash):
    """Return the decision of the loader that finds these contents, and the image in the slot it starts."""
    chip = Controller(device.board, flash)
    start, _ = driven(chip, boot(chip, device.design))
    return start, device.image_in(chip, start.slot) if isinstance(start, Start) else None


@pytest.mark.parametrize("design", ["hardened", "hardened-plus", "mongoose"])
@pytest.mark.parametrize("as_revert", [False, True])
def test_a_snapshot_that_is_cut_short_leaves_a_device_that_starts(design, as_revert):
    """After every effect of it the loader starts a whole image: the running one, or at the very end its copy."""
    what = set_up(design, "tiny")
    chip = Controller(what.device.board, what.flash)
    report, left = driven(chip, snapshot(chip, what.device.design, 0, Snapshot(as_revert, 60)))

    assert (True, SNAPSHOT) == (report.fine, report.message)
    found = [booted(what.device, flash) for flash in left]
    assert {"1"} == {image and image.version for _, image in found}
    assert {0} == {start.slot for start, _ in found[:-1]}
    reverts = as_revert and what.device.design.trial == "one-try"
    assert (1 if reverts else 0) == found[-1][0].slot


@pytest.mark.parametrize("design", ["hardened", "hardened-plus", "mongoose"])
def test_a_boot_state_that_is_cut_short_is_the_old_one(design):
    """Until its record is whole, the record before it counts."""
    what = set_up(design, "tiny")
    chip = Controller(what.device.board, what.flash)
    driven(chip, snapshot(chip, what.device.design, 0, Snapshot()))
    report, left = driven(chip, set_state(chip, what.device.design, 0, BootState(active_slot=1)))

    assert report.fine
    assert [0] * (len(left) - 1) + [1] == [booted(what.device, flash)[0].slot for flash in left]


@pytest.mark.parametrize("design", ["hardened", "mongoose"])
def test_an_update_spares_the_slot_that_a_changed_boot_state_names(design):
    """Also before the restart that the change waits for: an update that breaks off leaves a device that starts."""
    what = set_up(design, "tiny", app_size=500)
    chip = Controller(what.device.board, what.flash)
    driven(chip, snapshot(chip, what.device.design, 0, Snapshot()))
    driven(chip, set_state(chip, what.device.design, 0, BootState(active_slot=1)))
    report, left = driven(chip, update(chip, what.device.design, what.old, 0, Offer()), what.bundle[:9000])

    assert "cut off" == report.message
    assert len(left) > 10
    assert {1} == {booted(what.device, flash)[0].slot for flash in left}


# The real platforms


@pytest.mark.parametrize(
    ("design", "settable", "copied", "way_back"),
    [
        ("cc3200", False, False, 0),
        ("mgos-boot", True, False, -1),
        ("esp8266", True, True, 0),
        ("esp32", True, True, 0),
        ("hardened", True, True, 1),
    ],
)
def test_a_platform_does_what_its_updater_has_learnt(design, settable, copied, way_back):
    """After a committed update into slot 1: what can be set and copied, and what is told as the way back."""
    what = set_up(design, "tiny", app_size=500)
    chip, mine = Controller(what.device.board, life(what).last.flash), load_design(design)
    found = store.current(chip, mine)
    assert way_back == TELLS_REVERT[mine.told_revert](found.config, what.device.board)

    before = chip.flash
    assert copied == chip.carry_out(snapshot(chip, mine, 1, Snapshot())).fine
    assert copied == (chip.flash != before)
    before = chip.flash
    assert settable == chip.carry_out(set_state(chip, mine, 1, BootState(active_slot=1, revert_slot=0))).fine
    assert settable or chip.flash == before


@pytest.mark.parametrize(("design", "kept"), [("cc3200", 0), ("mgos-boot", 30), ("esp8266", 30), ("hardened", 30)])
def test_an_interval_that_is_set_is_found_where_the_image_looks(design, kept):
    """In `updater.dat` or in the record; where the boot state is refused, none is written."""
    what = set_up(design, "tiny", app_size=500)
    chip, mine = Controller(what.device.board, what.flash), load_design(design)
    chip.carry_out(set_state(chip, mine, 0, BootState(commit_timeout=30)))
    found = store.current(chip, mine)
    assert kept == chip.carry_out(commit_interval(chip, mine, found.config, 0))

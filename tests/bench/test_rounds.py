"""Rounds: what a device does over and over is found, whatever its sequencers do meanwhile."""

import pytest
from layouts import with_factory

from otalab import designs, set_up
from otalab.bench.rounds import endless_round, turns
from otalab.bench.scenario import World
from otalab.bench.trace import run
from otalab.errors import BadInput

# With an image that hangs and no timer, or no trial, it comes to an end.
STAYS = ("ab-tries", "ab-tries-both", "esp-idf", "esp-idf-fork", "in-place", "mcuboot-overwrite")
# In the second area of its journal the image of this one does not know that it is on trial.
LOST = "mgos-boot"


def a_round(design, image):
    what = set_up(design, "tiny", app_size=3000, image=image, offer="again")
    return what, endless_round(what)


@pytest.mark.parametrize("design", designs())
@pytest.mark.parametrize("image", ["crashes", "hangs"])
def test_every_design_comes_by_the_same_place_again(design, image):
    """
    A bad image that is offered again and again: the next round is the one before, effect by effect.
    """
    if design == LOST or (image == "hangs" and design in STAYS):
        with pytest.raises(BadInput, match="does not reset for ever"):
            a_round(design, image)
        return

    what, runs = a_round(design, image)

    flash, world = runs[-1].flash, what.power_on(runs[-1].world)
    for former in runs:
        again = run(what, flash, world)
        assert [(one.phase, type(one.effect)) for one in former.steps] == [
            (one.phase, type(one.effect)) for one in again.steps
        ]
        flash, world = again.flash, what.power_on(again.world)


def test_a_journal_goes_round_both_areas():
    """
    32 places, and an update with its rollback writes as many records as make that even: others need four runs.

    With three tries it is six of them.
    """
    assert 64 == len(a_round("mgos-boot-both", "crashes")[1])
    others = [one for one in designs() if not one.startswith(("mgos-boot", "ab-tries"))]
    assert all(len(a_round(design, "crashes")[1]) <= 4 for design in others)


def test_a_world_is_part_of_the_place():
    """
    A round begins with the world that it ends with.
    """
    what, runs = a_round("hardened", "crashes")

    assert World() != runs[-1].world
    assert runs[0].steps[0].world == what.power_on(runs[-1].world)


def test_an_update_that_starts_from_a_factory_image_is_not_like_the_next_ones() -> None:
    """No record names what ran before it; on a used device there is one, and roles turn."""
    with pytest.raises(BadInput, match="starts from what no record names, and later ones do not: take a used device"):
        turns(set_up("esp-idf", with_factory(), app_size=500))
    assert (True, True) == turns(set_up("esp-idf", with_factory(), app_size=500, used=True))

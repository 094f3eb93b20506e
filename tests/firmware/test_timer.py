"""The commit timer, told by the firmware that started it: in a trace, and in everything that shows one."""

from math import inf, isnan

import pytest

from otalab import designs, life, set_up
from otalab.hardware.board import load_board
from otalab.views.figures.race import race
from otalab.views.player.life import live
from otalab.views.player.tape import Tape
from otalab.views.widgets.commit_timer import TEMPER_WORDS

EXPIRED = "Update commit timeout expired"
INTERVAL = 20
BOARDS = {"esp8266": "esp8266-4M", "esp32": "esp32-4M"}


def a_trial(design, image):
    board = BOARDS.get(design, "lab-1M")
    return set_up(design, board, app_size=3000, image=image, commit_timeout=INTERVAL)


def fired(run):
    """
    When the device said that its timer had expired, or nothing.
    """
    return [run.steps[number].at for number, line in run.log if line == EXPIRED]


every_trial = pytest.mark.parametrize("image", TEMPER_WORDS)
every_design = pytest.mark.parametrize("design", designs())


@every_design
@every_trial
def test_a_timer_is_told_exactly_where_one_fires(design, image):
    """
    To the second: it expires when the effects before said that it would, and one that is told of and does not expire
    was lost with the run, or found a committed image.
    """
    for run in life(a_trial(design, image)).runs:
        told = {step.due for step in run.steps} - {inf}
        assert len(told) <= 1
        assert fired(run) == [due for due in told if fired(run)]
        if told and not fired(run):
            silent = [line for _, line in run.log if line in ("Committed", "Commit failed")]
            assert silent or run.seconds < max(told)


@every_design
def test_what_hangs_on_trial_is_ended_by_the_timer_of_its_design(design):
    """
    An interval after the image began; `esp-idf`, `ab-tries` and kin have no timer, `in-place` and MCUboot no trial.
    """
    runs = life(a_trial(design, "hangs")).runs
    began = [next(step for step in run.steps if step.due < inf) for run in runs if fired(run)]

    assert (0 if design.startswith(("esp-idf", "ab-tries", "in-place", "mcuboot")) else 1) == len(began)
    assert [INTERVAL] * len(began) == [pytest.approx(step.due - step.at) for step in began]


@pytest.mark.slow
@every_design
@every_trial
def test_the_player_and_the_race_show_the_timer_that_the_firmware_set(design, image):
    """
    At every position so many seconds are left as the firmware's own timer has; the race draws the same moment.
    """
    what = a_trial(design, image)
    lived = live(what, None, [], [], {})
    tape = Tape(lived)
    for position in range(len(lived)):
        step, left = lived.step(position), tape.left(position)
        if step is None or step.due == inf:
            assert isnan(left)
        else:
            assert pytest.approx(step.due) == step.at + step.seconds + left

    shown = race(what)
    bars = [bar for bar in shown.bars if bar.lane == "commit timer"]
    timed = [run for run in life(what).runs if any(step.due < inf for step in run.steps)]
    assert bool(timed) == (shown.due is not None) == bool(bars)
    assert any(map(fired, timed)) == any(bar.what == "fires" for bar in bars)


def test_one_that_exited_silently_is_gone():
    """
    The image is committed when it fires: nothing runs any more, and the wait goes on.
    """
    last = life(a_trial("hardened", "healthy")).last

    assert [INTERVAL, inf] == [pytest.approx(last.steps[-2].due, abs=1), last.steps[-1].due]
    assert [step.effect.what for step in last.steps[-2:]] == ["idle", "idle"]


def test_boards_are_those_of_the_designs():
    """
    Chips with a real board are tried on it.
    """
    assert {name: load_board(board).platform for name, board in BOARDS.items()} == {
        "esp8266": "esp8266", "esp32": "esp32",
    }  # fmt: skip

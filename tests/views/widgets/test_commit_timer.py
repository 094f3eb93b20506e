"""The commit timer lab without a browser: the race is the firmware's, and the picture is the race."""

from itertools import pairwise
from math import inf, isfinite

import matplotlib as mpl
import pytest
from traitlets import TraitError

from otalab import designs, judge, life, set_up
from otalab.errors import BadInput
from otalab.views.figures.race import plot_race, race, race_table
from otalab.views.style import LANES
from otalab.views.widgets.commit_timer import TEMPER_WORDS, CommitTimerLab

mpl.use("Agg")

CASES = [
    ({}, "updated", "The commit was done 6.09 s after power-on, 53.95 s before the timer was due"),
    ({"health_seconds": 80.0}, "update-lost", "The timer was due 60.05 s"),
    ({"health_seconds": 58.98}, "update-lost", "while the commit was being written"),
    ({"health_seconds": 80.0, "interval": 90}, "updated", "The commit was done 81.09 s"),
    ({"interval": 0}, "updated", "and no timer was set"),
    ({"commit_after": 30.0}, "updated", "The commit was done 30.05 s"),
    ({"commit_after": 90.0}, "update-lost", "nothing was committed"),
    ({"commit_after": 90.0, "interval": 0}, "updated", "no timer was set"),
    ({"temper": "flaky:1"}, "rolled-back", "The timer was due"),
    ({"temper": "hangs"}, "rolled-back", "The timer was due"),
    ({"temper": "hangs", "interval": 0}, "not-updatable", "no timer was set to end that"),
    ({"temper": "crashes"}, "rolled-back", "the loader does not try it twice"),
    ({"temper": "crashes", "design": "mongoose"}, "stuck", "for ever"),
    ({"design": "in-place"}, "updated", "There was no trial"),
    ({"design": "cc3200"}, "updated", "The commit was done 6.14 s after power-on, 54.95 s before the timer was due"),
    ({"design": "esp8266", "temper": "hangs"}, "rolled-back", "The timer was due 61.14 s"),
    ({"design": "esp32", "temper": "crashes"}, "rolled-back", "it had switched back before"),
]
settings = pytest.mark.parametrize("traits", [case[0] for case in CASES], ids=str)


@pytest.mark.parametrize("traits, end, words", CASES, ids=str)
def test_who_is_first(traits, end, words):
    """
    Each setting has its end, and a sentence that says why.
    """
    lab = CommitTimerLab(**traits)

    assert end == lab.end
    assert words in lab.outcome
    assert f": {end}, " in lab.outcome


@settings
def test_the_race_is_run_by_the_firmware(traits):
    """
    End and log are those of a plain life with the same settings.
    """
    lab = CommitTimerLab(**traits)

    lived = life(lab.scenario)
    assert judge(lab.scenario, lived) == lab.race.end
    assert list(lived.log)[-len(lab.log) :] == lab.log


@settings
def test_bars_of_a_lane_do_not_overlap(traits):
    """
    One thing after the other: who acts does one thing at a time.
    """
    table = race_table(CommitTimerLab(**traits).scenario)

    assert set(table.lane) <= set(LANES)
    for _, lane in table[table.begin < table.end].groupby("lane"):
        lasting = lane.sort_values("begin")
        assert (lasting.end.to_numpy()[:-1] <= lasting.begin.to_numpy()[1:] + 1e-9).all()


@settings
def test_the_image_and_the_records_fill_the_time(traits):
    """
    From power-on to the end something runs or is written: no second is lost, and none is invented.
    """
    found = race(CommitTimerLab(**traits).scenario)
    lasting = [bar for bar in found.bars if bar.begin < bar.end and bar.lane not in ("commit timer", "operator")]
    busy = sorted((bar.begin, bar.end) for bar in lasting)

    assert 0 == busy[0][0]
    assert inf == busy[-1][1]
    assert all(abs(end - begin) < 1e-9 for (_, end), (begin, _) in pairwise(busy))


def test_the_timer_is_due_an_interval_after_the_trial_began():
    """
    The interval counts from the start of the image, not from power-on: `tried` is written before.
    """
    lab = CommitTimerLab(interval=20)
    timer = next(bar for bar in lab.bars if bar["lane"] == "commit timer")

    assert 20 == pytest.approx(timer["end"] - timer["begin"])
    assert timer["end"] == lab.due
    assert CommitTimerLab(interval=0).due is None


def test_a_setting_moves_the_picture():
    """
    A trait that is set is run at once, and a wait without end is `None` for the browser.
    """
    lab = CommitTimerLab()
    before = lab.bars

    lab.health_seconds = 80.0

    assert before != lab.bars
    assert "update-lost" == lab.end
    assert [None] == [bar["end"] for bar in lab.bars if bar["end"] is None or not isfinite(bar["end"])]
    assert lab.horizon > 60


@pytest.mark.parametrize("temper", TEMPER_WORDS)
@pytest.mark.parametrize("design", designs())
def test_everything_on_the_lists_can_be_chosen(design, temper):
    """
    Each design with each image, one after the other in one lab; what is said names the lanes that are drawn.
    """
    lab = CommitTimerLab()

    lab.design, lab.temper = design, temper

    assert (design, temper) == (lab.design, lab.temper)
    assert design in lab.designs
    assert temper in lab.tempers
    assert {bar["lane"] for bar in lab.bars} <= set(LANES)
    assert f": {lab.end}, " in lab.outcome


@pytest.mark.parametrize(
    "traits, error",
    [({"temper": "moody"}, BadInput), ({"design": "nowhere"}, BadInput), ({"interval": -1}, TraitError),
     ({"health_seconds": -1.0}, TraitError)],
)  # fmt: skip
def test_misuse_is_refused(traits, error):
    """
    Unknown names and times that cannot be raise.
    """
    with pytest.raises(error):
        CommitTimerLab(**traits)


def test_a_scenario_takes_the_three_times():
    """
    What a set-up is told, the images on the device have as well.
    """
    what = set_up("hardened", "tiny", app_size=200, health_seconds=7.0, commit_timeout=9, operator_commits_after=8.0)

    assert (7.0, "by hand") == (what.new.health_seconds, what.new.commits)
    assert what.new in what.device.images
    assert (9, 8.0) == (what.commit_timeout, what.operator_commits_after)
    assert "itself" == set_up("hardened", "tiny", app_size=200).new.commits


@settings
def test_the_drawing_shows_every_lane(traits):
    """
    Each lane of the table has its label, each moment a diamond.
    """
    table = race_table(CommitTimerLab(**traits).scenario)

    ax = plot_race(table)

    assert [lane for lane in LANES if lane in set(table.lane)] == [label.get_text() for label in ax.get_yticklabels()]
    assert (table.begin == table.end).sum() == len(ax.lines)
    mpl.pyplot.close(ax.figure)

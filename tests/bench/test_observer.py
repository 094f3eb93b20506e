"""Observers: what one remembers of equal contents is what a fresh one sees."""

import pytest
from plain import small

from otalab.bench.observer import Observer, judge, judge_run
from otalab.bench.scenario import World
from otalab.bench.setup import set_up
from otalab.bench.trace import every_run, life
from otalab.firmware.catalogue import designs


def wrecks(what):
    """
    Return what every cut of the first run leaves, the last one twice.
    """
    found = [step.before for run in every_run(what, what.flash, World()) for step in run.steps]
    return [*found, found[-1]]


@pytest.mark.parametrize("image", ["healthy", "crashes"])
@pytest.mark.parametrize("design", designs())
def test_one_that_remembers_says_what_a_fresh_one_says(design, image):
    """
    The same ends, for the same reasons, by the same looks.
    """
    what = small(design, image=image)
    observer = Observer(what)

    runs = [run for flash in wrecks(what) for run in every_run(what, flash, World())]
    for run in runs:
        assert judge_run(what, run) == observer.judge_run(run)


def test_it_keeps_so_many_at_most(monkeypatch):
    """
    A campaign may meet any number of contents: what was kept is let go, and nothing that is said changes.
    """
    what = set_up("hardened", "tiny", app_size=3000)
    monkeypatch.setattr(Observer, "KEPT", 2)
    observer = Observer(what)

    for flash in wrecks(what)[:6]:
        for run in every_run(what, flash, World()):
            assert judge_run(what, run) == observer.judge_run(run)
            assert len(observer._probed) <= 2


@pytest.mark.parametrize("board", ["tiny", "lab-1M"])
def test_a_good_update_that_was_rolled_back_is_called_that(board):
    """
    A commit timer that is due before the health check is over: the update was taken, and given up.
    """
    what = set_up("hardened", board, health_seconds=30.0, commit_timeout=1)
    end = judge(what, life(what))

    assert ("update-lost", "version 1 runs from slot 0 again: a good update was rolled back") == (end.name, end.reason)

"""Processes that work for another: Ctrl-C is never theirs, and none of them outlives its work."""

import os
import signal
from contextlib import suppress

import pytest

from otalab.cli.interrupts import pressed, remembered
from otalab.processes import processes


class PressedOnArrival:
    """Ctrl-C at the moment in which a process reads what it is to begin with: long before a line of the lab."""

    def __reduce__(self):
        return signal.raise_signal, (signal.SIGINT,)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal can be held back here")
def test_a_process_is_deaf_before_it_begins():
    """One that is interrupted while it is still being loaded goes on, and does what it is asked."""
    with processes(1, bool, PressedOnArrival()) as submit:
        assert signal.SIG_IGN == submit(signal.getsignal, signal.SIGINT).result()


def test_an_interrupt_comes_when_the_work_is_handed_over(monkeypatch):
    """Whoever presses while a process is being started has it started, and then all of them ended."""
    begun = []

    def started(*_what, **_more):
        begun.append(_what)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("otalab.processes.resource_tracker.ensure_running", started)
    with remembered():
        with pytest.raises(KeyboardInterrupt), processes(1) as submit:
            submit(os.getpid)
        assert pressed()
    assert 1 == len(begun)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_no_process_outlives_its_work(busy):
    """However long it would still be at it: nobody has to wait for what nobody wants any more."""
    with processes(1) as submit:
        process = submit(os.getpid).result()
        if busy:
            submit(signal.pause)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_what_was_asked_and_not_begun_is_let_go():
    """Nobody waits for an answer that will not come."""
    with suppress(KeyboardInterrupt), processes(1) as submit:
        asked = [submit(signal.pause) for _ in range(5)]
        raise KeyboardInterrupt
    assert [True] * 5 == [one.done() for one in asked]

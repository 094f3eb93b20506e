"""Being stopped by a signal, where the loop knows signals and where it does not."""

import asyncio
import signal

import pytest

from otalab.wire.live.stopping import cancelled_by_signals


def without_signals(_loop, number, *_):
    raise NotImplementedError(number)


@pytest.fixture(autouse=True)
def the_usual_handlers():
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in usual.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("windows", [False, True])
def test_a_signal_cancels_the_task(windows, number, monkeypatch):
    """
    And nothing else in the process: no exception comes out of the middle of whatever ran.
    """
    if windows:
        # The oldest of the loop's classes that has it is the one that all others fall back to.
        monkeypatch.setattr(asyncio.SelectorEventLoop, "add_signal_handler", without_signals)

    async def story():
        serving = asyncio.create_task(asyncio.Event().wait())
        cancelled_by_signals(serving)
        signal.raise_signal(number)
        await asyncio.wait([serving])
        return serving.cancelled()

    assert asyncio.run(story())

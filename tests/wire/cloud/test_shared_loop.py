"""Tasks that share the rounds of a loop: all of them get on, and no round is long."""

import asyncio
from itertools import pairwise

from otalab.wire.cloud import shared_loop
from otalab.wire.cloud.broker import SilentMqtt
from otalab.wire.cloud.shared_loop import SLICE_SECONDS, SharedLoop

STEP = SLICE_SECONDS / 5


class Clock:
    """A clock that stands still unless somebody works."""

    now = 0.0

    def monotonic(self):
        return self.now


def test_a_round_has_an_end(monkeypatch):
    """
    A hundred tasks that are ready at once do as much as fits in a round, and everybody else has a turn in between.
    """
    clock = Clock()
    monkeypatch.setattr(shared_loop, "time", clock)

    async def story():
        shared, done, worked = SharedLoop(), [], [0.0]

        async def task(number):
            for _ in range(3):
                await shared.turn()
                clock.now += STEP
                done.append(number)

        async def somebody_else():
            while True:
                worked.append(clock.now)
                await asyncio.sleep(0)

        other = asyncio.create_task(somebody_else())
        await asyncio.gather(*(task(number) for number in range(100)))
        other.cancel()
        return done, max(after - before for before, after in pairwise(worked))

    done, longest = asyncio.run(story())
    assert {3} == {done.count(number) for number in range(100)}
    assert SLICE_SECONDS <= longest < SLICE_SECONDS + 2 * STEP


def test_the_library_looks_for_pings_and_sends_as_is_said_here():
    """
    It has the very functions that are replaced: under other names it would look every second again, and wake the loop
    for every message.
    """
    assert {"_misc_loop", "_on_socket_register_write", "_on_socket_unregister_write"} <= vars(
        SilentMqtt.__base__
    ).keys()

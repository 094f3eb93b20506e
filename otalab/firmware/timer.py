"""The commit timer: a hardware timer that the boot loader or the image starts, and that runs beside the image.

It is firmware's: a chip has none, and it is gone when the power is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any, TypeVar

from otalab.firmware.controller import Controller
from otalab.firmware.requests import LATE
from otalab.hardware.effects import Ask, Effect, Routine, Wait

T = TypeVar("T")


def under_timer(
    chip: Controller, main: Routine[T], seconds: float, handler: Callable[[], Routine[T | None]]
) -> Routine[T]:
    """Run `main`; once the hardware timer is due, run its handler at the next effect boundary.

    The handler's answer ends the run (a reset); `None` means that it exited silently, and `main` goes on.
    A timer interrupts a wait in its middle, and an erase or a program never: the flash controller finishes those.
    """
    chip.timer_due, answer = chip.now + seconds, None
    while True:
        try:
            effect: Effect | None = main.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        if chip.now < chip.timer_due:
            answer, effect = yield from _before(chip.timer_due, chip, effect)
        if effect is not None:
            # It fires once: a handler that exits silently leaves no timer behind.
            chip.timer_due = inf
            verdict = yield from handler()
            if verdict is not None:
                main.close()
                return verdict
            answer = yield effect


def _before(due: float, chip: Controller, effect: Effect | None) -> Routine[tuple[Any, Effect | None]]:
    """Carry an effect out as far as it goes before `due`: return its answer, and what is left of it."""
    match effect:
        case Wait(what, seconds) if chip.now + seconds > due:
            rest = seconds - (due - chip.now)
            yield Wait(what, due - chip.now)
            return None, Wait(what, rest)
        case Ask("request"):
            answer = yield replace(effect, deadline=due)
            return answer, effect if answer is LATE else None
    assert effect is not None
    return (yield effect), None

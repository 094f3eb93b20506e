"""Interrupts: a search keeps what it has found when somebody presses Ctrl-C, and what is printed then is no result.

So the key is remembered, and the way out says so.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
_pressed = threading.Event()


def pressed() -> bool:
    """Say whether somebody has interrupted the command that runs."""
    return _pressed.is_set()


@contextmanager
def remembered() -> Iterator[None]:
    """Remember interrupts for as long as a command runs; only the main thread gets any."""
    if signal.getsignal(signal.SIGINT) is _remember:
        yield  # whoever began with it has the last word
        return
    _pressed.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, _remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _remember(_number: int, _frame: FrameType | None) -> None:
    _pressed.set()
    raise KeyboardInterrupt


def until_interrupted(results: Iterable[T]) -> list[T]:
    """Return what came before an interrupt, and what it broke off if that has something to say."""
    known: list[T] = []
    try:
        for result in results:
            known.append(result)
            if pressed():
                break
    except KeyboardInterrupt:
        if not known:
            raise
    return known

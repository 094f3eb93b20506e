"""The collector of cycles rests while a graph grows, and leaves alone what stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """Let it rest: it would go through all nodes again and again, a third of the time, and none of them is garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def settled() -> None:
    """Leave out what there is when a server begins: to go through it takes 40 ms, in which nobody is answered."""
    gc.freeze()

"""Processes that work for this one: deaf to Ctrl-C from before their first line, and over when their work is."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from otalab.postponed import postponed_interrupts


@contextmanager
def processes(
    count: int, begin: Callable[..., None] | None = None, *given: object
) -> Iterator[Callable[..., Future[Any]]]:
    """Have so many processes; work is submitted as `concurrent.futures` has it, and each first calls `begin(*given)`.

    Ctrl-C, which a terminal sends to all of them, is for this one alone: it ends the others, whatever they are at.
    """
    # Started anew and not forked: a fork takes locks along that others hold, and a notebook's kernel has threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, context, initializer=_begun, initargs=(begin, given))

    def submit(*work: Any) -> Future[Any]:
        with _started_deaf():
            return pool.submit(*work)

    try:
        yield submit
    finally:
        for process in list((pool._processes or {}).values()):
            process.terminate()  # nothing else ends what another process is at
        pool.shutdown(wait=True, cancel_futures=True)


def _begun(begin: Callable[..., None] | None, given: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for what it starts in turn, and on Windows for itself
    if begin is not None:
        begin(*given)


@contextmanager
def _started_deaf() -> Iterator[None]:
    """Let whatever is started meanwhile not hear Ctrl-C, and let one that comes meanwhile wait.

    Python itself, and what is imported before a process can say that it does not want to hear, would be interrupted.
    """
    if not hasattr(signal, "pthread_sigmask"):
        with postponed_interrupts():
            yield
        return
    with postponed_interrupts():
        resource_tracker.ensure_running()  # a process of Python's own, whose start would let signals in again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

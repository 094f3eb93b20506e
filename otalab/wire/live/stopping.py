"""Being stopped: Ctrl-C and SIGTERM end what serves, politely and on every system."""

from __future__ import annotations

import asyncio
import signal
from types import FrameType
from typing import Any

# Ctrl-Break is what a Windows process can send to another one.
NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]


def cancelled_by_signals(task: asyncio.Task[Any]) -> None:
    """Have a task of the running loop cancelled by whoever asks the process to end."""
    loop = asyncio.get_running_loop()

    def stop(_number: int, _frame: FrameType | None) -> None:
        # It comes between two lines of whatever runs, so the loop is only told.
        loop.call_soon_threadsafe(task.cancel)

    for number in NUMBERS:
        try:
            loop.add_signal_handler(number, task.cancel)
        except NotImplementedError:  # the loop of Windows knows no signals
            signal.signal(number, stop)

"""How code dies: what the sanitizer, a signal or a limit has to say, in one line with the place in its sources."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

ADDRESS = re.compile(r"ERROR: AddressSanitizer: (?P<what>[\w-]+)")
FRAME = re.compile(r"^\s*#\d+ 0x\w+ in (?P<function>\S+) (?P<file>[^\s:]+):(?P<line>\d+)", re.MULTILINE)
UNDEFINED = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+: runtime error: (?P<what>.*)$", re.MULTILINE)
LIMIT = "SIGVTALRM"


class Died(Exception):
    """A call does not come back: why, and whether it is for ever at work in place of dead."""

    def __init__(self, reason: str, *, hangs: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hangs = hangs


def died(entry: str, status: int, said: str, sources: tuple[Path, ...], seconds: float) -> Died:
    """Return how a call of an entry died, from the wait status of its process and its words on standard error."""
    if match := UNDEFINED.search(said):
        return Died(f"{Path(match['file']).name}:{match['line']}: {match['what']}, in {entry}")
    if match := ADDRESS.search(said):
        what = match["what"].replace("SEGV", "access to no memory")
        return Died(f"{_place(said, sources)}{what}, in {entry}")
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        if name == LIMIT:
            return Died(f"{entry} does not come back: it took {seconds:g} s of processor time", hangs=True)
        return Died(f"{name} in {entry}")
    return Died(f"{entry} ended the program, with status {os.waitstatus_to_exitcode(status)}")


def _place(said: str, sources: tuple[Path, ...]) -> str:
    """Return the first place of the code's own in what a sanitizer says."""
    own = {source.name for source in sources}
    for frame in FRAME.finditer(said):
        file = Path(frame["file"]).name
        if file in own or file.endswith(".h"):
            return f"{file}:{frame['line']}: {frame['function']}: "
    return ""

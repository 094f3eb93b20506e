"""The one way out: what ends a command becomes one line and an exit status."""

from __future__ import annotations

import os
import sys
import traceback

from otalab.errors import InternalFault, OtalabError
from otalab.files import refused
from otalab.text import one_line

DEBUG = "OTALAB_DEBUG"


def way_out(command: str, error: BaseException) -> int:
    """Say in one line what ended a command, and return the exit status; whoever asks to exit is let go."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # tasks that ran side by side; the others were ended for it
    refusal = _let_go_of_output()
    if isinstance(error, SystemExit) and not error.code and refusal:
        error = refusal  # a help that nobody could read was not printed
    match error:
        case SystemExit() | GeneratorExit():
            raise error
        case KeyboardInterrupt():
            return _said(command, "interrupted", 130)
        case BrokenPipeError():
            return 0  # somebody closed the pipe (`| head`): not our failure
        case OtalabError():
            return _said(command, str(error))
        case OSError():
            return _said(command, _refused(error))
    return tell_fault(command, error)


def broken_off(command: str) -> int:
    """Say that what was printed is no result: somebody interrupted, and a search tells what it had by then."""
    return _said(command, "interrupted: what is printed is what was known by then, and decides nothing else", 130)


def _let_go_of_output() -> OSError | None:
    """Print what is left; if that cannot be printed, say why, and let Python not complain of it at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error if isinstance(error, OSError) else None
    return None


def _refused(error: OSError) -> str:
    if error.filename is None:
        return f"the system refuses: {error.strerror or error}"
    return str(refused(os.fsdecode(error.filename), error, "used"))


def _said(command: str, what: str, status: int = 2) -> int:
    line = what if what.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in what)
    print(f"{command}: {one_line(line)}", file=sys.stderr)
    return status


def tell_fault(command: str, error: BaseException) -> int:
    """Tell a fault of the lab itself: the place in a line, and everything to whoever asks; return its status, 3."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    what = f"internal fault: {InternalFault.of(error)}"
    return _said(command, f"{what}; please report it, with what {DEBUG}=1 makes this command print", 3)

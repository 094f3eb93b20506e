"""Another system, as far as this package can see: what Windows and macOS lack is not there, and what they do is done.

Python imports this first where its folder stands on the path, so that workers, kernels and devices live there as well.
Only what stands in `otalab` is told so: other libraries have ways of their own for such systems.
"""

import asyncio
import builtins
import contextlib
import fcntl
import os
import signal
import sys
import types
import warnings
from pathlib import Path

LACKING = {
    "os": {
        *("fork", "forkpty", "killpg", "getpgid", "setsid", "geteuid", "getuid", "pread", "pwrite", "fdatasync"),
        *(
            "register_at_fork",
            "sched_getaffinity",
            "uname",
            "sysconf",
            "mkfifo",
            "chown",
            "fchown",
            "fchmod",
            "O_CLOEXEC",
            "O_DIRECTORY",
        ),
    },
    "signal": {"SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGSTOP", "alarm", "pthread_sigmask"},
    "time": {"tzset"},
    "socket": {"AF_UNIX"},
}
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"}
EXCLUSIVE = ("replace", "rename", "unlink", "remove")


def called_by_us(far=False):
    """
    Say whether a line of the package has called the function that asks; or, from `far`, called what called it.
    """
    frame = sys._getframe(1).f_back  # none where the interpreter itself has called
    while far and frame and not ours(frame):
        frame = frame.f_back
    return bool(frame) and ours(frame)


def ours(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] == "otalab"


class Lacking(types.ModuleType):
    """
    A module that has less for us.
    """

    def __getattribute__(self, name):
        if name in LACKING.get(types.ModuleType.__getattribute__(self, "__name__"), ()) and called_by_us():
            raise AttributeError(f"no {name} on this system")
        return types.ModuleType.__getattribute__(self, name)


def imported(name, *rest, usual=builtins.__import__, **more):
    """
    Import as another system does: some modules are not there, and one is.
    """
    if called_by_us():
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name == "msvcrt":
            return MSVCRT
    return usual(name, *rest, **more)


def locking(file, mode, count):
    """
    Claim bytes from where the file stands, as Windows does.
    """
    assert (MSVCRT.LK_NBLCK, 1) == (mode, count)
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, count, 0, os.SEEK_CUR)


MSVCRT = types.ModuleType("msvcrt")
MSVCRT.LK_NBLCK, MSVCRT.locking = 2, locking


def without_signals(loop, number, *rest, usual=asyncio.SelectorEventLoop.add_signal_handler):
    """
    Refuse, as the loop of Windows does.
    """
    if called_by_us():
        raise NotImplementedError
    return usual(loop, number, *rest)


def open_here():
    """
    Return the files that this process has open.
    """
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of this very list is gone
            yield str(link.readlink())


def exclusive(usual):
    """
    Refuse to take away a name whose file is open, as Windows does.
    """

    def moved(*paths, **more):
        if called_by_us(far=True):
            wanted = {os.path.realpath(os.fsdecode(path)) for path in paths}
            if taken := wanted.intersection(open_here()):
                raise PermissionError(13, "The process cannot access the file, which is being used", *taken)
        return usual(*paths, **more)

    return moved


for module in (os, signal, sys.modules.get("time"), sys.modules.get("socket")):
    if module is not None:
        module.__class__ = Lacking
for name in EXCLUSIVE:
    setattr(os, name, exclusive(getattr(os, name)))
builtins.__import__ = imported
asyncio.SelectorEventLoop.add_signal_handler = without_signals
# A text without an encoding is read by the locale's: another one elsewhere.
warnings.filterwarnings("error", category=EncodingWarning, module=r"otalab\b|subprocess")

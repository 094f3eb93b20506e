"""Effects: the four things firmware asks of the world outside its own registers.

Firmware is a generator that yields these.
Every `yield` is a place where the power may fail; reading is a call, because reading harms nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Phase = Literal["download", "merge", "switch", "boot", "trial", "commit", "rollback"]
# request: what shall I do next?  An `Offer`, a `Recording`, a `BootState` to set, a `Snapshot`, "commit", "revert",
# "reboot", or `None` when nothing more will come.
# piece: the next bytes of the download from a position on; empty at its end.  options: `Options`.
# signed: which signatures of this bundle verify?  A mask, bit i for key i; asked only by a device that requires some.
# healthy: did the self-test pass?  refuse: told just before a rollback is written.  report: a `Report`.
Question = Literal["request", "piece", "signed", "options", "healthy", "refuse", "report"]


@dataclass(frozen=True, slots=True)
class Erase:
    """Turn every bit of one sector to one."""

    sector: int


@dataclass(frozen=True, slots=True)
class Program:
    """Turn bits to zero from `address` on, inside one page."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass; `seconds` may be infinite."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the world, or tell it something; the answer is sent back into the generator.

    An answer that may be long in coming can be cut short: past `deadline` (seconds since power-on) it is `LATE`.
    """

    question: Question
    detail: Any = None
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The detail of `request`: what the device runs; a server needs it to know whether it has anything newer."""

    version: str
    build_id: str
    committed: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """The answer to `request` that starts an update; its bytes come piece by piece."""

    ignore_same_version: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """The answer to `request` that starts an update recorded elsewhere: its effects in order, each with its phase."""

    effects: tuple[tuple[Phase, Erase | Program | Wait], ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """The answer to `request` that writes a small file into the file system of the slot that runs."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class BootState:
    """The answer to `request` that sets what the boot record says; a field that is `None` stays as it is."""

    active_slot: int | None = None
    committed: bool | None = None
    revert_slot: int | None = None
    commit_timeout: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The answer to `request` that copies the running slot into the other one.

    With `set_as_revert` the running image is on trial from then on, and the copy is what it is rolled back to.
    """

    set_as_revert: bool = False
    commit_timeout: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The answer to `options`: what the trigger said beside the file; on the wire it may come after it."""

    commit_timeout: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """The answer to `piece` when the download broke off."""

    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What firmware tells whoever asked: a success, or why not."""

    fine: bool
    message: str


class Late:
    """The answer to an `Ask` whose deadline came first."""


LATE = Late()

Effect = Erase | Program | Wait | Ask
Routine = Generator[Effect, Any, T]


def pages(address: int, data: bytes, page_size: int) -> Iterator[Program]:
    """Cut data into programs that each stay inside one page, in rising order."""
    start = 0
    while start < len(data):
        end = start + page_size - (address + start) % page_size
        yield Program(address + start, data[start:end])
        start = end

"""Effects: the four things firmware asks of the world outside its own registers.

Firmware is a generator that yields these.
Every `yield` is a place where the power may fail; reading is a call, because reading harms nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar, get_args

T = TypeVar("T")

Phase = Literal["download", "merge", "switch", "boot", "trial", "commit", "rollback"]
PHASES: tuple[str, ...] = get_args(Phase)
# What is asked and answered is in `firmware.requests`.
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


CUT_AGAIN = 2**16  # bytes that are remembered at most, with what they were cut into

Effect = Erase | Program | Wait | Ask
Routine = Generator[Effect, Any, T]


def pages(address: int, data: bytes, page_size: int) -> Iterator[Program]:
    """Cut data into programs that each stay inside one page, in rising order."""
    return iter((_cut_again if len(data) <= CUT_AGAIN else _cut)(address, data, page_size))


def _cut(address: int, data: bytes, page_size: int) -> tuple[Program, ...]:
    ends = range(page_size - address % page_size, len(data) + page_size, page_size) if data else ()
    starts = (max(0, end - page_size) for end in ends)
    return tuple(Program(address + start, data[start:end]) for start, end in zip(starts, ends, strict=True))


# What one device of a fleet writes, and one run of a search, the next one writes too.
_cut_again = lru_cache(maxsize=128)(_cut)

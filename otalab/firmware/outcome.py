"""How a run of the firmware ends: small facts, taken apart with `match`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Running:
    """The application runs and waits, and nothing more will happen."""

    slot: int
    version: str
    committed: bool


@dataclass(frozen=True, slots=True)
class Hung:
    """The application was started and does nothing any more, and nothing will end that."""

    slot: int
    version: str


@dataclass(frozen=True, slots=True)
class Reset:
    """The device restarts itself, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Bricked:
    """The device stops in the boot loader, or in an image that is not whole."""

    reason: str


Outcome = Running | Hung | Reset | Bricked

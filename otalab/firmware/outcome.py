"""How a run of the firmware ends: small facts, taken apart with `match`."""

from __future__ import annotations

from dataclasses import dataclass

from otalab.summary import SummaryLine


@dataclass(frozen=True, slots=True)
class Running(SummaryLine):
    """The application runs and waits, and nothing more will happen."""

    slot: int
    version: str
    committed: bool

    @property
    def text(self) -> str:
        return (
            f"version {self.version} runs from slot {self.slot}, {'committed' if self.committed else 'not committed'}"
        )


@dataclass(frozen=True, slots=True)
class Hung(SummaryLine):
    """The application was started and does nothing any more, and nothing will end that."""

    slot: int
    version: str

    @property
    def text(self) -> str:
        return f"version {self.version} hangs in slot {self.slot}"


@dataclass(frozen=True, slots=True)
class Reset(SummaryLine):
    """The device restarts itself, for this reason."""

    reason: str

    @property
    def text(self) -> str:
        return f"the device resets itself ({self.reason})"


@dataclass(frozen=True, slots=True)
class Bricked(SummaryLine):
    """The device stops in the boot loader, or in an image that is not whole."""

    reason: str

    @property
    def text(self) -> str:
        return f"it halts, {self.reason}"


Outcome = Running | Hung | Reset | Bricked

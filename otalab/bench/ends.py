"""How a life can end: the names of the contract, in their order, which of them are bad, and what each one means."""

from __future__ import annotations

from dataclasses import dataclass

from otalab.summary import SummaryLine
from otalab.text import one_line

GOOD = ("updated", "rolled-back")
SAD = ("update-lost",)
BAD = ("bricked", "data-lost", "stuck", "not-updatable")
ENDS = (*GOOD, *SAD, *BAD)
# What may be held against a design, the worst first: dead; alive but of no use; of use, but as it is for ever; damaged.
SEVERITY = ("bricked", "stuck", "not-updatable", "data-lost", "update-lost")
END_WORDS = {
    "updated": "the new image runs and is committed",
    "rolled-back": "the old image runs again, for the new one is no good",
    "update-lost": "the old image runs although the new one was good, and nobody tries again",
    "bricked": "the device is dead: its loader halts, or starts an image that is not whole",
    "data-lost": "the device runs, but a user file is missing or damaged",
    "stuck": "the device resets for ever",
    "not-updatable": "the device is alive, but no further update goes in",
}


@dataclass(frozen=True, slots=True)
class End(SummaryLine):
    """How a life ended: its name in the contract, and one sentence."""

    name: str
    reason: str

    def __post_init__(self) -> None:
        # It may hold a version, which is somebody's word.
        object.__setattr__(self, "reason", one_line(self.reason))

    @property
    def text(self) -> str:
        return f"{self.name}: {self.reason}"

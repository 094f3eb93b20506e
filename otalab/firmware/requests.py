"""What firmware and the world say to each other, and how long the world offers an update.

request: what shall I do next?  An `Offer`, a `Recording`, a `BootState` to set, a `Snapshot`, "commit", "revert",
"reboot", or `None` when nothing more will come.
piece: the next bytes of the download from a position on; empty at its end.  options: `Options`.
signed: which signatures of this bundle verify?  A mask, bit i for key i; asked only by a device that requires some.
healthy: did the self-test pass?  refuse: told just before a rollback is written.  report: a `Report`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otalab.hardware.effects import Erase, Phase, Program, Wait


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


def once(given: bool) -> bool:
    """Offer an update once: a cut in the download loses it."""
    return given


def until_taken(given: bool) -> bool:
    """Offer an update at every power-on, until it runs or was rolled back."""
    return False


def again(given: bool) -> bool:
    """Offer an update at every power-on until it runs, also one that was rolled back: one that is no good, for ever."""
    return False


def withdrawn(refused: bool) -> bool:
    """Withdraw an update that a device rolled back."""
    return refused


def insisted_on(refused: bool) -> bool:
    """Go on offering an update that a device rolled back."""
    return False


# Whether an update that was handed out before a power-on counts as handed out after it.
OFFERS: dict[str, Callable[[bool], bool]] = {"once": once, "until-taken": until_taken, "again": again}
# Whether an update is no longer on offer, from whether it was refused.
REFUSED: dict[str, Callable[[bool], bool]] = {"once": withdrawn, "until-taken": withdrawn, "again": insisted_on}

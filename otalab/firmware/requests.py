"""What firmware and the world say to each other: how long the world offers an update, to begin with."""

from __future__ import annotations

from collections.abc import Callable


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

"""What a loader does that cannot write the record it has decided on: start all the same, or stop."""

from __future__ import annotations

from collections.abc import Callable

from otalab.firmware.outcome import Reset
from otalab.formats.records.record import BootConfig
from otalab.hardware.effects import Routine, Wait

WATCHDOG_SECONDS = 10


def go_on(decided: BootConfig | None) -> Routine[BootConfig | Reset | None]:
    """Start what was decided, also where its record did not go in: the next start decides once more."""
    return decided
    yield


def stop(decided: BootConfig | None) -> Routine[BootConfig | Reset | None]:
    """Start nothing that is not written down: the watchdog resets, for ever where no record goes in any more."""
    yield Wait("watchdog", WATCHDOG_SECONDS)
    return Reset("watchdog: the boot record could not be written")


UNWRITTEN: dict[str, Callable[[BootConfig | None], Routine[BootConfig | Reset | None]]] = {
    "go-on": go_on,
    "reset": stop,
}

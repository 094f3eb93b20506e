"""Plain members of a fault model: those that leave an effect undone or done, and nothing else.

Of a program, no member that tears erases leaves anything else, and the other way round: so much of what a cut does is
known without making thousands of tears.
"""

from __future__ import annotations

from otalab.faults.tear import FaultModel, Leave, Site
from otalab.firmware.device import Device
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash


def plain(model: FaultModel, effect: Erase | Program, before: Flash, device: Device) -> tuple[list[float], list[float]]:
    """Return, by member, how likely an effect that is interrupted is not done, and done, where it is nothing else.

    A member that leaves anything else has 0 for both; no more than its first tears are made to see it.
    """
    site = Site.of(effect, before, device)
    undone, done = zip(*(_plain(site, leave) for _, leave, _ in model.parts), strict=True)
    return list(undone), list(done)


def _plain(site: Site, leave: Leave) -> tuple[float, float]:
    undone, done = 0.0, 0.0
    for _, contents, weight, _, mark in site.left(leave):
        if (contents, mark) == (site.old, site.mark):
            undone += weight
        elif (contents, mark) == (site.new, site.mark_after):
            done += weight
        else:
            return 0.0, 0.0
    return (undone, 1 - undone) if isinstance(site.effect, Erase) else (1 - done, done)

"""Is a page believed too much?  What it says nobody can tell apart, the code is asked about.

The lab's own firmware looks at a record through its codec and at nothing else; code may do otherwise, whatever its
page says.  So of the tears that are taken for one, many are shown to its boot loader, which must decide alike.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from otalab.errors import BadInput
from otalab.faults.tear import Tear
from otalab.firmware.controller import Controller
from otalab.firmware.device import Device
from otalab.hardware.flash import Flash

# Of each class: tears by whole fields, which a check over too little lets pass, and any others.
FIELDS, OTHERS = 64, 16


class Believed:
    """What a device's page says of its records, held against what its code makes of them."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.asked = device.firmware.design is None and device.records is not None

    def holds(self, before: Flash, sector: int, tears: Sequence[Tear]) -> None:
        """Refuse a class of tears that the boot loader tells apart."""
        first, *others = tears
        fields = [tear for tear in others if tear.label.startswith("fields-")]
        rest = [tear for tear in others if not tear.label.startswith("fields-")]
        wanted = self._decided(before, sector, first)
        for tear in (*_spread(fields, FIELDS), *_spread(rest, OTHERS)):
            if self._decided(before, sector, tear) != wanted:
                name = self._device.firmware.name
                raise BadInput(
                    f"{name}: its page says that no code tells {first.label} from {tear.label} in the record of sector "
                    f"{sector}, and its boot loader does: the guard that [records] names is not checked as it says; "
                    "mend the code, or take [records] away so that bytes decide"
                )

    def _decided(self, before: Flash, sector: int, tear: Tear) -> Hashable:
        """Return what the loader decides, says and leaves, but for the sector itself."""
        chip = Controller(self._device.board, tear.onto(before, sector))
        start = self._device.decision(chip)
        kept = [contents for number, contents in enumerate(chip.flash.sectors) if number != sector]
        return start, tuple(chip.log), tuple(kept)


def _spread(tears: Sequence[Tear], most: int) -> Sequence[Tear]:
    """Return so many from all over."""
    if len(tears) <= most:
        return tears
    return [tears[round(number * (len(tears) - 1) / (most - 1))] for number in range(most)]

"""The controller: what runs firmware, with its RAM and its configuration, and the chip that it runs from.

All of its RAM is gone when the power is.
"""

from __future__ import annotations

from math import inf

from otalab.formats.bundle.signatures import UNCHECKED
from otalab.formats.records.record import Selection
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash


class Controller(Chip):
    """A chip in its socket, seen by the firmware that runs from it."""

    def __init__(self, board: Board, flash: Flash) -> None:
        super().__init__(board, flash)
        # What the running image holds in RAM of the boot record, where that counts more than what flash says by now.
        self.held: Selection | None = None
        # The record that firmware believes to be the newest since it wrote it, where it does not look again.
        self.written: Selection | None = None
        # Whether the running image did not find the record that started it.
        self.blind = False
        # When the commit timer is due, in seconds since power-on; `inf` while none runs.
        self.timer_due = inf
        # Configuration, as `update.sig_req_mask` is on a real device: which signatures an update must bear.
        self.sig_req_mask = UNCHECKED

    def remember(self, other: Controller) -> None:
        """Hold in RAM what another one does: for whoever looks at a device without reading its flash."""
        self.held, self.written, self.blind = other.held, other.written, other.blind

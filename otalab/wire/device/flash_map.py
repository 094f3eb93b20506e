"""The flash of a virtual device as a map: what each sector is for, and the state that it is in."""

from __future__ import annotations

from typing import Any

from otalab.bench.sector_states import STATES, SectorStates
from otalab.wire.device.virtual import VirtualDevice


def flash_map(device: VirtualDevice) -> dict[str, Any]:
    """Return the answer to `GET /flash`: states by name, the state of each sector, and which sectors are whose."""
    board, flash, before = device.device.board, device.chip.flash, device.powered_with
    states = SectorStates(device.device)
    # What this run has written is no rest of an earlier one, though no record speaks of it yet.
    written = {n for n, pair in enumerate(zip(flash.sectors, before.sectors, strict=True)) if pair[0] is not pair[1]}
    states.resume(flash, written)
    owners = []
    for name, region in board.owners():
        sectors = board.sectors_of(region)
        owners.append({"name": name, "address": region.address, "first": sectors.start, "count": len(sectors)})
    return {"states": STATES, "sectors": states.states, "owners": owners}

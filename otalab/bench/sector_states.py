"""What is shown of the flash beside its bytes: the state of each sector, and what lies in the slots.

It asks the firmware's own functions, and has no opinion of its own on which record counts.
"""

from __future__ import annotations

from otalab.firmware import store
from otalab.firmware.device import Device
from otalab.formats.records.record import Record
from otalab.hardware.chip import Chip
from otalab.hardware.flash import ERASED, Flash

STATES = {
    "erased": "all ones",
    "part-written": "begun, its end still erased",
    "whole": "written to its end, or a valid record",
    "torn": "the power failed while it was worked on, and it was not erased since",
    "stale": "left over: the record that counts does not speak of it, and this run did not write it",
}
ERASED_STATE, PART, WHOLE, TORN, STALE = range(len(STATES))


class SectorStates:
    """The state of every sector, kept up effect by effect."""

    def __init__(self, device: Device) -> None:
        board = device.board
        self._device = device
        # Each record sector, and the places in it: one, or as many as a journal has.
        self._places: dict[int, list[int]] = {}
        for place, address in enumerate(device.places):
            self._places.setdefault(board.geometry.sector_at(address), []).append(place)
        self._slot_of = {
            sector: number
            # A factory image is never left over: no record speaks of it, and it is the last resort.
            for number, slot in enumerate(board.slots[: board.targets])
            for region in ((slot.app, slot.fs) if board.data == "each" else (slot.app,))
            for sector in board.sectors_of(region)
        }
        self._torn: set[int] = set()
        self._touched: set[int] = set()
        self._choice: tuple[int, tuple[int | None, ...]] | None = None
        self.states = [-1] * board.geometry.count

    def power_on(self, flash: Flash) -> list[tuple[int, int]]:
        """Begin a run: nothing has been written in it; return the sectors whose state changed."""
        self._touched.clear()
        return self._all(flash)

    def resume(self, flash: Flash, touched: set[int]) -> None:
        """Go on in the middle of a run that has written these sectors."""
        self._touched |= touched
        self._all(flash)

    def touch(self, flash: Flash, sector: int, *, erased: bool = False, torn: bool = False) -> list[tuple[int, int]]:
        """Take note of what an effect did to a sector; return the sectors whose state changed."""
        self._touched.add(sector)
        if erased:
            self._torn.discard(sector)
        if torn:
            self._torn.add(sector)
        if sector in self._places and self._chosen(flash) != self._choice:
            return self._all(flash)
        return self._set(flash, [sector])

    def _all(self, flash: Flash) -> list[tuple[int, int]]:
        self._choice = self._chosen(flash)
        return self._set(flash, range(len(self.states)))

    def _set(self, flash: Flash, sectors: range | list[int]) -> list[tuple[int, int]]:
        changed = []
        for sector in sectors:
            state = self._state(flash, sector)
            if state != self.states[sector]:
                self.states[sector] = state
                changed.append((sector, state))
        return changed

    def _chosen(self, flash: Flash) -> tuple[int, tuple[int | None, ...]] | None:
        records = self._device.records
        selected = None if records is None else store.select(Chip(self._device.board, flash), records)
        if selected is None:
            return None
        config = selected.config
        return selected.place, (config.active, None if config.committed else config.previous)

    def _state(self, flash: Flash, sector: int) -> int:
        contents = flash.sectors[sector]
        if sector in self._torn:
            return TORN
        if contents.count(ERASED) == len(contents):
            return ERASED_STATE
        if sector in self._places:
            if self._choice and self._choice[0] in self._places[sector]:
                return WHOLE
            return STALE if self._holds_record(contents, len(self._places[sector])) else PART
        slot = self._slot_of.get(sector)
        # Where nobody has said how records are, nobody can say that none speaks of a slot.
        spoken_of = slot is None or not self._places or (self._choice is not None and slot in self._choice[1])
        if not spoken_of and sector not in self._touched:
            return STALE
        tail = contents[-flash.geometry.at(flash.geometry.start_of(sector)).page_size :]
        return WHOLE if tail.count(ERASED) < len(tail) else PART

    def _holds_record(self, contents: bytes, places: int) -> bool:
        """Say whether any of the places of a sector holds a record, whether it counts or not."""
        form = self._device.families[0].codec
        data = (contents[number * form.size : (number + 1) * form.size] for number in range(places))
        return any(isinstance(form.decode(contents), Record) for contents in data)


class Slots:
    """What lies in the slots, in words; the observer knows every image."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._sectors = [device.board.sectors_of(slot.app) for slot in device.board.slots]
        self._told: dict[int, str] = {}

    def touch(self, sector: int) -> None:
        """Forget what was known of the slot of a sector."""
        for number, sectors in enumerate(self._sectors):
            if sector in sectors:
                self._told.pop(number, None)

    @property
    def touched(self) -> bool:
        """Say whether a slot was touched since the last look."""
        return len(self._told) < len(self._sectors)

    def words(self, flash: Flash) -> list[str]:
        """Return one text per slot."""
        for number in range(len(self._sectors)):
            if number not in self._told:
                self._told[number] = self._look(flash, number)
        return [self._told[number] for number in range(len(self._sectors))]

    def _look(self, flash: Flash, number: int) -> str:
        image = self._device.image_in(Chip(self._device.board, flash), number)
        if image:
            return f"version {image.version}, whole"
        region = self._device.board.slots[number].app
        contents = flash.read(region.address, region.size)
        return "erased" if contents.count(ERASED) == len(contents) else "no whole image"

"""What a device remembers of the update that it was told to take: `ota_state.json`, in its own flash.

The real one keeps the URL there and compares before anything starts, and the merge carries the file over.
The lab adds which boot record counted when the update began.
While that record still counts, the update was neither switched to nor given up: power was lost on the way, and it is
begun again; the real one has forgotten it.
After a switch and a rollback other records count, so an image that was given up is not tried again.
On a board whose file system the lab does not write, the file lies beside the flash file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from otalab import store
from otalab.chip import Chip
from otalab.effects import Keep, Report
from otalab.filesystem import FileSystem, FileSystemFault, Scratch
from otalab.ota import Ota

NAME = "ota_state.json"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last URL, and the sequencer of the record that counted when its update began; `None` when it is over."""

    url: str = ""
    sequencer: int | None = None


class OtaState:
    """The memory of one device."""

    def __init__(self, ota: Ota) -> None:
        self.ota = ota
        self.board = ota.device.device.board
        self.beside = ota.device.file.path.with_name(f"{ota.device.file.path.name}.{NAME}")

    def sequencer(self) -> int | None:
        """Return the sequencer of the record that counts now."""
        selected = self._selected()
        return selected.record.sequencer if selected else None

    def read(self) -> Remembered:
        """Return what is remembered; what cannot be read is nothing."""
        try:
            kept = json.loads(self._bytes())
            url, sequencer = kept["url"], kept.get("sequencer")
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, FileSystemFault):
            return Remembered()
        fine = isinstance(url, str) and (sequencer is None or isinstance(sequencer, int))
        return Remembered(url, sequencer) if fine else Remembered()

    async def write(self, what: Remembered) -> Report:
        """Have the firmware write it down."""
        fields = {"url": what.url} | ({} if what.sequencer is None else {"sequencer": what.sequencer})
        data = json.dumps(fields).encode()
        if self.board.file_system == "littlefs":
            return await self.ota.ask(Keep(NAME, data))
        scratch = self.beside.with_name(f".{self.beside.name}.{os.getpid()}.tmp")
        try:
            scratch.write_bytes(data)
            scratch.replace(self.beside)
        except OSError as error:
            return Report(False, f"{NAME} cannot be kept: {error.strerror}")
        return Report(True, "Ok")

    def _bytes(self) -> bytes:
        if self.board.file_system != "littlefs":
            return self.beside.read_bytes()
        selected = self._selected()
        if selected is None or selected.config.active >= len(self.board.slots):
            return b""
        region = self.board.slots[selected.config.active].fs
        contents = self.ota.device.chip.flash.read(region.address, region.size)
        return FileSystem(Scratch(contents, self.board.geometry.sector_size)).read(NAME)

    def _selected(self) -> store.Selection | None:
        # A chip of our own: looking must not count as reading by the firmware.
        return store.select(Chip(self.board, self.ota.device.chip.flash), self.ota.device.device.design)

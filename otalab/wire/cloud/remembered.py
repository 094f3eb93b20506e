"""What a device remembers of the update that it was told to take: `ota_state.json`, in its own flash.

The real one keeps the URL there and compares before anything starts, and the merge carries the file over.
The lab adds whether the update of that URL is over: committed, given up or failed.
One that is found begun after a power-on was cut off, in its download or on trial, and begins again; where it had gone
well after all, the version is the same and nothing happens.
The real one has no such word, and has forgotten an update that a power failure met.
On SPIFFS a cut while it is written can leave it empty or damaged: then nothing is remembered, and the URL is new.
"""

from __future__ import annotations

from dataclasses import dataclass

from otalab.firmware.requests import Keep, Report
from otalab.json_text import json_text, parsed_json
from otalab.wire.device.ota import Ota
from otalab.wire.device.status import boot_config, file_contents

NAME = "ota_state.json"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last URL, and whether its update has begun and is not over."""

    url: str = ""
    begun: bool = False


class OtaState:
    """The memory of one device."""

    def __init__(self, ota: Ota) -> None:
        self.ota = ota
        self.board = ota.device.device.board

    def read(self) -> Remembered:
        """Return what is remembered; what cannot be read is nothing."""
        try:
            kept = parsed_json(self._bytes())
            url, begun = kept["url"], kept.get("begun", False)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return Remembered()
        return Remembered(url, begun is True) if isinstance(url, str) else Remembered()

    async def write(self, what: Remembered) -> Report:
        """Have the firmware write it down."""
        data = json_text({"url": what.url} | ({"begun": True} if what.begun else {})).encode()
        return await self.ota.ask(Keep(NAME, data))

    def _bytes(self) -> bytes:
        config = boot_config(self.ota.device)
        if config is None or config.active >= len(self.board.slots):
            return b""
        return file_contents(self.ota.device, self.board.slots[config.active].fs, NAME) or b""

"""What is asked of a virtual device from outside, and the bytes of an update on their way in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

from otalab.firmware.requests import BootState, Keep, Lost, Offer, Options, Report, Snapshot


class Upload(Protocol):
    """The bytes of an update on their way in: how many came, of how many if that is known."""

    @property
    def received(self) -> int: ...
    @property
    def size(self) -> int | None: ...

    async def piece(self) -> Any:
        """Return the next bytes, empty at the end, or `Lost`."""

    async def options(self) -> Options | Lost:
        """Return what came beside the file, once all of it is there."""


@dataclass(slots=True)
class Request:
    """Something asked of the device, and the place where its report will be."""

    wanted: Offer | BootState | Keep | Snapshot | str
    upload: Upload | None = None
    report: asyncio.Future[Report] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

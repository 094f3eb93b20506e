"""A virtual device in this very process, without a wire: for whoever writes a trigger of his own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from otalab.wire.device.open import open_device
from otalab.wire.device.options import DeviceOptions
from otalab.wire.device.ota import Ota


@asynccontextmanager
async def switched_on(flash: str | Path, **options: Any) -> AsyncIterator[Ota]:
    """Have a device for as long as the `async with` lasts; leaving it is a power cut.

    Options are those of `DeviceOptions`: `switched_on("lamp.bin", board="tiny", time_scale=0)`.
    """
    device = open_device(DeviceOptions.of(flash, options))
    ota, power = Ota(device), asyncio.create_task(device.live())
    try:
        up = asyncio.create_task(device.up.wait())
        # A device that is bricked never comes up; whoever asks it is told.
        await asyncio.wait((up, power), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        yield ota
    finally:
        power.cancel()
        await asyncio.wait([power])
        device.file.close()

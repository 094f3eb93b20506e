"""A virtual device in this very process, without a wire: for whoever writes a trigger of his own."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

from otalab.cli.serve import check_numbers, device_arguments, open_device
from otalab.errors import BadInput
from otalab.wire.device.ota import Ota
from otalab.wire.live.process import flags


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


@asynccontextmanager
async def switched_on(flash: str | Path, **options: Any) -> AsyncIterator[Ota]:
    """Have a device for as long as the `async with` lasts; leaving it is a power cut.

    Options are those of `otalab serve` that describe a device: `switched_on("lamp.bin", board="tiny", time_scale=0)`.
    """
    parser = _Options(prog="a device", allow_abbrev=False)
    device_arguments(parser)
    chosen = parser.parse_args(flags({"commit": "auto"} | options))
    check_numbers(chosen)
    chosen.flash = flash
    device = open_device(chosen)
    device.tell = lambda _line: None
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

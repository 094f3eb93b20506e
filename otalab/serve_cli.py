"""`otalab serve`: the virtual device on the wire."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from otalab.errors import BadInput
from otalab.flash_file import FlashFile
from otalab.image import Image, parse_temper
from otalab.known_images import KnownImages
from otalab.part import part
from otalab.shipped import set_up
from otalab.sign_cli import add_key_options, required_mask, verifier
from otalab.signatures import UNCHECKED
from otalab.virtual_device import VirtualDevice


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("serve", help="the virtual device, for curl and others")
    parser.add_argument("--flash", required=True, metavar="FILE", help="the flash; a new file is a shipped device")
    parser.add_argument(
        "--port", type=int, default=8080, metavar="P", help="where to listen; 0 takes a free one (8080)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (loopback)")
    parser.add_argument("--board", default="lab-1M", metavar="B", help="name, or path of a TOML file (lab-1M)")
    parser.add_argument("--design", default="mongoose", metavar="D", help="name, or path of a TOML file (mongoose)")
    parser.add_argument("--part", metavar="PART", help="a flash part from data/flash_parts.csv (the board's)")
    parser.add_argument("--image", default="healthy", help="how images behave that are uploaded: healthy, hangs, …")
    parser.add_argument("--commit", choices=("auto", "manual"), default="auto", help="who commits a new image (auto)")
    parser.add_argument("--time-scale", type=float, default=1.0, metavar="X", help="1 is datasheet time, 0 waits not")
    parser.add_argument(
        "--update-timeout", type=float, default=600.0, metavar="S", help="how long a stall may be (600)"
    )
    parser.add_argument("--update-url", default="", metavar="U", help="where updates are fetched from (nowhere)")
    parser.add_argument("--update-interval", type=float, default=0.0, metavar="S", help="how often; 0 is never (0)")
    parser.add_argument(
        "--update-commit-timeout", type=int, default=0, metavar="S", help="the commit interval of fetched updates (0)"
    )
    parser.add_argument("--no-sync", action="store_true", help="do not force every write to disk")
    parser.add_argument("--dialect", choices=("strict", "2017"), default="strict", help="how refusals are answered")
    parser.add_argument("--seed", type=int, metavar="N", help="for the chance of a flaky image")
    add_key_options(parser, "-1, as shipped")
    parser.set_defaults(func=run)


def run(chosen: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    # "not >=" so that NaN is refused too.
    for name in ("time_scale", "update_timeout", "update_interval"):
        if not 0 <= getattr(chosen, name) < float("inf"):
            raise BadInput(f"--{name.replace('_', '-')} {getattr(chosen, name)}: a number of 0 or more is needed")
    if not 0 <= chosen.update_commit_timeout < 2**32:
        raise BadInput(f"--update-commit-timeout {chosen.update_commit_timeout}: 0 to 2**32 - 1 seconds are possible")
    if chosen.update_interval and not chosen.update_url:
        raise BadInput(f"--update-interval {chosen.update_interval}: there is nothing to poll; give an --update-url")
    if not 0 <= chosen.port < 2**16:
        raise BadInput(f"--port {chosen.port}: a number from 0 to 65535 is needed")
    try:
        import aiohttp  # noqa: F401, PLC0415  # the other commands need it neither installed nor loaded
    except ImportError as error:
        raise BadInput("serve needs the package aiohttp: pip install 'otalab[net]'") from error
    device = open_device(chosen)
    try:
        asyncio.run(_serve(chosen, device))
    finally:
        device.file.close()
    return 0


def open_device(chosen: argparse.Namespace) -> VirtualDevice:
    """Return the device that the options describe; a new flash file is formatted as a shipped one."""
    scenario = set_up(chosen.design, chosen.board, part_name=chosen.part)
    _, verified = verifier(chosen.key)
    required = required_mask(chosen, UNCHECKED)
    if chosen.key and required == UNCHECKED:
        _tell("no signature is required: --sig-req-mask is -1")
    temper, failure = parse_temper(chosen.image)
    new = Image("", "", 0, b"", temper, failure, commits="itself" if chosen.commit == "auto" else "by hand")
    chip = part(chosen.part) if chosen.part else scenario.part
    # Times that the part lacks are found missing now, and not in the middle of an update.
    chip.erase_seconds(), chip.program_seconds(1)
    path = Path(chosen.flash)
    file = FlashFile(path, scenario.flash.geometry, scenario.flash, sync=not chosen.no_sync)
    known = KnownImages(path)
    try:
        if file.is_new:
            known.clear()
            known.add(scenario.old)
        known.load()
        if not known.images:
            known.adopt(scenario.device.board, scenario.device.design, file.flash)
    except BaseException:
        file.close()
        raise
    return VirtualDevice(
        replace(scenario.device, sig_req_mask=required),
        chip,
        file,
        known,
        new,
        time_scale=chosen.time_scale,
        seed=chosen.seed,
        tell=_tell,
        verified=verified,
    )


async def _serve(chosen: argparse.Namespace, device: VirtualDevice) -> None:
    from otalab.http_device import HttpDevice, serve  # noqa: PLC0415  # see above
    from otalab.ota import Ota, UpdateOptions  # noqa: PLC0415  # see above
    from otalab.poller import Poller  # noqa: PLC0415  # see above
    from otalab.url_source import NoUpdate, checked  # noqa: PLC0415  # see above

    loop = asyncio.get_running_loop()
    ota, within = Ota(device), chosen.update_commit_timeout
    http = HttpDevice(
        ota,
        dialect=chosen.dialect,
        update_timeout=chosen.update_timeout,
        update_url=chosen.update_url,
        commit_timeout=within,
    )
    try:
        if chosen.update_url:
            checked(chosen.update_url)
    except NoUpdate as error:
        raise BadInput(f"--update-url: {error}") from error
    ready: asyncio.Future[int] = loop.create_future()
    serving = asyncio.create_task(serve(http, chosen.host, chosen.port, ready))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    ready.add_done_callback(lambda port: _tell(f"{chosen.board} on http://{chosen.host}:{port.result()}/"))
    polling: asyncio.Task[None] | None = None
    if chosen.update_interval:
        options = UpdateOptions(within, chosen.update_timeout, ignore_same_version=True)
        poller = Poller(ota, chosen.update_url, chosen.update_interval, options, chosen.seed)
        polling = asyncio.create_task(poller.run())
    try:
        await serving
    except asyncio.CancelledError:
        _tell("stopped")
    finally:
        if polling:
            polling.cancel()


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

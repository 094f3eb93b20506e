"""`otalab serve`: the virtual device on the wire."""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.cli.options.auth import add_auth_options, check_host, lock
from otalab.cli.options.keys import add_key_options, required_mask, verifier
from otalab.errors import BadInput
from otalab.firmware.image import Image, parse_temper
from otalab.formats.bundle.signatures import UNCHECKED
from otalab.hardware.part import part
from otalab.wire.device.flash_file import FlashFile, Pool
from otalab.wire.device.known_images import KnownImages
from otalab.wire.device.virtual import VirtualDevice

DEVICE_ID = r"[a-zA-Z0-9:_-]{1,128}"


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("serve", help="the virtual device, for curl and others")
    parser.add_argument("--flash", required=True, metavar="FILE", help="the flash; a new file is a shipped device")
    parser.add_argument(
        "--port", type=int, default=8080, metavar="P", help="where to listen; 0 takes a free one (8080)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (loopback)")
    parser.add_argument("--insecure", action="store_true", help="listen off loopback without a password all the same")
    parser.add_argument("--mqtt", metavar="HOST:PORT", help="a broker, for the device shadow and RPC (none)")
    parser.add_argument("--device-id", metavar="ID", help="what it is called on the wire (made from the file's place)")
    parser.add_argument("--update-url", default="", metavar="U", help="where updates are fetched from (nowhere)")
    parser.add_argument("--update-interval", type=float, default=0.0, metavar="S", help="how often; 0 is never (0)")
    parser.add_argument(
        "--update-commit-timeout", type=int, default=0, metavar="S", help="the commit interval of fetched updates (0)"
    )
    device_arguments(parser)
    parser.set_defaults(func=run)


def device_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe one device, or each of many."""
    parser.add_argument("--board", default="lab-1M", metavar="B", help="name, or path of a TOML file (lab-1M)")
    parser.add_argument("--design", default="mongoose", metavar="D", help="name, or path of a TOML file (mongoose)")
    parser.add_argument("--part", metavar="PART", help="a flash part from data/flash_parts.csv (the board's)")
    parser.add_argument("--image", default="healthy", help="how images behave that are uploaded: healthy, hangs, …")
    parser.add_argument(
        "--commit",
        choices=("auto", "cloud", "manual"),
        help="who commits a new image: itself, the shadow's greeting, a person (auto, with a broker cloud)",
    )
    parser.add_argument("--time-scale", type=float, default=1.0, metavar="X", help="1 is datasheet time, 0 waits not")
    parser.add_argument(
        "--update-timeout", type=float, default=600.0, metavar="S", help="how long a stall may be (600)"
    )
    parser.add_argument("--no-sync", action="store_true", help="do not force every write to disk")
    parser.add_argument("--dialect", choices=("strict", "2017"), default="strict", help="how refusals are answered")
    parser.add_argument("--seed", type=int, metavar="N", help="for the chance of a flaky image")
    add_key_options(parser, "-1, as shipped")
    add_auth_options(parser)
    parser.add_argument(
        "--shadow-commit-timeout",
        type=int,
        default=600,
        metavar="S",
        help="the commit interval of updates by the shadow that do not say one (600)",
    )


def run(chosen: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    check_numbers(chosen)
    if chosen.update_interval and not chosen.update_url:
        raise BadInput(f"--update-interval {chosen.update_interval}: there is nothing to poll; give an --update-url")
    if not 0 <= chosen.port < 2**16:
        raise BadInput(f"--port {chosen.port}: a number from 0 to 65535 is needed")
    need_net("serve")
    check_host(chosen.host, known=lock(chosen) is not None, insecure=chosen.insecure)
    chosen.commit = chosen.commit or ("cloud" if chosen.mqtt else "auto")
    if chosen.commit == "cloud" and not chosen.mqtt:
        raise BadInput("--commit cloud: there is no cloud; give a broker with --mqtt HOST:PORT")
    if chosen.device_id is not None and not re.fullmatch(DEVICE_ID, chosen.device_id):
        raise BadInput(f"--device-id {chosen.device_id!r}: up to 128 letters, digits, and _ - : are possible")
    device = open_device(chosen)
    device.name = chosen.device_id or ""
    try:
        asyncio.run(_serve(chosen, device))
    finally:
        device.file.close()
    return 0


def check_numbers(chosen: argparse.Namespace) -> None:
    """Refuse times that are none."""
    for name in ("time_scale", "update_timeout", "update_interval"):
        # "not >=" so that NaN is refused too.
        if not 0 <= (value := getattr(chosen, name, 0.0)) < float("inf"):
            raise BadInput(f"--{name.replace('_', '-')} {value}: a number of 0 or more is needed")
    for name in ("update_commit_timeout", "shadow_commit_timeout"):
        if not 0 <= (value := getattr(chosen, name, 0)) < 2**32:
            raise BadInput(f"--{name.replace('_', '-')} {value}: 0 to 2**32 - 1 seconds are possible")


def need_net(command: str) -> None:
    """Say what is missing where the packages for the network are not installed."""
    try:
        import aiohttp  # noqa: F401, PLC0415  # the other commands need them neither installed nor loaded
        import aiomqtt  # noqa: F401, PLC0415  # likewise
    except ImportError as error:
        raise BadInput(f"{command} needs the package {error.name}: pip install 'otalab[net]'") from error


def open_device(
    chosen: argparse.Namespace, scenario: Scenario | None = None, pool: Pool | None = None
) -> VirtualDevice:
    """Return the device that the options describe; a new flash file is formatted as a shipped one.

    Many devices may have their `scenario` and a `pool` of sectors in common.
    """
    scenario = scenario or set_up(chosen.design, chosen.board, part_name=chosen.part)
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
    file = FlashFile(path, scenario.flash.geometry, scenario.flash, sync=not chosen.no_sync, pool=pool)
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
    from otalab.wire.cloud.device import MqttDevice  # noqa: PLC0415  # see above
    from otalab.wire.cloud.link import Broker  # noqa: PLC0415  # see above
    from otalab.wire.device.ota import Ota, UpdateOptions  # noqa: PLC0415  # see above
    from otalab.wire.http.routes import HttpDevice  # noqa: PLC0415  # see above
    from otalab.wire.http.server import serve  # noqa: PLC0415  # see above
    from otalab.wire.sources.poller import Poller  # noqa: PLC0415  # see above
    from otalab.wire.sources.url import NoUpdate, checked  # noqa: PLC0415  # see above

    loop = asyncio.get_running_loop()
    broker = Broker.parse(chosen.mqtt, "--mqtt") if chosen.mqtt else None
    ota, within = Ota(device), chosen.update_commit_timeout
    http = HttpDevice(
        ota,
        dialect=chosen.dialect,
        update_timeout=chosen.update_timeout,
        update_url=chosen.update_url,
        commit_timeout=within,
        lock=lock(chosen),
        host=chosen.host,
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
    ready.add_done_callback(lambda port: _tell(f"{chosen.board} on {_url(chosen.host, port.result())}"))
    others: list[asyncio.Task[None]] = []
    if chosen.update_interval:
        options = UpdateOptions(within, chosen.update_timeout, ignore_same_version=True)
        poller = Poller(ota, chosen.update_url, chosen.update_interval, options, chosen.seed)
        others.append(asyncio.create_task(poller.run()))
    if broker:
        mqtt = MqttDevice(
            ota,
            broker,
            http.rpc,
            dialect=chosen.dialect,
            update_timeout=chosen.update_timeout,
            commit_timeout=chosen.shadow_commit_timeout,
            autocommit=chosen.commit == "cloud",
        )
        others.append(asyncio.create_task(mqtt.run()))
    try:
        await first_of(serving, *others)
    except asyncio.CancelledError:
        _tell("stopped")
    finally:
        for task in (serving, *others):
            task.cancel()
        await asyncio.wait([serving, *others])


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


async def first_of(*tasks: asyncio.Task[None]) -> None:
    """Wait for tasks that should not end; where one does, its error is everybody's."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

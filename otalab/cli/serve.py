"""`otalab serve`: the virtual device on the wire."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import sys
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otalab.bench.setup import set_up
from otalab.cli.options.auth import check_host, lock, loopback
from otalab.cli.options.broker import add_broker_options, chosen_broker, refuse_broker_options
from otalab.cli.options.device import DEVICE_ID, check_times, chosen_device, device_arguments
from otalab.cli.options.effect import goes_with, refuse_idle
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.files import try_place
from otalab.text import one_line
from otalab.wire.device.open import open_device, refuse_emptied
from otalab.wire.device.virtual import VirtualDevice
from otalab.wire.dialect import DIALECTS
from otalab.wire.live.stopping import cancelled_by_signals

if TYPE_CHECKING:
    from otalab.wire.cloud.broker import Broker
    from otalab.wire.device.ota import Ota
    from otalab.wire.http.routes import HttpDevice


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("serve", help="the virtual device, for curl and others")
    group(parser, "the device").add_argument(
        "--flash", required=True, metavar="FILE", help="the flash; a new file is a shipped device"
    )
    add = group(parser, "where it listens").add_argument
    add("--port", type=int, default=8080, metavar="P", help="where to listen; 0 takes a free one (8080)")
    add("--host", default="127.0.0.1", help="the address to listen on (loopback)")
    add("--insecure", action="store_true", help="listen off loopback without a password all the same")
    group(parser, "the broker").add_argument(
        "--mqtt", metavar="HOST:PORT", help="a broker, for the device shadow and RPC (none)"
    )
    add_broker_options(parser)
    group(parser, "the device").add_argument(
        "--device-id", metavar="ID", help="what it is called on the wire (made from the file's place)"
    )
    add = group(parser, "updates that it fetches").add_argument
    add("--update-url", default="", metavar="U", help="where updates are fetched from (nowhere)")
    add("--update-interval", type=float, default=0.0, metavar="S", help="how often; 0 is never (0)")
    add("--update-commit-timeout", type=int, default=0, metavar="S", help="the commit interval of fetched updates (0)")
    add = group(parser, "what comes out").add_argument
    add("--check", action="store_true", help="see whether it can be served, make nothing, and end")
    add("--json", action="store_true", help="with --check: print exactly one JSON object")
    device_arguments(parser)
    parser.set_defaults(func=run)


def run(chosen: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    check_times(chosen)
    if chosen.json and not chosen.check:
        raise BadInput("--json: a device that is served tells its status by HTTP; it goes with --check")
    if chosen.update_interval and not chosen.update_url:
        raise BadInput(f"--update-interval {chosen.update_interval}: there is nothing to poll; give an --update-url")
    if not 0 <= chosen.port < 2**16:
        raise BadInput(f"--port {chosen.port}: a number from 0 to 65535 is needed")
    need_net("serve")
    known = lock(chosen) is not None
    check_host(chosen.host, known=known, insecure=chosen.insecure)
    if known:
        refuse_idle(chosen, "whoever comes needs a password: leave one of the two out", "--insecure")
    elif loopback(chosen.host):
        refuse_idle(chosen, f"only this machine can reach {chosen.host}: leave it out", "--insecure")
    chosen.commit = chosen.commit or ("cloud" if chosen.mqtt else "auto")
    if chosen.commit == "cloud" and not chosen.mqtt:
        raise BadInput("--commit cloud: there is no cloud; give a broker with --mqtt HOST:PORT")
    if chosen.device_id is not None and not re.fullmatch(DEVICE_ID, chosen.device_id):
        raise BadInput(f"--device-id {chosen.device_id!r}: up to 128 letters, digits, and _ - : are possible")
    if not chosen.mqtt:
        refuse_broker_options(chosen, "--mqtt")
    goes_with(chosen, chosen.mqtt, "a broker: give --mqtt HOST:PORT", "--shadow-commit-timeout")
    broker = chosen_broker(chosen.mqtt, "--mqtt", chosen) if chosen.mqtt else None
    _check_update_url(chosen)
    from otalab.wire.http.server import ears_on  # noqa: PLC0415  # see below

    # Before the flash: whoever cannot be served is to leave no file behind.
    with ExitStack() as held:
        ears = [held.enter_context(ear) for ear in ears_on(chosen.host, chosen.port)]
        if chosen.check:
            return _check(chosen, ears[0].getsockname()[1])
        device = open_device(chosen_device(chosen, chosen.flash), _tell)
        held.callback(device.file.close)
        device.name = chosen.device_id or ""
        asyncio.run(_serve(chosen, device, ears, broker))
    return 0


def need_net(command: str) -> None:
    """Say what is missing where the packages for the network are not installed."""
    try:
        import aiohttp  # noqa: F401, PLC0415  # the other commands need them neither installed nor loaded
        import aiomqtt  # noqa: F401, PLC0415  # likewise
    except ImportError as error:
        raise BadInput(f"{command} needs the package {error.name}: pip install 'otalab[net]'") from error


def _check(chosen: argparse.Namespace, port: int) -> int:
    """Say what would be served; a flash file that is not there is not made."""
    from otalab.wire.device.status import status  # noqa: PLC0415  # see below

    flash, options = Path(chosen.flash), chosen_device(chosen, chosen.flash)
    told: dict[str, object] = {"flash": chosen.flash, "new": not flash.exists() or not flash.stat().st_size}
    told |= {"board": chosen.board, "design": chosen.design, "host": chosen.host, "port": port}
    if told["new"]:
        refuse_emptied(flash)
        try_place(flash)
        set_up(options.design, options.board, part=options.part)
    else:
        device = open_device(options)
        try:
            found = status(device)
        finally:
            device.file.close()
        told |= {name: found[name] for name in ("version", "active_slot", "committed")}
    if chosen.json:
        print(json.dumps(told))
    else:
        print("\n".join(f"{name}: {value}" for name, value in told.items()))
    return 0


def _check_update_url(chosen: argparse.Namespace) -> None:
    from otalab.wire.sources.url import NoUpdate, checked  # noqa: PLC0415  # see above

    try:
        if chosen.update_url:
            checked(chosen.update_url)
    except NoUpdate as error:
        raise BadInput(f"--update-url: {error}") from error


async def _serve(
    chosen: argparse.Namespace, device: VirtualDevice, ears: list[socket.socket], broker: Broker | None
) -> None:
    from otalab.wire.device.ota import Ota  # noqa: PLC0415  # see above
    from otalab.wire.http.server import serve  # noqa: PLC0415  # see above

    http = _http_device(chosen, Ota(device))
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(http, ears, ready))
    cancelled_by_signals(serving)
    ready.add_done_callback(lambda port: _tell(f"{chosen.board} on {_url(chosen.host, port.result())}"))
    others = [asyncio.create_task(source) for source in _other_sources(chosen, http, broker)]
    try:
        await first_of(serving, *others)
    except asyncio.CancelledError:
        _tell("stopped")
    finally:
        for task in (serving, *others):
            task.cancel()
        await asyncio.wait([serving, *others])


def _http_device(chosen: argparse.Namespace, ota: Ota) -> HttpDevice:
    from otalab.wire.http.routes import HttpDevice  # noqa: PLC0415  # see above

    return HttpDevice(
        ota,
        dialect=DIALECTS[chosen.dialect],
        update_timeout=chosen.update_timeout,
        update_url=chosen.update_url,
        commit_timeout=chosen.update_commit_timeout,
        lock=lock(chosen),
        host=chosen.host,
    )


def _other_sources(
    chosen: argparse.Namespace, http: HttpDevice, broker: Broker | None
) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield what else brings updates: a poller, a cloud."""
    from otalab.wire.cloud.device import MqttDevice  # noqa: PLC0415  # see above
    from otalab.wire.device.ota import UpdateOptions  # noqa: PLC0415  # see above
    from otalab.wire.sources.poller import Poller  # noqa: PLC0415  # see above

    if chosen.update_interval:
        options = UpdateOptions(chosen.update_commit_timeout, chosen.update_timeout, ignore_same_version=True)
        dialect = DIALECTS[chosen.dialect]
        yield Poller(http.ota, chosen.update_url, chosen.update_interval, options, chosen.seed, dialect).run()
    if broker:
        yield MqttDevice(
            http.ota,
            broker,
            http.rpc,
            dialect=DIALECTS[chosen.dialect],
            update_timeout=chosen.update_timeout,
            commit_timeout=chosen.shadow_commit_timeout,
            autocommit=chosen.commit == "cloud",
        ).run()


def _url(host: str, port: int) -> str:
    """Return an address that leads here; the one that stands for all of them is none to be called by."""
    host = {str(IPv4Address(0)): "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


async def first_of(*tasks: asyncio.Task[None]) -> None:
    """Wait for tasks that should not end; where one does, its error is everybody's."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def _tell(line: str) -> None:
    print(one_line(line), file=sys.stderr, flush=True)

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
from otalab.collector import settled
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
    parser: argparse.ArgumentParser = commands.add_parser("serve")
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


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    check_times(arguments)
    if arguments.json and not arguments.check:
        raise BadInput("--json: a device that is served tells its status by HTTP; it goes with --check")
    if arguments.update_interval and not arguments.update_url:
        raise BadInput(f"--update-interval {arguments.update_interval}: there is nothing to poll; give an --update-url")
    if not 0 <= arguments.port < 2**16:
        raise BadInput(f"--port {arguments.port}: a number from 0 to 65535 is needed")
    need_net("serve")
    known = lock(arguments) is not None
    check_host(arguments.host, known=known, insecure=arguments.insecure)
    if known:
        refuse_idle(arguments, "whoever comes needs a password: leave one of the two out", "--insecure")
    elif loopback(arguments.host):
        refuse_idle(arguments, f"only this machine can reach {arguments.host}: leave it out", "--insecure")
    arguments.commit = arguments.commit or ("cloud" if arguments.mqtt else "auto")
    if arguments.commit == "cloud" and not arguments.mqtt:
        raise BadInput("--commit cloud: there is no cloud; give a broker with --mqtt HOST:PORT")
    if arguments.device_id is not None and not re.fullmatch(DEVICE_ID, arguments.device_id):
        raise BadInput(f"--device-id {arguments.device_id!r}: up to 128 letters, digits, and _ - : are possible")
    if not arguments.mqtt:
        refuse_broker_options(arguments, "--mqtt")
    goes_with(arguments, arguments.mqtt, "a broker: give --mqtt HOST:PORT", "--shadow-commit-timeout")
    broker = chosen_broker(arguments.mqtt, "--mqtt", arguments) if arguments.mqtt else None
    _check_update_url(arguments)
    from otalab.wire.http.server import ears_on  # noqa: PLC0415  # see below

    # Before the flash: whoever cannot be served is to leave no file behind.
    with ExitStack() as held:
        ears = [held.enter_context(ear) for ear in ears_on(arguments.host, arguments.port)]
        if arguments.check:
            return _check(arguments, ears[0].getsockname()[1])
        device = open_device(chosen_device(arguments, arguments.flash), _tell)
        held.callback(device.file.close)
        device.name = arguments.device_id or ""
        asyncio.run(_serve(arguments, device, ears, broker))
    return 0


def need_net(command: str) -> None:
    """Say what is missing where the packages for the network are not installed."""
    try:
        import aiohttp  # noqa: F401, PLC0415  # the other commands need them neither installed nor loaded
        import aiomqtt  # noqa: F401, PLC0415  # likewise
    except ImportError as error:
        raise BadInput(f"{command} needs the package {error.name}: pip install 'otalab[net]'") from error


def _check(arguments: argparse.Namespace, port: int) -> int:
    """Say what would be served; a flash file that is not there is not made."""
    from otalab.wire.device.status import status  # noqa: PLC0415  # see below

    flash, options = Path(arguments.flash), chosen_device(arguments, arguments.flash)
    facts: dict[str, object] = {"flash": arguments.flash, "new": not flash.exists() or not flash.stat().st_size}
    facts |= {"board": arguments.board, "design": arguments.design, "dialect": arguments.dialect}
    facts |= {"host": arguments.host, "port": port}
    if facts["new"]:
        refuse_emptied(flash)
        try_place(flash)
        set_up(options.design, options.board, part=options.part)
    else:
        device = open_device(options)
        try:
            now = status(device)
        finally:
            device.file.close()
        facts |= {name: now[name] for name in ("version", "active_slot", "committed")}
    if arguments.json:
        print(json.dumps(facts))
    else:
        print("\n".join(f"{name}: {value}" for name, value in facts.items()))
    return 0


def _check_update_url(arguments: argparse.Namespace) -> None:
    from otalab.wire.sources.url import NoUpdate, checked  # noqa: PLC0415  # see above

    try:
        if arguments.update_url:
            checked(arguments.update_url)
    except NoUpdate as error:
        raise BadInput(f"--update-url: {error}") from error


async def _serve(
    arguments: argparse.Namespace, device: VirtualDevice, ears: list[socket.socket], broker: Broker | None
) -> None:
    from otalab.wire.device.ota import Ota  # noqa: PLC0415  # see above
    from otalab.wire.http.server import serve  # noqa: PLC0415  # see above

    http = _http_device(arguments, Ota(device))
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(http, ears, ready))
    cancelled_by_signals(serving)
    ready.add_done_callback(lambda port: _tell(f"{arguments.board} on {_url(arguments.host, port.result())}"))
    others = [asyncio.create_task(source) for source in _other_sources(arguments, http, broker)]
    settled()
    try:
        await first_of(serving, *others)
    except asyncio.CancelledError:
        _tell("stopped")
    finally:
        for task in (serving, *others):
            task.cancel()
        await asyncio.wait([serving, *others])


def _http_device(arguments: argparse.Namespace, ota: Ota) -> HttpDevice:
    from otalab.wire.http.routes import HttpDevice  # noqa: PLC0415  # see above

    return HttpDevice(
        ota,
        dialect=DIALECTS[arguments.dialect],
        update_timeout=arguments.update_timeout,
        update_url=arguments.update_url,
        commit_timeout=arguments.update_commit_timeout,
        lock=lock(arguments),
        host=arguments.host,
    )


def _other_sources(
    arguments: argparse.Namespace, http: HttpDevice, broker: Broker | None
) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield what else brings updates: a poller, a cloud."""
    from otalab.wire.cloud.device import MqttDevice  # noqa: PLC0415  # see above
    from otalab.wire.device.ota import UpdateOptions  # noqa: PLC0415  # see above
    from otalab.wire.sources.poller import Poller  # noqa: PLC0415  # see above

    if arguments.update_interval:
        options = UpdateOptions(arguments.update_commit_timeout, arguments.update_timeout, ignore_same_version=True)
        dialect = DIALECTS[arguments.dialect]
        yield Poller(http.ota, arguments.update_url, arguments.update_interval, options, arguments.seed, dialect).run()
    if broker:
        yield MqttDevice(
            http.ota,
            broker,
            http.rpc,
            dialect=DIALECTS[arguments.dialect],
            update_timeout=arguments.update_timeout,
            commit_timeout=arguments.shadow_commit_timeout,
            autocommit=arguments.commit == "cloud",
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

"""`otalab shadow-service`: the cloud's side of device shadows, and how a fleet's desired state is changed at once."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import uuid
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otalab.cli.options.broker import add_broker_options, chosen_broker
from otalab.cli.parser import group
from otalab.cli.serve import first_of, need_net
from otalab.collector import settled
from otalab.errors import BadInput, OtalabError
from otalab.one_owner import owned
from otalab.text import one_line
from otalab.wire.live.stopping import cancelled_by_signals

if TYPE_CHECKING:
    from otalab.wire.cloud.broker import Broker

SECONDS = 10.0


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("shadow-service")
    group(parser, "the broker").add_argument("--broker", required=True, metavar="HOST:PORT", help="the broker")
    add_broker_options(parser)
    add = group(parser, "the shadows").add_argument
    add("--state", metavar="FILE", help="keep the shadows in this JSON file (in memory only)")
    add(
        "--set-desired",
        metavar="JSON",
        help="do not serve: have the service that runs merge this into the desired state of things that it knows",
    )
    add("--things", metavar="GLOB", help="of which things; with --set-desired (*)")
    group(parser, "what comes out").add_argument(
        "--json", action="store_true", help="with --set-desired: print one JSON object"
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, or change and report."""
    need_net("shadow-service")
    broker = chosen_broker(arguments.broker, "--broker", arguments)
    if arguments.set_desired is None:
        if arguments.things is not None or arguments.json:
            raise BadInput("--things and --json go with --set-desired JSON")
        state = Path(arguments.state) if arguments.state else None
        with owned(state) if state else nullcontext():
            asyncio.run(_serve(state, broker))
        return 0
    if arguments.state is not None:
        raise BadInput("--state is for the service, not for --set-desired")
    try:
        desired = json.loads(arguments.set_desired)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"--set-desired: not JSON: {error}") from error
    if desired is not None and not isinstance(desired, dict):
        raise BadInput('--set-desired: an object is needed, such as {"ota": {"url": "http://…/fw.zip"}}, or null')
    reply = asyncio.run(_change(arguments, broker, desired))
    if "code" in reply:
        raise BadInput(f"refused: {reply['code']} {reply['message']}")
    number = reply["things"]
    words = f"{number} thing" if number == 1 else f"{number} things"
    print(json.dumps({"things": number}) if arguments.json else words)
    return 0


async def _serve(state: Path | None, broker: Broker) -> None:
    from otalab.wire.cloud.service import Shadows, ShadowService  # noqa: PLC0415  # the other commands need no broker

    shadows = Shadows(state)
    serving = asyncio.create_task(ShadowService(broker, shadows, _tell).run())
    cancelled_by_signals(serving)
    settled()
    try:
        await first_of(serving)
    except asyncio.CancelledError:
        _tell("stopped")


async def _change(arguments: argparse.Namespace, broker: Broker, desired: dict[str, Any] | None) -> dict[str, Any]:
    """Have the service that runs make the change, and return what it says."""
    import aiomqtt  # noqa: PLC0415  # see above

    from otalab.wire.cloud.service import ALL, ALL_DONE  # noqa: PLC0415  # see above

    token = uuid.uuid4().hex
    request = {"things": arguments.things or "*", "desired": desired, "clientToken": token}
    try:
        async with asyncio.timeout(SECONDS), broker.client() as client:
            await client.subscribe(ALL_DONE, 1)
            await client.publish(ALL, json.dumps(request), qos=1)
            async for message in client.messages:
                reply = json.loads(message.payload) if isinstance(message.payload, bytes) else {}
                if isinstance(reply, dict) and reply.get("clientToken") == token:
                    return reply
    except TimeoutError as error:
        way_out = f"a busy one will do it; where none runs, start one: otalab shadow-service --broker {broker}"
        raise OtalabError(f"sent, not confirmed: no shadow service answers on {broker}; {way_out}") from error
    except (aiomqtt.MqttError, ValueError) as error:
        raise OtalabError(f"{broker}: {error}; is a broker running there?") from error
    raise OtalabError(f"{broker}: the connection ended")


def _tell(line: str) -> None:
    print(one_line(line), file=sys.stderr, flush=True)

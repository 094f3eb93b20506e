"""`otalab fleet serve`: many virtual devices in one process, each with its own flash file, on one broker."""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otalab.bench.setup import set_up
from otalab.cli.options.auth import lock
from otalab.cli.options.broker import add_broker_options, chosen_broker
from otalab.cli.options.device import DEVICE_ID, check_times, chosen_device, device_arguments
from otalab.cli.parser import group
from otalab.cli.progress import bar
from otalab.cli.serve import first_of, need_net
from otalab.collector import resting, settled
from otalab.errors import BadInput
from otalab.files import refused, try_folder
from otalab.one_owner import Claims
from otalab.text import one_line
from otalab.wire.device.flash_file import OpenFiles, SectorPool
from otalab.wire.device.open import open_device
from otalab.wire.device.virtual import VirtualDevice
from otalab.wire.dialect import DIALECTS
from otalab.wire.key_files import verifier
from otalab.wire.live.stopping import cancelled_by_signals

if TYPE_CHECKING:
    from otalab.wire.cloud.broker import Broker

MOST = 10_000
TURNS = 300  # devices that take an update in at the same time
BUSY_TURNS = 40  # where no time passes, so that each has a fair share of the processor, and no connection grows old
FILES_EACH = 1 if Claims.there else 2  # open files: the connection, and the flash where it must be open to be ours
FILES_BESIDES = 64 + TURNS + OpenFiles.MOST  # downloads, the flash files that are written to, and what else there is
GARBAGE = 20_000  # objects made and not yet let go, before those that only hold each other are looked for
TOLD = ("Bricked", "Shadow:", "MQTT: connection lost", "handler of ")


def add_parser(commands: Any) -> None:
    """Register the command."""
    fleet: argparse.ArgumentParser = commands.add_parser("fleet")
    verbs = fleet.add_subparsers(dest="verb", required=True, metavar="VERB")
    parser: argparse.ArgumentParser = verbs.add_parser("serve", help="serve them until Ctrl-C")
    group(parser, "the devices").add_argument("--devices", type=int, required=True, metavar="N", help="how many")
    group(parser, "the broker").add_argument(
        "--broker", required=True, metavar="HOST:PORT", help="the broker that they connect to"
    )
    add_broker_options(parser)
    add = group(parser, "the devices").add_argument
    add("--flash-dir", required=True, metavar="DIR", help="where their flash files lie; made if missing")
    add("--prefix", default="lamp-", metavar="P", help="what their names begin with (lamp-)")
    add("--first", type=int, default=0, metavar="K", help="the number of the first one (0)")
    group(parser, "what comes out").add_argument(
        "--verbose", action="store_true", help="tell everything that each device says"
    )
    device_arguments(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    check_times(arguments)
    if not 0 < arguments.devices <= MOST or arguments.first < 0:
        raise BadInput(
            f"--devices {arguments.devices} --first {arguments.first}: 1 to {MOST} devices, from 0 on, are possible"
        )
    if not re.fullmatch(DEVICE_ID, f"{arguments.prefix}000000"):
        raise BadInput(f"--prefix {arguments.prefix!r}: letters, digits, and _ - : are possible")
    need_net("fleet serve")
    lock(arguments)  # what is wrong with a password is wrong now, and not for each device
    arguments.commit = arguments.commit or "cloud"
    broker = chosen_broker(arguments.broker, "--broker", arguments)
    _raise_limit(arguments.devices)
    with ExitStack() as held:
        with resting():
            devices = open_all(arguments, held)
        settled()
        gc.set_threshold(GARBAGE)
        asyncio.run(_serve(arguments, broker, devices))
    return 0


def _raise_limit(devices: int) -> None:
    """Have as many open files allowed as the devices need, or say how many that is."""
    try:
        import resource  # noqa: PLC0415  # Windows has none, and no such limit
    except ImportError:
        return
    needed = devices * FILES_EACH + FILES_BESIDES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (soft, hard) and needed > hard:
        fewer = (hard - FILES_BESIDES) // FILES_EACH
        raise BadInput(
            f"--devices {devices}: {needed} open files are needed, this system allows {hard} (ulimit -Hn): "
            f"take {max(0, fewer)} devices, or several processes with --first"
        )
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def open_all(arguments: argparse.Namespace, held: ExitStack) -> list[VirtualDevice]:
    """Open every device; what they have in common, a shipped flash above all, they hold once."""
    folder = Path(arguments.flash_dir)
    try_folder(folder)
    common, pool = chosen_device(arguments, ""), SectorPool()
    scenario = set_up(common.design, common.board, part=common.part, image=common.image)
    verifier(common.key)
    # Once nothing is left that could be wrong: a folder that stays empty is in somebody's way.
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(folder, error, "written") from error
    files, devices = OpenFiles(folder) if Claims.there else None, []
    held.callback(files.close if files else lambda: None)
    if arguments.devices > TURNS:
        _tell(f"{arguments.devices} flash files in {folder}: made where there is none, and opened")
    numbers = range(arguments.first, arguments.first + arguments.devices)
    for number in bar(iterable=numbers, desc="devices"):
        name = f"{arguments.prefix}{number:03}"
        options = replace(common, flash=folder / f"{name}.bin", seed=_seed(arguments.seed, number))
        device = open_device(options, _teller(name, verbose=arguments.verbose), scenario, pool, files)
        held.callback(device.file.close)
        device.name = name
        devices.append(device)
    return devices


def _seed(seed: int | None, number: int) -> int | None:
    return None if seed is None else seed * MOST + number


async def _serve(arguments: argparse.Namespace, broker: Broker, devices: list[VirtualDevice]) -> None:
    turns = asyncio.Semaphore(TURNS if arguments.time_scale else BUSY_TURNS)
    tasks = [asyncio.create_task(_live(device, broker, arguments, turns)) for device in devices]
    stop: asyncio.Task[Any] = asyncio.create_task(asyncio.Event().wait())
    cancelled_by_signals(stop)
    _tell(f"fleet of {len(devices)} on {broker}")
    try:
        await first_of(stop, *tasks)
    except asyncio.CancelledError:
        _tell("stopped")
    finally:
        for task in (stop, *tasks):
            task.cancel()
        await asyncio.wait([stop, *tasks])


async def _live(device: VirtualDevice, broker: Broker, arguments: argparse.Namespace, turns: asyncio.Semaphore) -> None:
    from otalab.wire.cloud.device import MqttDevice  # noqa: PLC0415  # the other commands need no broker
    from otalab.wire.device.ota import Ota, Progress, UpdateEvent  # noqa: PLC0415  # see above
    from otalab.wire.rpc.frames import Rpc  # noqa: PLC0415  # see above

    ota = Ota(device)
    mqtt = MqttDevice(
        ota,
        broker,
        Rpc(ota, DIALECTS[arguments.dialect], update_timeout=arguments.update_timeout, lock=lock(arguments)),
        dialect=DIALECTS[arguments.dialect],
        update_timeout=arguments.update_timeout,
        commit_timeout=arguments.shadow_commit_timeout,
        autocommit=arguments.commit == "cloud",
        turns=turns,
    )

    def tell(event: UpdateEvent) -> None:
        if not isinstance(event, Progress):
            _tell(f"{device.name}: {event}")

    ota.on(tell)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(mqtt.run())
        # Bricked or silent, it stays in the fleet.
        tasks.create_task(device.live())


def _teller(name: str, *, verbose: bool) -> Callable[[str], None]:
    def tell(line: str) -> None:
        if verbose or line.startswith(TOLD):
            _tell(f"{name}: {line}")

    return tell


def _tell(line: str) -> None:
    print(one_line(line), file=sys.stderr, flush=True)

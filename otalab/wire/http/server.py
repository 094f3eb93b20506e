"""The server of a virtual device: where it listens, and what it says of bytes that are no HTTP."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from functools import partial

from aiohttp import web
from aiohttp.http import HttpProcessingError

from otalab.errors import BadInput
from otalab.wire.http.gate import AT_ONCE, WAITING, Seat
from otalab.wire.http.routes import HttpDevice


class OneLine(logging.Handler):
    """Tells of bytes that are no HTTP in one line: they are somebody else's mistake, and no traceback mends them."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._tell("A request that is no HTTP" if isinstance(error, HttpProcessingError) else self.format(record))


async def serve(http: HttpDevice, ears: list[socket.socket], ready: asyncio.Future[int]) -> None:
    """Serve until cancelled on sockets that listen; `ready` gets the port."""
    logger = logging.getLogger("otalab.wire")
    logger.handlers, logger.propagate = [OneLine(http.device.tell)], False
    runner = web.AppRunner(http.app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    assert runner.server is not None
    seats, servers = partial(Seat, http.gate, runner.server, logger), []
    watching = asyncio.create_task(http.gate.watch())
    try:
        for ear in ears:
            servers.append(await asyncio.get_running_loop().create_server(seats, sock=ear, backlog=AT_ONCE))
            # The loop accepts as many at a time as it was told to have waiting; let more wait.
            ear.listen(WAITING)
        ready.set_result(ears[0].getsockname()[1])
        await http.plug.live()
    finally:
        watching.cancel()
        for server in servers:
            server.close()
        await runner.cleanup()


def ears_on(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen, one for each address of a name: `localhost` has two."""
    ears: list[socket.socket] = []
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses = dict.fromkeys((entry[0], str(entry[4][0])) for entry in entries)
        for number, (family, address) in enumerate(addresses, 1):
            try:
                ears.append(socket.create_server((address, port), family=family, backlog=WAITING))
            except OSError as error:
                # A name may have an address of a kind that this machine does not speak.
                other = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
                if not other or (number == len(addresses) and not ears):
                    raise
            port = port or (ears[0].getsockname()[1] if ears else 0)
    except OSError as error:
        for ear in ears:
            ear.close()
        raise BadInput(f"port {port} on {host} cannot be had: {error.strerror}; take another --port") from error
    return ears

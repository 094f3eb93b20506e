"""A broker: where it listens, how it shows that it is the right one, and as whom one comes to it."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import aiomqtt

from otalab.errors import BadInput
from otalab.files import read_bytes

PORT, TLS_PORT = 1883, 8883
FILE_LIMIT = 1024 * 1024
KEEPALIVE_SECONDS = 60  # the broker lets go of who has been silent for half as long again
MISC_SECONDS = 10.0
SECONDS = 10.0  # for one message to be acknowledged
ADDRESS = re.compile(r"(?:(mqtts)://)?([\w.-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?", re.ASCII)


class SilentMqtt(aiomqtt.Client):
    """A client for thousands on one loop.

    It looks every ten seconds whether a ping is due: the library looks every second, which is most of what such a
    fleet does while nothing happens.
    What there is to send it sends at the end of the round, and waits only where the socket takes no more: the library
    wakes the loop, registers the socket, and takes it back, for every message.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._thread = threading.get_ident()
        self._unsent = False  # whether there is something to send, as far as the library has said
        self._blocked = False  # whether the loop is to say when the socket takes more

    async def _misc_loop(self) -> None:
        while not self._client.loop_misc():  # noqa: ASYNC110  # 0 is fine, as in C
            await asyncio.sleep(MISC_SECONDS)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        self._unsent = True
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._send, sock)
        else:  # that which connects
            self._loop.call_soon_threadsafe(self._wait_to_write, sock)

    def _on_socket_unregister_write(self, client: Any, userdata: Any, sock: Any) -> None:
        self._unsent = False
        if self._blocked:
            self._blocked = False
            super()._on_socket_unregister_write(client, userdata, sock)

    def _send(self, sock: Any) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001  # as the library has it: the connection is broken
            if not self._disconnected.done():
                self._disconnected.set_exception(error)
        else:
            if self._client.want_write():
                self._wait_to_write(sock)

    def _wait_to_write(self, sock: Any) -> None:
        # By the time that the loop comes to it the connection may be over, and its socket without a number; the
        # library takes the number at once, and it may be somebody else's by then.
        if self._unsent and not self._blocked and sock.fileno() >= 0:
            with suppress(OSError, ValueError):  # closed meanwhile by the thread that connects
                self._loop.add_writer(sock.fileno(), self._send, sock)
                self._blocked = True


class _HandedOn(asyncio.Queue[aiomqtt.Message]):
    """A queue in which nothing waits: what comes is handed on in the next round, and no task is made for it."""

    def __init__(self, received: Callable[[aiomqtt.Message], None]) -> None:
        super().__init__()
        self.received = received

    def put_nowait(self, message: aiomqtt.Message) -> None:
        """Hand a message on."""
        asyncio.get_running_loop().call_soon(self.received, message)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker listens; `tls` says whom to believe and with which certificate to come, `None` is no TLS."""

    host: str
    port: int = PORT
    tls: ssl.SSLContext | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, option: str) -> Broker:
        """Read `HOST:PORT` or `mqtts://HOST:PORT`; the port may be missing."""
        if "@" in text:
            raise BadInput(f"{option}: every user of this machine can read it; give the name with --broker-user")
        address = ADDRESS.fullmatch(text)
        port = TLS_PORT if address and address[1] else PORT
        if not address or not 0 < (port := int(address[3] or port)) < 2**16:
            raise BadInput(f"{option} {text}: HOST:PORT or mqtts://HOST:PORT of a broker is needed")
        return cls(address[2].strip("[]"), port, trusting() if address[1] else None)

    def client(
        self, name: str | None = None, received: Callable[[aiomqtt.Message], None] | None = None
    ) -> aiomqtt.Client:
        """Return a client of it that has not yet connected; what it receives is handed on, or waits in its queue."""
        return SilentMqtt(
            self.host,
            self.port,
            username=self.user,
            password=self.password,
            tls_context=self.tls,
            identifier=name,
            keepalive=KEEPALIVE_SECONDS,
            timeout=SECONDS,
            queue_type=None if received is None else cast("Any", lambda maxsize: _HandedOn(received)),
        )

    def __str__(self) -> str:
        return f"{'mqtts://' if self.tls else ''}{self.host}:{self.port}"


def trusting(ca: str | None = None, certificate: str | None = None, key: str | None = None) -> ssl.SSLContext:
    """Return what a broker is believed by: the certificates in a file, else the system's; and ours, with its key."""
    for path in (ca, certificate, key):
        if path is not None:
            read_bytes(path, FILE_LIMIT)  # which says in words what is wrong with a file
    try:
        context = ssl.create_default_context(cafile=ca)
    except (ssl.SSLError, ValueError) as error:
        raise BadInput(f"{ca}: holds no certificates in PEM") from error
    if certificate is not None:
        try:
            # A key with a password would have the library ask for it, at a terminal that may not be there.
            context.load_cert_chain(certificate, key, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            raise BadInput(f"{certificate} and {key or certificate}: no certificate in PEM with its key") from error
    return context

"""A broker: where it listens, how it shows that it is the right one, and as whom one comes to it."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, field

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
    """A client that looks every ten seconds whether a ping is due.

    The library looks every second, which is most of what a fleet of thousands does while nothing happens.
    """

    async def _misc_loop(self) -> None:
        while not self._client.loop_misc():  # noqa: ASYNC110  # 0 is fine, as in C
            await asyncio.sleep(MISC_SECONDS)


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

    def client(self, name: str | None = None) -> aiomqtt.Client:
        """Return a client of it that has not yet connected."""
        return SilentMqtt(
            self.host,
            self.port,
            username=self.user,
            password=self.password,
            tls_context=self.tls,
            identifier=name,
            keepalive=KEEPALIVE_SECONDS,
            timeout=SECONDS,
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

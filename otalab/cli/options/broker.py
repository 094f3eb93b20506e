"""The options of a broker: whom to believe, and as whom to come.

A password is never an argument, where every user of the machine can read it.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from otalab.cli.options.auth import FILE_LIMIT, loopback
from otalab.cli.options.careless import warn
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.files import read_text

if TYPE_CHECKING:
    from otalab.wire.cloud.broker import Broker

VARIABLE = "OTALAB_BROKER_PASSWORD"
OF_TLS = ("broker_ca", "broker_cert", "broker_key")


def add_broker_options(parser: argparse.ArgumentParser) -> None:
    """Add what goes with the address of a broker."""
    options = group(parser, "the broker")
    options.description = f"mqtts://HOST is TLS; a password may also come in {VARIABLE}"
    options.add_argument("--broker-ca", metavar="FILE", help="certificates that vouch for it (the system's)")
    options.add_argument("--broker-cert", metavar="FILE", help="a certificate to come with, as AWS wants it (none)")
    options.add_argument("--broker-key", metavar="FILE", help="its key (in the same file)")
    options.add_argument("--broker-user", metavar="NAME", help="a name to come with (none)")
    options.add_argument("--broker-password-file", metavar="FILE", help="its password, in the first line")


def chosen_broker(text: str, option: str, arguments: argparse.Namespace) -> Broker:
    """Return the broker that the options describe."""
    from otalab.wire.cloud.broker import Broker, trusting  # noqa: PLC0415  # the other commands need no broker

    broker = Broker.parse(text, option)
    given = [name for name in OF_TLS if getattr(arguments, name) is not None]
    if given and broker.tls is None:
        raise BadInput(f"--{given[0].replace('_', '-')} is for TLS: give {option} mqtts://{broker.host}")
    if arguments.broker_key is not None and arguments.broker_cert is None:
        raise BadInput("--broker-key is the key of a certificate: give it with --broker-cert FILE")
    tls = trusting(arguments.broker_ca, arguments.broker_cert, arguments.broker_key) if given else broker.tls
    secrets = [arguments.broker_key or arguments.broker_cert, arguments.broker_password_file]
    warn([arguments.broker_ca], [path for path in secrets if path])
    password = _password(arguments)
    if password is not None and broker.tls is None and not _near(broker.host):
        print(f"{option} {broker}: the password goes there as it is; mqtts:// hides it", file=sys.stderr, flush=True)
    return replace(broker, tls=tls, user=arguments.broker_user, password=password)


def refuse_broker_options(arguments: argparse.Namespace, option: str) -> None:
    """Refuse options of a broker where there is none."""
    for name in (*OF_TLS, "broker_user", "broker_password_file"):
        if getattr(arguments, name) is not None:
            raise BadInput(f"--{name.replace('_', '-')} goes with a broker: give {option} HOST:PORT")


def _near(host: str) -> bool:
    """Say whether what is sent there stays on this machine; a name that is not known just now may be anywhere."""
    try:
        return loopback(host)
    except BadInput:
        return False


def _password(arguments: argparse.Namespace) -> str | None:
    path, user = arguments.broker_password_file, arguments.broker_user
    if path is not None and user is None:
        raise BadInput(f"--broker-password-file {path}: whose is it? Give the name with --broker-user")
    if user is None:
        return None
    if path is None:
        return os.environ.get(VARIABLE) or None
    try:
        return read_text(path, FILE_LIMIT).split("\n", 1)[0] or None
    except BadInput as error:
        raise BadInput(f"--broker-password-file {error}") from error

"""The options of whoever may talk to a device: a name and a password, or an htdigest file; and where it may listen.

A password is never an argument, where every user of the machine can read it.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import socket

from otalab.cli.options.effect import goes_with
from otalab.errors import BadInput
from otalab.files import read_bytes
from otalab.wire.auth.digest import ALGORITHMS, REALM, Lock, Users

VARIABLE = "OTALAB_PASSWORD"
USER = "admin"
FILE_LIMIT = 64 * 1024
NAME = r'[^\x00-\x1f\x7f:"\\]{1,64}'


def add_auth_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who is known."""
    group = parser.add_argument_group("who may talk to it", f"a password may also come in the variable {VARIABLE}")
    group.add_argument("--user", metavar="NAME", help=f"the name that goes with the password ({USER})")
    group.add_argument("--password-file", metavar="FILE", help="a password, in its first line (none: anybody may)")
    group.add_argument("--auth-file", metavar="FILE", help="many of them, as htdigest writes them, in place of one")
    group.add_argument("--auth-domain", default=REALM, metavar="REALM", help=f"the realm that they are for ({REALM})")
    group.add_argument("--auth-algorithm", choices=ALGORITHMS, default=ALGORITHMS[0], help="of the digests (MD5)")


def users(arguments: argparse.Namespace) -> Users | None:
    """Return who is known, `None` if everybody is."""
    realm, algorithm = getattr(arguments, "auth_domain", REALM), getattr(arguments, "auth_algorithm", ALGORITHMS[0])
    name, password_file = getattr(arguments, "user", None), getattr(arguments, "password_file", None)
    if not re.fullmatch(NAME, realm) or not re.fullmatch(NAME, name or USER):
        raise BadInput("--user and --auth-domain: 1 to 64 characters are possible, no quote, colon or backslash")
    if (path := getattr(arguments, "auth_file", None)) is not None:
        if name is not None or password_file is not None:
            raise BadInput("--auth-file has names of its own; leave --user and --password-file out")
        return Users(_htdigest(path, realm, 32 if algorithm == "MD5" else 64), realm, algorithm)
    password = os.environ.get(VARIABLE, "") if password_file is None else _first_line(password_file)
    if password:
        return Users.one(name or USER, password, realm, algorithm)
    if name is not None:
        raise BadInput(f"--user {name}: it has no password; give one with --password-file FILE or in {VARIABLE}")
    goes_with(arguments, False, "--password-file or --auth-file", "--auth-domain", "--auth-algorithm")
    return None


def lock(arguments: argparse.Namespace) -> Lock | None:
    """Return a lock for one device."""
    known = users(arguments)
    return Lock(known) if known else None


def check_host(host: str, *, known: bool, insecure: bool) -> None:
    """Refuse to listen where others can knock, unless there is a password or somebody says that it is meant."""
    if not known and not insecure and not loopback(host):
        raise BadInput(
            f"--host {host}: whoever reaches this machine could update the device; "
            f"give a --password-file FILE, or say --insecure"
        )


def loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
        return bool(host) and all(
            ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in addresses
        )
    except (OSError, UnicodeError, ValueError) as error:
        raise BadInput(f"--host {host}: there is no such address; take 127.0.0.1, or one of this machine") from error


def _first_line(path: str) -> str:
    password = _read(path, "--password-file").split("\n", 1)[0].rstrip("\r")
    if not password:
        raise BadInput(f"--password-file {path}: its first line is empty; write the password there")
    return password


def _htdigest(path: str, realm: str, digits: int) -> dict[str, str]:
    """Return the digests of a realm by name: lines `NAME:REALM:DIGEST`."""
    digests = {}
    for number, line in enumerate(_read(path, "--auth-file").splitlines(), 1):
        fields = line.strip().split(":")
        if fields == [""]:
            continue
        if len(fields) != 3 or not re.fullmatch(r"[0-9a-fA-F]+", fields[2]):
            raise BadInput(f"--auth-file {path}: line {number} is not NAME:REALM:DIGEST, as htdigest writes it")
        if fields[1] == realm and len(fields[2]) == digits:
            digests[fields[0]] = fields[2].lower()
    if not digests:
        raise BadInput(f"--auth-file {path}: nobody is in the realm {realm} with a digest of {digits} digits")
    return digests


def _read(path: str, option: str) -> str:
    try:
        return read_bytes(path, FILE_LIMIT).decode(errors="surrogateescape")
    except BadInput as error:
        raise BadInput(f"{option} {error}") from error

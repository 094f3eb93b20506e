"""`otalab bundle sign`, and the options by which a command is given keys: `--key I=FILE` and `--sig-req-mask N`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from otalab.errors import BadInput
from otalab.formats.bundle.build import write_whole
from otalab.formats.bundle.reader import ManifestRead
from otalab.formats.bundle.sign import signable, signed
from otalab.formats.bundle.signatures import KEYS, UNCHECKED

T = TypeVar("T")
LARGEST_KEY_FILE = 0x10000


def add_sign(actions: Any) -> None:
    """Register `sign` among the actions on bundles."""
    parser: argparse.ArgumentParser = actions.add_parser("sign", help="add signatures to a bundle, or replace them")
    parser.add_argument("file", metavar="IN.zip", help="the bundle")
    parser.add_argument("-o", "--out", required=True, metavar="OUT.zip", help="the signed bundle to write")
    parser.add_argument(
        "--key",
        action="append",
        required=True,
        metavar="I=FILE",
        help="sign as number I (0 to 7) with this private key, PEM; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print exactly one JSON object")
    parser.set_defaults(func=sign)


def add_key_options(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the two options of a device that asks for signatures; `default` says what holds when no mask is given."""
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="I=FILE",
        help="key I (0 to 7) of the device, a public key as PEM or as base64 of DER; may be repeated",
    )
    parser.add_argument(
        "--sig-req-mask",
        type=int,
        metavar="N",
        help=f"which signatures are required, bit I for key I; -1 asks for none, 0 takes no update ({default})",
    )


def sign(chosen: argparse.Namespace) -> int:
    """Write a bundle with signatures; everything else in it is as it was."""
    keys, path = _keys(), Path(chosen.file)
    bundle = _contents(path)
    signers = _numbered(chosen.key, keys.private_key)
    try:
        manifest = signable(bundle)
        out = signed(bundle, {number: keys.sign(key, manifest.raw) for number, key in signers.items()})
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    write_whole(chosen.out, out)
    numbers = sorted(signers)
    if chosen.json:
        print(json.dumps({"out": chosen.out, "signed": numbers}))
    else:
        print(f"{chosen.out}: signed by {', '.join(f'key {number}' for number in numbers)}")
    return 0


def required_mask(chosen: argparse.Namespace, default: int) -> int:
    """Return the mask that was asked for, or the default."""
    mask = default if chosen.sig_req_mask is None else int(chosen.sig_req_mask)
    if not UNCHECKED <= mask < 1 << KEYS:
        raise BadInput(f"--sig-req-mask {mask}: a number from -1 to {(1 << KEYS) - 1} is needed")
    return mask


def verifier(options: Sequence[str]) -> tuple[int, Callable[[ManifestRead], int]]:
    """Return the mask of all keys in `--key` options, and what tells which signatures verify under them."""
    if not options:
        return 0, lambda _read: 0
    keys = _keys()
    ring = _numbered(options, keys.public_key)
    return sum(1 << number for number in ring), partial(keys.verified, keys=ring)


def _keys() -> ModuleType:
    try:
        from otalab.wire import keys  # noqa: PLC0415  # other commands need cryptography neither installed nor loaded
    except ImportError as error:
        raise BadInput("keys need the package cryptography: pip install 'otalab[net]'") from error
    return keys


def _numbered(options: Sequence[str], read: Callable[[bytes], T]) -> dict[int, T]:
    """Return the keys of `I=FILE` options by their number."""
    found: dict[int, T] = {}
    for option in options:
        number, _, name = option.partition("=")
        if not (len(number) == 1 and "0" <= number < str(KEYS) and name):
            raise BadInput(f"--key {option}: I=FILE is needed, with I from 0 to {KEYS - 1}")
        if int(number) in found:
            raise BadInput(f"--key {option}: key {number} was given before")
        try:
            found[int(number)] = read(_contents(Path(name), LARGEST_KEY_FILE))
        except BadInput as error:
            raise BadInput(f"--key {option}: {error}") from None
    return found


def _contents(path: Path, most: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error

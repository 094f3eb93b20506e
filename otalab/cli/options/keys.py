"""The options by which a command is given keys: `--key I=FILE` and `--sig-req-mask N`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from otalab.cli.parser import group


def add_key_options(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the two options of a device that asks for signatures; `default` says what holds when no mask is given."""
    add = group(parser, "signatures").add_argument
    add(
        "--key",
        action="append",
        default=[],
        metavar="I=FILE",
        help="key I (0 to 7) of the device, a public key as PEM or as base64 of DER; may be repeated",
    )
    add(
        "--sig-req-mask",
        type=mask,
        metavar="N",
        help=f"which signatures are required, bit I for key I; -1 asks for none, 0 takes no update ({default})",
    )


def mask(text: str) -> int:
    """Return a mask as it is printed, `0x01`, or in any other way in which Python writes a whole number."""
    return int(text, 0)


def mask_or(arguments: argparse.Namespace, default: int) -> int:
    """Return the mask that was asked for, or the default."""
    return default if arguments.sig_req_mask is None else int(arguments.sig_req_mask)


def files_of(keys: Sequence[str]) -> list[str]:
    """Return the files of `I=FILE` options."""
    return [key.partition("=")[2] for key in keys]

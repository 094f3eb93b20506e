"""`otalab bundle sign`: signatures for a bundle; everything else in it stays as it was."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from otalab.cli.options.careless import warn
from otalab.cli.options.keys import files_of
from otalab.cli.options.outputs import add_force
from otalab.cli.parser import group
from otalab.files import Output, naming, read_bytes
from otalab.formats.bundle.build import MARK
from otalab.formats.bundle.sign import signable, signed
from otalab.wire.key_files import cryptography, numbered


def add_parser(actions: Any) -> None:
    """Register `sign` among the actions on bundles."""
    parser: argparse.ArgumentParser = actions.add_parser("sign", help="add signatures to a bundle, or replace them")
    parser.add_argument("file", metavar="IN.zip", help="the bundle")
    group(parser, "what comes out").add_argument(
        "-o", "--out", required=True, metavar="OUT.zip", help="the signed bundle to write"
    )
    group(parser, "signatures").add_argument(
        "--key",
        action="append",
        required=True,
        metavar="I=FILE",
        help="sign as number I (0 to 7) with this private key, PEM; may be repeated",
    )
    add_force(parser)
    group(parser, "what comes out").add_argument("--json", action="store_true", help="print exactly one JSON object")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write a bundle with signatures."""
    place = Output(Path(arguments.out), arguments.force, MARK)
    keys, bundle = cryptography(), read_bytes(arguments.file)
    signers = numbered(arguments.key, keys.private_key)
    with naming(arguments.file):
        manifest = signable(bundle)
        out = signed(bundle, {number: keys.sign(key, manifest.raw) for number, key in signers.items()})
    # Once they are known to be keys: of what is none, the complaint is enough.
    warn([], files_of(arguments.key))
    place.write(out)
    numbers = sorted(signers)
    if arguments.json:
        print(json.dumps({"out": arguments.out, "signed": numbers}))
    else:
        print(f"{arguments.out}: signed by {', '.join(f'key {number}' for number in numbers)}")
    return 0

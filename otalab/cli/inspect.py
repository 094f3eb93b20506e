"""`otalab inspect`: boot records in a dump or in record files, and which one the loader takes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from otalab.bench.inspection import COLUMNS, Inspection, formats, inspect_dump, inspect_records, is_dump
from otalab.cli.options.effect import goes_with
from otalab.cli.parser import group
from otalab.files import read_bytes
from otalab.hardware.board import load_board
from otalab.hardware.flash import LARGEST
from otalab.text import table


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("inspect")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a dump of a whole flash, or record files in order")
    add = group(parser, "how it is read").add_argument
    add("--format", metavar="NAME", help=f"{', '.join(formats())}, or a design (recognised)")
    add("--board", metavar="B", help="of a dump: name, or path of a TOML file (by what lies in it)")
    add("--offset", type=address, metavar="A", help="where in flash a part of a dump begins, such as 0x8000")
    group(parser, "what comes out").add_argument("--json", action="store_true", help="print exactly one JSON object")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Decode and tell; 1 if the loader takes none."""
    inspected = _inspected(arguments)
    if arguments.json:
        print(json.dumps(inspected.as_object()))
    else:
        print(f"{inspected.format}: {inspected.reason}\n")
        print("\n".join(table(COLUMNS, list(inspected.rows()), right="sequencer slot")))
        print("", *inspected.sentences, sep="\n")
    return 0 if inspected.selected is not None else 1


def _inspected(arguments: argparse.Namespace) -> Inspection:
    files = [(Path(name).name, read_bytes(name, LARGEST)) for name in arguments.files]
    offset = arguments.offset or 0
    if len(files) == 1 and (arguments.board or arguments.offset is not None or is_dump(files[0][1])):
        board = load_board(arguments.board) if arguments.board else None
        return inspect_dump(*files[0], board, arguments.format, offset)
    goes_with(arguments, False, "one dump of a flash, and these are record files", "--board", "--offset")
    return inspect_records(files, arguments.format)


def address(text: str) -> int:
    """Return an address as people type it: `0x8000`, `32768`; `ValueError` if it is none."""
    number = int(text, 0)
    if number < 0:
        raise ValueError(f"{text} is below zero")
    return number

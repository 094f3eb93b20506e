"""`otalab board import`: a board as TOML, out of the tables and maps that people have."""

from __future__ import annotations

import argparse
import json
from typing import Any

from otalab.bench.layout_import import imported_layout
from otalab.cli.options.effect import goes_with
from otalab.cli.options.outputs import add_force, output
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.files import MADE, read_bytes
from otalab.hardware.flash import LARGEST


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("board")
    ways = parser.add_subparsers(dest="way", required=True, metavar="WAY")
    importing: argparse.ArgumentParser = ways.add_parser(
        "import",
        help="write a board out of a partition table, a dump, a bundle, pm_static.yml or rBoot's configuration",
    )
    importing.add_argument("file", metavar="FILE", help="what tells of the layout; its bytes say what it is")
    add = group(importing, "what comes out").add_argument
    add("-o", "--out", metavar="BOARD.toml", help="where to write it (it is printed)")
    add("--json", action="store_true", help="print exactly one JSON object")
    add_force(importing)
    importing.set_defaults(func=import_board)


def import_board(arguments: argparse.Namespace) -> int:
    """Write the board, and say what it could not know."""
    if arguments.out and not arguments.out.endswith(".toml"):
        raise BadInput(f"{arguments.out}: the name of a board ends in .toml")
    goes_with(arguments, arguments.out, "a file to write: give one with -o", "--force")
    place = output(arguments.out, arguments)
    layout = imported_layout(arguments.file, read_bytes(arguments.file, LARGEST))
    page = layout.toml()
    if place:
        place.write(f"# {MADE} board import; it is not written over without --force once this line is gone\n{page}")
    if arguments.json:
        said = {"board": layout.name, "out": arguments.out, "unknown": dict(layout.unknown), "toml": page}
        print(json.dumps(said))
    elif place:
        print(f"{arguments.out}: {layout.summary}; not known, and marked there:")
        print("\n".join(f"  {key}: {what}" for key, what in layout.unknown))
    else:
        print(page, end="")
    return 0

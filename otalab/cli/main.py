"""The command line: one entry point, `otalab`, with sub-commands.

Exit status: 0 fine; 1 bad news; 2 wrong use, bad input, or what the system refuses; 3 a fault of the lab itself;
130 interrupted.  Whatever is not 0 or 1 comes with one line that says what, where and the way out (`way_out`).
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from otalab.cli.examples import add_examples
from otalab.cli.interrupts import pressed, remembered
from otalab.cli.parser import Parser, add_version
from otalab.cli.way_out import broken_off, way_out

# Which module holds a command, opened when it is asked for: `designs` does not wait for a broker's library.
COMMANDS: dict[str, Callable[[], Any]] = {
    "lab": lambda: import_module("otalab.cli.lab"),
    "designs": lambda: import_module("otalab.cli.designs"),
    "trace": lambda: import_module("otalab.cli.trace"),
    "check": lambda: import_module("otalab.cli.check"),
    "replay": lambda: import_module("otalab.cli.replay"),
    "firmware": lambda: import_module("otalab.cli.firmware"),
    "explore-recording": lambda: import_module("otalab.cli.recorded"),
    "repair": lambda: import_module("otalab.cli.repair"),
    "report": lambda: import_module("otalab.cli.report"),
    "risk": lambda: import_module("otalab.cli.risk"),
    "campaign": lambda: import_module("otalab.cli.campaign"),
    "rollout": lambda: import_module("otalab.cli.rollout"),
    "serve": lambda: import_module("otalab.cli.serve"),
    "fleet": lambda: import_module("otalab.cli.fleet"),
    "shadow-service": lambda: import_module("otalab.cli.shadow_service"),
    "bundle": lambda: import_module("otalab.cli.bundle"),
    "inspect": lambda: import_module("otalab.cli.inspect"),
    "files": lambda: import_module("otalab.cli.files"),
    "board": lambda: import_module("otalab.cli.board"),
    "boards": lambda: import_module("otalab.cli.listings"),
    "parts": lambda: import_module("otalab.cli.listings"),
    "faults": lambda: import_module("otalab.cli.listings"),
    "rates": lambda: import_module("otalab.cli.listings"),
    "new": lambda: import_module("otalab.cli.new"),
    "completion": lambda: import_module("otalab.cli.completion"),
}


def parser(command: str = "") -> argparse.ArgumentParser:
    """Return the whole command line, or what it has for the command that is asked for."""
    top = Parser(prog="otalab", description="A laboratory for over-the-air firmware updates on NOR flash.")
    add_version(top)
    top.set_defaults(whole=parser)  # completion tells of every command, and is told of it from here
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    opened = [COMMANDS[command]] if command in COMMANDS else COMMANDS.values()
    for module in dict.fromkeys(open_module() for open_module in opened):
        module.add_parser(commands)
    helped: argparse.ArgumentParser = commands.add_parser("help", help="print the help of a command")
    helped.add_argument("about", nargs="?", choices=tuple(commands.choices), metavar="COMMAND", help="which (all)")
    add_examples(commands.choices)
    helped.set_defaults(func=lambda arguments: _help(commands.choices.get(arguments.about, top)))
    return top


def _help(of: argparse.ArgumentParser) -> int:
    of.print_help()
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign gets its number; that is no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    typed = sys.argv[1:] if words is None else list(words)
    arguments = parser(*typed[:1]).parse_args(typed)
    with remembered():
        try:
            status = int(arguments.func(arguments))
            sys.stdout.flush()
        except BaseException as error:  # noqa: BLE001  # there is one way out, and this is its door
            return way_out(f"otalab {arguments.command}", error)
        return broken_off(f"otalab {arguments.command}") if pressed() else status

"""The command line: one entry point, `otalab`, with sub-commands.

Exit status: 0 fine; 1 bad news; 2 wrong use, bad input, or what the system refuses; 3 a fault of the lab itself;
130 interrupted.  Whatever is not 0 or 1 comes with one line that says what, where and the way out (`way_out`).
"""

from __future__ import annotations

import argparse
import io
import signal
import sys
from collections.abc import Sequence

from otalab.cli.commands import COMMANDS, Commands
from otalab.cli.examples import add_examples
from otalab.cli.interrupts import pressed, remembered
from otalab.cli.parser import Parser, add_version
from otalab.cli.way_out import broken_off, way_out


def parser(command: str = "") -> argparse.ArgumentParser:
    """Return the whole command line, or, where a command is asked for, one in which only that has its options."""
    top = Parser(prog="otalab", description="A laboratory for over-the-air firmware updates on NOR flash.")
    add_version(top)
    top.set_defaults(whole=parser)  # completion tells of every command, and is told of it from here
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", action=Commands)
    for name in COMMANDS:
        if command in ("", name):
            COMMANDS[name].open().add_parser(commands)
        else:
            commands.add_parser(name)
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
    named = next((word for word in typed if word in COMMANDS), "help")
    with remembered():
        try:
            # What is interrupted while it is still being loaded ends no otherwise.
            arguments = parser(named).parse_args(typed)
            status = int(arguments.func(arguments))
            sys.stdout.flush()
        except BaseException as error:  # noqa: BLE001  # there is one way out, and this is its door
            # Whatever half a search lacks is no complaint of its own.
            ended = KeyboardInterrupt() if pressed() and isinstance(error, Exception) else error
            return way_out(f"otalab {named}", ended)
        return broken_off(f"otalab {named}") if pressed() else status


def ended() -> int:
    """Run the command that was typed, at the end of which the process ends, and return its exit status."""
    try:
        return main()
    finally:
        # The result stands: what Python still does on its way out would only complain of an interrupt.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

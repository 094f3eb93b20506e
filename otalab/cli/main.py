"""The command line: one entry point, `otalab`, with sub-commands.

Exit status: 0 fine; 1 bad news; 2 wrong use, bad input, or what the system refuses; 3 a fault of the lab itself;
130 interrupted.  Whatever is not 0 or 1 comes with one line that says what, where and the way out (`way_out`).
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from otalab.cli import bundle as bundle_cli
from otalab.cli import campaign as campaign_cli
from otalab.cli import check as check_cli
from otalab.cli import designs as design_cli
from otalab.cli import files as files_cli
from otalab.cli import firmware as firmware_cli
from otalab.cli import fleet as fleet_cli
from otalab.cli import inspect as inspect_cli
from otalab.cli import lab as lab_cli
from otalab.cli import listings as listings_cli
from otalab.cli import new as new_cli
from otalab.cli import recorded as recorded_cli
from otalab.cli import repair as repair_cli
from otalab.cli import replay as replay_cli
from otalab.cli import report as report_cli
from otalab.cli import risk as risk_cli
from otalab.cli import serve as serve_cli
from otalab.cli import shadow_service as shadow_cli
from otalab.cli import trace as trace_cli
from otalab.cli.examples import add_examples
from otalab.cli.interrupts import pressed, remembered
from otalab.cli.parser import Parser, add_version
from otalab.cli.way_out import broken_off, way_out


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = Parser(prog="otalab", description="A laboratory for over-the-air firmware updates on NOR flash.")
    add_version(top)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    lab_cli.add_parser(commands)
    design_cli.add_parser(commands)
    trace_cli.add_parser(commands)
    check_cli.add_parser(commands)
    replay_cli.add_parser(commands)
    firmware_cli.add_parser(commands)
    recorded_cli.add_parser(commands)
    repair_cli.add_parser(commands)
    report_cli.add_parser(commands)
    risk_cli.add_parser(commands)
    campaign_cli.add_parser(commands)
    serve_cli.add_parser(commands)
    fleet_cli.add_parser(commands)
    shadow_cli.add_parser(commands)
    bundle_cli.add_parser(commands)
    inspect_cli.add_parser(commands)
    files_cli.add_parser(commands)
    listings_cli.add_parser(commands)
    new_cli.add_parser(commands)
    helped: argparse.ArgumentParser = commands.add_parser("help", help="print the help of a command")
    helped.add_argument("about", nargs="?", choices=tuple(commands.choices), metavar="COMMAND", help="which (all)")
    add_examples(commands.choices)
    helped.set_defaults(func=lambda chosen: _help(commands.choices.get(chosen.about, top)))
    return top


def _help(of: argparse.ArgumentParser) -> int:
    of.print_help()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign gets its number; that is no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    chosen = parser().parse_args(arguments)
    with remembered():
        try:
            status = int(chosen.func(chosen))
            sys.stdout.flush()
        except BaseException as error:  # noqa: BLE001  # there is one way out, and this is its door
            return way_out(f"otalab {chosen.command}", error)
        return broken_off(f"otalab {chosen.command}") if pressed() else status

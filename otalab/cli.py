"""The command line: one entry point, `otalab`, with sub-commands.

Exit status: 0 fine; 1 bad news; 2 wrong use or bad input, with one line that says what, where and the way out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from otalab import (
    bundle_cli,
    check_cli,
    fleet_cli,
    recorded_cli,
    repair_cli,
    replay_cli,
    report_cli,
    serve_cli,
    shadow_cli,
    study_cli,
    trace_cli,
)
from otalab.design import designs, load_design
from otalab.errors import BadInput, OtalabError
from otalab.text import table

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = Parser(prog="otalab", description="A laboratory for over-the-air firmware updates on NOR flash.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    lab = commands.add_parser("lab", help="open JupyterLab on the notebooks")
    lab.set_defaults(func=open_lab)
    catalogue = commands.add_parser("designs", help="list the catalogue of designs")
    catalogue.add_argument("--show", metavar="NAME", help="print one design as TOML")
    catalogue.add_argument("--json", action="store_true", help="print one JSON object")
    catalogue.set_defaults(func=list_designs)
    trace_cli.add_parser(commands)
    check_cli.add_parser(commands)
    replay_cli.add_parser(commands)
    recorded_cli.add_parser(commands)
    repair_cli.add_parser(commands)
    report_cli.add_parser(commands)
    study_cli.add_parsers(commands)
    serve_cli.add_parser(commands)
    fleet_cli.add_parser(commands)
    shadow_cli.add_parser(commands)
    bundle_cli.add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    chosen = parser().parse_args(arguments)
    try:
        return int(chosen.func(chosen))
    except OtalabError as error:
        print(f"otalab {chosen.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Somebody closed the pipe (`| head`): not our failure, and Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def open_lab(_chosen: argparse.Namespace) -> int:
    """Open JupyterLab on the first notebook."""
    start = NOTEBOOKS / "00_start_here.ipynb"
    if not start.is_file():
        raise BadInput(f"no notebooks beside the package at {NOTEBOOKS}; run this from a checkout")
    return subprocess.call([sys.executable, "-m", "jupyterlab", str(start)], cwd=NOTEBOOKS)


def list_designs(chosen: argparse.Namespace) -> int:
    """List the catalogue, or print one design."""
    if chosen.show:
        print(load_design(chosen.show).toml(), end="")
        return 0
    catalogue = [load_design(name) for name in designs()]
    if chosen.json:
        choices: list[dict[str, Any]] = [{slot: getattr(one, slot) for slot in one.__slots__} for one in catalogue]
        print(json.dumps({"designs": choices}))
        return 0
    for line in table(("name", "what it is"), [(one.name, one.summary) for one in catalogue]):
        print(line)
    for one in catalogue:
        print(f"\n{one.name}: " + ", ".join(f"{slot} {getattr(one, slot)}" for slot in one.__slots__[2:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

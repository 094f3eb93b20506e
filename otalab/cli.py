"""The command line: one entry point, `otalab`, with sub-commands.

Exit status: 0 fine; 1 bad news; 2 wrong use or bad input, with one line that says what, where and the way out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from otalab import (
    bundle_cli,
    check_cli,
    design_cli,
    fleet_cli,
    inspect_cli,
    recorded_cli,
    repair_cli,
    replay_cli,
    report_cli,
    serve_cli,
    shadow_cli,
    study_cli,
    trace_cli,
)
from otalab.errors import BadInput, OtalabError

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
    design_cli.add_parser(commands)
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
    inspect_cli.add_parser(commands)
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


if __name__ == "__main__":
    sys.exit(main())

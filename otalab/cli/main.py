"""The command line: one entry point, `otalab`, with sub-commands.

Exit status: 0 fine; 1 bad news; 2 wrong use or bad input, with one line that says what, where and the way out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from otalab.cli import bundle as bundle_cli
from otalab.cli import campaign as campaign_cli
from otalab.cli import check as check_cli
from otalab.cli import designs as design_cli
from otalab.cli import fleet as fleet_cli
from otalab.cli import inspect as inspect_cli
from otalab.cli import recorded as recorded_cli
from otalab.cli import repair as repair_cli
from otalab.cli import replay as replay_cli
from otalab.cli import report as report_cli
from otalab.cli import risk as risk_cli
from otalab.cli import serve as serve_cli
from otalab.cli import shadow_service as shadow_cli
from otalab.cli import trace as trace_cli
from otalab.errors import BadInput, OtalabError

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


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
    risk_cli.add_parser(commands)
    campaign_cli.add_parser(commands)
    serve_cli.add_parser(commands)
    fleet_cli.add_parser(commands)
    shadow_cli.add_parser(commands)
    bundle_cli.add_parser(commands)
    inspect_cli.add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A pipe of Windows takes 256 letters, and no word of ours is worth a traceback for one that it lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
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

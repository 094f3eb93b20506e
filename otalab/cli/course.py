"""`otalab course progress`: how far the learners have come whose folders lie in one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from otalab.cli.options.formats import add_format, chosen_format, print_rows

COLUMNS = ("folder", "right", "tried", "attempts", "stuck at", "unreadable")


def add_parser(commands: Any) -> None:
    """Register the command and what it can be asked."""
    actions = commands.add_parser("course").add_subparsers(dest="action", required=True, metavar="ACTION")
    progress: argparse.ArgumentParser = actions.add_parser(
        "progress", help="how many exercises are right, in each learner's folder of the course"
    )
    progress.add_argument("folder", metavar="FOLDER", help="where the learners' folders lie")
    add_format(progress)
    progress.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a row for each learner."""
    from otalab.course.attempts import gathered, rows  # noqa: PLC0415  # what it stands beside loads all of the lab

    how = chosen_format(arguments)
    print_rows(
        how, "learners", COLUMNS, rows(gathered(Path(arguments.folder))), right="right tried attempts unreadable"
    )
    return 0

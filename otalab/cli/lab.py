"""`otalab lab`: the course in JupyterLab, in a folder of one's own where the package was installed."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otalab.cli.parser import group

if TYPE_CHECKING:
    from otalab.course.folder import Copied

FOLDER = "otalab-course"


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("lab")
    parser.add_argument(
        "folder", nargs="?", metavar="FOLDER", help=f"put the course there first ({FOLDER}; in a checkout, its own)"
    )
    group(parser, "the course").add_argument("--no-open", action="store_true", help="put it there, and open nothing")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Put the course where it is wanted, and open its first notebook."""
    from otalab.course.folder import checkout, copy_course  # noqa: PLC0415  # the exercises load all of the lab

    folder = None if arguments.folder else checkout()
    if folder is None:
        folder = Path(arguments.folder or FOLDER)
        print("\n".join(_said(folder, copy_course(folder))), file=sys.stderr, flush=True)
    return 0 if arguments.no_open else _open(folder)


def _said(folder: Path, copied: Copied) -> list[str]:
    lines = [f"{folder}: the course; {copied.written} files written"]
    if copied.kept:
        lines.append(f"left as you have changed them: {', '.join(copied.kept)}")
    return lines


def _open(folder: Path) -> int:
    from otalab.course.folder import FIRST  # noqa: PLC0415  # see above

    first = (folder / FIRST).resolve()
    # Jupyter does not run as root unless it is told to; a container has nobody else.
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    child = subprocess.Popen([sys.executable, "-m", "jupyterlab", str(first), *root], cwd=first.parent)
    # Ctrl-C is the server's business; after the start, or it would inherit our deafness.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return child.wait()

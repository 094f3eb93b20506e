"""Where results go: each place is tried before the work begins."""

from __future__ import annotations

import argparse
from pathlib import Path

from otalab.cli.interrupts import pressed
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.files import MADE, Output


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add the option of a command that writes files."""
    group(parser, "what comes out").add_argument(
        "--force", action="store_true", help="write over what is there, whoever made it"
    )


class CompleteOutput(Output):
    """A place for a complete result: what an interrupted search has is printed, and takes no file's place."""

    def write(self, data: bytes | str) -> None:
        """Write the result, unless somebody has interrupted what it was to be."""
        if not pressed():
            super().write(data)


def output(name: str | None, arguments: argparse.Namespace, mark: str = MADE) -> Output | None:
    """Return the place for a result, `None` where none was asked for."""
    return None if name is None else CompleteOutput(Path(name), arguments.force, mark)


def apart(*outputs: Output | None) -> None:
    """Refuse two results in one file."""
    places = [output.path for output in outputs if output is not None]
    for place in places:
        if places.count(place) > 1:
            raise BadInput(f"{place}: is to hold two results: take two names")

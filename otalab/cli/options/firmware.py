"""The option that names code in place of a design: a folder with a page, which stands where a design's page would."""

from __future__ import annotations

import argparse

from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.own.page import page_in


def add_firmware(parser: argparse.ArgumentParser, what: str = "code of your own in place of a design") -> None:
    """Add the option to a command that takes designs."""
    group(parser, "the device").add_argument("--firmware", metavar="FOLDER", help=what)


def chosen_design(arguments: argparse.Namespace) -> str:
    """Return the one design that was named, or the page of the code in its place."""
    if (arguments.design is None) is (arguments.firmware is None):
        raise BadInput("name a design, or a folder of code with --firmware FOLDER: one of the two is needed")
    return page_in(arguments.firmware) if arguments.design is None else str(arguments.design)


def chosen_designs(arguments: argparse.Namespace) -> list[str]:
    """Return every design that was named, each once, and the page of the code; at least one of them is needed."""
    every = [*arguments.designs, *([page_in(arguments.firmware)] if arguments.firmware else [])]
    if not every:
        raise BadInput("no design was named; otalab designs lists them, and --firmware FOLDER takes code")
    return [*dict.fromkeys(every)]

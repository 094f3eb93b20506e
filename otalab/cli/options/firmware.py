"""The option that names code in place of a design: a folder with a page, which stands where a design's page would."""

from __future__ import annotations

import argparse
from pathlib import Path

from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.own.page import PAGE


def add_firmware(parser: argparse.ArgumentParser) -> None:
    """Add the option to a command that takes designs."""
    what = "code of your own in place of a design"
    group(parser, "the device").add_argument("--firmware", metavar="FOLDER", help=what)


def page_in(folder: str) -> str:
    """Return the path of a folder's page, by which code is named wherever a design is."""
    return str(Path(folder) / PAGE)


def chosen_design(chosen: argparse.Namespace) -> str:
    """Return the one design that was named, or the page of the code in its place."""
    if (chosen.design is None) is (chosen.firmware is None):
        raise BadInput("name a design, or a folder of code with --firmware FOLDER: one of the two is needed")
    return page_in(chosen.firmware) if chosen.design is None else str(chosen.design)


def chosen_designs(chosen: argparse.Namespace) -> list[str]:
    """Return every design that was named, and the page of the code."""
    return [*chosen.designs, *([page_in(chosen.firmware)] if chosen.firmware else [])]

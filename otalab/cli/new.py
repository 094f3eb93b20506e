"""`otalab new`: a commented page of one's own to start from."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Any

from otalab.cli.options.outputs import add_force, output
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.files import MADE
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design, bounds, choices, decides, ways
from otalab.firmware.own_part import says
from otalab.hardware.board import load_board

WIDTH = 100


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("new")
    parser.add_argument("file", metavar="FILE.toml", help="where to write it")
    add = group(parser, "the design").add_argument
    add("--like", default="hardened", metavar="DESIGN", help="the design to start from (hardened)")
    add("--board", metavar="B", help="with the partition table of this board")
    add_force(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page, and say what to do with it."""
    if not arguments.file.endswith(".toml"):
        raise BadInput(f"{arguments.file}: the name of a page of TOML ends in .toml")
    place = output(arguments.file, arguments)
    design = load_design(arguments.like)
    design = replace(design, board=load_board(arguments.board)) if arguments.board else design
    stem = Path(arguments.file).stem
    mine = replace(design, name=stem, summary=f"{design.name}, to be changed")
    if place:
        place.write("\n".join(commented(mine)) + "\n")
    print(f"{arguments.file}: {stem}, as {design.name} is; change it, and: otalab check {arguments.file}")
    return 0


def commented(design: Design) -> Iterator[str]:
    """Yield the lines of a page in which each choice says what it decides and what else it may be."""
    yield f"# {MADE} new; it is not written over without --force once this line is gone"
    named = {key: name for (_, key), name in ways().items()}
    sections = {section for section, _ in ways()}
    section = ""
    for line in design.toml().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        key = line.partition(" = ")[0]
        if section in sections and key in named and " = " in line:
            name = next(field for way, field in ways().items() if way == (section, key))
            yield from _told(name)
        yield line


def _told(name: str) -> Iterator[str]:
    of = choices().get(name, ())
    limits = "" if of else ": from {} to {}".format(*bounds()[name])
    yield from wrap(f"{decides(name)}{limits}", WIDTH, initial_indent="# ", subsequent_indent="#   ")
    for value in of:
        yield from wrap(f"{value}: {says(name, value)}", WIDTH, initial_indent="#   ", subsequent_indent="#     ")

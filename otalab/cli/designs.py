"""`otalab designs`: the catalogue, one design as the TOML to start from, and the schema for editors."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from textwrap import wrap
from typing import Any

from otalab.cli.options.formats import add_format, chosen_format, csv_text
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.design import Design, bounds, choices, decides, way_of, ways
from otalab.firmware.own_part import says
from otalab.firmware.schema import design_schema
from otalab.hardware.board import load_board
from otalab.text import table

WIDTH = 100


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("designs")
    shown = group(parser, "what is listed").add_mutually_exclusive_group()
    shown.add_argument("--show", metavar="NAME", help="print one design as TOML, to start from")
    shown.add_argument("--choices", action="store_true", help="say what each choice decides, and what it may be")
    shown.add_argument("--schema", action="store_true", help="print the JSON schema of the TOML, for editors")
    group(parser, "what is listed").add_argument(
        "--board", metavar="B", help="with --show: with the partition table of this board"
    )
    add_format(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """List the catalogue, or print one design."""
    if arguments.board and not arguments.show:
        raise BadInput(f"--board {arguments.board}: goes with --show NAME")
    how = chosen_format(arguments)
    if how == "csv" and (arguments.show or arguments.schema or arguments.choices):
        raise BadInput("--format csv: a list has rows, and this is a page: leave it out, or take --json")
    if arguments.show:
        design = load_design(arguments.show)
        design = replace(design, board=load_board(arguments.board)) if arguments.board else design
        print(json.dumps(_object(design) | {"toml": design.toml()}) if how == "json" else design.toml().rstrip("\n"))
    elif arguments.schema:
        print(json.dumps(design_schema(), indent=1))
    elif arguments.choices:
        print(json.dumps({"choices": list(_choice_objects())}) if how == "json" else "\n".join(_choices()))
    else:
        CATALOGUES[how]([load_design(name) for name in designs()])
    return 0


def differences(design: Design, base: Design) -> dict[str, Any]:
    """Return the choices in which a design differs from another one, by section and key."""
    return {
        ".".join(way): getattr(design, name)
        for way, name in ways().items()
        if getattr(design, name) != getattr(base, name)
    }


def _object(design: Design) -> dict[str, Any]:
    return {"name": design.name, "summary": design.summary} | {name: getattr(design, name) for name in ways().values()}


def _print_objects(catalogue: list[Design]) -> None:
    print(json.dumps({"designs": [_object(design) for design in catalogue]}))


def _print_csv(catalogue: list[Design]) -> None:
    header = list(_object(catalogue[0]))
    print(csv_text(header, [list(_object(design).values()) for design in catalogue]), end="")


def _catalogue(catalogue: list[Design]) -> Iterator[str]:
    yield from table(("name", "what it is"), [(design.name, design.summary) for design in catalogue])
    base = load_design("hardened")
    yield "\nWhat sets them apart from hardened (--show prints all of one):"
    for design in catalogue:
        changes = ", ".join(f"{way} {value}" for way, value in differences(design, base).items())
        yield from wrap(f"{design.name}: {changes or 'nothing'}", WIDTH, subsequent_indent="  ")


def _choice_objects() -> Iterator[dict[str, Any]]:
    for name in ways().values():
        of = choices().get(name, ())
        limits = {} if of else dict(zip(("from", "to"), bounds()[name], strict=True))
        values = {"values": {str(value): says(name, value) for value in of}} if of else limits
        yield {"choice": way_of(name), "decides": decides(name)} | values


def _choices() -> Iterator[str]:
    for name in ways().values():
        of = choices().get(name, ())
        limits = "" if of else ": from {} to {}".format(*bounds()[name])
        yield from wrap(f"{way_of(name)}: {decides(name)}{limits}", WIDTH, subsequent_indent="    ")
        for value in of:
            yield from wrap(f"{value}: {says(name, value)}", WIDTH, initial_indent="  ", subsequent_indent="    ")


CATALOGUES = {
    "table": lambda catalogue: print("\n".join(_catalogue(catalogue))),
    "json": _print_objects,
    "csv": _print_csv,
}

"""`otalab repair`: the smallest changes that make an unsafe design safe, each proved."""

from __future__ import annotations

import argparse
import json
from typing import Any

from otalab.bench.setup import design_or_code
from otalab.cli.options.effect import goes_with
from otalab.cli.options.firmware import add_firmware, chosen_design
from otalab.cli.options.outputs import add_force, output
from otalab.cli.options.scenario import add_options, chosen_options
from otalab.cli.parser import group
from otalab.cli.progress import bar
from otalab.cli.way_out import tell_fault
from otalab.errors import BadInput
from otalab.files import MADE
from otalab.firmware.design import Design
from otalab.graph.asked import some_faults, some_images
from otalab.graph.repair import BUDGET, LIMIT, MOST, Repair, repair

KEEP = f"{MADE} repair; it is not written over without --force once this line is gone"


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "repair", help="the smallest changes that make a design safe, each proved"
    )
    parser.add_argument("design", nargs="?", metavar="DESIGN", help="a name from the catalogue, or a TOML file")
    add_firmware(parser, "is refused: code has no choices that could be changed")
    add_options(parser)
    add = group(parser, "the search").add_argument
    add("--most", type=int, default=MOST, metavar="N", help=f"most changes in a set ({MOST})")
    add("--alternatives", type=int, default=1, metavar="N", help="how many of that size (1)")
    add("--budget", type=int, default=BUDGET, metavar="N", help=f"most nodes of a graph ({BUDGET})")
    add("--limit", type=int, default=LIMIT, metavar="N", help=f"most sets that are tried ({LIMIT})")
    group(parser, "what comes out").add_argument(
        "--save", metavar="FILE.toml", help="write the first design that was found"
    )
    add_force(parser)
    parser.set_defaults(func=run)


def run(chosen: argparse.Namespace) -> int:
    """Search and print; 0 if the design is safe or a repair was found, else 1."""
    goes_with(chosen, chosen.save, "--save", "--force")
    save = output(chosen.save, chosen)
    with bar(bar_format="{elapsed} {desc}") as shown:

        def told(tried: int, text: str) -> None:
            shown.set_description_str(f"{tried} sets tried; {text}")

        found = repair(
            _design(chosen),
            some_faults(chosen.faults),
            some_images(chosen.image),
            most=chosen.most,
            wanted=chosen.alternatives,
            budget=chosen.budget,
            limit=chosen.limit,
            progress=told,
            **chosen_options(chosen),
        )
    if save and found.suggestions:
        save.write(f"# {KEEP}\n{found.suggestions[0].page}")
    print(json.dumps(as_object(found))) if chosen.json else show(found)
    for fault in found.lost:
        tell_fault("otalab repair", fault)
    return 3 if found.lost else 0 if found.outcome in ("safe", "found") else 1


def _design(chosen: argparse.Namespace) -> Design:
    """Return the design; code has no choices that could be changed."""
    found = design_or_code(chosen_design(chosen))
    if not isinstance(found, Design):
        raise BadInput(
            f"{found.name} is code, and a repair changes the choices of a design: otalab check shows how it breaks"
        )
    return found


def as_object(found: Repair) -> dict[str, Any]:
    """Return the answer as JSON knows it."""
    return {
        "design": found.design.name,
        "outcome": found.outcome,
        "size": found.size,
        "tried": found.tried,
        "undecided": [[change.text for change in changes] for changes in found.undecided],
        "suggestions": [
            {
                "changes": {change.way: {"from": change.old, "to": change.new} for change in one.changes},
                "cells": [
                    {"faults": cell.faults, "image": cell.image, "verdict": cell.verdict, "states": cell.states,
                     "wrecks": cell.wrecks}
                    for cell in one.proofs
                ],
            }
            for one in found.suggestions
        ],
    }  # fmt: skip


def show(found: Repair) -> None:
    """Print the answer for people."""
    print(f"{found.design.name}: {found.text}")
    for one in found.suggestions:
        print()
        for change in one.changes:
            print(f"  {change.text}")
        for cell in one.proofs:
            print(
                f"    proved {cell.verdict}: {cell.faults}, {cell.image}: {cell.states} states, {cell.wrecks:,} wrecks"
            )

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
    parser: argparse.ArgumentParser = commands.add_parser("repair")
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


def run(arguments: argparse.Namespace) -> int:
    """Search and print; 0 if the design is safe or a repair was found, else 1."""
    goes_with(arguments, arguments.save, "--save", "--force")
    save = output(arguments.save, arguments)
    with bar(bar_format="{elapsed} {desc}") as shown:

        def show_progress(tried: int, text: str) -> None:
            shown.set_description_str(f"{tried} sets tried; {text}")

        answer = repair(
            _design(arguments),
            some_faults(arguments.faults),
            some_images(arguments.image),
            most=arguments.most,
            wanted=arguments.alternatives,
            budget=arguments.budget,
            limit=arguments.limit,
            progress=show_progress,
            **chosen_options(arguments),
        )
    if save and answer.suggestions:
        save.write(f"# {KEEP}\n{answer.suggestions[0].page}")
    print(json.dumps(as_object(answer))) if arguments.json else show(answer)
    for fault in answer.lost:
        tell_fault("otalab repair", fault)
    return 3 if answer.lost else 0 if answer.outcome in ("safe", "found") else 1


def _design(arguments: argparse.Namespace) -> Design:
    """Return the design; code has no choices that could be changed."""
    design = design_or_code(chosen_design(arguments))
    if not isinstance(design, Design):
        raise BadInput(
            f"{design.name} is code, and a repair changes the choices of a design: otalab check shows how it breaks"
        )
    return design


def as_object(answer: Repair) -> dict[str, Any]:
    """Return the answer as JSON knows it."""
    return {
        "design": answer.design.name,
        "outcome": answer.outcome,
        "size": answer.size,
        "tried": answer.tried,
        "undecided": [[change.text for change in changes] for changes in answer.undecided],
        "suggestions": [
            {
                "changes": {change.way: {"from": change.old, "to": change.new} for change in suggestion.changes},
                "cells": [
                    {"faults": cell.faults, "image": cell.image, "verdict": cell.verdict, "states": cell.states,
                     "wrecks": cell.wrecks}
                    for cell in suggestion.proofs
                ],
            }
            for suggestion in answer.suggestions
        ],
    }  # fmt: skip


def show(answer: Repair) -> None:
    """Print the answer for people."""
    print(f"{answer.design.name}: {answer.text}")
    for suggestion in answer.suggestions:
        print()
        for change in suggestion.changes:
            print(f"  {change.text}")
        for cell in suggestion.proofs:
            print(
                f"    proved {cell.verdict}: {cell.faults}, {cell.image}: {cell.states} states, {cell.wrecks:,} wrecks"
            )

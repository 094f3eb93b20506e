"""`otalab explore-recording`: what any number of power cuts make of an update that was recorded elsewhere."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from otalab.bench.recorded import RecordedScenario, RefusedStart, RefusedUpdate, recorded_scenario
from otalab.bench.recording import read_recording
from otalab.cli import check as check_cli
from otalab.cli.interrupts import until_interrupted
from otalab.cli.options.budget import add_budget, chosen_budget
from otalab.cli.options.firmware import add_firmware, chosen_design
from otalab.cli.parser import group
from otalab.cli.progress import bar
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.files import read_bytes
from otalab.graph.asked import files_of, some_faults
from otalab.graph.budget import Budget
from otalab.graph.case import Case, digest, named
from otalab.graph.check import Cell, LostCell, tried
from otalab.graph.explorer import Explorer


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("explore-recording")
    parser.add_argument("recording", metavar="FILE", help="erases and programs, in the format of docs/interchange.md")
    add = group(parser, "the device").add_argument
    add("--design", metavar="D", help="whose boot loader decides: name, or TOML file")
    add_firmware(parser)
    add("--board", default="lab-1M", metavar="B", help="name, or path of a TOML file (lab-1M)")
    add_options(parser)
    add = group(parser, "the search").add_argument
    add("--faults", default="all", metavar="NAME", help="what a power cut leaves (all)")
    add_budget(add)
    group(parser, "what comes out").add_argument("--json", action="store_true", help="print exactly one JSON object")
    parser.set_defaults(func=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what a scenario needs to know besides the recording."""
    add = group(parser, "the recording").add_argument
    add("--image-file", metavar="INITIAL.bin", help="the flash before the update, raw (as shipped)")
    add(
        "--new",
        metavar="VERSION:SLOT:LENGTH",
        help="the image that it brings (what it leaves in the slot then started)",
    )


def recording_of(
    recording: str, design: str, board: str, image: str | None, new: str | None
) -> tuple[RecordedScenario, str]:
    """Return the scenario of a recording, and what stands for its files in an id."""
    initial = read_bytes(image) if image else None
    try:
        scenario = recorded_scenario(read_recording(recording), design, board, initial, _new_image(new))
    except RefusedStart as refused:
        raise BadInput(f"{image}: {refused}" if image else str(refused)) from refused
    took_part = read_bytes(recording), initial or b"", (new or "").encode()
    return scenario, f"recording-{digest(b'/'.join(took_part))}"


def run(arguments: argparse.Namespace) -> int:
    """Explore the recording under every fault model that was named; 1 if a cell is not safe, or no update goes in."""
    every = sorted(some_faults(arguments.faults))
    budget = chosen_budget(arguments)
    for name in every:
        fault_model(name)
    design = chosen_design(arguments)
    try:
        scenario, files = recording_of(
            arguments.recording, design, arguments.board, arguments.image_file, arguments.new
        )
    except RefusedUpdate as fault:
        print(
            json.dumps({"results": [], "findings": [str(fault)]})
            if arguments.json
            else f"{arguments.recording}: {fault}"
        )
        return 1
    given = {"recording": arguments.recording, "image-file": arguments.image_file, "new": arguments.new}
    paths = (
        *files_of(design=design, board=arguments.board),
        *((option, value) for option, value in given.items() if value),
    )
    case = Case(named(design), named(arguments.board), "", "healthy", scenario.offers, files, files=paths)
    cells = until_interrupted(_cells(scenario, case, every, budget, quiet=arguments.json))
    findings = [*scenario.findings, *filter(None, [scenario.not_taken])]
    if arguments.json:
        print(json.dumps({"results": [cell.as_object() for cell in cells], "findings": findings}))
    else:
        check_cli.show(cells)
        print(*(f"\n{finding}" for finding in findings), sep="")
    return check_cli.status_of(cells) or (1 if scenario.not_taken else 0)


def _cells(
    scenario: RecordedScenario, case: Case, every: list[str], budget: Budget, *, quiet: bool
) -> Iterator[Cell | LostCell]:
    for number, name in enumerate(every, 1):
        which = f"cell {number} of {len(every)}" if len(every) > 1 else ""
        with bar(desc=f"{which} {name}", unit=" runs") as shown:

            def progress(explorer: Explorer, shown: Any = shown) -> None:
                shown.update(explorer.expanded - shown.n)

            model = fault_model(name)
            cell = tried(replace(case, faults=name), scenario, model, budget=budget, progress=progress)
        if not quiet:
            check_cli.tell(cell, f"{which}, " if which else "")
        yield cell


def _new_image(text: str | None) -> tuple[str, int, int] | None:
    if text is None:
        return None
    try:
        version, slot, length = text.rsplit(":", 2)
        return version, int(slot), int(length, 0)
    except ValueError as error:
        raise BadInput(f"--new {text!r}: VERSION:SLOT:LENGTH is needed, such as 2.1:1:0x2000") from error

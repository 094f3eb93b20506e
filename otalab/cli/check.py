"""`otalab check`: proof for any number of power cuts, or the shortest history that breaks a design."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from textwrap import fill
from typing import Any

from otalab.cli.interrupts import pressed, until_interrupted
from otalab.cli.options.budget import add_budget, chosen_budget
from otalab.cli.options.effect import goes_with, refuse_idle
from otalab.cli.options.firmware import add_firmware, chosen_designs
from otalab.cli.options.formats import add_format, chosen_format, csv_text
from otalab.cli.options.outputs import add_force, apart, output
from otalab.cli.options.scenario import add_options, chosen_options
from otalab.cli.parser import group
from otalab.cli.progress import bar
from otalab.cli.way_out import tell_fault
from otalab.errors import BadInput
from otalab.faults.models import LEFT_OUT, OF_ITS_OWN, fault_model
from otalab.files import Output
from otalab.graph.answers import answers
from otalab.graph.asked import AskedCell, questions, some_faults, some_images
from otalab.graph.cell_words import headline, lines, promise
from otalab.graph.check import Cell, LostCell, matrix, saved, with_files
from otalab.graph.doubt import second_opinion, some_seconds
from otalab.graph.explorer import Explorer
from otalab.graph.junit import junit
from otalab.graph.sarif import sarif
from otalab.text import table

COLUMNS = ("design", "faults", "image", "verdict", "ends", "cuts", "why")
COLOURS = {"safe": "32", "unsafe": "31", "open": "33"}


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("check")
    parser.add_argument("designs", nargs="*", metavar="DESIGN", help="names from the catalogue, or TOML files")
    add_firmware(parser)
    add_options(parser)
    add_format(parser)
    add = group(parser, "the search").add_argument
    add_budget(add)
    add("--jobs", type=int, default=1, metavar="N", help="processes that search at once (1)")
    add(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that searches; it reads the same files, and runs code"
    )
    add(
        "--doubt", type=float, metavar="SECONDS", help="then live hostile random histories of each cell that was closed"
    )
    add = group(parser, "what comes out").add_argument
    add("--save", metavar="FILE", help="write the counterexamples to a file that replay plays")
    add("--junit", metavar="FILE.xml", help="write the results as build servers take those of tests")
    add("--sarif", metavar="FILE.sarif", help="write the results as services take findings in code")
    add("--graph", metavar="FILE.npz", help="write the crash graph; for a single cell")
    add_force(parser)
    group(parser, "what comes out").add_argument(
        "--explain-faults", action="store_true", help="say what each fault model leaves, and end"
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Check every cell and print the matrix; 1 if one of them is not safe."""
    if arguments.explain_faults:
        return _explain(arguments)
    how = chosen_format(arguments)
    if arguments.scheduler is not None and arguments.jobs != 1:
        raise BadInput(f"--jobs {arguments.jobs}: --scheduler has workers of its own: leave it out")
    every = questions(
        chosen_designs(arguments),
        some_faults(arguments.faults),
        some_images(arguments.image),
        budget=chosen_budget(arguments),
        bundle_path=arguments.bundle,
        **chosen_options(arguments),
    )
    writes = arguments.save or arguments.graph or arguments.junit or arguments.sarif
    goes_with(arguments, writes, "--save, --graph, --junit or --sarif", "--force")
    save, graph = output(arguments.save, arguments), output(arguments.graph, arguments)
    files = [(output(arguments.junit, arguments), junit), (output(arguments.sarif, arguments), sarif)]
    apart(save, graph, *(place for place, _ in files))
    if graph and len(every) != 1:
        raise BadInput(f"--graph takes a single cell, and these are {len(every)}")
    seconds = None if arguments.doubt is None else some_seconds(arguments.doubt)
    cells, doubts = _doubted(_answered(every, arguments), seconds, loud=how == "table")
    if graph and isinstance(cells[0], Cell):
        graph.write(cells[0].graph.npz())
    results = [cell.as_object() | doubt for cell, doubt in zip(cells, doubts, strict=True)]
    if save:
        endings = [(cell.case, cell.graph.counterexample) for cell in cells if isinstance(cell, Cell)]
        save.write(saved([with_files(case, bad) for case, bad in endings if bad]))
    _written(cells, files)
    if how == "json":
        print(json.dumps({"results": results}))
    elif how == "csv":
        print(csv_text(COLUMNS, [tuple(row.values()) for row in matrix(cells)]), end="")
    else:
        show(cells)
    return status_of(cells)


def _explain(arguments: argparse.Namespace) -> int:
    """Say what fault models leave."""
    others = sorted(arguments.typed - {"--explain-faults", "--faults"})
    refuse_idle(arguments, "--explain-faults says what --faults leave, and ends", *others)
    for name in some_faults(arguments.faults):
        print(f"{name}: {fault_model(name).explain()}\n")
    print(fill(f"In none of them: {'; '.join(LEFT_OUT)}.", 100))
    return 0


def _written(cells: Sequence[Cell | LostCell], files: list[tuple[Output | None, Callable[..., str]]]) -> None:
    """Write the cells in each format for which a place was named."""
    for place, form in files:
        if place:
            place.write(form(cells))


def _doubted(
    cells: Sequence[Cell | LostCell], seconds: float | None, *, loud: bool
) -> tuple[list[Cell | LostCell], list[dict[str, Any]]]:
    """Return the cells after a second opinion of each that was closed, and what each says of it."""
    after: list[Cell | LostCell] = []
    doubts: list[dict[str, Any]] = []
    for cell in cells:
        if seconds is None or not isinstance(cell, Cell) or not cell.graph.closed or pressed():
            after.append(cell)
            doubts.append({})
            continue
        with bar(unit=" histories", desc=f"doubting {cell.case.text}") as shown:
            kept, doubt = second_opinion(cell, seconds, lambda so_far: shown.update(so_far.histories - shown.n))
        after.append(kept)
        doubts.append({"doubt": doubt.as_object()})
        if loud:
            print(f"{cell.case.text}: {doubt.text}", flush=True)
    return after, doubts


def _answered(every: list[AskedCell], arguments: argparse.Namespace) -> list[Cell | LostCell]:
    if arguments.scheduler is None:
        return until_interrupted(_cells(every, arguments))
    from otalab.numbers.campaigns.workers import dask_cluster  # noqa: PLC0415  # slow to load

    with dask_cluster(arguments.scheduler, "run again, or without --scheduler") as cluster:
        return until_interrupted(_cells(every, arguments, cluster.submit))


def status_of(cells: Sequence[Cell | LostCell]) -> int:
    """Tell every internal fault on standard error, and return the exit status: 3 if there is one, 1 for bad news."""
    lost = [cell for cell in cells if isinstance(cell, LostCell)]
    for cell in lost:
        tell_fault("otalab", cell.fault)
    return 3 if lost else 1 if any(cell.verdict != "safe" for cell in cells) else 0


def _cells(
    every: list[AskedCell], arguments: argparse.Namespace, submit: Callable[..., Any] | None = None
) -> Iterator[Cell | LostCell]:
    """Yield the cells, each told as soon as it is known, with how many are still to come."""
    several, begun = len(every) > 1, time.monotonic()
    with bar(unit=" runs") as shown:

        def watch(number: int, explorer: Explorer) -> None:
            left = (time.monotonic() - begun) / number * (len(every) - number) if number else 0.0
            which = f"cell {number + 1} of {len(every)}: " if several else ""
            about = f", about {left / 60:.0f} min left" if left > 90 else f", about {left:.0f} s left" if left else ""
            shown.set_description_str(f"{which}{every[number].text}{about}", refresh=False)
            if explorer.expanded < shown.n:
                shown.reset()
            shown.update(explorer.expanded - shown.n)

        for number, cell in enumerate(answers(every, arguments.jobs, watch, submit), 1):
            if chosen_format(arguments) == "table":
                shown.clear()
                tell(cell, f"cell {number} of {len(every)}, " if several else "")
            yield cell


def tell(cell: Cell | LostCell, which: str = "") -> None:
    """Print what was found in a cell, at once."""
    if isinstance(cell, LostCell):
        print(f"{which}{cell.case.text}: {headline(cell)}")
        print(*(f"  {line}" for line in lines(cell)), "", sep="\n", flush=True)
        return
    graph = cell.graph
    print(
        f"{which}{cell.case.text}: {promise(cell)}; {graph.nodes} states, {graph.expanded} runs, "
        f"{graph.wrecks:,} wrecks judged, {cell.seconds:.2f} s" + ("" if graph.closed else "; the graph is not closed")
    )
    for line in lines(cell):
        print(f"  {line}")
    if over := cell.over_unerased:
        print(f"  allowed, and no end by itself: {over.text}\n  {cell.case.replay(over.id)}")
    print(flush=True)


def show(cells: Sequence[Cell | LostCell]) -> None:
    """Print the matrix, and what is in none of its verdicts."""
    rows = [tuple(row.values()) for row in matrix(cells)]
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    lines = list(table(COLUMNS, rows, right="cuts"))
    print("\n".join(lines[:2]))
    for cell, line in zip(cells, lines[2:], strict=True):
        print(f"\033[{COLOURS[cell.verdict]}m{line}\033[0m" if colour else line)
    print("\n" + fill(f"Not in these verdicts: {'; '.join(LEFT_OUT)}; {OF_ITS_OWN}.", 100))

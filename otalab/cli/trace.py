"""`otalab trace`: one undisturbed update, effect by effect."""

from __future__ import annotations

import argparse
import json
import sys
from math import fsum
from typing import Any

from otalab.bench.ends import End
from otalab.bench.linked import elsewhere
from otalab.bench.observer import judge
from otalab.bench.options import ScenarioOptions
from otalab.bench.programmed import programmed_too_often
from otalab.bench.recording import recording
from otalab.bench.setup import set_up
from otalab.bench.trace import COUNTS, Life, by_phase, effects, life
from otalab.bench.unerased import over_unerased, sentence
from otalab.cli.options.effect import goes_with, refuse_idle
from otalab.cli.options.firmware import add_firmware, chosen_design
from otalab.cli.options.formats import add_format, chosen_format, csv_text
from otalab.cli.options.outputs import add_force, apart, output
from otalab.cli.options.plots import add_plot, drawn, plotted
from otalab.cli.options.scenario import add_device_options, add_image, chosen_options
from otalab.cli.parser import group
from otalab.text import seconds, table


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("trace")
    parser.add_argument(
        "design", nargs="?", metavar="DESIGN", help="a name from the catalogue, or the path of a TOML file"
    )
    add_firmware(parser)
    add = group(parser, "what comes out").add_argument
    add("--summary", action="store_true", help="one line per phase in place of one per effect")
    add("--record", metavar="OUT.csv", help="write the update as a recording, for explore-recording")
    add_plot(parser)
    add_force(parser)
    add_device_options(parser)
    add_image(parser)
    add_format(parser)
    parser.set_defaults(func=trace)


def trace(arguments: argparse.Namespace) -> int:
    """Print the life of a device that takes one update."""
    goes_with(arguments, arguments.record or arguments.plot, "--record or --plot", "--force")
    how = chosen_format(arguments)
    if how == "json":
        refuse_idle(arguments, "JSON tells the phases and the effects: leave it out", "--summary")
    record, picture = output(arguments.record, arguments), plotted(arguments)
    apart(record, picture)
    options = chosen_options(arguments)
    ScenarioOptions.of(options).require_an_end("a trace comes to an end")
    scenario = set_up(chosen_design(arguments), image=arguments.image, **options)
    lived = life(scenario)
    if record:
        record.write(recording(lived))
    if picture:
        from otalab.views.figures.timeline import plot_timeline, timeline_table  # noqa: PLC0415  # slow to load

        picture.write(drawn(plot_timeline(timeline_table(lived), title=scenario.device.firmware.name), picture.path))
    end = judge(scenario, lived)
    over = [(number, step.number, sentence(lived.board, step)) for number, step in over_unerased(lived)]
    for warning in filter(None, (programmed_too_often(scenario), elsewhere(scenario), _first(over))):
        print(f"otalab trace: {warning}", file=sys.stderr)
    phases = by_phase(lived)
    total = fsum(run.seconds for run in lived.runs)
    if how == "json":
        print(json.dumps(as_object(lived, end, phases, total) | _unerased(over)))
    elif how == "csv" and arguments.summary:
        print(csv_text(("phase", *COUNTS, "seconds"), [(name, *row.values()) for name, row in phases.items()]), end="")
    elif how == "csv":
        every = list(effects(lived))
        print(csv_text(list(every[0]), [tuple(row.values()) for row in every]), end="")
    else:
        _show(lived, end, phases, total, summary=arguments.summary)
    return 0


def _first(over: list[tuple[int, int, str]]) -> str:
    """Return a sentence about the first program over flash that is not erased; empty if there is none."""
    return "".join(
        f"run {number}, effect {effect}: {reason}" + (f"; {len(over) - 1} more effects do so" if over[1:] else "")
        for number, effect, reason in over[:1]
    )


def _unerased(over: list[tuple[int, int, str]]) -> dict[str, Any]:
    """Return them in the shape that JSON has."""
    rows = [{"run": number, "effect": effect, "reason": reason} for number, effect, reason in over]
    return {"unerased": rows} if rows else {}


def _show(lived: Life, end: End, phases: dict[str, dict[str, Any]], total: float, *, summary: bool) -> None:
    if not summary:
        shown = [
            (row["run"], row["effect"], row["phase"], row["what"], row["sector"], row["owner"], seconds(row["seconds"]))
            for row in effects(lived)
        ]
        header = ("run", "effect", "phase", "what", "sector", "owner", "duration")
        print("\n".join(table(header, shown, right="run effect sector duration")), end="\n\n")
    rows = [(name, *(phase[key] for key in COUNTS), seconds(phase["seconds"])) for name, phase in phases.items()]
    print("\n".join(table(("phase", *COUNTS, "duration"), rows, right=" ".join((*COUNTS, "duration")))))
    print("\n" + "\n".join(f"log  {line}" for line in lived.log))
    print(f"\n{end.name}: {end.reason}; {sum(len(run.steps) for run in lived.runs)} effects, {total:.3f} s")


def as_object(lived: Life, end: End, phases: dict[str, dict[str, Any]], total: float) -> dict[str, Any]:
    """Return the trace as one JSON object; a wait without end has `null` seconds."""
    rows = [row | {"seconds": None} if row["seconds"] == float("inf") else row for row in effects(lived)]
    return {
        "end": end.name,
        "reason": end.reason,
        "runs": len(lived.runs),
        "seconds": total,
        "phases": phases,
        "effects": [row | {"sector": None if row["sector"] == "" else row["sector"]} for row in rows],
        "log": list(lived.log),
    }

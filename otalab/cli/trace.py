"""`otalab trace`: one undisturbed update, effect by effect."""

from __future__ import annotations

import argparse
import json
from math import fsum
from typing import Any

from otalab.bench.ends import End
from otalab.bench.observer import judge
from otalab.bench.recording import recording
from otalab.bench.setup import set_up
from otalab.bench.trace import COUNTS, Life, by_phase, effects, life
from otalab.cli.options.outputs import add_force, output
from otalab.cli.options.scenario import add_options, chosen_options
from otalab.text import seconds, table


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("trace", help="one undisturbed update, effect by effect")
    parser.add_argument("design", metavar="DESIGN", help="a name from the catalogue, or the path of a TOML file")
    parser.add_argument("--summary", action="store_true", help="one line per phase in place of one per effect")
    parser.add_argument("--record", metavar="OUT.csv", help="write the update as a recording, for explore-recording")
    add_force(parser)
    add_options(parser)
    parser.set_defaults(func=trace)


def trace(chosen: argparse.Namespace) -> int:
    """Print the life of a device that takes one update."""
    record = output(chosen.record, chosen)
    scenario = set_up(chosen.design, image=chosen.image, **chosen_options(chosen))
    lived = life(scenario)
    if record:
        record.write(recording(lived))
    end = judge(scenario, lived)
    phases = by_phase(lived)
    total = fsum(run.seconds for run in lived.runs)
    if chosen.json:
        print(json.dumps(as_object(lived, end, phases, total)))
        return 0
    if not chosen.summary:
        rows = [
            (row["run"], row["effect"], row["phase"], row["what"], row["sector"], row["owner"], seconds(row["seconds"]))
            for row in effects(lived)
        ]
        header = ("run", "effect", "phase", "what", "sector", "owner", "duration")
        print("\n".join(table(header, rows, right="run effect sector duration")), end="\n\n")
    rows = [(name, *(phase[key] for key in COUNTS), seconds(phase["seconds"])) for name, phase in phases.items()]
    print("\n".join(table(("phase", *COUNTS, "duration"), rows, right=" ".join((*COUNTS, "duration")))))
    print("\n" + "\n".join(f"log  {line}" for line in lived.log))
    print(f"\n{end.name}: {end.reason}; {sum(len(run.steps) for run in lived.runs)} effects, {total:.3f} s")
    return 0


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

"""`otalab replay`: a history played on plain contents, effect by effect."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import groupby
from math import fsum, inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from otalab.bench.ends import End
from otalab.bench.scenario import Scenario
from otalab.bench.trace import Step, sector_of, words
from otalab.cli.options.effect import goes_with, refuse_idle
from otalab.cli.options.histories import add_file_options, refuse_unused, wanted
from otalab.cli.options.outputs import add_force, output
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.firmware import store
from otalab.formats.records.record import Invalid
from otalab.graph.case import Case
from otalab.graph.history import Played, ending, play
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash
from otalab.text import seconds


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("replay")
    parser.add_argument(
        "history", metavar="FILE|ID|LINK", help="a file written by check --save, a short id, or a link of a player"
    )
    add_file_options(parser)
    add = group(parser, "what comes out").add_argument
    add("--all", action="store_true", help="show every effect, not only those of the boot records")
    add("--dump", metavar="OUT.bin", help="write the flash as a raw image")
    add("--step", metavar="RUN.EFFECT", help="with --dump: just before this effect (at the end)")
    add("--json", action="store_true", help="print exactly one JSON object")
    add_force(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Play every history that was named."""
    with TemporaryDirectory(prefix="otalab-") as folder:  # for the pages that a link brings
        return _run(arguments, Path(folder))


def _run(arguments: argparse.Namespace, folder: Path) -> int:
    # Raw flash has no room for words: what is there is kept if it would change.
    dump = output(arguments.dump, arguments, mark="")
    if arguments.step and not dump:
        raise BadInput(f"--step {arguments.step}: says when the flash is written, so it goes with --dump")
    goes_with(arguments, dump, "--dump", "--force")
    if arguments.json:
        refuse_idle(arguments, "JSON counts the effects and tells the cuts: leave it out", "--all")
    every = wanted(arguments, folder)
    if dump and len(every) != 1:
        raise BadInput(f"{arguments.history}: holds {len(every)} histories, and --dump takes one: name it by its id")
    cases = [Case.parse(history.identity) for history in every]
    scenarios = [history.scenario(case) for history, (case, _) in zip(every, cases, strict=True)]
    refuse_unused(every)
    results = []
    for history, (case, legs), scenario in zip(every, cases, scenarios, strict=True):
        identity, faults = history.identity, fault_model(case.faults)
        played = list(play(scenario, faults, legs))
        end = ending(scenario, played)
        results.append({"id": identity, "end": end.name, "reason": end.reason, "runs": [*map(_object, played)]})
        if not arguments.json:
            _show(identity, scenario, played, end, everything=arguments.all)
        if dump:
            dump.write(_at(played, arguments.step).image)
    if arguments.json:
        print(json.dumps({"histories": results}))
    return 0


def _show(identity: str, scenario: Scenario, played: list[Played], end: End, *, everything: bool) -> None:
    print(identity)
    for number, leg in enumerate(played):
        print(f"\nrun {number}: power on")
        print("\n".join(_lines(scenario, leg, everything=everything)))
    print(f"\n{end.name}: {end.reason}")


def _object(leg: Played) -> dict[str, Any]:
    """Return one run of a history as JSON knows it; a wait without end has `null` seconds."""
    steps = leg.steps
    cut = None
    if leg.leg.step is not None:
        cut = {"effect": leg.leg.step, "phase": steps[-1].phase, "what": words(steps[-1].effect), "tear": leg.leg.tear}
    time = fsum(step.seconds for step in steps)
    said = [line for number, line in leg.run.log if number <= len(steps) - (leg.leg.step is not None)]
    return {"effects": len(steps), "seconds": time if time < inf else None, "cut": cut, "log": said}


def _lines(scenario: Scenario, leg: Played, *, everything: bool) -> Iterator[str]:
    """Yield the effects of a leg; long stretches away from the records in one line each, unless all are wanted."""
    places = {scenario.device.board.sectors_of(place).start for place in scenario.device.board.records}

    def group(step: Step) -> tuple[Any, ...]:
        shown = everything or sector_of(step.effect, step.before) in places or step is leg.steps[-1]
        return (step.number,) if shown else ("", step.phase)

    for key, members in groupby(leg.steps, group):
        steps = list(members)
        if len(key) == 2:
            time = fsum(step.seconds for step in steps)
            numbers = f"{steps[0].number}-{steps[-1].number}"
            yield f"  {numbers:>11}  {steps[0].phase:9} {len(steps)} effects, {seconds(time)}"
            continue
        step = steps[0]
        yield f"  {step.number:>11}  {step.phase:9} {words(step.effect)}, {seconds(step.seconds)}"
        if step is leg.steps[-1] and leg.leg.step is not None:
            yield f"{'':13}  THE POWER FAILS: {leg.leg.tear}"
        if sector_of(step.effect, step.before) in places:
            after = leg.flash if step is leg.steps[-1] else step.before.after(step.effect)
            yield from (f"{'':15}{line}" for line in _records(scenario, step.before, after))
    yield from (
        f"  log  {line}" for number, line in leg.run.log if number <= len(leg.steps) - (leg.leg.step is not None)
    )


def _records(scenario: Scenario, before: Flash, after: Flash) -> Iterator[str]:
    design, board = scenario.device.records, scenario.device.board
    if design is None:
        return
    form = store.codec(design)
    selected = store.select(Chip(board, after), design)
    places = store.places(board, design)
    for number, address in enumerate(places):
        was, now = (flash.read(address, form.size) for flash in (before, after))
        record = form.decode(now)
        said = (
            record.reason if isinstance(record, Invalid) else f"sequencer {record.sequencer}, {record.config.summary}"
        )
        arguments = ", selected" if selected and selected.place == number else ""
        if len(places) > len(board.records) and was == now and not arguments:
            continue  # of many places most tell nothing
        if was != now:
            yield f"record {number} was {_hex(was)}"
        yield f"record {number} {'is ' if was != now else 'still'} {_hex(now)}  {said}{arguments}"


def _hex(data: bytes) -> str:
    return f"{data[:16].hex(' ')} … {data[-4:].hex(' ')}"


def _at(played: list[Played], step: str | None) -> Flash:
    if step is None:
        return played[-1].flash
    try:
        run_number, effect = map(int, step.split("."))
        return played[run_number].steps[effect].before
    except (ValueError, IndexError) as error:
        raise BadInput(f"--step {step!r}: RUN.EFFECT of this history is needed, such as 0.12") from error

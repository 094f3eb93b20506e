"""`otalab risk`: the exact probability of each end, per update.

What carries it out takes seconds to load, so that is done when it is called.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from otalab.bench.ends import BAD, ENDS
from otalab.cli.options.study import add_study_options, chosen_study
from otalab.text import seconds, table

if TYPE_CHECKING:
    from otalab.numbers.risk import Weighed
    from otalab.numbers.study import Study


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("risk", help="the exact probability of each end, per update")
    add_study_options(parser)
    parser.set_defaults(func=run)


def run(chosen: argparse.Namespace) -> int:
    """Explore, weigh, solve and print; 0 whatever was found."""
    one = chosen_study(chosen)
    explore(one)
    told = as_object(one)
    if chosen.json:
        print(json.dumps(told))
    else:
        show(one, told)
    return 0


def explore(one: Study) -> None:
    """Explore the study's graph, and show how far that is, on standard error, if it takes long."""
    from tqdm import tqdm  # noqa: PLC0415  # see above

    with tqdm(desc=f"exploring {one.design.name}", unit=" runs", delay=1, leave=False, file=sys.stderr) as bar:
        one.explore(lambda explorer: bar.update(explorer.expanded - bar.n))


def as_object(one: Study) -> dict[str, Any]:
    """Return the answer in the shape that the contract gives it, and the band over the members of a fault model."""
    weighed = one.weighed
    band = {name: member.ends for name, member in one.band().items()} if len(one.graph.members) > 1 else {}
    return {
        "design": one.design.name,
        "faults": one.faults,
        "part": one.scenario.part.name,
        "timing": one.timing,
        "image": one.image,
        "rate_per_hour": one.rates.default,
        "rate_per_hour_in": dict(one.rates.phases),
        "given": weighed.walk.given,
        "verdict": one.graph.verdict,
        "ends": weighed.ends,
        "bounds": {end: list(bounds) for end, bounds in weighed.bounds.items()},
        "expected": weighed.expected(),
        "by_phase": weighed.by_phase(),
        "band": band,
        "wear": weighed.wear.tolist(),
    }


def show(one: Study, told: dict[str, Any]) -> None:
    """Print the answer for people."""
    weighed = one.weighed
    print(
        f"{one.design.name}, image {one.image}, {one.scenario.part.name} ({one.timing}), faults {one.faults}, "
        f"{one.rates.default:.6g} power failures per hour"
        + "".join(f", {rate:.6g} in {phase}" for phase, rate in one.rates.phases)
    )
    if one.given_cut:
        print(f"given that a power cut comes during the update, which has probability {weighed.walk.given:.6g}")
    print("\n" + "\n".join(_ends(weighed, told["band"])))
    expected = told["expected"]
    print(f"\nexpected: {expected['cuts']:.6g} cuts, {expected['seconds']:.6g} s, {expected['erases']:.6g} erases")
    rows = [
        (row["phase"], seconds(row["seconds"]), f"{row['p_cut']:.4e}", f"{row['p_bad']:.4e}")
        for row in told["by_phase"]
    ]
    print("\n" + "\n".join(table(("phase", "duration", "cuts", "fatal"), rows, right="duration cuts fatal")))
    bad = one.graph.counterexample
    if bad and not sum(high for end, (_, high) in weighed.bounds.items() if end in BAD):
        print(
            f"\nUnsafe all the same: {bad.end} after {len(bad.cuts)} cut(s), by a tear to which these weights or "
            "flip points give no probability."
        )
    if not weighed.closed:
        print("\nThe graph is not closed: each probability lies between the two given; more --budget narrows them.")


def _ends(weighed: Weighed, band: dict[str, dict[str, float]]) -> list[str]:
    rows = []
    for end in ENDS:
        low, high = weighed.bounds[end]
        told = f"{low:.6e}" + (f" to {high:.6e}" if high > low else "")
        among = [ends[end] for ends in band.values()]
        rows.append((end, told, *([f"{min(among):.4e} to {max(among):.4e}"] if band else [])))
    header = ("end", "probability", *(["among the members of the fault model"] if band else []))
    return list(table(header, rows))

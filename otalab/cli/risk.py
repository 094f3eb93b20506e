"""`otalab risk`: the probability of each end, per update: exact where the crash graph was followed, sampled beyond.

What carries it out takes seconds to load, so that is done when it is called.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from textwrap import fill
from typing import TYPE_CHECKING, Any

from otalab.bench.ends import BAD, ENDS
from otalab.bench.linked import refused
from otalab.cli.interrupts import pressed
from otalab.cli.laws import LAWS, by_laws, by_street, lines
from otalab.cli.options.effect import goes_with, refuse_idle
from otalab.cli.options.firmware import chosen_designs
from otalab.cli.options.formats import add_format, chosen_format, csv_text
from otalab.cli.options.laws import Laws, add_street, chosen_laws, chosen_street
from otalab.cli.options.outputs import add_force
from otalab.cli.options.plots import add_plot, drawn, plotted
from otalab.cli.options.study import add_study_options, chosen_study
from otalab.cli.parser import group
from otalab.cli.per_year import COST, in_years, per_year
from otalab.cli.progress import bar
from otalab.cli.sensitivity import by_input, moved
from otalab.errors import BadInput
from otalab.graph.explorer import Explorer
from otalab.graph.partial import PartialGraph
from otalab.text import number_of, seconds, table

CONFIDENCE = 0.95  # of intervals, as everywhere
MOSTLY = 0.5  # only an update that is lost more often than not can have been refused

if TYPE_CHECKING:
    from otalab.files import Output
    from otalab.numbers.risk import Weighed
    from otalab.numbers.streets import Street
    from otalab.numbers.study import Study


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("risk")
    add_study_options(parser, several=True)
    add_street(group(parser, "how likely power cuts are").add_argument)
    add = group(parser, "what comes out").add_argument
    add("--updates-per-year", type=float, metavar="U", help="tell the risk per device-year as well")
    add("--years", type=float, default=10.0, metavar="Y", help="and in so many years (10)")
    add("--brick-cost", type=float, metavar="C", help=f"{COST}; with --updates-per-year")
    add("--sensitivity", action="store_true", help="tell what matters most; with --plot, a tornado")
    add_format(parser)
    add_plot(parser)
    add_force(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Explore, weigh, solve and print; 0 whatever was found."""
    names, picture, how = chosen_designs(arguments), plotted(arguments), chosen_format(arguments)
    if picture and len(names) > 1:
        raise BadInput(f"--plot draws the phases of one design, and these are {len(names)}")
    _refuse_untold(arguments, how, several=len(names) > 1)
    street = chosen_street(arguments)
    studies, laws = {name: chosen_study(arguments, name) for name in names}, chosen_laws(arguments)
    if how == "csv" and laws.options and not picture:
        raise BadInput(f"{laws.options}: a law, and CSV tells the ends at its mean alone: take --json")
    side_by_side = how == "table" and len(names) > 1
    results = {}
    for name, study in studies.items():
        explore(study)
        results[name] = as_object(study) | per_year(study, arguments)
        if pressed():
            break  # what is known by now is printed, and said to be partial
        with suppress(KeyboardInterrupt):
            for more in _besides(study, Laws() if side_by_side else laws, street, arguments):
                results[name] |= more
    if picture:
        _draw(studies[names[0]], picture, results[names[0]])
    if how == "csv":
        rows = [
            (name, end, result["ends"][end], *result["bounds"][end]) for name, result in results.items() for end in ENDS
        ]
        print(csv_text(("design", "end", "probability", "low", "high"), rows), end="")
    elif how == "json":
        print(json.dumps({"results": list(results.values())} if len(names) > 1 else results[names[0]]))
    elif side_by_side:
        beside(results, f", at the mean of the law ({laws.options})" if laws.options else "")
    else:
        show(studies[names[0]], results[names[0]])
    return 0


def _refuse_untold(arguments: argparse.Namespace, how: str, *, several: bool) -> None:
    """Refuse what would be worked out and not told."""
    goes_with(arguments, arguments.plot, "--plot", "--force")
    goes_with(arguments, arguments.updates_per_year, "--updates-per-year", "--years", "--brick-cost")
    if how == "csv" or (how == "table" and several):
        why = "CSV tells the ends alone" if how == "csv" else "of several designs the ends are set side by side"
        idle = ("--updates-per-year", "--street", *(() if arguments.plot else ("--sensitivity",)))
        refuse_idle(arguments, f"{why}: take --json, or leave it out", *idle)


def _draw(study: Study, picture: Output, result: dict[str, Any]) -> None:
    """Draw what was asked for besides the ends, or the phases."""
    import pandas as pd  # noqa: PLC0415  # slow to load

    from otalab.views.figures import laws, risk  # noqa: PLC0415  # slow to load

    title, law = study.design.name, next((result[name] for name in LAWS if name in result), None)
    if "sensitivity" in result:
        ax = risk.plot_sensitivity(pd.DataFrame(result["sensitivity"]), title=title)
    elif law is not None:
        ax = laws.plot_law(laws.law_table(study, law["ends"].values()), title=title)
    else:
        ax = risk.plot_risk_phases(risk.risk_phase_table(study), title=title)
    picture.write(drawn(ax, picture.path))


def _besides(
    study: Study, laws: Laws, street: Street | None, arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Yield what the laws come to, what a bad day costs, and what matters most: each may take several searches."""
    from otalab.numbers.fleet import Fleet  # noqa: PLC0415  # slow to load
    from otalab.numbers.yearly import A_MILLION  # noqa: PLC0415  # see above

    updates = None if arguments.updates_per_year is None else arguments.updates_per_year * arguments.years
    yield by_laws(study, laws, updates)
    yield by_street(Fleet((study,)), A_MILLION, street)
    if arguments.sensitivity:
        yield by_input(study)


def beside(results: dict[str, dict[str, Any]], law: str) -> None:
    """Print several answers side by side, each under its design as it was given: two may have one name.

    `law` says what was not one number, and was taken at its mean.
    """
    some = next(iter(results.values()))
    print(
        f"per update; image {some['image']}, faults {some['faults']}, {some['rate_per_hour']:.6g} power failures per "
        f"hour{law}\n"
    )
    rows = [("verdict", *(result["verdict"] for result in results.values()))]
    rows += [
        (end, *(_bounded(result["ends"][end], *result["bounds"][end]) for result in results.values())) for end in ENDS
    ]
    for name in ("cuts", "seconds", "erases"):
        rows.append((f"expected {name}", *(f"{result['expected'][name]:.6g}" for result in results.values())))
    print("\n".join(table(("", *results), rows)))


def explore(study: Study) -> None:
    """Explore the study's graph, and show how far that is, on standard error, if it takes long."""
    with bar(desc=f"exploring {study.design.name}", unit=" runs") as shown:

        def watch(explorer: Explorer) -> None:
            if explorer.expanded < shown.n:
                shown.reset()  # what does not close is searched by weight instead
            shown.update(explorer.expanded - shown.n)
            if isinstance(explorer, PartialGraph):
                shown.set_postfix_str(f"{explorer.unknown:.2g} not followed", refresh=False)

        study.explore(watch)


def as_object(study: Study) -> dict[str, Any]:
    """Return the answer in the shape that the contract gives it, and the band over the members of a fault model."""
    weighed = study.weighed
    band = study.band() if len(study.members) > 1 else {}
    return {
        "design": study.design.name,
        "faults": study.faults,
        "part": study.scenario.part_names,
        "timing": study.timing,
        "image": study.image,
        "per": "update",
        "board": study.board.name,
        "offer": study.scenario.offers,
        "used": study.used,
        "bytes_per_second": study.bytes_per_second,
        "weights": study.members,
        "flips": list(study.flips) if "atomic" in study.graph.members else None,
        "rate_per_hour": study.rates.default,
        "rate_per_hour_in": dict(study.rates.phases),
        "hold_up_seconds": study.rates.hold_up,
        "bounce": asdict(study.rates.bounce) if study.rates.bounce else None,
        "given": weighed.walk.given,
        "verdict": study.graph.verdict,
        "ends": weighed.ends,
        "bounds": {end: list(bounds) for end, bounds in weighed.bounds.items()},
        "expected": weighed.expected(),
        "by_phase": weighed.by_phase(),
        "band": {name: member.ends for name, member in band.items()},
        "band_bounds": {name: {end: list(b) for end, b in member.bounds.items()} for name, member in band.items()},
        "closed": weighed.closed,
        "refused": (weighed.ends["update-lost"] > MOSTLY and refused(study.scenario)) or None,
        "sampled": _sampled(weighed),
        "wear": weighed.wear.tolist(),
    }


def _sampled(weighed: Weighed) -> dict[str, Any] | None:
    """Return how much of the answer was sampled, and how its bounds were made; nothing if they are bounds of logic."""
    if weighed.sampled is None:
        return None
    return {
        "weight": weighed.unknown,
        "lives": len(weighed.sampled.lives),
        "interval": "Clopper-Pearson, two-sided",
        "confidence": CONFIDENCE,
    }


def show(study: Study, result: dict[str, Any]) -> None:
    """Print the answer for people."""
    from otalab.numbers.depends import depends  # noqa: PLC0415  # see above

    weighed = study.weighed
    print(
        f"{study.design.name}, image {study.image}, {study.scenario.part_names} ({study.timing}), "
        f"faults {study.faults}, {study.rates.default:.6g} power failures per hour"
        + "".join(f", {rate:.6g} in {phase}" for phase, rate in study.rates.phases)
    )
    if study.given_cut:
        print(f"given that a power cut comes during the update, which has probability {weighed.walk.given:.6g}")
    print("\n".join(fill(line, 100) for line in depends(study)))
    print("\n" + "\n".join(_ends(weighed, result["band_bounds"])))
    expected = result["expected"]
    least = "" if weighed.closed or weighed.sampled else "at least "
    print(
        f"\nexpected: {least}{expected['cuts']:.6g} cuts, {expected['seconds']:.6g} s, {expected['erases']:.6g} erases"
    )
    rows = [
        (row["phase"], seconds(row["seconds"]), f"{row['cuts']:.4e}", _bounded(row["p_bad"], *row["p_bad_bounds"]))
        for row in result["by_phase"]
    ]
    print("\n" + "\n".join(table(("phase", "duration", "cuts", "fatal"), rows, right="duration cuts fatal")))
    for line in lines(result):
        print(line)
    if "per_year" in result:
        print("\n" + in_years(result["per_year"]))
    if "sensitivity" in result:
        print("\n" + "\n".join(moved(result["sensitivity"])))
    bad = study.graph.counterexample
    if bad and not sum(high for end, (_, high) in weighed.bounds.items() if end in BAD):
        print(
            f"\nUnsafe all the same: {bad.end} after {number_of(len(bad.cuts), 'cut')}, by a tear to which these "
            "weights or flip points give no probability."
        )
    if result["refused"]:
        print("\n" + fill(f"Nothing of the update on offer is written: {result['refused']}.", 100))
    if not weighed.closed:
        print("\n" + fill(_open(weighed), 100))


def _open(weighed: Weighed) -> str:
    """Say what the bounds of a graph that is not closed mean."""
    ahead = f"{weighed.unknown:.3g} of all devices come to where it was not followed"
    if weighed.sampled is None:
        return f"The graph is not closed: {ahead}, so each probability lies between the two given."
    return (
        f"The graph is not closed: {ahead}, and {len(weighed.sampled.lives)} lives were sampled from there.  Each "
        f"probability is what was followed plus what was sampled, with its {CONFIDENCE:.0%} interval (Clopper-Pearson, "
        "two-sided); more --budget narrows it."
    )


def _bounded(estimate: float, low: float, high: float) -> str:
    """Return a number with its bounds, where these differ."""
    if low == high:
        return f"{estimate:.4e}"
    return f"{low:.4e} to {high:.4e}" if estimate == low else f"{estimate:.4e} ({low:.4e} to {high:.4e})"


def _ends(weighed: Weighed, band: dict[str, dict[str, tuple[float, float]]]) -> list[str]:
    rows = []
    for end in ENDS:
        low, high = weighed.bounds[end]
        text = f"{low:.6e}" + (f" to {high:.6e}" if high > low else "")
        if weighed.sampled:
            text = f"{weighed.ends[end]:.6e} ({low:.6e} to {high:.6e})"
        among = [bound for ends in band.values() for bound in ends[end]]
        rows.append((end, text, *([f"{min(among):.4e} to {max(among):.4e}"] if band else [])))
    header = ("end", "probability", *(["among the members of the fault model"] if band else []))
    return list(table(header, rows))

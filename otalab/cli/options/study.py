"""The options that `risk` and `campaign` share besides those of a scenario."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from otalab.bench.setup import board_for, design_or_code
from otalab.cli.options.effect import goes_with
from otalab.cli.options.firmware import add_firmware, chosen_design
from otalab.cli.options.laws import Laws, add_hours, chosen_laws
from otalab.cli.options.scenario import add_options, chosen_options
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.graph.budget import BUDGET
from otalab.numbers.rates import Rates

if TYPE_CHECKING:
    from otalab.numbers.study import Study


def add_study_options(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add the design, or several of them, and everything that decides how likely its ends are."""
    name, what = "a name from the catalogue, or the path of a TOML file", "; several are set side by side"
    if several:
        parser.add_argument("designs", nargs="*", metavar="DESIGN", help=name + what)
    else:
        parser.add_argument("design", nargs="?", metavar="DESIGN", help=name)
    add_firmware(parser)
    add_options(parser)
    add = group(parser, "how likely power cuts are").add_argument
    add(
        "--rate", required=True, metavar="R",
        help="power failures per hour, or 1.4/year, or us-2022, or where it is not one number: gamma(2, 0.7/year), or "
        '"14 outages in 10 homes in a year"',
    )  # fmt: skip
    add("--phase-rate", action="append", default=[], metavar="PHASE=R", help="another rate in one phase; repeatable")
    add("--hold-up", metavar="T", help="an effect that ends so soon after the supply failed is finished, as 5ms (0s)")
    add(
        "--bounce",
        metavar="P",
        help="power that comes back fails again: how likely, and when, as in '0.3 in 1min' (no)",
    )
    add_hours(add)
    add("--network", type=float, default=100_000.0, metavar="B", help="bytes per second (100000)")
    add(
        "--weights",
        metavar="M=W,...",
        help="weights of the members of the fault model all, or where they are not known: dirichlet, or "
        "'dirichlet(torn-bits=20)' (equal)",
    )
    add("--erase-flip", type=float, default=0.0, metavar="F", help="atomic: when an erase is done (0)")
    add("--program-flip", type=float, default=1.0, metavar="F", help="atomic: when a program is (1)")
    add("--given-cut", action="store_true", help="only devices that meet a cut during the update")
    add = group(parser, "the search").add_argument
    add("--budget", type=int, default=BUDGET, metavar="N", help=f"most nodes of a graph ({BUDGET})")
    add("--within", type=float, metavar="W", help="how close, as a share of each end, if the graph is open (0.01)")
    add("--seconds", type=float, metavar="S", help="search an open graph for so long at most")


def chosen_study(arguments: argparse.Namespace, name: str | None = None) -> Study:
    """Return the study that the options describe, of the design that they name or of another one."""
    from otalab.numbers.study import Study  # noqa: PLC0415  # slow to load

    design = design_or_code(chosen_design(arguments) if name is None else name)
    laws = chosen_laws(arguments)
    study = Study(
        design=design,
        rates=_rates(arguments, laws),
        faults=arguments.faults,
        image=arguments.image,
        bytes_per_second=arguments.network,
        flips=(arguments.erase_flip, arguments.program_flip),
        given_cut=arguments.given_cut,
        budget=arguments.budget,
        **chosen_options(arguments) | {"board": board_for(design, arguments.board)},
    )
    if arguments.weights:
        study = replace(study, weights=_weights(arguments.weights, study, laws))
    for option in ("within", "seconds"):
        value = getattr(arguments, option)
        if value is not None:
            study = replace(study, **{option: value})
    study.refuse_nonsense()
    # What the library cannot know: that a default was typed.
    goes_with(arguments, arguments.faults == "atomic", "--faults atomic", "--erase-flip", "--program-flip")
    return study


def _rates(arguments: argparse.Namespace, laws: Laws) -> Rates:
    """Return the rates, the mean one of a law or of some hours, and what else the supply does."""
    from otalab.numbers.supplies import parse_bounce, parse_seconds  # noqa: PLC0415  # slow to load

    rates = Rates.parse(arguments.rate if laws.rate is None else f"{laws.rate.mean!r}/hour", arguments.phase_rate)
    if laws.begun is not None:
        rates = replace(rates, default=rates.default * laws.begun.factor)
    held = parse_seconds(arguments.hold_up) if arguments.hold_up else 0.0
    return replace(rates, hold_up=held, bounce=parse_bounce(arguments.bounce) if arguments.bounce else None)


def _weights(text: str, study: Study, laws: Laws) -> tuple[tuple[str, float], ...]:
    """Return the weights, the mean ones of a law."""
    from otalab.numbers.unsure_weights import means  # noqa: PLC0415  # slow to load

    if laws.prior is not None:
        return tuple(means(study, laws.prior).items())
    pairs = [pair.partition("=") for pair in text.split(",")]
    try:
        return tuple((name.strip(), float(weight)) for name, _, weight in pairs)
    except ValueError as error:
        raise BadInput(
            f"--weights {text!r}: members with their weights are needed, as in torn-bits=2,atomic=1"
        ) from error

"""The commands `risk` and `campaign`, and the options that they share besides those of a scenario.

What carries them out takes seconds to load, so that is done when one of them is called.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from otalab.design import load_design
from otalab.errors import BadInput
from otalab.explorer import BUDGET
from otalab.rates import Rates
from otalab.scenario_cli import add_options, read
from otalab.shipped import home

if TYPE_CHECKING:
    from otalab.study import Study

ENGINES = ("chain", "crowd", "firmware")  # as `otalab.engines` has them


def add_parsers(commands: Any) -> None:
    """Register the commands."""
    risk: argparse.ArgumentParser = commands.add_parser("risk", help="the exact probability of each end, per update")
    add_study_options(risk)
    risk.set_defaults(func=lambda chosen: import_module("otalab.risk_cli").run(chosen))

    campaign: argparse.ArgumentParser = commands.add_parser("campaign", help="sample many devices; resumable")
    add_study_options(campaign)
    campaign.add_argument("--devices", type=_whole, required=True, metavar="N", help="how many, as 1000 or 1e6")
    campaign.add_argument("--seed", type=_whole, default=1, metavar="S", help="the seed of all chance (1)")
    campaign.add_argument(
        "--out", required=True, metavar="DIR", help="folder of the rows; the same again goes on there"
    )
    campaign.add_argument("--engine", choices=ENGINES, default="chain", help="how devices are sampled (chain)")
    campaign.add_argument("--fleet", metavar="FILE.csv", help="kinds of devices: share, part, timing, rate, image, ...")
    campaign.add_argument(
        "--workers", type=_whole, metavar="W", help="local processes (for firmware one a core, else 1)"
    )
    campaign.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, as in tcp://127.0.0.1:8786")
    campaign.set_defaults(func=lambda chosen: import_module("otalab.campaign_cli").run(chosen))


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """Add the design, and everything that decides how likely its ends are."""
    parser.add_argument("design", metavar="DESIGN", help="a name from the catalogue, or the path of a TOML file")
    parser.add_argument("--rate", required=True, metavar="R", help="power failures per hour, or 1.4/year, or us-2022")
    parser.add_argument(
        "--phase-rate", action="append", default=[], metavar="PHASE=R", help="another rate in one phase; repeatable"
    )
    parser.add_argument("--network", type=float, default=100_000.0, metavar="B", help="bytes per second (100000)")
    parser.add_argument("--weights", metavar="M=W,...", help="weights of the members of the fault model all (equal)")
    parser.add_argument("--erase-flip", type=float, default=0.0, metavar="F", help="atomic: when an erase is done (0)")
    parser.add_argument("--program-flip", type=float, default=1.0, metavar="F", help="atomic: when a program is (1)")
    parser.add_argument("--given-cut", action="store_true", help="only devices that meet a cut during the update")
    parser.add_argument("--budget", type=int, default=BUDGET, metavar="N", help=f"most nodes of a graph ({BUDGET})")
    add_options(parser)


def chosen_study(chosen: argparse.Namespace) -> Study:
    """Return the study that the options describe."""
    from otalab.study import Study  # noqa: PLC0415  # slow to load

    if not 0 < chosen.network < float("inf"):
        raise BadInput(f"--network {chosen.network:g}: more than 0 bytes per second are needed")
    if chosen.budget < 1:
        raise BadInput(f"--budget {chosen.budget}: at least one node is needed")
    design = load_design(chosen.design)
    one = Study(
        design,
        home(design, chosen.board),
        Rates.parse(chosen.rate, chosen.phase_rate),
        faults=chosen.faults,
        image=chosen.image,
        part=chosen.part,
        timing=chosen.timing,
        offer=chosen.offer,
        bundle=read(chosen.bundle) if chosen.bundle else None,
        bytes_per_second=chosen.network,
        flips=(chosen.erase_flip, chosen.program_flip),
        given_cut=chosen.given_cut,
        budget=chosen.budget,
    )
    one = replace(one, weights=_weights(chosen.weights)) if chosen.weights else one
    one.refuse_nonsense()
    return one


def _whole(text: str) -> int:
    """Return a whole number, also from `1e6`."""
    number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(text) if text.isdigit() else int(number)


def _weights(text: str) -> tuple[tuple[str, float], ...]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    try:
        return tuple((name.strip(), float(weight)) for name, _, weight in pairs)
    except ValueError as error:
        raise BadInput(
            f"--weights {text!r}: members with their weights are needed, as in torn-bits=2,atomic=1"
        ) from error

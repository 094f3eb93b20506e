"""The options that `trace`, `check`, `risk` and `campaign` share: which scenario."""

from __future__ import annotations

import argparse

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.files import read_bytes
from otalab.firmware.requests import OFFERS


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the shared options to a command."""
    parser.add_argument("--board", metavar="B", help="name, or path of a TOML file (the design's, or lab-1M)")
    parser.add_argument("--bundle", metavar="FILE", help="the update on offer (one for the board if not given)")
    parser.add_argument("--part", metavar="PART", help="a flash part from data/flash_parts.csv (the board's)")
    parser.add_argument("--timing", choices=("typ", "max"), default="typ", help="typical or maximal times (typ)")
    parser.add_argument("--faults", default="all", metavar="NAME", help="what a power cut leaves (all)")
    parser.add_argument("--image", default="healthy", help="healthy, hangs, crashes or flaky[:P] (healthy)")
    parser.add_argument("--offer", choices=OFFERS, help="how long the update is offered (as the design has it)")
    parser.add_argument("--used", action="store_true", help="on a device that has taken an update before")
    parser.add_argument("--json", action="store_true", help="print exactly one JSON object")


def chosen_scenario(chosen: argparse.Namespace, design: str, image: str) -> Scenario:
    """Return the scenario that the options describe."""
    return set_up(
        design,
        chosen.board,
        image=image,
        bundle=read_bytes(chosen.bundle) if chosen.bundle else None,
        part_name=chosen.part,
        timing=chosen.timing,
        offers=chosen.offer,
        used=chosen.used,
    )

"""The options that `trace`, `check`, `repair`, `risk` and `campaign` share: which scenario."""

from __future__ import annotations

import argparse
from typing import Any

from otalab.bench.contents import read_bundle
from otalab.bench.counters import BOUNDARIES
from otalab.cli.parser import group
from otalab.firmware.requests import OFFERS


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add what every scenario has, whatever is cut in it: the options that `chosen_options` reads."""
    add = group(parser, "the device").add_argument
    add("--board", metavar="B", help="name, or path of a TOML file (the design's, or lab-1M)")
    add("--bundle", metavar="FILE", help="the update on offer (one for the board if not given)")
    add("--part", metavar="PART", help="a flash part from data/flash_parts.csv (the board's)")
    add("--timing", choices=("typ", "max"), default="typ", help="typical or maximal times (typ)")
    add("--offer", choices=OFFERS, help="how long the update is offered (as the design has it)")
    add("--used", action="store_true", help="on a device that has taken an update before")
    add("--updates", type=_updates, default=1, metavar="N|forever", help="so many updates, one after the other (1)")
    add(
        "--sequencer-near",
        choices=BOUNDARIES,
        help="begin where the boot record's sequencer is about to pass a boundary (where it is shipped)",
    )
    add("--sequencer-near-end", action="store_const", dest="sequencer_near", const="end", help="--sequencer-near end")


def _updates(text: str) -> int | str:
    """Return how many updates; what is no number is refused where all options of a scenario are."""
    try:
        return int(text)
    except ValueError:
        return text


def add_image(parser: argparse.ArgumentParser) -> None:
    """Add how the new image behaves."""
    group(parser, "the device").add_argument(
        "--image", default="healthy", help="how the new image behaves: healthy, hangs, crashes or flaky[:P] (healthy)"
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the shared options to a command."""
    add_device_options(parser)
    add_image(parser)
    group(parser, "the search").add_argument(
        "--faults",
        default="all",
        metavar="NAME",
        help="what a power cut leaves; see check --explain-faults (all)",
    )
    group(parser, "what comes out").add_argument("--json", action="store_true", help="print exactly one JSON object")


def chosen_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return those of them that `ScenarioOptions` has, by its names."""
    bundle = read_bundle(arguments.bundle) if arguments.bundle else None
    names = ("board", "part", "timing", "offer", "used", "updates", "sequencer_near")
    return {name: getattr(arguments, name) for name in names} | {"bundle": bundle}

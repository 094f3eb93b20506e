"""The options that `trace`, `check`, `repair`, `risk` and `campaign` share: which scenario."""

from __future__ import annotations

import argparse
from typing import Any

from otalab.files import read_bytes
from otalab.firmware.requests import OFFERS


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add what every scenario has, whatever is cut in it: the options that `chosen_options` reads."""
    parser.add_argument("--board", metavar="B", help="name, or path of a TOML file (the design's, or lab-1M)")
    parser.add_argument("--bundle", metavar="FILE", help="the update on offer (one for the board if not given)")
    parser.add_argument("--part", metavar="PART", help="a flash part from data/flash_parts.csv (the board's)")
    parser.add_argument("--timing", choices=("typ", "max"), default="typ", help="typical or maximal times (typ)")
    parser.add_argument("--offer", choices=OFFERS, help="how long the update is offered (as the design has it)")
    parser.add_argument("--used", action="store_true", help="on a device that has taken an update before")
    parser.add_argument("--updates", type=int, default=1, metavar="N", help="so many updates, one after the other (1)")


def add_image(parser: argparse.ArgumentParser) -> None:
    """Add how the new image behaves."""
    parser.add_argument(
        "--image", default="healthy", help="how the new image behaves: healthy, hangs, crashes or flaky[:P] (healthy)"
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the shared options to a command."""
    add_device_options(parser)
    parser.add_argument(
        "--faults",
        default="all",
        metavar="NAME",
        help="what a power cut leaves; see check --explain-faults (all)",
    )
    add_image(parser)
    parser.add_argument("--json", action="store_true", help="print exactly one JSON object")


def chosen_options(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return those of them that `ScenarioOptions` has, by its names."""
    bundle = read_bytes(chosen.bundle) if chosen.bundle else None
    names = ("board", "part", "timing", "offer", "used", "updates")
    return {name: getattr(chosen, name) for name in names} | {"bundle": bundle}

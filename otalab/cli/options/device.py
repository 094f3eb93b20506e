"""The options that describe one device, or each of many: those of `serve` and `fleet serve`."""

from __future__ import annotations

import argparse
import sys

from otalab.cli.options.auth import add_auth_options
from otalab.cli.options.careless import warn
from otalab.cli.options.keys import add_key_options, files_of, mask_or
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.formats.bundle.signatures import UNCHECKED
from otalab.wire.device.options import DeviceOptions, a_time
from otalab.wire.dialect import DIALECTS

DEVICE_ID = r"[a-zA-Z0-9:_-]{1,128}"


def device_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a device is made of, how it behaves, and how it answers."""
    add = group(parser, "the device").add_argument
    add("--board", default="lab-1M", metavar="B", help="name, or path of a TOML file (lab-1M)")
    add("--design", default="mongoose", metavar="D", help="name, or path of a TOML file (mongoose)")
    add("--part", metavar="PART", help="a flash part from data/flash_parts.csv (the board's)")
    add("--image", default="healthy", help="how images behave that are uploaded: healthy, hangs, …")
    add(
        "--commit",
        choices=("auto", "cloud", "manual"),
        help="who commits a new image: itself, the shadow's greeting, a person (auto, with a broker cloud)",
    )
    add("--time-scale", type=float, default=1.0, metavar="X", help="1 is datasheet time, 0 waits not")
    add("--update-timeout", type=float, default=600.0, metavar="S", help="how long a stall may be (600)")
    add("--no-sync", action="store_true", help="do not force every write to disk")
    add("--dialect", choices=DIALECTS, default="strict", help="how refusals are answered")
    add("--seed", type=int, metavar="N", help="for the chance of a flaky image")
    add_key_options(parser, "-1, as shipped")
    add_auth_options(parser)
    group(parser, "the broker").add_argument(
        "--shadow-commit-timeout",
        type=int,
        default=600,
        metavar="S",
        help="the commit interval of updates by the shadow that do not say one (600)",
    )


def chosen_device(arguments: argparse.Namespace, flash: str) -> DeviceOptions:
    """Return the device that the options describe, with its flash in this file."""
    mask = mask_or(arguments, UNCHECKED)
    if arguments.key and mask == UNCHECKED:
        print("no signature is required: --sig-req-mask is -1", file=sys.stderr, flush=True)
    warn([arguments.auth_file, *files_of(arguments.key)], [arguments.password_file])
    return DeviceOptions(
        flash=flash,
        board=arguments.board,
        design=arguments.design,
        part=arguments.part,
        image=arguments.image,
        commit=arguments.commit,
        time_scale=arguments.time_scale,
        no_sync=arguments.no_sync,
        seed=arguments.seed,
        key=tuple(arguments.key),
        sig_req_mask=mask,
    )


def check_times(arguments: argparse.Namespace) -> None:
    """Refuse times that are none, before anything is opened."""
    for name in ("time_scale", "update_timeout", "update_interval"):
        a_time(f"--{name.replace('_', '-')}", getattr(arguments, name, 0.0))
    for name in ("update_commit_timeout", "shadow_commit_timeout"):
        if not 0 <= (value := getattr(arguments, name, 0)) < 2**32:
            raise BadInput(f"--{name.replace('_', '-')} {value}: 0 to 2**32 - 1 seconds are possible")

"""`otalab campaign`: devices by the thousand or the billion, sampled, counted, stored.

What carries it out takes seconds to load, so that is done when it is called.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from otalab.cli.interrupts import pressed
from otalab.cli.laws import by_street, lines
from otalab.cli.options.effect import refuse_idle
from otalab.cli.options.formats import add_format, chosen_format, csv_text
from otalab.cli.options.laws import Laws, add_street, chosen_laws, chosen_street
from otalab.cli.options.study import add_study_options, chosen_study
from otalab.cli.parser import group
from otalab.cli.risk import explore
from otalab.errors import BadInput
from otalab.files import try_folder
from otalab.numbers.engine_names import ENGINES
from otalab.text import table, whole_number

if TYPE_CHECKING:
    from otalab.numbers.fleet import Fleet
    from otalab.numbers.study import Study


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("campaign")
    add_study_options(parser)
    add_street(group(parser, "how likely power cuts are").add_argument)
    add = group(parser, "the devices").add_argument
    add("--devices", type=whole_number, required=True, metavar="N", help="how many, as 1000 or 1e6")
    add("--seed", type=whole_number, default=1, metavar="S", help="the seed of all chance (1)")
    group(parser, "what comes out").add_argument(
        "--out", required=True, metavar="DIR", help="folder of the rows; the same again goes on there"
    )
    group(parser, "the work").add_argument(
        "--engine", choices=ENGINES, default="chain", help="how devices are sampled (chain)"
    )
    group(parser, "the devices").add_argument(
        "--fleet", metavar="FILE.csv", help="kinds of devices: share, part, timing, rate, image, ..."
    )
    add = group(parser, "the work").add_argument
    add("--workers", type=whole_number, metavar="W", help="local processes (firmware: one a core, else 1)")
    add(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster, as in tcp://127.0.0.1:8786; it runs what it is sent, by whoever reaches it",
    )
    add_format(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the campaign, or what is missing of it, and print what was found; 0 whatever that is."""
    from otalab.numbers.campaigns.campaign import Campaign, progress, run_campaign  # noqa: PLC0415  # see above

    how = chosen_format(arguments)
    _refuse_untold(arguments, how)
    try_folder(arguments.out)
    street, study = chosen_street(arguments), chosen_study(arguments)
    fleet = chosen_fleet(arguments, study)
    campaign = Campaign(fleet, arguments.devices, arguments.seed, arguments.engine)
    cores = os.cpu_count() or 1
    workers = arguments.workers if arguments.workers is not None else cores if arguments.engine == "firmware" else 1
    for kind in fleet.studies:
        explore(kind)
        if pressed():
            raise KeyboardInterrupt  # of half a graph no devices are sampled
    with progress(campaign) as watch:
        tally = run_campaign(
            campaign,
            arguments.out,
            workers=workers,
            scheduler=arguments.scheduler,
            on_chunk=watch,
            on_piece=watch,
            command=sys.argv[1:],
        )
    result = tally.as_object() | by_street(fleet, tally.done, street)
    if how == "csv":
        print(
            csv_text(
                ("end", "devices", "share", "low", "high"),
                [(end, *row.values()) for end, row in result["ends"].items()],
            ),
            end="",
        )
    elif how == "json":
        print(json.dumps(result))
    else:
        show(result)
    return 0


def _refuse_untold(arguments: argparse.Namespace, how: str) -> None:
    """Refuse what would not be told, and workers that cannot be, or that have nothing to do."""
    if how == "csv":
        refuse_idle(arguments, "CSV tells the ends alone: take --json, or leave it out", "--street")
    if arguments.workers is not None:
        if arguments.workers < 1:
            raise BadInput(f"--workers {arguments.workers}: at least one is needed")
        if arguments.scheduler or arguments.engine == "crowd":
            other = "--scheduler has workers of its own" if arguments.scheduler else "the crowd is moved by one process"
            raise BadInput(f"--workers {arguments.workers}: {other}: leave it out")
    if arguments.scheduler and arguments.engine == "crowd":
        refuse_idle(arguments, "the crowd is moved by one process: leave it out", "--scheduler")


def chosen_fleet(arguments: argparse.Namespace, study: Study) -> Fleet:
    """Return the fleet that was asked for: the kinds of a law or of a file, or one kind."""
    from otalab.numbers.fleet import Fleet  # noqa: PLC0415  # see above

    laws = chosen_laws(arguments)
    if laws == Laws():
        return Fleet.read(study, arguments.fleet) if arguments.fleet else Fleet((study,))
    fleet = _kinds(arguments, study, laws)
    if pressed():
        raise KeyboardInterrupt  # or kinds that were not searched yet would be searched all the same
    return fleet


def _kinds(arguments: argparse.Namespace, study: Study, laws: Laws) -> Fleet:
    """Return the fleet of homes, hours or silicon that differ; what is not known of one rate is no fleet."""
    from otalab.numbers.unsure import homes  # noqa: PLC0415  # see above
    from otalab.numbers.unsure_weights import silicon  # noqa: PLC0415  # see above

    if laws.rate is not None and laws.rate.counted:
        raise BadInput(
            f"--rate {arguments.rate!r}: counts tell what is known of one rate, the same for all devices: ask risk for "
            "the interval, or give gamma(shape, scale) for homes that differ"
        )
    if arguments.fleet:
        raise BadInput(
            "--fleet with a law of the rate, of the hours or of the weights: give each kind its rate in the file, or "
            "leave the file out"
        )
    if laws.rate is not None:
        return homes(study, laws.rate)
    return laws.begun.fleet(study) if laws.begun is not None else silicon(study, laws.prior)


def show(result: dict[str, Any]) -> None:
    """Print the result for people."""
    print(
        f"{result['design']}: {result['devices']:,} devices by {result['engine']}, seed {result['seed']}, "
        f"{result['seconds']} s"
    )
    if result["given"] != 1:
        print(f"given that a power cut comes during the update, which has probability {result['given']:.6g}")
    exact = result["exact"]
    rows = [
        (end, f"{row['count']:,}", f"{row['estimate']:.4e}", f"{row['low']:.4e} to {row['high']:.4e}",
         f"{exact[end]:.4e}" if exact and end in exact else "")
        for end, row in result["ends"].items()
    ]  # fmt: skip
    print("\n" + "\n".join(table(("end", "devices", "share", "95 % interval", "exact"), rows, right="devices")))
    print("\nIntervals are Clopper-Pearson's, two-sided, right for a number of devices that was chosen beforehand.")
    for line in lines(result):
        print(line)
    print(f"\n{result['out']}")

"""`otalab rollout`: an update offered to more and more of a fleet, in stages, with a rule when to stop.

What carries it out takes seconds to load, so that is done when it is called.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from otalab.cli.campaign import chosen_fleet
from otalab.cli.interrupts import pressed
from otalab.cli.options.formats import add_format, chosen_format, print_rows
from otalab.cli.options.study import add_study_options, chosen_study
from otalab.cli.parser import group
from otalab.cli.risk import explore
from otalab.errors import BadInput
from otalab.text import table, whole_number

if TYPE_CHECKING:
    from otalab.numbers.campaigns.rollout import Stage

STAGES = "1:1d,10:1d,50:1d,100:1d"
UNITS = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BY = ("low", "estimate", "high", "every-look")


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("rollout")
    add_study_options(parser)
    add = group(parser, "the rollout").add_argument
    add("--devices", type=whole_number, required=True, metavar="N", help="how many, as 1000 or 1e6")
    add("--fleet", metavar="FILE.csv", help="kinds of devices: share, part, timing, rate, image, ...")
    add("--stages", default=STAGES, metavar="P:WAIT,...", help=f"per cent in all, and how long to wait ({STAGES})")
    add("--stop", type=float, metavar="BOUND", help="go no further once the failure rate is more than this (never)")
    add("--by", choices=BY, help="with --stop: what of the rate is held against it (low)")
    add("--repeats", type=whole_number, metavar="N", help="so many such rollouts, and how they end (one, by stage)")
    add("--seed", type=whole_number, default=1, metavar="S", help="the seed of all chance (1)")
    add_format(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Roll out, and print each stage, or how each of many rollouts ends; 0 whatever was found."""
    from otalab.numbers.campaigns.rollout import refuse, roll_out, rollouts  # noqa: PLC0415  # see above
    from otalab.numbers.campaigns.stop_rule import StopRule  # noqa: PLC0415  # see above

    how, stages = chosen_format(arguments), parsed(arguments.stages)
    if arguments.by and arguments.stop is None:
        raise BadInput(f"--by {arguments.by}: goes with --stop BOUND")
    if arguments.repeats is not None and arguments.repeats < 1:
        raise BadInput(f"--repeats {arguments.repeats}: at least one is needed")
    rule = None if arguments.stop is None else StopRule(arguments.stop, by=arguments.by or "low")
    refuse(arguments.devices, stages, arguments.seed)
    study = chosen_study(arguments)
    fleet = chosen_fleet(arguments, study)
    for kind in fleet.studies:
        explore(kind)
        if pressed():
            raise KeyboardInterrupt  # by half a graph nothing is rolled out
    if arguments.repeats is None:
        rows = roll_out(fleet, arguments.devices, stages, rule, arguments.seed)
    else:
        rows = rollouts(fleet, arguments.devices, stages, rule, repeats=arguments.repeats, seed=arguments.seed)
    if how == "table":
        show(study.design.name, rows.to_dict("records"))
    else:
        print_rows(how, "stages" if arguments.repeats is None else "rollouts", list(rows), rows.to_numpy().tolist())
    return 0


def parsed(text: str) -> list[Stage]:
    """Return the stages that are typed as `PERCENT:WAIT`; a wait without a unit is in seconds, and may be left out."""
    from otalab.numbers.campaigns.rollout import Stage  # noqa: PLC0415  # see above

    stages = []
    for stage in text.split(","):
        match = re.fullmatch(r"\s*([\d.]+)(?::([\d.]+)(s|min|h|d|))?\s*", stage)
        try:
            assert match
            wait = {} if match[2] is None else {"wait": float(match[2]) * UNITS[match[3]]}
            stages.append(Stage(float(match[1]), **wait))
        except (AssertionError, ValueError) as error:
            raise BadInput(f"--stages {stage!r}: PERCENT:WAIT is needed, such as 10:1d (s, min, h, d)") from error
    return stages


def show(design: str, records: list[dict[Any, Any]]) -> None:
    """Print the rows for people, and where it ended."""
    names = list(records[0])
    rows = [[f"{value:.4g}" if isinstance(value, float) else value for value in record.values()] for record in records]
    each = "one line per rollout, where it ended" if "saved" in names else "one line per stage, when it was over"
    print(f"{design}: {each}\n")
    print("\n".join(table(names, rows, right=" ".join(names))))
    if "saved" not in names:
        last = records[-1]
        ended = "stopped by the rule" if last["stopped"] else "went to its last stage"
        print(f"\n{ended}: {last['offered']:,} devices were offered the update, {last['dead']:,} of them are lost")

"""Options for what is not one number: a rate, weights of tears, outages by hour of day, outages of a street."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otalab.cli.options.effect import goes_with
from otalab.errors import BadInput

if TYPE_CHECKING:
    from otalab.numbers.days import Begun
    from otalab.numbers.rate_laws import RateLaw
    from otalab.numbers.streets import Street


@dataclass(frozen=True, slots=True)
class Laws:
    """What was asked for in place of one number; at most one of them."""

    rate: RateLaw | None = None
    begun: Begun | None = None
    prior: Mapping[str, float] | None = None

    @property
    def options(self) -> str:
        """The options by which they were asked for; empty if none was."""
        given = {"--rate": self.rate, "--by-hour": self.begun, "--weights": self.prior}
        return " and ".join(option for option, law in given.items() if law is not None)


def add_hours(add: Any) -> None:
    """Add the options for outages by hour of day."""
    add("--by-hour", metavar="DAY", help="outages by hour of day: us-major, or FILE.csv with hour and outages (no)")
    add("--hours", metavar="H-H", help="with --by-hour: when updates begin, local time, as 2-5 or 22-6 (any hour)")


def add_street(add: Any) -> None:
    """Add the option for outages of a street."""
    add("--street", metavar="S", help="devices that one outage cuts together, and how far their ends go together, "
        "as '50 at 0.3' (no)")  # fmt: skip


def chosen_laws(arguments: argparse.Namespace) -> Laws:
    """Return the law that was asked for, if any; two at once are refused."""
    from otalab.numbers.rate_laws import parse_law  # noqa: PLC0415  # slow to load
    from otalab.numbers.unsure_weights import parse_prior  # noqa: PLC0415  # see above

    goes_with(arguments, arguments.by_hour, "--by-hour", "--hours")
    laws = Laws(parse_law(arguments.rate), _begun(arguments), parse_prior(arguments.weights or ""))
    if " and " in laws.options:
        raise BadInput(f"{laws.options}: each is a law of its own, and each answer is for one: leave out one")
    return laws


def _begun(arguments: argparse.Namespace) -> Begun | None:
    from otalab.numbers.days import WHOLE, Begun, chosen_day, parse_hours  # noqa: PLC0415  # slow to load

    if arguments.by_hour is None:
        return None
    return Begun(chosen_day(arguments.by_hour), WHOLE if arguments.hours is None else parse_hours(arguments.hours))


def chosen_street(arguments: argparse.Namespace) -> Street | None:
    """Return the street that was asked for, if any."""
    from otalab.numbers.streets import parse_street  # noqa: PLC0415  # slow to load

    return None if arguments.street is None else parse_street(arguments.street)

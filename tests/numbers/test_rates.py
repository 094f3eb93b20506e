"""Rates of power failures: with units, by name, and by phase."""

from __future__ import annotations

from string import printable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.errors import BadInput
from otalab.hardware.effects import Phase
from otalab.numbers.rates import Rates, base_rates, parse_rate

SECONDS = {
    1: ["s", "sec", "second", "seconds"], 60: ["min", "minute", "minutes"], 3600: ["h", "hour", "hours"],
    86_400: ["d", "day", "days"], 604_800: ["week", "weeks"], 2_629_800: ["month", "months"],
    31_557_600: ["year", "years"],
}  # fmt: skip
SPELLINGS = {unit: seconds for seconds, units in SECONDS.items() for unit in units}


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (0.01, "0.01"),
        (1.4 / 8766, "1.4/year"),
        (0.06 / 24, "0.06/day"),
        (2.0, "2/hour"),
        (2.0, "2 / hours"),
        (0.0, "0"),
        (1.4 / 8766, "us-2022"),
        (0.9 / 24, " bismark-developing "),
    ],
)
def test_rates_have_units_or_names(expected, text):
    """Power failures per hour, unless a unit says otherwise or a base rate is named."""
    assert expected == pytest.approx(parse_rate(text), rel=1e-12)


@given(st.floats(0, 1e9), st.sampled_from([*SPELLINGS]), st.sampled_from(["", " "]), st.sampled_from(["", " "]))
def test_every_unit_is_the_time_that_its_name_says(number, unit, before, after):
    """However it is spelt, a rate is so many failures in so many seconds."""
    assert number / SPELLINGS[unit] == pytest.approx(parse_rate(f"{number!r}{before}/{after}{unit}") / 3600, rel=1e-12)


@given(st.floats(0, 1e9), st.text(printable, max_size=8))
def test_what_is_no_unit_is_refused(number, unit):
    """Nor is nothing after a slash one, and nobody is given hours for it."""
    if unit.strip() not in SPELLINGS:
        with pytest.raises(BadInput, match="a number of 0 or more per hour"):
            parse_rate(f"{number!r}/{unit}")


NO_RATES = [
    "-1",
    "nan",
    "inf",
    "often",
    "1/fortnight",
    "",
    "us-1999",
    "1e400",
    "us-2022/day",
    "2/",
    "2/ss",
    "1/m",
    "1/S",
]


@pytest.mark.parametrize("text", NO_RATES)
def test_a_rate_that_is_none_is_refused(text):
    """One line, with the ways out: a number, a unit, a name."""
    with pytest.raises(BadInput, match=r"a number of 0 or more per hour .* /year, or a name .*: us-2022, ") as refused:
        parse_rate(text)

    assert 1 == len(str(refused.value).splitlines())


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("1.4/year", "us-2022"),
        ("1.0/year", "us-2017-without-major-events"),
        ("1.98/year", "maine-2023-without-major-events"),
        ("0.11/day", "bismark-median"),
    ],
)
def test_base_rates_are_those_of_their_sources(expected, name):
    """The text of the rate is kept as it was published."""
    assert expected == base_rates()[name].rate


def test_no_base_rate_without_evidence():
    """Each says what was counted, by whom, and what it leaves out, and is a rate."""
    assert 17 == len(base_rates())
    for name, base in base_rates().items():
        assert name == base.name == name.lower().replace(" ", "-")
        assert base.what and base.source and base.note
        assert 0 < base.per_hour == parse_rate(name) < 1


def test_what_the_rates_leave_out_is_said():
    """Rates of the grid know no short interruption; those of routers are upper bounds."""
    for name, base in base_rates().items():
        assert ("an upper bound" if name.startswith("bismark") else "five minutes or less are not counted") in base.note


def test_without_major_events_there_are_fewer_failures():
    """Every rate that leaves them out lies below the one that does not."""
    calm = [name for name in base_rates() if name.endswith("-without-major-events")]

    assert 6 == len(calm)
    assert all(parse_rate(name) < parse_rate(name.removesuffix("-without-major-events")) for name in calm)


def test_a_phase_has_its_own_rate_and_the_others_the_default():
    """Somebody pulls the plug while the screen is frozen, and the grid fails as ever."""
    rates = Rates.parse("us-2022", ["switch=2/day", " boot = 0"])

    assert 2 / 86400 == pytest.approx(rates.per_second("switch"))
    assert 0 == rates.per_second("boot")
    assert 1.4 / 8766 / 3600 == pytest.approx(rates.per_second("trial"))
    assert Rates(1.4 / 8766, (("switch", 2 / 24), ("boot", 0.0))) == rates


def test_a_phase_may_have_a_base_rate():
    """Names are for every rate."""
    assert parse_rate("bismark-developed") / 3600 == Rates.parse("0", ["merge=bismark-developed"]).per_second("merge")


@pytest.mark.parametrize("phase", get_args(Phase))
def test_one_rate_is_the_rate_of_every_phase(phase):
    """Without phases the default holds throughout."""
    assert 1.0 == Rates(3600.0).per_second(phase)


@pytest.mark.parametrize(
    ("expected", "text", "phases"),
    [
        (r"phase 'swich' does not exist; one of: download, merge, switch, .*rollback", "1", ["swich=1"]),
        (r"phase '' does not exist", "1", ["=1"]),
        (r"phase switch: its rate is missing; write `switch=2/day`", "1", ["switch"]),
        (r"each may have one rate only", "1", ["switch=1", "switch=2"]),
        (r"rate '-2/day'", "1", ["switch=-2/day"]),
        (r"rate 'often'", "often", []),
    ],
)
def test_phases_that_are_none_are_refused(expected, text, phases):
    """The line says which, and the way out."""
    with pytest.raises(BadInput, match=expected):
        Rates.parse(text, phases)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_number_that_is_no_rate_is_refused(rate):
    """Also where it does not come as text, in either place."""
    with pytest.raises(BadInput, match="0 or more per hour"):
        Rates(rate)
    with pytest.raises(BadInput, match="0 or more per hour"):
        Rates(0.0, (("switch", rate),))


def test_asking_for_a_phase_that_does_not_exist_is_refused():
    """A misspelt phase must not be read as the default."""
    with pytest.raises(BadInput, match="phase 'swich' does not exist"):
        Rates(1.0).per_second("swich")

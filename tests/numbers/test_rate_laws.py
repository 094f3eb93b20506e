"""Rates that are a law: what counts tell of one, and what homes that differ come to."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import chi2, gamma

from otalab.bench.ends import ENDS
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.numbers.engines.engines import sample
from otalab.numbers.rate_laws import RateLaw, parse_law
from otalab.numbers.risk import Weighed
from otalab.numbers.stats import interval
from otalab.numbers.study import study
from otalab.numbers.unsure import homes, unsure
from otalab.views.figures.laws import law_table, plot_law

OFTEN = RateLaw(2.0, 600.0)


def lamp(rate=1.0):
    return study("single-record", rate, board="tiny", faults="atomic")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (RateLaw(2.0, 0.7 / 8766), "gamma(2, 0.7/year)"),
        (RateLaw(0.5, 3.0), " gamma( 0.5 ,3 ) "),
        (RateLaw(14.5, 1 / 87660, counted=True), "14 outages in 10 homes in a year"),
        (RateLaw(0.5, 1 / 720, counted=True), "0 in 1 home in 30 days"),
        (RateLaw(3.5, 1 / 4383, counted=True), "3 outages in 1 homes in 0.5 years"),
    ],
)
def test_a_law_is_told_by_its_numbers_or_by_counts(expected, text):
    """Counts have Jeffreys's half on top, and the time of all homes together."""
    found = parse_law(text)

    assert expected.counted == found.counted
    assert (expected.shape, expected.scale) == pytest.approx((found.shape, found.scale))


@pytest.mark.parametrize("text", ["0.01", "1.4/year", "us-2022", "often"])
def test_what_is_one_number_or_nothing_is_no_law(text):
    """It is left to those who read rates."""
    assert parse_law(text) is None


@pytest.mark.parametrize(
    "text",
    ["gamma(2)", "gamma(2, 1", "gamma(x, 1)", "gamma(-1, 1)", "gamma(0, 1)", "gamma(2, nan)", "gamma(inf, 1)",
     "14 in 3", "-1 outages in 2 homes in a year", "1 outages in 0 homes in a year", "1 in 2 homes in x years",
     "1 in 2 homes in a fortnight", "1 in 2 homes in 0 years", "gamma(2, 0.7/yr)"],
)  # fmt: skip
def test_what_begins_like_a_law_and_is_none_is_refused(text):
    """One line."""
    with pytest.raises(BadInput) as refused:
        parse_law(text)

    assert 1 == len(str(refused.value).splitlines())


@given(st.integers(0, 1000), st.floats(1.0, 1e7), st.floats(0.01, 0.99))
def test_the_posterior_of_a_count_has_the_quantiles_of_chi_square(failures, hours, share):
    """Chi-square with 2 n + 1 degrees of freedom, over twice the time, as tables of the handbook have it."""
    expected = chi2.ppf(share, 2 * failures + 1) / (2 * hours)

    assert expected == pytest.approx(RateLaw.of_counts(failures, hours).quantile(share), rel=1e-9)


@given(st.floats(0.3, 30.0), st.floats(1e-9, 0.3))
def test_the_nodes_have_the_means_of_the_law(shape, scale):
    """No cut in an hour: the mean of exp(-rate) over homes is (1 + scale) ** -shape."""
    rates, shares = RateLaw(shape, scale).kinds(16)

    assert 1 == pytest.approx(shares.sum())
    assert shape * scale == pytest.approx(rates @ shares)
    assert (1 + scale) ** -shape == pytest.approx(np.exp(-rates) @ shares, rel=1e-7)


def test_homes_that_differ_come_to_the_mean_of_what_each_comes_to():
    """Integrated over the law, by another method; and this is not what the mean rate does."""
    graph, found = lamp().graph, homes(lamp(), OFTEN).estimates
    for end in ("updated", "update-lost", "bricked"):
        exact, _ = quad(lambda rate, end=end: gamma.pdf(rate, 2, scale=600) * Weighed(graph, rate).ends[end], 0, 24e3,
                        epsabs=1e-8, limit=200)  # fmt: skip
        assert exact == pytest.approx(found[end], rel=1e-5)
    assert 1.5 < found["updated"] / lamp(OFTEN.mean).weighed.ends["updated"]


def test_where_cuts_are_rare_homes_that_differ_are_as_their_mean():
    """The risk is then in proportion to the rate, and only what is known of the rate makes it wide."""
    law = parse_law("14 outages in 10 homes in a year")
    rows = {row.end: row for row in unsure(lamp(), law)}
    bricked = rows["bricked"]

    assert list(ENDS) == list(rows)
    assert bricked.at_mean == pytest.approx(bricked.mixture, rel=1e-5)
    assert law.quantile(0.975) / law.quantile(0.025) == pytest.approx(bricked.high / bricked.low, rel=1e-5)


def test_the_interval_holds_every_rate_between_its_edges():
    """Also where a probability rises with the rate and falls again."""
    row = next(row for row in unsure(lamp(), RateLaw(2.0, 6000.0)) if row.end == "update-lost")
    edges = [lamp(RateLaw(2.0, 6000.0).quantile(share)).weighed.ends["update-lost"] for share in (0.025, 0.975)]

    assert row.low <= min(edges) and max(edges) < row.high


def test_devices_of_homes_that_differ_are_sampled_from_the_mixture():
    """The chain draws a home for each, and ends as often as the mixture says."""
    fleet, devices = homes(lamp(), OFTEN), 100_000
    seen = sample(fleet, "chain", 3, 0, devices).end.value_counts()
    for end, chance in fleet.estimates.items():
        found = interval(int(seen[end]), devices, 0.9999)
        assert found.low <= chance <= found.high


def test_risk_tells_both_readings(capsys):
    """The law, the mixture, what the mean rate does, and the interval; rates per hour."""
    asked = ["risk", "single-record", "--board", "tiny", "--faults", "atomic", "--rate", "gamma(2, 600)"]

    assert 0 == main([*asked, "--json"])
    told = json.loads(capsys.readouterr().out)
    law, bricked = told["rate_law"], told["rate_law"]["ends"]["bricked"]
    assert (2.0, 1200.0, 1200.0) == (law["shape"], law["mean_per_hour"], told["rate_per_hour"])
    assert bricked["at_mean"] == told["ends"]["bricked"] and bricked["low"] < bricked["mixture"] < bricked["high"]
    assert 0 == main(asked)
    assert "homes that differ  at the mean rate  one rate, not known" in capsys.readouterr().out


def test_what_is_known_of_one_rate_is_no_fleet(capsys, tmp_path):
    """A campaign of counts would take what nobody knows for homes that differ; it says where to go."""
    asked = ["campaign", "single-record", "--board", "tiny", "--devices", "9", "--out", str(tmp_path / "x"), "--rate"]

    assert 2 == main([*asked, "1 outages in 2 homes in a year"])
    assert "ask risk for the interval" in capsys.readouterr().err
    assert 0 == main([*asked, "gamma(2, 1)"])


def test_a_law_is_drawn_as_an_interval_with_two_marks(tmp_path, capsys):
    """Each end that can be has its line and its marks; what is never is at the left edge, and said to be 0."""
    table = law_table(lamp(), unsure(lamp(), RateLaw(2.0, 1.0)))
    table.loc[0, "low"] = 0.0
    ax = plot_law(table, title="lamp")

    assert table.end.tolist() == [label.get_text() for label in ax.get_yticklabels()]
    assert ["one rate, not known", "homes that differ", "at the mean rate"] == ax.get_legend_handles_labels()[1]
    marks = [line.get_xdata() for line in ax.get_lines()]
    assert table[["mixture", "at_mean"]].T.to_numpy() == pytest.approx(np.array(marks))
    edge = ax.get_xlim()[0]
    assert edge == ax.collections[0].get_segments()[0][0][0] < table.low[1:].min()
    assert "0" in [text.get_text() for text in ax.texts]
    asked = ["risk", "single-record", "--board", "tiny", "--faults", "atomic", "--rate", "gamma(2, 600)", "--plot"]
    assert 0 == main([*asked, str(tmp_path / "law.svg")])
    assert "homes that differ" in capsys.readouterr().out and (tmp_path / "law.svg").stat().st_size > 9_000

"""Streets: devices that lose their power together are lost as often on the average, and many at once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.numbers.campaigns.rollout import expected_losses
from otalab.numbers.fleet import Fleet
from otalab.numbers.streets import Street, lost_of, on_a_bad_day, parse_street
from otalab.numbers.study import study

STREETS = st.builds(Street, st.integers(1, 60), st.one_of(st.just(0.0), st.floats(1e-6, 1)))


@settings(max_examples=40, deadline=None)
@given(STREETS, st.integers(1, 3000), st.one_of(st.just(0.0), st.floats(1e-9, 1)))
def test_mean_and_spread_are_what_the_correlation_says(street, devices, bad):
    """n p lost of n, and a variance of n p (1 - p) times 1 + (m - 1) rho, for whole streets of m."""
    devices = max(1, devices // street.size) * street.size
    lost, law = lost_of(devices, bad, street)
    mean, spread = law @ lost, law @ (lost - devices * bad) ** 2

    assert law.sum() == pytest.approx(1)
    assert mean == pytest.approx(devices * bad, rel=1e-6, abs=1e-9)
    expected = devices * bad * (1 - bad) * (1 + (street.size - 1) * street.correlation)
    assert spread == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("street", [Street(1, 0.7), Street(50, 0.0)])
@pytest.mark.parametrize("bad", [1e-5, 0.3, 0.999])
def test_devices_that_are_lost_each_by_itself_are_binomial(street, bad):
    """A street of one, or a correlation of none, changes nothing; nor does a fleet of no whole street."""
    for share in (0.025, 0.5, 0.975):
        assert binom.ppf(share, 12_345, bad) == on_a_bad_day(12_345, bad, street, share)


def test_a_street_that_goes_together_is_lost_whole():
    """All of a street or none, so that only multiples of its size are lost."""
    lost, law = lost_of(1000, 0.01, Street(50, 1.0))

    assert 0 == pytest.approx(law[lost % 50 > 0].sum(), abs=1e-12)
    assert binom.pmf(1, 20, 0.01) == pytest.approx(law[lost == 50][0])


def test_a_bad_day_is_worse_the_more_goes_together():
    """What an update costs at most rises with the correlation, and the average stays."""
    fleet = Fleet((study("single-record", "0.9/day", board="tiny", faults="atomic", app_size=500),))
    alone = expected_losses(fleet, 10**8)
    together = [expected_losses(fleet, 10**8, street=Street(50, rho)) for rho in (0.0, 0.1, 0.9)]

    assert alone == together[0]
    assert {alone.expected} == {one.expected for one in together}
    assert sorted({one.high for one in together}) == [one.high for one in together]
    assert np.all([one.low <= one.expected[0] <= one.high for one in together])


@pytest.mark.parametrize(("size", "correlation"), [(0, 0.5), (5, -0.1), (5, 1.1), (5, float("nan"))])
def test_what_is_no_street_is_refused(size, correlation):
    """A street has devices, and a correlation lies between 0 and 1."""
    with pytest.raises(BadInput, match="street of"):
        Street(size, correlation)


@pytest.mark.parametrize("text", ["", "50", "50 at", "50 at x", "5.5 at 0.3", "0 at 0.3", "50 at 2", "at 0.3"])
def test_a_text_that_is_no_street_is_refused(text):
    """So many devices, and a correlation."""
    assert Street(50, 0.3) == parse_street(" 50 at 0.3")
    with pytest.raises(BadInput, match="street"):
        parse_street(text)


def test_risk_and_campaign_tell_what_a_bad_day_costs(capsys, tmp_path):
    """Of a million devices, or of the campaign's; on the average as many as without a street, and more at most."""
    asked = ["single-record", "--board", "tiny", "--faults", "atomic", "--rate", "60/hour", "--street", "50 at 0.3"]

    assert 0 == main(["risk", *asked, "--json"])
    risk = json.loads(capsys.readouterr().out)
    assert 0 == main(["campaign", *asked, "--devices", "1000", "--out", str(tmp_path / "x"), "--json"])
    campaign = json.loads(capsys.readouterr().out)
    for told, devices in ((risk, 10**6), (campaign, 1000)):
        street = told["street"]
        assert (50, 0.3, devices) == (street["size"], street["correlation"], street["devices"])
        assert street["expected"] == pytest.approx([devices * risk["ends"]["bricked"]] * 2)
        assert street["low"] <= street["alone"][0] <= street["alone"][1] < street["high"]
    assert 0 == main(["risk", *asked])
    assert "(a street) whose ends have the correlation 0.3 (beta-binomial)" in " ".join(capsys.readouterr().out.split())
    for command in (["risk"], ["campaign", "--devices", "9", "--out", str(tmp_path / "y")]):
        assert 2 == main([*command, *asked, "--format", "csv"])
        assert "--street: has no effect here" in capsys.readouterr().err

"""`otalab risk`: the exact answer, in the shape of the contract, and what a hand can derive."""

from __future__ import annotations

import json

import pytest

from otalab.bench.ends import ENDS
from otalab.cli.main import main
from otalab.hardware.part import part

PARTS = ["W25Q16JV", "SST26VF064B"]


def printed(capsys, *arguments):
    try:
        status = main(["risk", *arguments])
    except SystemExit as stopped:
        status = stopped.code
    out = capsys.readouterr()
    return status, out.out, out.err


def told(capsys, *arguments):
    status, out, _ = printed(capsys, *arguments, "--json")
    assert 0 == status
    return json.loads(out)


@pytest.mark.parametrize("name", PARTS)
def test_a_single_record_bricks_at_rate_times_the_time_without_it(capsys, name):
    """Three records are written, each erased and then programmed; a family's name will do for its only row."""
    chip, rate = part(name), 1.4 / 8766
    by_hand = rate / 3600 * (chip.erase_seconds() + chip.program_seconds(256)) * 3
    risk = told(capsys, "single-record", "--faults", "atomic", "--rate", "1.4/year", "--part", name)

    assert by_hand == pytest.approx(risk["ends"]["bricked"], rel=2e-3)


@pytest.mark.parametrize("name", PARTS)
def test_uniform_flip_points_halve_it(capsys, name):
    """An erase that happens or does not, as likely the one as the other."""
    asked = ["single-record", "--faults", "atomic", "--rate", "1.4/year", "--part", name]
    harsh, even = told(capsys, *asked), told(capsys, *asked, "--erase-flip", "0.5", "--program-flip", "0.5")

    assert harsh["ends"]["bricked"] / 2 == pytest.approx(even["ends"]["bricked"], rel=2e-3)


def test_the_result_has_the_shape_that_others_rely_on(capsys):
    """Keys of the contract; the band over the members of `all` beside them."""
    risk = told(capsys, "single-record", "--board", "tiny", "--rate", "0.06/day")

    assert {"design", "faults", "part", "image", "rate_per_hour", "ends", "bounds", "expected", "by_phase"} <= set(risk)
    assert ("single-record", "all", "W25Q16JV", "healthy", 0.06 / 24) == (
        *(risk[key] for key in ("design", "faults", "part", "image")), pytest.approx(risk["rate_per_hour"]),
    )  # fmt: skip
    assert list(ENDS) == list(risk["ends"]) == list(risk["bounds"])
    assert {"cuts", "seconds", "erases"} == set(risk["expected"])
    keys = {"phase", "seconds", "cuts", "p_cut", "p_bad", "p_bad_bounds"}
    assert all(keys == set(row) and row["cuts"] == row["p_cut"] for row in risk["by_phase"])
    assert risk["ends"]["bricked"] == pytest.approx(sum(row["p_bad"] for row in risk["by_phase"]))
    bricked = [ends["bricked"] for ends in risk["band"].values()]
    assert 6 == len(bricked)
    assert min(bricked) < risk["ends"]["bricked"] < max(bricked)


def test_weights_choose_among_the_members(capsys):
    """One alone gives its edge of the band."""
    asked = ["single-record", "--board", "tiny", "--rate", "1"]
    band = told(capsys, *asked)["band"]
    alone = told(capsys, *asked, "--weights", "weak-erase=1")

    assert band["weak-erase"]["bricked"] == pytest.approx(alone["ends"]["bricked"], rel=1e-12)


def test_a_phase_may_have_its_own_rate(capsys):
    """People pull the plug when the screen seems frozen: more cuts in the switch, more risk."""
    asked = ["single-record", "--board", "tiny", "--faults", "atomic", "--rate", "1/year"]
    calm, angry = told(capsys, *asked), told(capsys, *asked, "--phase-rate", "switch=1/day")

    assert {"switch": 1 / 24} == angry["rate_per_hour_in"]
    assert angry["ends"]["bricked"] > 100 * calm["ends"]["bricked"]


@pytest.mark.slow
def test_an_open_graph_gives_bounds(capsys):
    """They hold what was not explored, and people are told."""
    asked = ["mongoose", "--board", "tiny", "--faults", "torn-program", "--budget", "150", "--rate", "10"]
    low, high = told(capsys, *asked)["bounds"]["bricked"]

    assert 0 < low < high < 1
    assert "The graph is not closed" in printed(capsys, *asked)[1]


def test_unsafe_at_risk_0_is_said(capsys):
    """Both tears stay edges for the proof, also where a flip point gives one of them no probability."""
    asked = ["single-record", "--board", "tiny", "--faults", "atomic", "--rate", "1", "--erase-flip", "1"]
    status, out, _ = printed(capsys, *asked, "--program-flip", "0")

    assert 0 == status
    assert "Unsafe all the same: bricked after 1 cut" in out
    assert "Unsafe all the same" not in printed(capsys, *asked[:-2])[1]


def test_per_device_year_is_told_where_it_is_asked_for(capsys):
    """A dozen updates a year, each a fresh risk; of an average device, also where others are looked at."""
    asked = ["single-record", "--board", "tiny", "--faults", "atomic", "--rate", "1/year", "--updates-per-year", "12"]
    plain, given = told(capsys, *asked), told(capsys, *asked, "--given-cut")

    assert "per_year" not in told(capsys, *asked[:-2])
    assert [12 * plain["ends"]["bricked"]] * 2 == pytest.approx(plain["per_year"]["in_a_year"], rel=1e-6)
    assert plain["per_year"] == given["per_year"]
    assert "of a million devices, at 12 updates a year, lost: " in printed(capsys, *asked)[1]


def test_given_a_cut_says_of_how_many(capsys):
    """The condition and its probability are printed; ends are those of who meets a cut."""
    asked = ["single-record", "--board", "tiny", "--faults", "atomic", "--rate", "1/year"]
    plain, given = told(capsys, *asked), told(capsys, *asked, "--given-cut")

    assert plain["ends"]["bricked"] == pytest.approx(given["given"] * given["ends"]["bricked"], rel=1e-9)
    assert "given that a power cut comes" in printed(capsys, *asked, "--given-cut")[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--rate"),
        (["--rate", "-1"], "0 or more per hour"),
        (["--rate", "nan"], "0 or more per hour"),
        (["--rate", "1", "--part", "nonsense"], "not in data/flash_parts.csv"),
        (["--rate", "1", "--part", "W25Q64JV-sfdp", "--timing", "max"], "no erase_max_ms"),
        (["--rate", "1", "--image", "flaky:1.01"], "P from 0 to 1"),
        (["--rate", "0", "--given-cut"], "none can happen"),
        (["--rate", "1000/second"], "cuts are expected before any end"),
        (["--rate", "1", "--within", "0"], "within 0: more than 0"),
        (["--rate", "1", "--seconds", "nan"], "seconds nan: more than 0"),
        (["--rate", "1", "--updates-per-year", "0"], "numbers above 0 are needed"),
        (["--rate", "1", "--weights", "atomic=-1"], "must not be negative"),
        (["--rate", "1", "--weights", "atomic"], "members with their weights"),
        (["--rate", "1", "--faults", "gremlins"], "fault model 'gremlins' is unknown"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, arguments, complaint):
    """What, where and the way out."""
    status, out, err = printed(capsys, "single-record", "--board", "tiny", *arguments)

    assert (2, "", 1) == (status, out, err.count("\n")), err
    assert complaint in err

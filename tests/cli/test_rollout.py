"""`otalab rollout`: what Python's rollout finds, and where it ended; what is typed wrong is one line."""

import io
import json

import pandas as pd
import pytest

from otalab.cli.main import main
from otalab.numbers.campaigns.rollout import Stage, roll_out, rollouts
from otalab.numbers.campaigns.stop_rule import StopRule
from otalab.numbers.fleet import Fleet
from otalab.numbers.study import study

DAY = 86400.0
TINY = ("single-record", "--board", "tiny", "--faults", "atomic", "--rate", "600/hour", "--devices", "10000")
STAGES = ("--stages", "1:1d,10:90s,100")
SAME = [Stage(1, DAY), Stage(10, 90), Stage(100)]


def printed(capsys, *words):
    status = main(["rollout", *words])
    return status, *capsys.readouterr()


def fleet():
    return Fleet((study("single-record", "600/hour", board="tiny", faults="atomic"),))


@pytest.mark.parametrize("rule", [None, StopRule(1e-4), StopRule(0.5, by="every-look")])
def test_its_rows_are_those_of_python(capsys, rule):
    """Bit for bit, as CSV and as JSON."""
    stop = () if rule is None else ("--stop", str(rule.bound), "--by", rule.by)
    expected = roll_out(fleet(), 10_000, SAME, rule, 3)
    status, out, _ = printed(capsys, *TINY, *STAGES, "--seed", "3", *stop, "--format", "csv")
    assert 0 == status
    pd.testing.assert_frame_equal(expected, pd.read_csv(io.StringIO(out)), check_dtype=False)

    stages = json.loads(printed(capsys, *TINY, *STAGES, "--seed", "3", *stop, "--json")[1])["stages"]
    assert expected.offered.tolist() == [one["offered"] for one in stages]


def test_many_rollouts_end_as_they_end_in_python(capsys):
    """One row for each."""
    expected = rollouts(fleet(), 10_000, SAME, StopRule(1e-4), repeats=5, seed=1)
    _, out, _ = printed(capsys, *TINY, *STAGES, "--stop", "1e-4", "--repeats", "5", "--format", "csv")
    pd.testing.assert_frame_equal(expected, pd.read_csv(io.StringIO(out)), check_dtype=False)


@pytest.mark.slow
def test_people_are_told_where_it_ended(capsys):
    """By the rule, or by its last stage; the default design and board are rolled out as well."""
    assert "stopped by the rule" in printed(capsys, *TINY, *STAGES, "--stop", "1e-4")[1]
    assert "went to its last stage: 10,000 devices" in printed(capsys, *TINY, *STAGES)[1]
    assert 0 == printed(capsys, "hardened", "--devices", "1000", "--rate", "us-2022")[0]


@pytest.mark.parametrize(
    "words, said",
    [
        (("--stages", "10"), ""),
        (("--stages", "ten:1d"), "--stages 'ten:1d': PERCENT:WAIT is needed"),
        (("--stages", "10:1w"), "--stages '10:1w'"),
        (("--stages", ""), "--stages ''"),
        (("--stages", "10:1d,5:1d"), "stage"),
        (("--stages", "150:1d"), "stage"),
        (("--stages", "1.2.3:1d"), "--stages '1.2.3:1d'"),
        (("--by", "low"), "--by low: goes with --stop"),
        (("--stop", "nan"), "nan"),
        (("--stop", "-1"), "-1"),
        (("--repeats", "0"), "--repeats 0"),
        (("--devices", "0"), "0"),
        (("--fleet", "not-there.csv"), "not-there.csv"),
    ],
)
def test_what_is_typed_wrong_is_one_line(capsys, words, said):
    """With what, and the way out; nothing is rolled out."""
    try:
        status, out, err = printed(capsys, *TINY, *words)
    except SystemExit as stopped:
        status, (out, err) = stopped.code, capsys.readouterr()
    if not said:
        assert 0 == status
        return
    assert (2, "") == (status, out)
    assert said in err
    assert 1 == len(err.strip().splitlines())

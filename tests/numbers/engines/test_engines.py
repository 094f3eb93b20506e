"""Engines: exact, device by device, by the crowd and by the firmware itself, and all of them agree."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deep import latin

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.firmware.catalogue import designs
from otalab.numbers.engines.engines import crowds, sample
from otalab.numbers.engines.firmware import Lives
from otalab.numbers.engines.streams import Stream
from otalab.numbers.fleet import Fleet
from otalab.numbers.legs import ENDINGS
from otalab.numbers.rates import Rates
from otalab.numbers.stats import interval
from otalab.numbers.study import study

# Per hour: about one cut for each update, and so many where records are written that failures are common.
RATES = Rates(60.0, (("download", 300.0), ("switch", 5000.0), ("commit", 5000.0), ("rollback", 5000.0)))
SEED = 5
# What each design's graph closes under, the harshest of the two.
REAL = ("ab-tries", "cc3200", "esp-idf", "esp32", "esp8266", "mgos-boot")
TWINS = (one for one in designs() if one.startswith(tuple(f"{real}-" for real in REAL)))
FAULTS = dict.fromkeys(("mongoose", "in-place", *REAL, *TWINS), "atomic")


def tiny(design="single-record", image="healthy", rates=RATES, **options):
    return study(design, rates, board="tiny", image=image, faults=FAULTS.get(design, "all"), **options)


def inside(one, found, devices):
    """Say which ends have their exact probability outside the 99.9 % interval."""
    outside = []
    for end, probability in one.weighed.ends.items():
        within = interval(int(found.get(end, 0)), devices, 0.999)
        if not within.low <= probability <= within.high:
            outside.append((end, probability, within))
    return outside


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "image"),
    latin(designs(), ["healthy", "hangs", "crashes", "flaky:0.3"], always=[("mongoose", "flaky:0.3")]),
)
def test_four_engines_agree(design, image):
    """Exact lies inside the 99.9 % interval of each sampler; `benchmarks/agreement.py` has more devices of firmware."""
    one = tiny(design, image)
    fleet = Fleet((one,))

    assert one.graph.closed
    crowd = crowds(fleet, 10**12, SEED).groupby("end", observed=True).devices.sum()
    assert [] == inside(one, crowd, 10**12)
    for engine, devices in (("chain", 1_000_000), ("firmware", 500)):
        assert [] == inside(one, sample(fleet, engine, SEED, 0, devices).end.value_counts(), devices), engine


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "image", "rate"), [("single-record", "flaky:0.5", 2.0), ("hardened", "hangs", 1e-6)]
)
def test_they_agree_on_those_who_meet_a_cut(design, image, rate):
    """Given a cut, ends and means of the firmware's own lives are those of the graph, however rare cuts are."""
    one = tiny(design, image, Rates(rate, (("switch", 1000 * rate),)), given_cut=True)
    fleet, expected = Fleet((one,)), one.weighed.expected()
    lives = sample(fleet, "firmware", SEED, 0, 400)

    assert 1 == lives.cuts.min()
    assert [] == inside(one, lives.end.value_counts(), 400)
    assert [] == inside(one, sample(fleet, "chain", SEED, 0, 200_000).end.value_counts(), 200_000)
    for name in ("cuts", "seconds", "erases"):
        values = lives[name].astype(float)
        assert expected[name] == pytest.approx(values.mean(), abs=4 * values.std() / 20 + 1e-3 * expected[name])
    alike = Lives(one.scenario, one.model, one.rates, given_cut=True)
    assert one.weighed.walk.given == pytest.approx(alike.given, rel=1e-12)


def test_unstable_cells_are_drawn_as_the_graph_has_them():
    """Where chance decides how a cell reads, the firmware's lives and the graph's walk agree too."""
    one = study("hardened-plus", RATES, board="tiny", faults="unstable")
    fleet = Fleet((one,))

    assert one.graph.closed
    assert [] == inside(one, sample(fleet, "firmware", SEED, 0, 300).end.value_counts(), 300)


def test_the_tables_have_one_schema():
    """Columns and types are the same; the crowd's rows stand for more than one device and have no number."""
    fleet = Fleet((tiny(),))
    chain, firmware = (sample(fleet, engine, SEED, 10, 3) for engine in ("chain", "firmware"))
    crowd = crowds(fleet, 1000, SEED)

    assert ["device", "kind", "end", "cuts", "seconds", "erases", "last_cut"] == list(chain.columns)
    assert chain.dtypes.to_dict() == firmware.dtypes.to_dict()
    assert [10, 11, 12] == chain.device.tolist() == firmware.device.tolist()
    assert set(chain.columns) - {"device"} | {"devices"} == set(crowd.columns)
    assert 1000 == crowd.devices.sum()
    assert list(ENDINGS) == list(crowd.end.cat.categories) == list(chain.end.cat.categories)


def test_a_life_is_a_function_of_seed_and_number():
    """Whoever lives it, and after whomever."""
    fleet = Fleet((tiny(image="flaky:0.3"),))
    rows = sample(fleet, "firmware", SEED, 0, 40)

    pd.testing.assert_frame_equal(rows.iloc[17:23].reset_index(drop=True), sample(fleet, "firmware", SEED, 17, 6))
    assert not rows.end.equals(sample(fleet, "firmware", SEED + 1, 0, 40).end) or not rows.cuts.equals(
        sample(fleet, "firmware", SEED + 1, 0, 40).cuts
    )


def test_a_device_that_resets_for_ever_is_stuck_and_costs_no_time():
    """As in the graph: from where no end can be reached on steady power, nothing more is counted."""
    one = tiny("mongoose", "crashes")
    lived = Lives(one.scenario, one.model, one.rates).live(Stream(SEED, 0))

    assert ("stuck", 0, 0.0, 0) == (lived.end, lived.cuts, lived.seconds, lived.erases)


@pytest.mark.parametrize("engine", ["chain", "firmware"])
def test_a_rate_at_which_nothing_ends_is_refused(engine):
    """A timer of a minute, and a cut every tenth of a second."""
    fleet = Fleet((study("mongoose", 36_000.0, board="tiny", image="hangs", faults="atomic"),))

    with pytest.raises(BadInput, match="cuts are expected before the update ends"):
        sample(fleet, engine, SEED, 0, 1)


def test_a_study_can_be_sent_and_stored():
    """What it computed stays at home; what it is comes along."""
    one = tiny(weights={"torn-bits": 2.0, "weak-erase": 1.0})
    before = one.weighed.ends
    other = pickle.loads(pickle.dumps(one))  # noqa: S301  # our own

    assert one == other and hash(one) == hash(other)
    assert set(vars(other)) == set(one.__dataclass_fields__)
    assert before == other.weighed.ends


def test_one_exploration_serves_many_questions():
    """Rates, weights and conditions do not change what can happen."""
    one = tiny()

    assert one.graph is replace(one, rates=Rates(1.0), given_cut=True).graph
    assert one.graph is replace(one, weights=(("atomic", 1.0),)).graph
    assert one.graph is not replace(one, image="hangs").graph


def test_the_band_holds_the_mixture():
    """Each member alone, and all of them equally: the mixture lies between."""
    one = tiny(rates=Rates(1e-3))
    among = [member.ends["bricked"] for member in one.band().values()]

    assert 6 == len(among)
    assert min(among) < one.weighed.ends["bricked"] < max(among)
    assert one.weighed.ends["bricked"] == pytest.approx(np.mean(among), rel=1e-4)


def test_weights_and_flip_points_belong_somewhere():
    """They are refused where they would mean nothing."""
    for options, complaint in (
        ({"faults": "atomic", "weights": {"atomic": 1.0}}, "weights belong to the members"),
        ({"faults": "all", "flips": (0.5, 0.5)}, "flip points belong to the fault model atomic"),
        ({"faults": "atomic", "flips": (0.5, 1.5)}, "must be from 0 to 1"),
        ({"faults": "all", "weights": {"unstable": 1.0}}, "no member of all"),
    ):
        with pytest.raises(BadInput, match=complaint):
            study("hardened", 1.0, board="tiny", **options).refuse_nonsense()


@pytest.mark.slow
def test_a_fleet_is_a_table_of_kinds():
    """Each row changes what it names; the exact answer is the mean, and so is what the engines find."""
    base = tiny(rates=Rates(60.0, (("switch", 5000.0), ("commit", 5000.0))))
    rows = {"share": [3, 1], "part": ["W25Q16JV", "MX25R6435F"], "rate": ["60", "120/hour"], "image": ["healthy", None]}
    fleet = Fleet.of(base, pd.DataFrame(rows | {"bytes_per_second": [1e5, 1e4]}))
    ends = [one.weighed.ends["bricked"] for one in fleet.studies]
    found = sample(fleet, "chain", SEED, 0, 400_000)

    assert (0.75, 0.25) == fleet.shares
    assert [60.0, 120.0] == [one.rates.default for one in fleet.studies]
    assert [1e5, 1e4] == [one.scenario.bytes_per_second for one in fleet.studies]
    assert 0.75 * ends[0] + 0.25 * ends[1] == pytest.approx(fleet.ends["bricked"])
    for count, devices in (
        ((found.end == "bricked").sum(), 400_000),
        ((sample(fleet, "firmware", SEED, 0, 400).end == "bricked").sum(), 400),
    ):
        within = interval(int(count), devices, 0.999)
        assert within.low <= fleet.ends["bricked"] <= within.high


def test_given_a_cut_kinds_that_meet_more_are_more():
    """Of two kinds, as many of each, one with three times the cuts: given one, it is three quarters."""
    base = tiny(rates=Rates(1e-6), given_cut=True)
    fleet = Fleet.of(base, pd.DataFrame({"share": [1, 1], "rate": ["1e-6", "3e-6"]}))

    assert [0.25, 0.75] == pytest.approx(fleet.given_shares, rel=1e-4)
    assert 0.75 == pytest.approx((sample(fleet, "chain", SEED, 0, 20_000).kind == 1).mean(), abs=0.02)
    assert 0.75 == pytest.approx((sample(fleet, "firmware", SEED, 0, 1000).kind == 1).mean(), abs=0.06)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ({}, "at least one row"),
        ({"part": ["W25Q16JV"]}, "a column share"),
        ({"share": [0.0]}, "a share must be more than 0"),
        ({"share": [float("nan")]}, "a share must be more than 0"),
        ({"share": ["much"]}, "a share must be more than 0"),
        ({"share": [1], "colour": ["red"]}, "column 'colour' is unknown"),
        ({"share": [1], "part": ["W25"]}, "not in data/flash_parts.csv"),
        ({"share": [1], "part": ["W25Q80DL"]}, "no erase_typ_ms"),
        ({"share": [1], "rate": ["-1"]}, "0 or more per hour"),
        ({"share": [1], "image": ["flaky:2"]}, "P from 0 to 1"),
        ({"share": [1], "timing": ["mean"]}, "typ or max"),
        ({"share": [1], "bytes_per_second": [0]}, "more than 0"),
    ],
)
def test_a_table_that_is_no_fleet_is_refused(rows, complaint):
    """One line, with the row or the column."""
    with pytest.raises(BadInput, match=complaint):
        Fleet.of(tiny(), pd.DataFrame(rows))


def test_every_end_has_a_name_in_the_contract():
    """Categories are the contract's ends, and one for what was not explored."""
    assert (*ENDS, "open") == ENDINGS

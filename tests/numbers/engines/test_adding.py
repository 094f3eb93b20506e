"""What is stored is the same on every Python, though the built-in `sum` of floats is compensated from 3.12 on."""

import builtins
from functools import reduce
from math import fsum
from operator import add

import pytest

from otalab import life, set_up
from otalab.faults.models import FAULTS
from otalab.faults.tear import union
from otalab.numbers.campaigns.wear import bad_image_loop
from otalab.numbers.engines import engines
from otalab.numbers.engines.engines import sample
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Rates
from otalab.numbers.study import study

RATES = Rates(61.3, (("download", 307.1), ("switch", 5003.7), ("commit", 4999.3)))


def plain(numbers, start=0):
    """
    Add as Python 3.11 does, one after the other.
    """
    return reduce(add, numbers, start)


def compensated(numbers, start=0):
    """
    Add as later Pythons do, and lose nothing on the way.
    """
    numbers = [*numbers]
    return start + fsum(numbers) if any(isinstance(one, float) for one in numbers) else plain(numbers, start)


def fleet(*kinds):
    """
    A fleet that nobody has looked at before.
    """
    engines._lives.cache_clear()
    weights = [0.1, 0.2, 0.7] if len(kinds) == 3 else [1.0]
    return Fleet(tuple(study(design, RATES, **how) for design, how in kinds), tuple(weights))


IMAGES = ("healthy", "flaky:0.3", "hangs")
MIXED = [("single-record", {"board": "tiny", "image": image, "given_cut": True}) for image in IMAGES]
WEIGHTS = {"atomic": 0.1, "torn-bits": 0.2, "torn-program": 0.3}
ASKED = {
    "a life on the default board": lambda: [run.seconds for run in life(set_up("mongoose")).runs],
    "lives on the default board": lambda: sample(fleet(("mongoose", {"budget": 200})), "firmware", 5, 0, 3),
    "lives under every fault": lambda: sample(fleet(("hardened", {"board": "tiny"})), "firmware", 5, 0, 40),
    "lives of a mixed fleet": lambda: sample(fleet(*MIXED), "firmware", 5, 0, 40),
    "walks through a graph": lambda: sample(fleet(("single-record", {"board": "tiny"})), "chain", 5, 0, 500),
    "exact ends of a mixed fleet": lambda: fleet(*MIXED).ends,
    "exact shares of a mixed fleet": lambda: fleet(*MIXED).given_shares,
    "a loop of a bad image": lambda: bad_image_loop(study("hardened", RATES, image="hangs", offer="again")),
    "a union of faults": lambda: union("x", {FAULTS[name]: weight for name, weight in WEIGHTS.items()}).parts,
}


LONG = (
    "lives on the default board",
    "lives under every fault",
    "lives of a mixed fleet",
    "exact ends of a mixed fleet",
    "exact shares of a mixed fleet",
)


@pytest.mark.parametrize("name", [pytest.param(one, marks=pytest.mark.slow if one in LONG else ()) for one in ASKED])
def test_is_the_same_however_floats_are_added(name, monkeypatch):
    """
    Bit for bit, with the built-in sum of either age.
    """
    found = []
    for way in (plain, compensated):
        monkeypatch.setattr(builtins, "sum", way)
        found.append(ASKED[name]())

    assert repr(found[0]) == repr(found[1])
    assert not hasattr(found[0], "equals") or found[0].equals(found[1])

"""The laws of erases: what a cut at a moment drawn evenly leaves is as likely as the model says.

The eye that judges a sector here knows nothing of labels: it looks at the bytes alone.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from otalab.bench.setup import set_up
from otalab.faults.models import FAULTS
from otalab.hardware.effects import Erase

DRAWS = 20_000
SIZE = 4096
OLD = b"\x5a" * SIZE


def drawn(name: str) -> list[tuple[bytes, object]]:
    """Return what so many cuts in an erase of a sector of 0x5a leave, each with its mark."""
    device, random = set_up(board="tiny").device, np.random.default_rng(3)
    flash = set_up(board="tiny").flash.with_sector(3, OLD)
    tears = list(FAULTS[name].tears(Erase(3), flash, device))
    weights = np.array([tear.weights[0] for tear in tears])
    assert 1 == pytest.approx(weights.sum())
    return [(tears[at].contents, tears[at].mark) for at in random.choice(len(tears), DRAWS, p=weights)]


def p_value(seen: list[int], law: list[float]) -> float:
    return float(chisquare(seen, [DRAWS * share for share in law]).pvalue)


def test_a_zeroed_erase_goes_through_zeros_for_a_third_of_its_time():
    """Then blank spreads over zeros until nine tenths, then some cells of all are still zero."""
    seen, places = [0, 0, 0, 0], [0] * 4
    for contents, _ in drawn("zeroed-erase"):
        old, zeros, blank = (contents.count(value) for value in (b"\x5a", b"\x00", b"\xff"))
        if old:
            seen[0] += 1
            places[min(3, 4 * zeros // SIZE)] += 1
        elif zeros + blank == SIZE and zeros:
            seen[1] += 1
        else:
            # 4.5 % of all bits are about 1,475; 0.35 % about 115.
            few = sum(8 - byte.bit_count() for byte in contents) < 500
            seen[3 if few else 2] += 1

    # A front stands between whole pieces, so that one of its places, all old, counts as a passage too.
    assert 1e-4 < p_value(seen, [1 / 3, 0.9 - 1 / 3, 0.05, 0.05])
    assert 1e-4 < chisquare(places).pvalue


def test_a_weak_erase_is_weak_for_a_tenth_of_its_time():
    """It reads blank all the time, as an erase does that takes effect at its first moment."""
    seen = [0, 0]
    for contents, mark in drawn("weak-erase"):
        assert b"\xff" * SIZE == contents
        seen[mark is not None] += 1

    assert 1e-4 < p_value(seen, [0.9, 0.1])


def test_an_unstable_erase_may_read_torn_for_a_tenth_of_its_time():
    """Each of its two torn readings is as likely as the other."""
    seen = [0, 0, 0]
    for contents, mark in drawn("unstable"):
        assert b"\xff" * SIZE == contents
        zeros = sum(8 - byte.bit_count() for byte in mark.other) if mark else 0
        seen[0 if mark is None else 1 if zeros > SIZE * 8 * 0.01 else 2] += 1

    assert 1e-4 < p_value(seen, [0.9, 0.05, 0.05])

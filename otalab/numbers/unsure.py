"""What becomes of an update where its rate is a law: the mixture over homes that differ, or what is known of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from otalab.bench.ends import ENDS
from otalab.numbers.fleet import Fleet
from otalab.numbers.rate_laws import RateLaw
from otalab.numbers.study import Study

POINTS = 9  # rates from one edge of the interval to the other, at which every end is weighed
NODES = 8  # of the quadrature at first, and twice as many
MOST = 64  # and so on, until
CLOSE = 1e-6  # all ends stay the same but for so much of them, or 1e-12: where graphs close, one more costs little
LITTLE = 1e-9  # of all homes: nodes far out are left out, at rates that nobody has


class Unsure(NamedTuple):
    """An end where the rate is a law.

    `mixture` is its probability for a device of homes that differ, between `mixture_low` and `mixture_high` where it
    was sampled; `at_mean` that at the mean rate; between `low` and `high` it lies with the confidence asked for, if one
    rate holds for all.
    """

    end: str
    mixture: float
    mixture_low: float
    mixture_high: float
    at_mean: float
    low: float
    high: float


def homes(study: Study, law: RateLaw) -> Fleet:
    """Return the fleet of homes that differ: kinds at the nodes of a quadrature, with its weights.

    What such a fleet comes to on the average is what homes of all rates do, as exactly as the quadrature is.
    """
    fleet, nodes = _kinds(study, law, NODES), NODES
    while fleet.closed and nodes < MOST:
        nodes *= 2
        rough, fleet = fleet.estimates, _kinds(study, law, nodes)
        if all(abs(rough[end] - p) <= max(1e-12, CLOSE * p) for end, p in fleet.estimates.items()):
            break
    return fleet


def _kinds(study: Study, law: RateLaw, nodes: int) -> Fleet:
    rates, shares = law.kinds(nodes)
    rates, shares = rates[shares > LITTLE], shares[shares > LITTLE]
    kinds = tuple(replace(study, rates=replace(study.rates, default=float(rate))) for rate in rates)
    return Fleet(kinds, tuple((shares / shares.sum()).tolist()))


def unsure(study: Study, law: RateLaw, confidence: float = 0.95) -> list[Unsure]:
    """Return a row for each end; a phase that has its own rate keeps it.

    The interval is the range of the probability over the central part of the law, its edges at equal tails: the
    probability need not rise with the rate.
    A graph that does not close is searched anew for every rate, and the bounds of its samples are taken in.
    """
    fleet = homes(study, law)
    for kind in fleet.studies:
        kind.settle()
    tail = (1 - confidence) / 2
    rates = [law.quantile(share) for share in np.linspace(tail, 1 - tail, POINTS)]
    at = [replace(study, rates=replace(study.rates, default=rate)).settle() for rate in rates]
    here = replace(study, rates=replace(study.rates, default=law.mean)).settle().ends
    rows = []
    for end in ENDS:
        bounds = [weighed.interval(end) for weighed in at]
        lowest, highest = min(low for low, _ in bounds), max(high for _, high in bounds)
        rows.append(Unsure(end, *fleet.interval(end), here[end], lowest, highest))
    return rows


def as_object(law: RateLaw, rows: list[Unsure], confidence: float = 0.95) -> dict[str, Any]:
    """Return all of it as JSON knows it; rates are per hour."""
    tail = (1 - confidence) / 2
    return {
        "law": "gamma",
        "shape": law.shape,
        "scale_per_hour": law.scale,
        "mean_per_hour": law.mean,
        "interval_per_hour": [law.quantile(tail), law.quantile(1 - tail)],
        "told_by": "counts" if law.counted else "shape and scale",
        "confidence": confidence,
        "ends": {row.end: row._asdict() for row in rows},
    }

"""What becomes of an update where nobody knows how silicon tears: the weights of the members as a Dirichlet law.

Two questions have the same law and different answers.
Where each cut tears by a law drawn afresh, a device meets the mean weights at every one of them.
Where silicon keeps one law for its life, each device has one member, and the weights say how many devices have which:
after many updates those are left that tear harmlessly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from math import expm1, fsum, inf, log1p
from typing import Any, NamedTuple

import numpy as np

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.numbers.fleet import Fleet
from otalab.numbers.risk import Weighed
from otalab.numbers.study import Study

DRAWS = 400
SEED = 1
DIRICHLET = re.compile(r"\s*dirichlet\s*(?:\(([^()]*)\)\s*)?")


def parse_prior(text: str) -> dict[str, float] | None:
    """Return the shapes that `dirichlet` or `dirichlet(torn-bits=20, atomic=3)` tells, or nothing for plain weights.

    A member that is not named has the shape 1.
    """
    if not (match := DIRICHLET.fullmatch(text)):
        if "dirichlet" in text:
            raise BadInput(f"weights {text!r}: no law; write dirichlet, or dirichlet(torn-bits=20, atomic=3)")
        return None
    pairs = [pair.partition("=") for pair in (match[1] or "").split(",") if pair.strip()]
    try:
        return {name.strip(): float(shape) for name, _, shape in pairs}
    except ValueError as error:
        raise BadInput(f"weights {text!r}: each member needs a number, as in dirichlet(torn-bits=20)") from error


class UnsureEnd(NamedTuple):
    """An end where weights are a law: its mean over it, and between which bounds it lies with the confidence asked for.

    `kept` is its probability where silicon keeps one member for its life; of a graph that is not closed, `mean` and
    `kept` are the least that they can be.
    """

    end: str
    mean: float
    low: float
    high: float
    kept: float


def unsure_weights(
    study: Study,
    prior: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    seed: int = SEED,
    draws: int = DRAWS,
) -> list[UnsureEnd]:
    """Return a row for each end, with bounds at equal tails of what drawn weights come to.

    `prior` are the shapes of the Dirichlet law, 1 for each member if not given: then all weights are alike likely
    (Bayes' and Laplace's prior; Ferguson 1973, Annals of Statistics 1:209, has the law).
    What was counted of tears is added to them.
    Where the graph is not closed, what was not followed is taken to be any end.
    """
    shapes = shapes_of(study, prior)
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = [_weighed(study, weights) for weights in random.dirichlet(list(shapes.values()), draws)]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    shares, members = means(study, prior), _members(study)
    rows = []
    for end in ENDS:
        least, most = np.array([weighed.interval(end) for weighed in drawn]).T
        kept = fsum(share * members[name].ends[end] for name, share in shares.items())
        low, high = float(np.quantile(least, tails[0])), float(np.quantile(most, tails[1]))
        rows.append(UnsureEnd(end, fsum(least) / draws, low, high, kept))
    return rows


def lost_in_a_life(study: Study, updates: float, prior: Mapping[str, float] | None = None) -> tuple[float, float]:
    """Return how likely a device is lost in so many updates: laws drawn afresh each time, and one kept for its life.

    A mixture of members survives at least as often as one member with their mean risk does (Jensen's inequality).
    """
    if not 0 <= updates < inf:
        raise BadInput(f"{updates:g} updates: a number of 0 or more is needed")
    shares, members = means(study, prior), _members(study)
    afresh = _weighed(study, np.array(list(shares.values()))).bad
    kept = fsum(share * _lost(members[name].bad, updates) for name, share in shares.items())
    return _lost(afresh, updates), kept


def _lost(bad: float, updates: float) -> float:
    return -expm1(updates * log1p(-bad)) if bad < 1 else float(updates > 0)


def _members(study: Study) -> dict[str, Weighed]:
    names = list(study.members)
    return {name: _weighed(study, np.eye(len(names))[place]) for place, name in enumerate(names)}


def _weighed(study: Study, weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Weighed:
    """Return the study's graph at other weights; lives that were sampled are of the study's own, and left out."""
    by_name = dict(zip(study.members, weights.tolist(), strict=True))
    shares = [by_name.get(name, 0.0) for name in study.graph.members]
    return Weighed(study.graph, study.rates, shares, study.given_cut)


def shapes_of(study: Study, prior: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the shape of each member's weight, in the order of the members."""
    members = list(study.members)
    if len(members) < 2:
        raise BadInput(f"weights as a law belong to the members of the fault model all, and this is {study.faults}")
    shapes = dict.fromkeys(members, 1.0) | dict(prior or {})
    for name, shape in shapes.items():
        if name not in members or not 0 < shape < inf:
            raise BadInput(
                f"weights as a law: {name}={shape:g}: a shape above 0 for each of {', '.join(members)} is needed"
            )
    return shapes


def means(study: Study, prior: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the mean weight of each member: what a device meets at a cut whose law is drawn afresh."""
    shapes = shapes_of(study, prior)
    return {name: shape / fsum(shapes.values()) for name, shape in shapes.items()}


def silicon(study: Study, prior: Mapping[str, float] | None = None) -> Fleet:
    """Return the fleet of devices that keep one law for their life: a kind for each member, with its mean weight."""
    shares = means(study, prior)
    return Fleet(tuple(replace(study, weights=((name, 1.0),)) for name in shares), tuple(shares.values()))


def as_object(study: Study, prior: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Return all of it as JSON knows it."""
    return {
        "law": "dirichlet",
        "shapes": shapes_of(study, prior),
        "draws": DRAWS,
        "seed": SEED,
        "confidence": 0.95,
        "closed": study.weighed.closed,
        "ends": {row.end: row._asdict() for row in unsure_weights(study, prior)},
    }

"""What matters most: each input of a study is moved alone, and the ends are weighed anew.

Numbers are halved and doubled; an end's *elasticity* by one is then ln(p at double / p at half) / ln 4: by how many per
cent the end's probability rises with one per cent more of the input (the logarithmic derivative, as in economics and in
risk analysis: Saltelli and others, Global Sensitivity Analysis, 2008, section 1.2).
What is no number (typical or maximal times, flip points, members of the fault model) goes from one of its ends to the
other and has no elasticity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import fsum, log, nan
from typing import Any, NamedTuple

import pandas as pd

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput
from otalab.numbers.study import Study
from otalab.text import seconds

COLUMNS = ["input", "low", "high", "end", "p", "p_low", "p_high", "elasticity"]
FLIPS = {"late erase, early program": (1.0, 0.0), "early erase, late program": (0.0, 1.0)}


class _Moved(NamedTuple):
    """An input between two values: their words, and the probabilities of the ends at both."""

    name: str
    low: str
    high: str
    at_low: Mapping[str, float]
    at_high: Mapping[str, float]
    scaled: bool = True


class _Value(NamedTuple):
    """A value of an input: in words, and the field of a study with what it then holds."""

    text: str
    change: tuple[str, Any]


def sensitivity(study: Study) -> pd.DataFrame:
    """Return a row per input and end (`bad` is all bad ends together), the inputs that move `bad` most first.

    `p` is the probability per update as the study has it, `p_low` and `p_high` those at the two values of the input;
    where a graph does not close they are estimates, with the scatter of what was sampled.
    """
    here = _ends(study)
    rows = [
        (moved.name, moved.low, moved.high, end, here[end], moved.at_low[end], moved.at_high[end], _elastic(moved, end))
        for moved in _every(study)
        for end in here
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    swing = (table.p_high - table.p_low).abs().where(table.end == "bad").groupby(table.input).max()
    order = swing.sort_values(ascending=False, kind="stable").index
    return table.assign(input=pd.Categorical(table.input, order)).sort_values("input", kind="stable", ignore_index=True)


def _every(study: Study) -> Iterator[_Moved]:
    half, double = (
        replace(
            study.rates,
            default=study.rates.default * times,
            phases=tuple((phase, rate * times) for phase, rate in study.rates.phases),
        )
        for times in (0.5, 2.0)
    )
    yield _between("rate", study, *(_Value(f"{rates.default:.4g}/h", ("rates", rates)) for rates in (half, double)))
    if study.rates.hold_up:
        held = (replace(study.rates, hold_up=study.rates.hold_up * times) for times in (0.5, 2.0))
        yield _between("hold-up time", study, *(_Value(seconds(rates.hold_up), ("rates", rates)) for rates in held))
    numbers = {
        "download speed": ("bytes_per_second", study.bytes_per_second, " B/s"),
        "health check": ("health_seconds", study.scenario.new.health_seconds, " s"),
        "trial length": ("commit_timeout", study.scenario.commit_timeout, " s"),
    }
    for name, (field, value, unit) in numbers.items():
        low, high = (round(times * value) if field == "commit_timeout" else times * value for times in (0.5, 2.0))
        if 0 < low < high:
            yield _between(name, study, *(_Value(f"{number:g}{unit}", (field, number)) for number in (low, high)))
    yield from _times(study)
    if study.faults == "atomic":
        yield _between("flip points", study, *(_Value(text, ("flips", at)) for text, at in FLIPS.items()), scaled=False)
    if len(members := study.band()) > 1:
        bad = {name: fsum(member.ends[end] for end in BAD) for name, member in members.items()}
        least, most = (choose(bad, key=lambda name: bad[name]) for choose in (min, max))
        yield _Moved("weights", f"{least} alone", f"{most} alone", _with_bad(members[least].ends),
                    _with_bad(members[most].ends), scaled=False)  # fmt: skip


def _times(study: Study) -> Iterator[_Moved]:
    """Yield the move from typical to maximal times, where the table has both."""
    try:
        for timing in ("typ", "max"):
            replace(study, timing=timing).refuse_nonsense()
    except BadInput:
        return
    values = (_Value(timing, ("timing", timing)) for timing in ("typ", "max"))
    yield _between("erase and program time", study, *values, scaled=False)


def _between(name: str, study: Study, low: _Value, high: _Value, *, scaled: bool = True) -> _Moved:
    at_low, at_high = (_ends(replace(study, **dict([value.change]))) for value in (low, high))
    return _Moved(name, low.text, high.text, at_low, at_high, scaled)


def _ends(study: Study) -> dict[str, float]:
    return _with_bad(study.settle().ends)


def _with_bad(ends: Mapping[str, float]) -> dict[str, float]:
    return {"bad": fsum(ends[end] for end in BAD)} | {end: ends[end] for end in ENDS}


def _elastic(moved: _Moved, end: str) -> float:
    low, high = moved.at_low[end], moved.at_high[end]
    return log(high / low) / log(4) if moved.scaled and low > 0 and high > 0 else nan

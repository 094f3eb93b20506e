"""How likely a reviewed design ends in which way: by rate, phase and part, and under what was asked for beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from otalab.bench.ends import BAD
from otalab.hardware.part import FlashPart, Timing, part
from otalab.numbers.study import Study
from otalab.views.figures.risk import part_table, risk_phase_table
from otalab.views.report.asked import Asked


@dataclass(frozen=True)
class RateEnds:
    """How likely a device ends in which way at one rate of power failures, on the design's own part.

    `bad` is the probability of a bad end per update, between two bounds, `ends` that of each end as far as it was
    followed; `closed` says whether the graph is.
    """

    bad: tuple[float, float]
    ends: dict[str, float]
    closed: bool


@dataclass(frozen=True)
class Weight:
    """What is known of a design's risk: by rate on its own part, by phase, and by part and rate.

    `by_part` is a `part_table` whose column `design` holds the rate; parts of the same times share one row's numbers.
    `phases` is a `risk_phase_table` at the first rate; `carries` says, for each part, in which phases fatal cuts fall;
    `band` is the least and the most that a single member of the fault model would give; `beside` the probability of a
    bad end under a fault model that was asked for beside these, at the first rate, between two bounds; `expected` the
    mean counts of an update at the first rate.
    All of it are plain facts: another process may have come to them.
    """

    by_rate: dict[str, RateEnds]
    expected: dict[str, float]
    phases: pd.DataFrame
    by_part: pd.DataFrame
    carries: dict[str, str]
    band: tuple[float, float]
    beside: tuple[float, float] | None = None

    def bad(self, rate: str) -> tuple[float, float]:
        """Return the probability of a bad end per update, between two bounds."""
        return self.by_rate[rate].bad


def weigh(request: Asked, name: str, progress: Callable[[str], None] = lambda _text: None) -> Weight:
    """Return how likely a design ends in which way, by everything that was asked for."""
    studies = {rate: request.study(name, rate) for rate in request.rates}
    first = studies[request.rates[0]]
    rows, carries, twins = [], {}, dict[tuple[object, ...], str]()
    own, several = first.scenario.part_names, first.board.parts
    for part_name in (own,) if several else dict.fromkeys((own, *request.parts)):
        progress(f"{first.design.name}: risk on {part_name}")
        twin = own if several else twins.setdefault(_times(part(part_name), request.timing), part_name)
        table = part_table(studies, [twin])
        rows.append(table.assign(part=part_name))
        if table.low.notna().any():
            carries[part_name] = _carries(risk_phase_table(first if several else replace(first, part=twin)))
    beside = None
    if request.beside_faults:
        progress(f"{first.design.name}: risk under {request.beside_faults}")
        beside = request.study(name, request.rates[0], faults=request.beside_faults).weighed.interval(*BAD)
    band = [weighed.bad for weighed in first.band().values()]
    by_rate = {rate: _ends_at(weighed) for rate, weighed in studies.items()}
    phases, expected = risk_phase_table(first), first.weighed.expected()
    return Weight(by_rate, expected, phases, pd.concat(rows), carries, (min(band), max(band)), beside)


def _ends_at(weighed: Study) -> RateEnds:
    return RateEnds(weighed.weighed.interval(*BAD), dict(weighed.weighed.ends), weighed.weighed.closed)


def _times(chip: FlashPart, timing: Timing) -> tuple[object, ...]:
    """Return all of a part that a graph depends on."""
    row = dict(chip.row)
    times = row[f"erase_{timing}_ms"], row[f"pp_{timing}_us"]
    # A part that lacks a time has none in common with another one: its complaint names it.
    own = chip.name if not all(times) else ""
    return chip.kind, chip.page_size, chip.program_unit, chip.sector_size, *times, own


def _carries(phases: pd.DataFrame) -> str:
    """Return the phases in which fatal cuts fall, with their shares, the largest first; small ones are left out."""
    some = phases[phases.p_bad_share >= 0.05].sort_values("p_bad_share", ascending=False, kind="stable")
    return ", ".join(f"{row.phase} {row.p_bad_share:.0%}" for row in some.itertuples())

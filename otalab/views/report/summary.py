"""The summary of a reviewed design: a few facts, and for each the scope in which it holds.

Page, comparison and JSON are made of these facts, so that no two of them can say different things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from otalab.faults.models import fault_model
from otalab.firmware.design import Design
from otalab.graph.check import Cell
from otalab.graph.history import History
from otalab.graph.repair import Repair
from otalab.numbers.yearly import A_MILLION, lost
from otalab.views.report.asked import Asked
from otalab.views.report.facts import Reviewed
from otalab.views.report.judged import Judged
from otalab.views.report.words import listed

ONE_IMAGE = "how often an update is no good is not known"
LAST_MODEL = "a probability is of one fault model, and all was not asked for"


@dataclass(frozen=True, slots=True)
class Scope:
    """The fault models and images that a fact holds for; `why` says why it is not all that a verdict holds for."""

    models: tuple[str, ...]
    images: tuple[str, ...]
    why: str = ""

    @property
    def text(self) -> str:
        """The scope in words."""
        return self.narrow + (f": {self.why}" if self.why else "")

    @property
    def narrow(self) -> str:
        """The same without the reason why it is as narrow as it is."""
        return f"{models_words(self.models)}, image{'s' if len(self.images) > 1 else ''} {listed([*self.images])}"


@dataclass(frozen=True, slots=True)
class WorstEnd:
    """An end that was found: with which image, how many cuts it takes, where they fall, and the id that plays it."""

    end: str
    reason: str
    cuts: int
    phases: tuple[str, ...]
    image: str
    shortest: bool
    identity: str

    @classmethod
    def of(cls, judged: Judged) -> WorstEnd | None:
        """Return the worst end of some cells, or none where all ended well."""
        cell, history = judged.shown_by, judged.history
        return cls.by(cell, history, judged) if cell and history else None

    @classmethod
    def easiest(cls, judged: Judged) -> WorstEnd | None:
        """Return the bad end that the fewest cuts lead to, where that is another one than the worst."""
        every = [(cell.graph.counterexample, cell) for cell in judged.cells]
        ways = [(history, cell) for history, cell in every if history]
        bad, cell = min(ways, key=lambda way: way[0].order, default=(None, None))
        worst = judged.history
        if bad is None or cell is None or worst is None or len(bad.cuts) >= len(worst.cuts):
            return None
        return cls.by(cell, bad, judged)

    @classmethod
    def by(cls, cell: Cell, history: History, judged: Judged) -> WorstEnd:
        """Return the end of a history of one of the cells."""
        cuts = history.cuts
        phases = tuple(dict.fromkeys(leg.phase for _, leg in cuts))
        identity = cell.case.identity(history)
        return cls(history.end, history.reason, len(cuts), phases, cell.case.image, judged.shortest, identity)


@dataclass(frozen=True, slots=True)
class ReviewedSummary:
    """What is known of one design.

    `verdict` and `worst` hold for what designs are judged by, and `easiest`, where fewer cuts lead to a milder end;
    `beyond` and `beyond_worst` for what was asked for beside it, empty where nothing was.
    `safe`, `unsafe` and `open` are the fault models, by their worst verdict.
    `risk` is the probability of a bad end per update, `beside_risk` that under what was asked for beside it, `lost` the
    devices per million and year, `cost` what these cost, if a price was given; each from least to most.
    `band` what single members of the fault model give. `change` is proved to be enough, `repair` how its search ended.
    """

    design: str
    verdict: str
    worst: WorstEnd | None
    easiest: WorstEnd | None
    beyond: str
    beyond_worst: WorstEnd | None
    safe: tuple[str, ...]
    unsafe: tuple[str, ...]
    open: tuple[str, ...]
    unsafe_cells: int
    cells: int
    risk: tuple[float, float]
    beside_risk: tuple[float, float] | None
    band: tuple[float, float]
    lost: tuple[float, float]
    cost: tuple[float, float] | None
    erases: float
    repair: str
    change: tuple[tuple[str, str, str], ...]
    smallest: bool

    def as_object(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return asdict(self)


def summary_of(reviewed: Reviewed, request: Asked) -> ReviewedSummary:
    """Return the summary of a design."""
    standing, beyond, rate = reviewed.standing, reviewed.beyond, request.rates[0]
    low, high = reviewed.weight.bad(rate)
    repair = reviewed.repair
    best = repair.suggestions[0] if repair and repair.suggestions else None
    every = Judged(reviewed.cells)
    return ReviewedSummary(
        design=reviewed.design.name,
        verdict=standing.verdict,
        worst=WorstEnd.of(standing),
        easiest=WorstEnd.easiest(standing),
        beyond=beyond.verdict if beyond.cells else "",
        beyond_worst=WorstEnd.of(beyond),
        safe=tuple(every.models("safe")),
        unsafe=tuple(every.models("unsafe")),
        open=tuple(every.models("open")),
        unsafe_cells=len(standing.unsafe),
        cells=len(standing.cells),
        risk=(low, high),
        beside_risk=reviewed.weight.beside,
        band=reviewed.weight.band,
        lost=(_lost(low, request), _lost(high, request)),
        cost=_cost((_lost(low, request), _lost(high, request)), request.brick_cost),
        erases=reviewed.weight.expected["erases"],
        repair=_repair_word(reviewed, repair),
        change=tuple((change.way, str(change.old), str(change.new)) for change in best.changes) if best else (),
        smallest=bool(repair and repair.smallest),
    )


def _cost(losses: tuple[float, float], each: float | None) -> tuple[float, float] | None:
    return None if each is None else (each * losses[0], each * losses[1])


def _lost(risk: float, request: Asked) -> float:
    return A_MILLION * lost(risk, request.updates_per_year)


def _repair_word(reviewed: Reviewed, repair: Repair | None) -> str:
    if repair is None:
        return "not asked" if isinstance(reviewed.design, Design) else "code"
    return repair.outcome


def scopes(request: Asked) -> dict[str, Scope]:
    """Return the scope of each kind of fact; those that are narrower than a verdict's say why."""
    beyond = tuple(name for name in request.faults if name not in request.scope)
    only = () if request.mended_faults == (request.weighed_faults,) else (LAST_MODEL,)
    alone = ("beside what designs are judged by", *(() if request.images == (request.weighed_image,) else (ONE_IMAGE,)))
    risk = (*only, *(() if request.images == (request.weighed_image,) else (ONE_IMAGE,)))
    return {
        "verdict": Scope(request.mended_faults, request.images),
        "beyond": Scope(beyond, request.images, "beside what designs are judged by" if beyond else ""),
        "beside_risk": Scope(((request.beside_faults,) if beyond else ()), (request.weighed_image,), "; ".join(alone)),
        "risk": Scope((request.weighed_faults,), (request.weighed_image,), "; ".join(risk)),
        "repair": Scope(request.mended_faults, request.images),
    }


def models_words(names: Sequence[str]) -> str:
    """Return fault models as a list that is read aloud; one that holds others stands for them."""
    held = {member for name in names for member in fault_model(name).members if member != name}
    return listed([name for name in names if name not in held])

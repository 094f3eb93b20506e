"""Studies: everything that decides how likely an update ends in which way, as a value that can be sent and stored."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from hashlib import sha256
from math import expm1, fsum, inf, isfinite
from typing import Any

from otalab.bench.options import ScenarioOptions
from otalab.bench.scenario import Scenario
from otalab.bench.setup import board_for, design_or_code, scenario_of, timed
from otalab.bench.trace import life
from otalab.errors import BadInput, unknown
from otalab.faults.models import atomic, fault_model, weighted
from otalab.faults.tear import FaultModel
from otalab.firmware.design import Design
from otalab.firmware.device import Firmware
from otalab.graph.budget import BUDGET, a_budget
from otalab.graph.case import Case
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import Explorer
from otalab.hardware.board import Board
from otalab.numbers.explored import Explored, Search, closed_graph
from otalab.numbers.rates import Rates, parse_rate
from otalab.numbers.risk import Weighed
from otalab.numbers.supplies import holding

WITHIN = 0.01  # of a probability: how close its bounds are to be, where the graph does not close
LARGEST = sys.float_info.max  # bytes per second: any number but no end
CLOSE = 1e-9  # that is close enough in any case
RUNS = 15  # of wrecks of which no cut is followed take no longer than one node of a graph that closes
RARE = 0.01  # cuts of one undisturbed update: less, and it is the rare ends that want so many
KEPT = 64  # graphs, the oldest goes first
_explored: dict[Study, Explored | None] = {}  # None: the graph does not close soon


@dataclass(frozen=True, kw_only=True)
class Study(ScenarioOptions):
    """The options of a scenario, a fault model and rates of power failures.

    `weights` are those of the members of `all`, `flips` the flip points of `atomic` (erase, program): cut before it,
    an effect is not done, cut after it, it is.
    With `given_cut`, only devices that meet at least one power cut during the update are looked at.
    Where the crash graph does not close, what weighs most is followed, and the rest sampled, until the bounds of each
    end are as close as `within` says, a share of its probability (or, where cuts are common, half of it of all
    devices); or for want of more `budget`, in nodes, or of `seconds`, after which what is known by then is the answer,
    another one on another machine.
    """

    design: Design | Firmware
    board: Board
    rates: Rates
    faults: str = "all"
    image: str = "healthy"
    bytes_per_second: float = 100_000.0
    weights: tuple[tuple[str, float], ...] = ()
    flips: tuple[float, float] = (0.0, 1.0)
    given_cut: bool = False
    budget: int = BUDGET
    within: float = WITHIN
    seconds: float = inf

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_an_end("a risk is one of so many updates")

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario."""
        return replace(scenario_of(self, self.design, self.image), bytes_per_second=self.bytes_per_second)

    @cached_property
    def model(self) -> FaultModel:
        """The fault model, with its weights; of a supply that holds up, with what that leaves."""
        return holding(self._model) if self.rates.hold_up else self._model

    @property
    def members(self) -> dict[str, float]:
        """The members of the fault model, each with its share of the probability."""
        return dict(zip(self._model.members, self._model.shares, strict=True))

    @property
    def _model(self) -> FaultModel:
        if self.weights and self.faults != "all":
            raise BadInput(f"weights belong to the members of the fault model all, and this is {self.faults}")
        if self.flips != (0.0, 1.0):
            if self.faults != "atomic":
                raise BadInput(f"flip points belong to the fault model atomic, and this is {self.faults}")
            if not all(0 <= flip <= 1 for flip in self.flips):
                raise BadInput(f"flip points {self.flips[0]:g} and {self.flips[1]:g}: each must be from 0 to 1")
            return atomic(*self.flips)
        if self.weights:
            return weighted(dict(self.weights))
        return fault_model(self.faults)

    def refuse_nonsense(self) -> None:
        """Raise what is wrong with the scenario or the fault model now, before anything long begins."""
        a_budget(self.budget)
        for name, value, most, what in (
            ("network", self.bytes_per_second, LARGEST, "more than 0 bytes per second are"),
            ("within", self.within, inf, "more than 0 is"),
            ("seconds", self.seconds, inf, "more than 0 is"),
        ):
            if not isinstance(value, int | float) or not 0 < value <= most:
                raise BadInput(f"{name} {_plain(value)}: {what} needed")
        timed(self.scenario.device.board, self.timing)
        assert self.model

    @property
    def graph(self) -> CrashGraph:
        """The crash graph; explored once for all studies that it is the same for."""
        return self.explored.graph

    @property
    def explored(self) -> Explored:
        """The crash graph and, if it is not closed, the lives that were sampled from where it ends."""
        return self._explored_or(lambda _explorer: None)

    def explore(self, progress: Callable[[Explorer], None] = lambda _explorer: None) -> CrashGraph:
        """Return the crash graph, and say how far its exploration is if it was not explored before."""
        return self._explored_or(progress).graph

    def _explored_or(self, progress: Callable[[Explorer], None]) -> Explored:
        """Return what was explored before, or explore: all of the graph if it closes, else what weighs most."""
        # Rates and weights do not change what can happen, and part and timing hardly whether it is ever all.
        held = Rates(0.0, hold_up=float(self.rates.hold_up > 0))
        whole = replace(self, rates=held, given_cut=False, weights=(), within=WITHIN, seconds=inf)
        alike = replace(whole, part=None, timing="typ")
        if whole not in _explored and _explored.get(alike, whole) is not None:
            with whole._told():
                explored = closed_graph(whole.scenario, whole.model, whole.budget, progress)
            partly = explored and explored.interrupted
            _keep(self if partly else whole if explored else alike, explored)
        known = _explored.get(self) or _explored.get(whole)
        if known is None:
            with self._told():
                known = self._by_weight(progress)
            _keep(self, known)
        return known

    def _told(self) -> AbstractContextManager[None]:
        """Let an internal fault bear the id of its history."""
        identity = self.scenario.device.firmware.identity
        return Case.of(self.scenario, identity, None, self.faults, options=self.options()).naming_faults()

    def _by_weight(self, progress: Callable[[Explorer], None]) -> Explored:
        """Follow what weighs most; of devices that are given a cut, so much closer as there are fewer of them."""
        hazard = fsum(
            step.seconds * self.rates.per_second(step.phase)
            for run in life(self.scenario).runs
            for step in run.steps
            if isfinite(step.seconds)
        )
        search = Search(
            self.scenario,
            self.model,
            self.rates,
            self.model.shares,
            self.budget,
            absolute=CLOSE * (-expm1(-hazard) if self.given_cut else 1.0),
            relative=self.within,
            runs=RUNS * self.budget if hazard < RARE else 0,
            until=time.monotonic() + self.seconds,
            progress=progress,
        )
        return search.explored()

    @cached_property
    def weighed(self) -> Weighed:
        """The crash graph, weighed."""
        explored = self.explored
        return Weighed(explored.graph, self.rates, self.model.shares, self.given_cut, explored.sampled)

    def settle(self) -> Weighed:
        """Return `weighed`, of a search that nobody broke off: whoever breaks off one of several means them all."""
        if self.explored.interrupted:
            raise KeyboardInterrupt(f"the search of {self.design.name} was broken off")
        return self.weighed

    def __getstate__(self) -> dict[str, Any]:
        # What was computed stays at home.
        return {known.name: getattr(self, known.name) for known in fields(self)}

    def band(self) -> dict[str, Weighed]:
        """Return the answers that each member of the fault model would give alone."""
        names = self.graph.members
        return {
            name: Weighed(self.graph, self.rates, [float(name == member) for member in names], self.given_cut)
            for name in self.members
        }

    def as_object(self) -> dict[str, Any]:
        """Return all of it as JSON knows it; of a bundle, the digest."""
        return {
            "design": self.design.toml(),
            "board": asdict(self.scenario.device.board),
            "part": self.scenario.part_names,
            "timing": self.timing,
            "faults": self.faults,
            "weights": dict(self.weights),
            "flips": list(self.flips),
            "image": self.image,
            "offer": self.scenario.offers,
            "used": self.used,
            "bundle": sha256(self.scenario.bundle).hexdigest(),
            "bytes_per_second": self.bytes_per_second,
            "rate_per_hour": self.rates.default,
            "rate_per_hour_in": dict(self.rates.phases),
            "given_cut": self.given_cut,
            "budget": self.budget,
            "within": self.within,
        } | self._only_of_a_lab()

    def _only_of_a_lab(self) -> dict[str, Any]:
        """Return what no command line says, where it is said."""
        names = ("app_size", "health_seconds", "commit_timeout", "operator_commits_after")
        said = {name: value for name in names if (value := getattr(self, name)) is not None}
        said |= {"bounce": asdict(self.rates.bounce)} if self.rates.bounce else {}
        said |= {"hold_up_seconds": self.rates.hold_up} if self.rates.hold_up else {}
        files = {name: sha256(data).hexdigest() for name, data in (self.files or {}).items()}
        said |= {"updates": self.updates} if self.updates != 1 else {}
        return said | ({"files": files} if self.files is not None else {})


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else repr(value)


def _keep(whole: Study, explored: Explored | None) -> None:
    # Campaigns explore in threads: what one has explored, another may throw out.
    while len(_explored) >= KEPT:
        _explored.pop(next(iter(_explored)), None)
    _explored[whole] = explored


def study(
    design: str | Design | Firmware = "hardened",
    rate: float | str | Rates = "us-2022",
    *,
    board: str | Board | None = None,
    weights: Mapping[str, float] | None = None,
    **options: Any,
) -> Study:
    """Return a study by names, of code by its page.

    `rate` is per hour, or has a unit; `options` are the fields of `Study`.
    """
    if isinstance(rate, str):
        rate = parse_rate(rate)
    design = design_or_code(design)
    known = [option.name for option in fields(Study)]
    for name in options:
        if name not in known:
            raise unknown("option", name, known)
    new = Study(
        design=design,
        board=board_for(design, board),
        rates=rate if isinstance(rate, Rates) else Rates(rate),
        weights=tuple((weights or {}).items()),
        **options,
    )
    new.refuse_nonsense()
    return new

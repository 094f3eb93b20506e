"""Studies: everything that decides how likely an update ends in which way, as a value that can be sent and stored.

A *fleet* is a few studies with their shares: each device of it is of one kind, drawn by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from hashlib import sha256
from io import StringIO
from math import fsum, isfinite
from pathlib import Path
from typing import Any

import pandas as pd

from otalab.bench.options import ScenarioOptions
from otalab.bench.scenario import Scenario
from otalab.bench.setup import board_for, scenario_of
from otalab.errors import BadInput
from otalab.faults.models import atomic, fault_model, weighted
from otalab.faults.tear import FaultModel
from otalab.files import read_text
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.graph.case import Case
from otalab.graph.crash_graph import CrashGraph
from otalab.graph.explorer import BUDGET, Explorer
from otalab.graph.freeze import graph_of
from otalab.hardware.board import Board
from otalab.numbers.rates import Rates, parse_rate
from otalab.numbers.risk import Weighed

KEPT = 32  # graphs, the oldest goes first
_explored: dict[Study, CrashGraph] = {}
COLUMNS = ("share", "part", "timing", "rate", "bytes_per_second", "image")


@dataclass(frozen=True, kw_only=True)
class Study(ScenarioOptions):
    """The options of a scenario, a fault model and rates of power failures.

    `weights` are those of the members of `all`, `flips` the flip points of `atomic` (erase, program): cut before it,
    an effect is not done, cut after it, it is.
    With `given_cut`, only devices that meet at least one power cut during the update are looked at.
    """

    design: Design
    board: Board
    rates: Rates
    faults: str = "all"
    image: str = "healthy"
    bytes_per_second: float = 100_000.0
    weights: tuple[tuple[str, float], ...] = ()
    flips: tuple[float, float] = (0.0, 1.0)
    given_cut: bool = False
    budget: int = BUDGET

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario."""
        return replace(scenario_of(self, self.design, self.image), bytes_per_second=self.bytes_per_second)

    @cached_property
    def model(self) -> FaultModel:
        """The fault model, with its weights."""
        if self.flips != (0.0, 1.0):
            if self.faults != "atomic":
                raise BadInput(f"flip points belong to the fault model atomic, and this is {self.faults}")
            if not all(0 <= flip <= 1 for flip in self.flips):
                raise BadInput(f"flip points {self.flips[0]:g} and {self.flips[1]:g}: each must be from 0 to 1")
            return atomic(*self.flips)
        if self.weights:
            if self.faults != "all":
                raise BadInput(f"weights belong to the members of the fault model all, and this is {self.faults}")
            return weighted(dict(self.weights))
        return fault_model(self.faults)

    def refuse_nonsense(self) -> None:
        """Raise what is wrong with the scenario or the fault model now, before anything long begins."""
        chip = self.scenario.part
        chip.erase_seconds(self.timing)
        chip.program_seconds(chip.program_unit, self.timing)
        assert self.model

    @property
    def graph(self) -> CrashGraph:
        """The crash graph; explored once for all studies that it is the same for."""
        return self.explore()

    def explore(self, progress: Callable[[Explorer], None] = lambda _explorer: None) -> CrashGraph:
        """Return the crash graph, and say how far its exploration is if it was not explored before."""
        # None of these three changes what can happen.
        asked = replace(self, rates=Rates(0.0), given_cut=False, weights=())
        graph = _explored.get(asked)
        if graph is None:
            with Case.of(asked.scenario, self.design.name, None, self.faults).told():
                explorer = Explorer(asked.scenario, asked.model, budget=asked.budget, progress=progress)
                explorer.explore()
            graph = graph_of(explorer)
            # Campaigns explore in threads: what one has found, another may throw out.
            while len(_explored) >= KEPT:
                _explored.pop(next(iter(_explored)), None)
            _explored[asked] = graph
        return graph

    @cached_property
    def weighed(self) -> Weighed:
        """The crash graph, weighed."""
        return Weighed(self.graph, self.rates, self.model.shares, self.given_cut)

    def __getstate__(self) -> dict[str, Any]:
        # What was computed stays at home.
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def band(self) -> dict[str, Weighed]:
        """Return the answers that each member of the fault model would give alone."""
        names = self.graph.members
        return {
            name: Weighed(self.graph, self.rates, [float(name == one) for one in names], self.given_cut)
            for name in names
        }

    def as_object(self) -> dict[str, Any]:
        """Return all of it as JSON knows it; of a bundle, the digest."""
        return {
            "design": self.design.toml(),
            "board": asdict(self.board),
            "part": self.scenario.part.name,
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
        } | self._only_of_a_lab()

    def _only_of_a_lab(self) -> dict[str, Any]:
        """Return what no command line says, where it is said."""
        names = ("app_size", "health_seconds", "commit_timeout", "operator_commits_after")
        said = {name: value for name in names if (value := getattr(self, name)) is not None}
        files = {name: sha256(data).hexdigest() for name, data in (self.files or {}).items()}
        return said | ({"files": files} if self.files is not None else {})


def study(
    design: str | Design = "hardened",
    rate: float | str | Rates = "us-2022",
    *,
    board: str | Board | None = None,
    weights: Mapping[str, float] | None = None,
    **options: Any,
) -> Study:
    """Return a study by names; `rate` is per hour, or has a unit; `options` are the fields of `Study`."""
    if isinstance(rate, str):
        rate = parse_rate(rate)
    design = load_design(design) if isinstance(design, str) else design
    return Study(
        design=design,
        board=board_for(design, board),
        rates=rate if isinstance(rate, Rates) else Rates(rate),
        weights=tuple((weights or {}).items()),
        **options,
    )


@dataclass(frozen=True)
class Fleet:
    """Kinds of devices, each a study, and how large a share of the fleet each is."""

    studies: tuple[Study, ...]
    shares: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, base: Study, table: pd.DataFrame) -> Fleet:
        """Return the fleet that a table describes: one kind a row.

        Columns: `share`, and any of `part`, `timing`, `rate`, `bytes_per_second` and `image`; what a row leaves out is
        as in `base`.
        """
        if wrong := sorted(set(table.columns) - set(COLUMNS)):
            raise BadInput(f"fleet: column {wrong[0]!r} is unknown; columns are {', '.join(COLUMNS)}")
        if "share" not in table.columns or table.empty:
            raise BadInput("fleet: a column share and at least one row are needed")
        studies, shares = [], []
        for number, row in enumerate(table.to_dict("records"), 1):
            changes = {key: value for key, value in row.items() if not pd.isna(value)}
            share = float(pd.to_numeric(changes.pop("share", None), errors="coerce"))
            if not (isfinite(share) and share > 0):
                raise BadInput(f"fleet: row {number}: a share must be more than 0, got {row['share']!r}")
            if "rate" in changes:
                changes["rates"] = replace(base.rates, default=parse_rate(str(changes.pop("rate"))))
            if changes.get("timing", "typ") not in ("typ", "max"):
                raise BadInput(f"fleet: row {number}: timing must be typ or max, got {changes['timing']!r}")
            if not 0 < float(changes.get("bytes_per_second", 1)) < float("inf"):
                raise BadInput(f"fleet: row {number}: bytes_per_second must be more than 0")
            one = replace(base, **changes)
            one.refuse_nonsense()
            studies.append(one)
            shares.append(share)
        return cls(tuple(studies), tuple(share / fsum(shares) for share in shares))

    @classmethod
    def read(cls, base: Study, path: str | Path) -> Fleet:
        """Read the table of a fleet from a CSV file."""
        text = read_text(path)
        try:
            table = pd.read_csv(StringIO(text), dtype={"rate": str, "part": str, "image": str})
        except ValueError as error:
            raise BadInput(f"{path}: not a table of a fleet: {str(error).splitlines()[0]}") from error
        return cls.of(base, table)

    @property
    def ends(self) -> dict[str, float] | None:
        """The exact probability of each end for a device of the fleet, or `None` where a graph is not closed."""
        if not all(one.weighed.closed for one in self.studies):
            return None
        pairs = list(zip(self.given_shares, self.studies, strict=True))
        return {end: fsum(share * one.weighed.ends[end] for share, one in pairs) for end in pairs[0][1].weighed.ends}

    @property
    def given_shares(self) -> Sequence[float]:
        """The shares among the devices that are looked at: given a cut, kinds that meet more of them are more."""
        worth = [share * one.weighed.walk.given for share, one in zip(self.shares, self.studies, strict=True)]
        return [one / fsum(worth) for one in worth]

    @property
    def given(self) -> float:
        """The probability of what is taken as given; 1 if nothing is."""
        return fsum(share * one.weighed.walk.given for share, one in zip(self.shares, self.studies, strict=True))

"""What a check is asked: designs, fault models and images, all looked at before the first cell is begun."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from otalab.bench.linked import require_linked
from otalab.bench.options import ScenarioOptions
from otalab.bench.programmed import require_programs
from otalab.bench.setup import scenario_of
from otalab.errors import BadInput
from otalab.faults.models import FAULTS, fault_model
from otalab.firmware.image import TEMPERS, parse_temper
from otalab.graph.budget import BUDGET, Budget
from otalab.graph.case import Case, digest, named
from otalab.graph.check import Cell, LostCell, tried
from otalab.graph.explorer import Explorer

EACH = "each"


def several(names: str, every: Iterable[str]) -> tuple[str, ...]:
    """Return the names in a list with commas, each once; `each` is every one."""
    parts = [part.strip() for part in names.split(",")]
    return tuple(dict.fromkeys(name for part in parts for name in (every if part == EACH else (part,))))


def some_faults(names: str) -> tuple[str, ...]:
    """Return the fault models in a list with commas; `all` is the one that leaves what each of its members leaves."""
    return several(names, FAULTS)


def some_images(names: str) -> tuple[str, ...]:
    """Return the images in a list with commas; `all` are each of them, for none is their union."""
    return several(EACH if names == "all" else names, TEMPERS)


@dataclass(frozen=True, slots=True)
class AskedCell:
    """One cell that is to be: a design, a fault model, an image."""

    design: str
    faults: str
    image: str
    options: ScenarioOptions
    files: tuple[tuple[str, str], ...]
    budget: int | Budget

    @property
    def text(self) -> str:
        """The question in a few words."""
        return f"{self.design}, {self.faults}, {self.image}"

    def answer(self, progress: Callable[[Explorer], None] = lambda _explorer: None) -> Cell | LostCell:
        """Search, and return the cell; one in which the lab itself goes wrong is told as that."""
        scenario = scenario_of(self.options, self.design, self.image)
        board, bundle = self.options.board, self.options.bundle
        case = Case.of(
            scenario,
            named(self.design),
            board if isinstance(board, str) else None,
            self.faults,
            digest(bundle) if bundle else "",
            options=self.options.options(),
        )
        case = replace(case, image=self.image, files=self.files)
        return tried(case, scenario, fault_model(self.faults), budget=self.budget, progress=progress)


def questions(
    designs: Sequence[str],
    faults: Sequence[str] = ("all",),
    images: Sequence[str] = ("healthy",),
    *,
    budget: int | Budget = BUDGET,
    bundle_path: str | None = None,
    **options: Any,
) -> list[AskedCell]:
    """Return a question for each design, fault model and image, in that order; what is wrong with any is `BadInput`.

    Designs are names or paths; `options` are those of `ScenarioOptions`, `bundle_path` where the bundle was read.
    """
    if not designs:
        raise BadInput("no design was named; otalab designs lists them")
    wanted, most = ScenarioOptions.of(options), Budget.of(budget)
    for name in faults:
        fault_model(name)
    for image in images:
        parse_temper(image)
    for design in designs:
        scenario = scenario_of(wanted, design)
        require_programs(scenario)
        require_linked(scenario)
    every = [(d, f, i) for d in sorted(set(designs)) for f in sorted(set(faults)) for i in sorted(set(images))]
    board = wanted.board if isinstance(wanted.board, str) else None
    return [AskedCell(d, f, i, wanted, files_of(design=d, board=board, bundle=bundle_path), most) for d, f, i in every]


def files_of(*, design: str, board: str | None, bundle: str | None = None) -> tuple[tuple[str, str], ...]:
    """Return the files by which a case was set up: the option that names each, and its path."""
    pages = {"design": design, "board": board}
    files = [(option, name) for option, name in pages.items() if name is not None and name.endswith(".toml")]
    return (*files, *([("bundle", bundle)] if bundle else []))

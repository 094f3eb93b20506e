"""What a review report is asked: everything that decides what it says."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from otalab.bench.linked import require_linked
from otalab.bench.options import ScenarioOptions
from otalab.bench.programmed import require_programs
from otalab.bench.scenario import Scenario
from otalab.bench.setup import scenario_of
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.graph.answers import some_jobs
from otalab.hardware.part import part
from otalab.numbers.rates import Rates
from otalab.numbers.study import Study, study
from otalab.numbers.yearly import a_cost

# Parts with short and with long erases; each one more takes about a second.
SOME_PARTS = ("W25Q16JV", "MX25R6435F", "AT25SF081", "IS25LX128", "SST26VF064B-sfdp")


@dataclass(frozen=True, kw_only=True)
class Asked(ScenarioOptions):
    """Everything that decides what a report says."""

    designs: tuple[str, ...]
    board: str | None = None
    faults: tuple[str, ...] = ("all",)
    images: tuple[str, ...] = ("healthy",)
    rates: tuple[str, ...] = ("us-2022",)
    parts: tuple[str, ...] = SOME_PARTS
    updates_per_year: float = 12.0
    years: float = 10.0
    endurance: float | None = None
    brick_cost: float | None = None
    budget: int = 100
    most: int = 3
    jobs: int = 1
    limit: int = 100
    within: float = 0.1  # where a graph does not close, the last digits cost most of the time, and decide nothing

    @property
    def weighed_faults(self) -> str:
        """The fault model that risk is computed under: `all`, or the last one that was asked for."""
        return "all" if "all" in self.faults else self.faults[-1]

    @property
    def mended_faults(self) -> tuple[str, ...]:
        """The fault models that a repair is looked for under: `all` alone where it was asked for, it holds the six."""
        return ("all",) if "all" in self.faults else self.faults

    @property
    def scope(self) -> tuple[str, ...]:
        """The fault models that a design is judged by: those that a repair is looked for under, with their members.

        What was asked for beyond it has a verdict of its own: a device that dies of unstable cells alone is not as bad
        as one that dies of any cut.
        """
        within = {*self.mended_faults, *(name for faults in self.mended_faults for name in fault_model(faults).members)}
        return tuple(name for name in self.faults if name in within)

    @property
    def weighed_image(self) -> str:
        """The image that risk is computed for."""
        return "healthy" if "healthy" in self.images else self.images[0]

    def scenario(self, design: str, image: str) -> Scenario:
        """Return what one cell is explored in."""
        return scenario_of(self, design, image)

    def refuse_nonsense(self) -> None:
        """Raise what is wrong with any of it now, before anything long begins."""
        for what, number in (("updates-per-year", self.updates_per_year), ("years", self.years)):
            if not 0 <= number < inf:
                raise BadInput(f"--{what} {number:g}: a number of 0 or more is needed")
        if self.endurance is not None and not 0 < self.endurance < inf:
            raise BadInput(f"--endurance {self.endurance:g}: more than 0 erases are needed")
        a_cost(self.brick_cost)
        some_jobs(self.jobs)
        for rate in self.rates:
            Rates.parse(rate)
        for name in self.parts:
            part(name)
        for name in self.faults:
            fault_model(name)
        for name in self.designs:
            for image in self.images:
                self.study(name, self.rates[0], image=image).refuse_nonsense()
                require_programs(self.scenario(name, image))
                require_linked(self.scenario(name, image))

    @property
    def beside_faults(self) -> str:
        """The last of the fault models that were asked for beside these, or nothing: its risk is a number apart."""
        return next((name for name in reversed(self.faults) if name not in self.scope), "")

    def study(self, design: str, rate: str, *, image: str | None = None, faults: str = "") -> Study:
        """Return the study of a design at a rate."""
        return study(
            design, rate, faults=faults or self.weighed_faults, image=image or self.weighed_image, budget=self.budget,
            within=self.within,
            **self.options(),
        )  # fmt: skip

"""What an exercise is, and how it is entered; and the small device that most of them play with.

A judge returns nothing where the answer is right, or one line that helps.
It asks the firmware, the fault models or the explorer where it can, and knows no answer by heart that it can compute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.errors import BadInput
from otalab.firmware.catalogue import contradictions, known
from otalab.firmware.design import Design, way_of
from otalab.graph.check import check_design
from otalab.graph.crash_graph import CrashGraph

Grader = Callable[[Any], str | None]
BUDGET = 60


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise: its number, what an answer is, and who judges it."""

    number: str
    wanted: str
    judge: Grader


def entering(table: dict[str, Exercise]) -> Callable[[str, str], Callable[[Grader], Grader]]:
    """Return what enters a judge into a table: the number is that of the notebook, a dot, and a count from 1."""

    def exercise(number: str, wanted: str) -> Callable[[Grader], Grader]:
        def enter(judged_by: Grader) -> Grader:
            table[number] = Exercise(number, wanted, judged_by)
            return judged_by

        return enter

    return exercise


def a_lamp(design: str, app_size: int = 3000) -> Scenario:
    """Return the small device that the notebooks play with."""
    return set_up(design, "tiny", app_size=app_size)


def problem_of(design: Any) -> str | None:
    """Return why this is no design that a page could hold: `replace` asks nothing, and what is proved must be one."""
    if not isinstance(design, Design):
        return f"wanted is a design, and that is {type(design).__name__}"
    try:
        known(design)
    except BadInput as error:
        return str(error)
    return next((f"{way_of(name)}: {problem}" for name, problem in contradictions(design)), None)


def graph_of(design: str | Design, faults: str, image: str = "healthy") -> CrashGraph:
    """Return what a short search finds on that device."""
    return check_design(design, faults, image, "tiny", budget=BUDGET, app_size=3000).graph

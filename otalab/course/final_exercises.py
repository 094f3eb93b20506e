"""The exercises of notebook 13, the final project: each is proved or played, and none is compared with a text.

Whose lamp it is, the number in the folder of the course says.
"""

from __future__ import annotations

from functools import lru_cache
from math import isclose
from pathlib import Path
from typing import Any

from otalab.course.exercise import Exercise, entering, problem_of
from otalab.course.field_report import FieldReport, changed_from_product
from otalab.course.field_return import APP_SIZE, FAULTS, FieldReturn, lamp_of, product_board, product_scenario
from otalab.course.field_return import product as the_product
from otalab.course.variant import variant_here
from otalab.faults.models import fault_model
from otalab.firmware.design import Design, way_of
from otalab.graph.case import Case
from otalab.graph.check import check_design
from otalab.graph.history import ending, play
from otalab.graph.repair import BUDGET, repair
from otalab.hardware.part import part
from otalab.text import number_of

EXERCISES: dict[str, Exercise] = {}
exercise = entering(EXERCISES)

IMAGES = ("healthy", "hangs", "crashes", "flaky")
SOLD_WITH = IMAGES[0]
LEAST_WORDS = 30
# What helps with each part of a diagnosis that is not right.
LOOK = {
    "record": "which of the two holds bytes that no record of this design has?",
    "effect": "an effect that only clears some bits of erased flash leaves ones behind; what clears them all?",
    "phase": "which write meets that place, with what stood there before it and what stands in the other one?",
    "slot": "ask `inspect_dump` by the page: which record counts, and which slot does it name?",
}


def _lamp() -> FieldReturn:
    return lamp_of(variant_here(Path.cwd()).lamp)


@exercise("13.1", "a dict of record, effect, phase and slot")
def _diagnosed(diagnosis: dict[str, Any]) -> str | None:
    if missing := [name for name in LOOK if diagnosis.get(name, ...) is ...]:
        return f"say {' and '.join(missing)} as well"
    lamp = _lamp()
    wrong = next((name for name in LOOK if diagnosis[name] != getattr(lamp, name)), None)
    return f"{wrong} {diagnosis[wrong]!r} does not explain this dump: {LOOK[wrong]}" if wrong else None


@exercise("13.2", "the id of a history, or a player that stands at its end")
def _led_there(answer: Any) -> str | None:
    case, legs = Case.parse(getattr(answer, "identity", answer))
    scenario, lamp, name = product_scenario(), _lamp(), case.design.partition("@")[0]
    if (name, case.image) != (the_product().name, SOLD_WITH):
        return f"{name} with an image that is {case.image!r} is not the lamp as it was sold"
    cuts = sum(leg.step is not None for leg in legs)
    if not cuts:
        return "no power fails in it, and then this lamp takes its update well"
    played = list(play(scenario, fault_model(case.faults), legs))
    end = ending(scenario, played)
    if end.name != "bricked":
        return f"it ends {end.name}: {end.reason}"
    dump = played[-1].flash.image
    for number, place in enumerate(scenario.device.board.records):
        here, there = (flash[place.address : place.end] for flash in (dump, lamp.dump))
        if here != there:
            begins = f"it leaves record {number} as `{here[:8].hex(' ')}`, and in the dump is `{there[:8].hex(' ')}`"
            return f"that bricks a lamp, but not this one: {begins}, or the two differ behind that"
    if dump != lamp.dump:
        return "the records are as in the dump, and the slots are not: there was another cut"
    return None if cuts == 1 else f"it leads there with {number_of(cuts, 'cut')}, and fewer are enough"


@exercise("13.3", "a design")
def _least_change(design: Design) -> str | None:
    if problem := problem_of(design):
        return f"no page may say so: {problem}"
    changed = changed_from_product(design)
    if not changed:
        return "that is the lamp as it was sold; change a choice of it"
    for image in IMAGES:
        verdict, ends = _proved(design, image)
        if verdict == "open":
            return f"open with an image that is {image!r}: the search did not come to its end, so nothing is shown"
        if verdict != "safe":
            return f"{verdict} with an image that is {image!r}; its ends are {ends}"
    if len(changed) > 1 and _fewer(len(changed) - 1):
        return f"that is safe, with {len(changed)} choices changed; fewer are enough, and proved to be"
    return None


@lru_cache(maxsize=64)
def _proved(design: Design, image: str) -> tuple[str, str]:
    """Return what the explorer finds under every fault model at once, and the ends."""
    graph = check_design(design, "all", image, product_board(), budget=BUDGET, app_size=APP_SIZE).graph
    return graph.verdict, ", ".join(graph.ends)


@lru_cache(maxsize=4)
def _fewer(most: int) -> bool:
    """Say whether so many changes of the product are proved to be enough."""
    return repair(the_product(), ("all",), IMAGES, product_board(), most=most, app_size=APP_SIZE).outcome == "found"


@exercise("13.4", "a pair: a study, and a number of lamps")
def _weight(pair: tuple[Any, float]) -> str | None:
    study, dead = pair
    lamp = _lamp()
    if changed_from_product(study.design):
        return "weigh the lamp as it was sold, without a change"
    if (study.board.slots, study.board.records) != (product_board().slots, product_board().records):
        return f"weigh it on the board of its partition table, and not on {study.board.name}"
    facts = {
        "fault model": (study.faults, FAULTS),
        "part": (study.scenario.part.name, part(lamp.part).name),
        "image": (study.image, SOLD_WITH),
        "bytes of an image": (study.app_size, APP_SIZE),
        "devices that are cut for sure": (study.given_cut, False),
    }
    if wrong := next((name for name, (has, wanted) in facts.items() if has != wanted), None):
        return f"{wrong}: {facts[wrong][0]!r} is not what the complaint and the fault speak of"
    if not all(isclose(study.rates.per_second(phase), lamp.per_day / 86400) for phase in ("switch", "boot", "commit")):
        return "how often the power of these lines fails, the complaint says; a rate may be written as `6/day`"
    risk = study.weighed.ends["bricked"]
    if isclose(dead, risk, rel_tol=0.05):
        return "that is the risk of one lamp; how many are out?"
    return None if isclose(dead, risk * lamp.fleet, rel_tol=0.05) else "that is not the fleet times the risk of a lamp"


@exercise("13.5", "a FieldReport")
def _handed_in(report: FieldReport) -> str | None:
    if not isinstance(report, FieldReport):
        return f"wanted is a FieldReport, and that is {type(report).__name__}"
    parts = (
        (_diagnosed, report.diagnosis),
        (_led_there, report.history),
        (_least_change, report.mended),
        (_weight, report.weight),
    )
    if hint := next(filter(None, (judged(answer) for judged, answer in parts)), None):
        return hint
    if len(str(report.words).split()) < LEAST_WORDS:
        return f"words: {LEAST_WORDS} at least, for somebody who must decide and was not there"
    silent = [way_of(name) for name in changed_from_product(report.mended) if way_of(name) not in report.words]
    return f"words: they do not name what changes, {silent[0]}" if silent else None

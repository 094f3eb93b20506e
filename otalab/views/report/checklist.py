"""The checklist of a design review, and what the lab has to say to each item for one design.

The items are those of `data/review_checklist.csv`: published clauses in our own words, each with how well it is known
(A: the issuer's own text was seen; C: a public document that lists or quotes it), and how the lab answers it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.firmware.design import Design
from otalab.firmware.image import TEMPERS
from otalab.graph.check import Cell
from otalab.settings import DATA
from otalab.views.report.facts import Reviewed
from otalab.views.report.words import listed, probability

ANSWERS = ("shown", "not shown", "reviewer")
OF_CODE = "it is code: whoever reads it finds the answer there, and its runs show what follows from it"
Grade = Literal["yes", "no", "partly", "open"]


@dataclass(frozen=True, slots=True)
class Item:
    """One requirement: its number, its clause, its evidence, and how the lab answers it.

    `answer`: `shown` by the lab, `not shown` because it is not in the model, or for the `reviewer` to fill in;
    `shows` is what the lab looks at where it is shown, `how` the same in words.
    """

    number: int
    requirement: str
    clause: str
    evidence: str
    answer: str
    shows: str
    how: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What the lab says of one design: a mark, and why."""

    design: str
    mark: Grade
    text: str


@cache
def checklist() -> tuple[Item, ...]:
    """Return every item of the table, in its order."""
    with (DATA / "review_checklist.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_item(row) for row in csv.DictReader(file))


def _item(row: dict[str, str]) -> Item:
    where = f"data/review_checklist.csv: item {row['number']}"
    if row["answer"] not in ANSWERS:
        raise BadInput(f"{where}: answer {row['answer']!r} is none of {', '.join(ANSWERS)}")
    if (row["answer"] == "shown") != (row["shows"] in SHOWN):
        raise BadInput(f"{where}: what is shown must be one of {', '.join(SHOWN)}, got {row['shows']!r}")
    return Item(int(row["number"]), *(row[name] for name in list(row)[1:]))


def answered(item: Item, reviewed: Reviewed) -> Finding | None:
    """Return what the lab showed of an item for a design; nothing, where it does not show it.

    Marks are given for what designs are judged by: what was asked beside it is told, and makes no mark better or worse.
    """
    if item.answer != "shown":
        return None
    mark, text = SHOWN[item.shows](reviewed)
    return Finding(reviewed.design.name, mark, text + (_beside(reviewed) if item.shows in OF_CUTS else ""))


def _beside(reviewed: Reviewed) -> str:
    """Return what was found beside what a design is judged by, where that is worse."""
    beyond, models = reviewed.beyond, ", ".join(dict.fromkeys(cell.case.faults for cell in reviewed.beyond.cells))
    if beyond.rank >= reviewed.standing.rank:
        return ""
    return f"; under {models}: {listed(beyond.bad_ends) or 'open'}"


def _cuts(reviewed: Reviewed) -> tuple[Grade, str]:
    judged = reviewed.standing
    count, unsafe, open_ = len(judged.cells), len(judged.unsafe), len(judged.of("open"))
    if unsafe:
        return "no", f"a power cut can end badly in {unsafe} of {count} cells: {listed(judged.bad_ends)}"
    if open_:
        return "open", f"nothing bad was found, but {open_} of {count} cells were not searched to the end"
    return "yes", f"no bad end in any of {count} cells, for any number of cuts"


def _closed(reviewed: Reviewed) -> tuple[Grade, str]:
    mark, text = _cuts(reviewed)
    cells = reviewed.standing.cells
    closed = sum(cell.graph.closed for cell in cells)
    return mark, text if mark == "no" else f"{closed} of {len(cells)} graphs are closed"


def _ends(reviewed: Reviewed) -> tuple[Grade, str]:
    judged = reviewed.standing
    ends = list(dict.fromkeys(end for cell in judged.cells for end in cell.graph.ends))
    return ("no" if judged.bad_ends else _cuts(reviewed)[0]), f"ends that were reached: {', '.join(ends)}"


def _image_check(reviewed: Reviewed) -> tuple[Grade, str]:
    if not isinstance(reviewed.design, Design):
        return "open", OF_CODE
    checks = reviewed.design.image_check
    checked = f"the loader checks an image ({checks}) before it starts it: damage is found, forgery is not"
    return IMAGE_CHECKS.get(checks, ("partly", checked))


def _downgrade(reviewed: Reviewed) -> tuple[Grade, str]:
    if not isinstance(reviewed.design, Design):
        return "open", OF_CODE
    own = f"a function of one's own decides: {reviewed.design.downgrade}"
    return DOWNGRADES.get(reviewed.design.downgrade, ("open", own))


def _partial(reviewed: Reviewed) -> tuple[Grade, str]:
    bricked, halted, cells = ENDS.index("bricked"), "no valid boot record", reviewed.standing.cells
    reasons = {cell.graph.run_reason[run] for cell in cells for run in np.flatnonzero(cell.graph.run_end == bricked)}
    if started := sorted(reasons - {halted}):
        return "no", f"the device can be bricked: {'; '.join(started[:3])}"
    closed = all(cell.graph.closed for cell in cells)
    halts = "; what bricks it is that its loader finds no valid boot record" if reasons else ""
    return "yes" if closed else "open", f"no image that is not whole was ever started{halts}"


def _trial(reviewed: Reviewed) -> tuple[Grade, str]:
    bad = [cell for cell in reviewed.standing.cells if cell.case.image != "healthy"]
    if not bad:
        return "open", f"no image but a healthy one was tried; --image takes {', '.join(TEMPERS)}"
    images = ", ".join(dict.fromkeys(cell.case.image for cell in bad))
    worst = [(cell.case.image, cell.graph.counterexample) for cell in bad]
    alone = sorted({f"{image}: {broken.end}" for image, broken in worst if broken and not broken.cuts})
    if alone:
        return "no", f"without any power cut: {', '.join(alone)}"
    if any(cell.graph.verdict != "safe" for cell in bad):
        return "partly", f"on steady power no bad end with images {images}; with power cuts it is not so"
    return "yes", f"no bad end with images {images}, for any number of cuts"


def _wear(reviewed: Reviewed) -> tuple[Grade, str]:
    table = reviewed.worn.table
    if table is None:
        return "open", reviewed.worn.problem
    top = table.loc[table.per_update.idxmax()]
    return "partly", f"the most worn sector, {top.owner}, is erased {top.per_update:.3g} times per update"


def _download(reviewed: Reviewed) -> tuple[Grade, str]:
    phases = reviewed.weight.phases.set_index("phase")
    if "download" not in phases.index:
        return "open", "no download was looked at"
    fatal = float(phases.p_bad["download"])
    unsafe = reviewed.standing.unsafe
    if fatal or any("download" in _phases_of_cuts(cell) for cell in unsafe):
        return "no", f"a cut in the download can be fatal, with probability {probability(fatal)} per update"
    return "partly" if unsafe else _cuts(reviewed)[0], "no counterexample has a cut in the download"


def _phases_of_cuts(cell: Cell) -> list[str]:
    bad = cell.graph.counterexample
    return [leg.phase for _, leg in bad.cuts] if bad else []


def _detect(reviewed: Reviewed) -> tuple[Grade, str]:
    design = reviewed.design
    if not isinstance(design, Design):
        return "open", OF_CODE
    checks = f"records: {design.guard}, images: {design.image_check}; files: littlefs's own"
    return DETECTS.get((design.guard, design.image_check), "partly"), f"what is checked at boot: {checks}"


def _recover(reviewed: Reviewed) -> tuple[Grade, str]:
    if isinstance(reviewed.design, Design) and (alone := ALONE.get((reviewed.design.records, reviewed.design.store))):
        return "no", alone
    if reviewed.standing.unsafe:
        return "no", f"not from every cut: {listed(reviewed.standing.bad_ends)}"
    return "partly", "from every cut in an update; damage from elsewhere was not looked at"


# Items whose mark follows from cells.
OF_CUTS = {"cuts", "closed", "ends", "partial", "trial", "download", "recover"}
# What is known of a design by its choices alone.
IMAGE_CHECKS: dict[str, tuple[Grade, str]] = {"none": ("no", "the loader starts an image without a look at it")}
DOWNGRADES: dict[str, tuple[Grade, str]] = {
    "accept": ("no", "an older version is taken"),
    "refuse": ("partly", "an older version is refused, where both versions are dotted numbers"),
}
DETECTS: dict[tuple[str, str], Grade] = {("none", "none"): "no"}
ALONE = {(1, "bare"): "there is one record: while it is written there is nothing to recover from"}
SHOWN: dict[str, Callable[[Reviewed], tuple[Grade, str]]] = {
    "cuts": _cuts,
    "closed": _closed,
    "ends": _ends,
    "image_check": _image_check,
    "downgrade": _downgrade,
    "partial": _partial,
    "trial": _trial,
    "wear": _wear,
    "download": _download,
    "detect": _detect,
    "recover": _recover,
}

"""The wear of a reviewed design, with a guess that is called one where the table of parts has no endurance."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from otalab.errors import BadInput
from otalab.hardware.part import FlashPart, parts
from otalab.numbers.campaigns.wear import wear
from otalab.numbers.study import Study


@dataclass(frozen=True)
class Worn:
    """Wear by sector, or the `problem` why there is none; `guess` is a sentence on an endurance that is one."""

    table: pd.DataFrame | None
    problem: str = ""
    guess: str = ""


def wear_of(study: Study, updates_per_year: float, years: float, endurance: float | None) -> Worn:
    """Return the wear of a study; an endurance that is not given is that of its part, or a guess."""
    board = study.scenario.device.board  # with the part that was asked for
    known = {chip.name: (endurance, "") if endurance else _endurance(chip) for chip in board.written_parts}
    guess = "; ".join(guess for _, guess in known.values() if guess)
    try:
        return Worn(
            wear(study, updates_per_year, years, {name: limit for name, (limit, _) in known.items()}), guess=guess
        )
    except BadInput as error:
        return Worn(None, str(error))


def _endurance(chip: FlashPart) -> tuple[float, str]:
    """Return the erases that a part is specified for; else the least of its kind in the table, and that it is one."""
    if dict(chip.row)["endurance"]:
        return chip.endurance, ""
    known = [other for other in parts().values() if dict(other.row)["endurance"]]
    alike = [other.endurance for other in known if other.kind == chip.kind]
    least = min(alike or [other.endurance for other in known])
    where = f"the least of the {len(alike)} parts of its kind that have one" if alike else "the least of all parts"
    return least, (
        f"The table of parts has no endurance for {chip.name}: {least:,.0f} is a guess, {where}; "
        "--endurance takes the number of its data sheet"
    )

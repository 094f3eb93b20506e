"""A device over years: the wear of its sectors, its survival, and a bad image that is offered without end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import fsum, inf, isfinite

import numpy as np
import pandas as pd

from otalab.bench.rounds import endless_round, turns
from otalab.errors import BadInput
from otalab.graph.arrays import Floats
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase
from otalab.numbers.fleet import Fleet
from otalab.numbers.study import Study

DAY = 86_400.0


def wear(
    study: Study, updates_per_year: float, years: float, endurance: float | Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return one row per sector that is erased: its owner, the erases by then, and the share of its life used up.

    The graph tells of one update, written beside slot 0.  Where it leaves slot 1 running, the next one goes back with
    the two slots in turned roles, so over many updates each of a pair of sectors gets half of what both get; so do the
    two records, where the other one counts in the end.  What an update leaves is seen from the firmware's own life.
    Taken for granted: every update is like this one and ends as if undisturbed, and the device lives.
    `per_update` is the mean for an update; `endurance` is how many erases a sector is good for, or
    that by the name of its part: the part's, if not given.
    An average device is looked at, whatever the study takes as given.
    """
    for name, value in (("updates_per_year", updates_per_year), ("years", years)):
        if not (isfinite(value) and value >= 0):
            raise BadInput(f"{name}: a number of 0 or more is needed, got {value}")
    board = study.scenario.device.board  # with the part that the study takes, where that is another one
    specified = _specified(board, endurance)
    weighed = replace(study, given_cut=False).weighed
    if not weighed.closed:
        raise BadInput(
            f"wear: the crash graph of {study.design.name} is not closed with a budget of {study.budget} nodes, "
            "and erases beyond it are not known; take a larger one, or another fault model"
        )
    worn = _evened(study, weighed.wear)
    sectors = np.flatnonzero(worn)
    erases = worn[sectors] * updates_per_year * years
    limit = np.array([specified[board.part_of(int(sector)).name] for sector in sectors], np.float64)
    return pd.DataFrame(
        {
            "sector": sectors,
            "owner": [board.owner_of(int(sector)) for sector in sectors],
            "per_update": worn[sectors],
            "erases": erases,
            "endurance": limit,
            "used": erases / limit,
        }
    )


def _specified(board: Board, endurance: float | Mapping[str, float] | None) -> dict[str, float]:
    """Return how many erases a sector of each part is good for, by its name."""
    of_part = endurance if isinstance(endurance, Mapping) else {}
    specified = {}
    for chip in board.written_parts:
        number = endurance if isinstance(endurance, int | float) else of_part.get(chip.name)
        limit = specified[chip.name] = chip.endurance if number is None else number
        if not 0 < limit < inf:
            raise BadInput(f"endurance: more than 0 erases are needed, got {limit:g}")
    return specified


def _evened(study: Study, worn: Floats) -> Floats:
    """Return the wear of an update on the average of two in a row."""
    board = study.board
    even = np.zeros(board.geometry.count)
    even[: len(worn)] = worn
    slots, records = turns(study.scenario)
    if slots and len(board.slots) != 2:
        raise BadInput(
            f"wear: updates of {board.name} go round {len(board.slots)} slots, and it is known for two alone"
        )
    slot, other = board.slots[:2]
    pairs = [(slot.app, other.app)] if slots else []
    pairs += [(slot.fs, other.fs)] if slots and board.data == "each" else []
    pairs += [board.records] if records else []
    for first, second in pairs:
        if len(board.sectors_of(first)) != len(board.sectors_of(second)) or first.size != second.size:
            raise BadInput(f"board {board.name}: slots or records of different sizes have no pairs of sectors")
        here, there = (np.array(board.sectors_of(region)) for region in (first, second))
        even[here] = even[there] = (even[here] + even[there]) / 2
    return even


def survival(bad: float | Fleet, updates_per_year: float, years: float) -> pd.DataFrame:
    """Return for each year the share of devices that are still alive, if each update kills one with probability `bad`.

    Updates are taken as independent of each other.
    Of a fleet, each device stays of its kind, so that kinds at risk die out and the loss is less than at the mean risk;
    an average device is looked at, whatever is taken as given.
    """
    if not (0 <= updates_per_year < inf and 0 <= years < inf):
        raise BadInput(f"updates_per_year, years: numbers of 0 or more are needed, got {updates_per_year}, {years}")
    kinds = _kinds(bad) if isinstance(bad, Fleet) else [(1.0, bad)]
    if not all(0 <= risk <= 1 for _, risk in kinds):
        raise BadInput(f"bad: a probability is needed, got {bad}")
    year = np.linspace(0, years, int(min(200, max(2, updates_per_year * years + 1))))
    updates = updates_per_year * year
    lost = sum((share * _lost(risk, updates) for share, risk in kinds), np.zeros(len(year)))
    return pd.DataFrame({"year": year, "updates": updates, "alive": 1 - lost, "lost": lost})


def _kinds(fleet: Fleet) -> list[tuple[float, float]]:
    """Return the share and the risk of each kind of device."""
    plain = [replace(study, given_cut=False) for study in fleet.studies]
    if open_ := [study.design.name for study in plain if not study.weighed.closed]:
        raise BadInput(f"survival: the crash graph of {open_[0]} is not closed; give each bound of its risk by itself")
    return [(share, min(1.0, study.weighed.bad)) for share, study in zip(fleet.shares, plain, strict=True)]


def _lost(risk: float, updates: Floats) -> Floats:
    """Return the probability not to survive so many updates."""
    if risk == 1:
        return np.asarray(updates > 0, np.float64)
    return np.asarray(-np.expm1(updates * np.log1p(-risk)))


@dataclass(frozen=True, slots=True)
class BadLoop:
    """One round of an update that is no good and is offered again and again: seconds, and the erases of each sector."""

    resets: int
    seconds: float
    erases: Floats

    @property
    def erases_per_day(self) -> float:
        """Erases of all sectors together."""
        return float(self.erases.sum()) * DAY / self.seconds

    def days_until_worn(self, endurance: float) -> float:
        """Return after how many days the most worn sector has come to the end of its specified life."""
        most = float(np.max(self.erases))
        return endurance * self.seconds / DAY / most if most else inf


def bad_image_loop(study: Study) -> BadLoop:
    """Return a round of the loop, as the firmware goes through it on steady power.

    It goes round as fast as it can; a server that lets a device wait between two offers makes it so much slower.
    A study without such a loop, because the image works or is offered once, is `BadInput`.
    """
    rounds = endless_round(study.scenario)
    erases = np.zeros(study.board.geometry.count)
    for turn in rounds:
        for step in turn.steps:
            if isinstance(step.effect, Erase):
                erases[step.effect.sector] += 1
    return BadLoop(len(rounds), fsum(turn.seconds for turn in rounds), erases)

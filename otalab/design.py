"""Designs: the named choices in which updates differ, loaded from TOML.

Every choice selects a small function or codec by its name, where the flow needs it; the flow itself does not change.
Wrong designs are kept on purpose: each teaches something.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from otalab.errors import BadInput
from otalab.settings import DATA, Settings

CHOICES: dict[str, tuple[Any, ...]] = {
    "records": (1, 2),
    "record": ("mongoose", "complete"),
    "guard": ("none", "crc16", "crc32"),
    "write": ("once", "read-back"),
    "refresh": ("none", "selected"),
    "clear": ("none", "before-slot"),
    "image_check": ("none", "crc32"),
    "target": ("inactive", "running"),
    "trial": ("none", "timer", "one-try"),
    "downgrade": ("accept", "refuse"),
}


@dataclass(frozen=True, slots=True)
class Design:
    """One way to update: name, one sentence, and its choices.

    `records`: how many boot records there are; with one, it is erased before the next one is programmed.
    `record`: the fields of a record; `guard`: the check that follows them.
    `write`: once and hope, or read back and try at most three times.
    `refresh`: what is done to the selected record before anything else is written: nothing, or it is programmed over
    itself, which finishes what an interrupted program may have left weak.
    `clear`: what is done to the inactive record before a slot is written: nothing, or it is erased, so that no record
    is left that speaks of what lay there.
    `image_check`: what the loader checks of an image before it starts it.
    `target`: the slot that an update is written to: the inactive one, or the running one, over image and files; then
    the files that are to be kept are held in RAM, and nothing is left to go back to.
    `trial`: what ends the trial of an uncommitted image besides its commit: the timer alone, or also the next boot;
    with none there is no trial, and an image is committed by the record that first names it.
    `reserve`: how many sequencers an update needs left.
    `downgrade`: whether an older version is taken; versions that are not both dotted numbers are not compared, and
    taken.  A file that does not say accepts, as the published design does.
    """

    name: str
    summary: str
    records: int
    record: str
    guard: str
    write: str
    refresh: str
    clear: str
    image_check: str
    target: str
    trial: str
    reserve: int
    downgrade: str = "accept"

    def toml(self) -> str:
        """Return the design as the TOML it can be loaded from."""
        return "".join(f"{field.name} = {json.dumps(getattr(self, field.name))}\n" for field in fields(self))


def designs() -> list[str]:
    """Return the names of the catalogue."""
    return sorted(path.stem for path in (DATA / "designs").glob("*.toml"))


@cache
def load_design(name: str) -> Design:
    """Return a design by its name in the catalogue, or from the path of a TOML file."""
    path = Path(name) if name.endswith(".toml") else DATA / "designs" / f"{name}.toml"
    if not path.is_file():
        raise BadInput(f"design {name!r} is unknown; one of: {', '.join(designs())}, or the path of a TOML file")
    return read_design(Settings.load(path))


def read_design(settings: Settings) -> Design:
    """Return the design that a settings file describes."""
    settings.known([field.name for field in fields(Design)])
    given = {key: allowed for key, allowed in CHOICES.items() if key in settings.table or key != "downgrade"}
    choices = {key: settings.choice(key, allowed) for key, allowed in given.items()}
    reserve = settings.number("reserve", most=2**16)
    design = Design(name=settings.words("name"), summary=settings.words("summary"), reserve=reserve, **choices)
    if wrong := contradiction(design):
        raise settings.wrong(*wrong)
    return design


def checked(design: Design) -> Design:
    """Return a design that was put together in Python; choices that contradict each other are `BadInput`."""
    if wrong := contradiction(design):
        raise BadInput(f"design {design.name}: {wrong[0]}: {wrong[1]}")
    return design


def contradiction(design: Design) -> tuple[str, str] | None:
    """Return a choice that cannot stand beside the others, and why; nothing if all of them can."""
    if design.trial == "one-try" and design.record != "complete":
        return "trial", 'one-try needs record = "complete": no other record has a tried field'
    if design.target == "running" and design.trial != "none":
        return "trial", 'target = "running" needs "none": a trial that fails has nothing to go back to'
    if design.clear == "before-slot" and design.records != 2:
        return "clear", "before-slot needs records = 2: there is no inactive one to erase"
    return None

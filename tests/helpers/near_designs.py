"""Designs that differ from one of the catalogue by one choice.

Tests and `benchmarks/any_flash.py` have them in common.
"""

from __future__ import annotations

from dataclasses import replace

from otalab.bench.setup import set_up
from otalab.errors import BadInput
from otalab.firmware.catalogue import checked, load_design
from otalab.firmware.design import Design, bounds, choices


def near(name: str) -> list[Design]:
    """Return every design that differs from one of the catalogue by one choice."""
    base, found = load_design(name), []
    numbers = {choice: (least, least + 1, most) for choice, (least, most) in bounds().items()}
    for choice, values in {**choices(), **numbers}.items():
        for value in dict.fromkeys(values):
            try:
                other = checked(replace(base, **{choice: value}))  # type: ignore[arg-type]
                set_up(other, "tiny", app_size=500)
            except BadInput:
                continue  # it contradicts itself, or the board has no room for it
            found.append(replace(other, name=f"{name}, {choice} {value}"))
    return found

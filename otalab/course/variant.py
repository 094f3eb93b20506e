"""Variants: the numbers with which one learner's exercises are posed, so that neighbours cannot compare them.

A release puts them into the notebooks and into a file beside; the judges read the file and compute as ever.
Where there is none, the numbers are those of the course.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from otalab.errors import BadInput
from otalab.files import read_text
from otalab.hardware.part import part

FILE = "numbers.json"
# Parts whose table has both times, and whose answers are further apart than a judge forgives.
PARTS = ("W25Q16JV", "SST26VF064B", "IS25LX128", "W25X40")


@dataclass(frozen=True, slots=True)
class Variant:
    """What exercises 00.1, 01.2 and 06.1 are about: bytes of code, a flash part, and one failure in how many.

    `lamp` is the number of the lamp of the final project.
    """

    app_size: int = 3000
    part: str = "W25Q16JV"
    one_in: int = 1_000_000
    lamp: int = 1412

    @classmethod
    def of(cls, seed: str) -> Variant:
        """Return the variant of a seed: the same for the same one, on every machine."""
        draw = Random(seed)
        # A tenth apart, as the judge of 06.1 takes a few in a hundred more than need be.
        numbers = draw.randrange(1500, 7900), draw.choice(PARTS), 1000 * round(200 * 1.1 ** draw.randrange(34))
        return cls(*numbers, draw.randrange(1000, 10_000))

    def json(self) -> str:
        """Return it as the file that judges read."""
        return json.dumps(asdict(self)) + "\n"


COMMON = Variant()


def variant_here(here: Path) -> Variant:
    """Return the variant of the folder of the course that this one is, or lies in."""
    place = next((folder / FILE for folder in (here, here.parent) if (folder / FILE).is_file()), None)
    if place is None:
        return COMMON
    try:
        numbers = json.loads(read_text(place))
        # A file that was released before there was a final project has no lamp.
        lamp = int(numbers["lamp"]) if "lamp" in numbers else COMMON.lamp
        variant = Variant(int(numbers["app_size"]), str(numbers["part"]), int(numbers["one_in"]), lamp)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadInput(f"{place}: is not as the release wrote it; ask for it anew") from error
    part(variant.part)
    if not 1 <= variant.app_size <= 8192 or variant.one_in < 1:
        raise BadInput(f"{place}: is not as the release wrote it; ask for it anew")
    return variant


def changes(variant: Variant) -> Iterator[tuple[str, str, str]]:
    """Yield the number of a notebook, a piece of it, and what stands there for this variant."""
    flash = part(variant.part)
    erase, program = 1e3 * flash.erase_seconds(), 1e3 * flash.program_seconds(80)
    yield "00", "app_size=3000", f"app_size={variant.app_size}"
    yield "00", "3,000 bytes of code", f"{variant.app_size:,} bytes of code"
    yield (
        "01",
        "With the times above,",
        (f"On the part {variant.part} the erase takes {erase:.3g} ms and the program {program:.3g} ms;"),
    )
    yield "06", "less than one in a million", f"less than one in {variant.one_in:,}"

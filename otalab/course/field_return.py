"""Field returns: a lamp that came back dead, as the final project has it, with its page, its table and a complaint.

Nothing of it is painted: the one firmware runs, its power is cut, and the dump is what `replay --dump` writes.
The number of the lamp chooses the effect and the tear, among those whose dump no other moment of an update leaves.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from random import Random

from otalab.bench.inspection import inspect_dump
from otalab.bench.layout_import import imported_layout
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.course.variant import variant_here
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.files import read_text, try_folder, write_whole
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.graph.history import Leg, Played, ending, play
from otalab.hardware.board import Board, read_board
from otalab.hardware.effects import Erase
from otalab.hardware.flash import Flash
from otalab.settings import Settings

PRODUCT = Path(__file__).with_name("templates") / "towpath"
PAGE, TABLE, COMPLAINT, DUMP = "towpath.toml", "partitions.csv", "complaint.txt", "dump.bin"
APP_SIZE = 3000  # bytes
FAULTS = "zeroed-erase"
# Parts whose erase takes so different times that their risks are told apart.
PARTS = ("W25Q16JV", "SST26VF064B", "IS25LX128")
# An erase that is cut with its front inside the sequencer: anywhere else this is whole or gone, and does not count.
FRONTS = [f"{front}-{at}" for front in ("zeros-front", "zeros-back") for at in range(1, 8)]
FRONTS += [f"erased-{end}-{at}-of-zeros" for end in ("front", "back") for at in range(1, 8)]


@dataclass(frozen=True, slots=True)
class FieldReturn:
    """What is true of a lamp that came back, and what stands on its label.

    `legs` is the history that killed it and `dump` what was left of its flash; `record` is the place, 0 or 1, that was
    being written when the power failed, in which `effect` of which `phase`; `slot` is the one that its loader wants.
    `fleet` is how many lamps of its kind are out, `part` the flash part, `per_day` how often their power fails.
    """

    number: int
    legs: tuple[Leg, ...]
    dump: bytes
    record: int
    effect: str
    phase: str
    slot: int
    fleet: int
    part: str
    per_day: int

    @property
    def complaint(self) -> str:
        """What came with it."""
        return read_text(PRODUCT / COMPLAINT).format(
            number=self.number, part=self.part, app_size=APP_SIZE, fleet=self.fleet, per_day=self.per_day
        )


def field_return(folder: str | Path) -> Path:
    """Put the lamp of this folder of the course into another one, and return that: four files, and no answer.

    `dump.bin` is its flash, `partitions.csv` its partition table, `towpath.toml` its design, `complaint.txt` what its
    owner says; a folder that has some of them is refused.
    """
    folder, lamp = Path(folder), lamp_of(variant_here(Path.cwd()).lamp)
    files = {PAGE: read_text(PRODUCT / PAGE), TABLE: read_text(PRODUCT / TABLE)}
    contents: dict[str, str | bytes] = {**files, COMPLAINT: lamp.complaint, DUMP: lamp.dump}
    if there := next((name for name in contents if (folder / name).exists()), None):
        raise BadInput(f"{folder / there}: is there already; name a folder without it")
    folder.mkdir(parents=True, exist_ok=True)
    try_folder(folder)
    for name, data in contents.items():
        write_whole(folder / name, data)
    return folder


@lru_cache(maxsize=8)
def lamp_of(number: int) -> FieldReturn:
    """Return the lamp of this number: the same one on every machine."""
    draw, deaths = Random(number), _deaths()
    legs, flash = draw.choice(deaths)
    cut = _played(legs)[-2].steps[-1]
    assert isinstance(cut.effect, Erase)
    inspection = inspect_dump(DUMP, flash.image, product_board(), str(PRODUCT / PAGE))
    assert inspection.selected is not None
    slot = inspection.records[inspection.selected].slot
    assert slot is not None
    record = _places(product_board()).index(cut.effect.sector)
    fleet, part, per_day = 5000 * draw.randrange(4, 40), draw.choice(PARTS), draw.randrange(2, 25)
    return FieldReturn(number, legs, flash.image, record, "erase", cut.phase, slot, fleet, part, per_day)


def product() -> Design:
    """Return the design of the lamp, as its page says."""
    return load_design(str(PRODUCT / PAGE))


@cache
def product_board() -> Board:
    """Return the board that the partition table tells of."""
    text = imported_layout(TABLE, (PRODUCT / TABLE).read_bytes()).toml()
    return read_board(Settings(TABLE, text, tomllib.loads(text)))


@cache
def product_scenario() -> Scenario:
    """Return the lamp as it was shipped, with version 2 on offer."""
    return set_up(product(), product_board(), app_size=APP_SIZE)


def _places(board: Board) -> list[int]:
    return [board.sectors_of(place).start for place in board.records]


def _played(legs: tuple[Leg, ...]) -> list[Played]:
    return list(play(product_scenario(), fault_model(FAULTS), legs))


@cache
def _deaths() -> list[tuple[tuple[Leg, ...], Flash]]:
    """Return each history of one cut that bricks the lamp, and what is left, where that tells of the effect."""
    left: dict[Flash, list[tuple[Leg, ...]]] = {}
    for legs in _histories():
        played = _played(legs)
        if ending(product_scenario(), played).name == "bricked":
            left.setdefault(played[-1].flash, []).append(legs)
    # Two tears of one effect that leave the same bytes are one; of two effects nobody could say which it was.
    return [(ways[0], flash) for flash, ways in left.items() if len({(len(legs), legs[-2].step) for legs in ways}) == 1]


def _histories() -> Iterator[tuple[Leg, ...]]:
    scenario = product_scenario()
    places = _places(scenario.device.board)
    for number, lived in enumerate(life(scenario).runs):
        for step in lived.steps:
            if isinstance(step.effect, Erase) and step.effect.sector in places:
                there = {tear.label for tear in fault_model(FAULTS).tears(step.effect, step.before, scenario.device)}
                yield from (
                    (*[Leg()] * number, Leg("", step.number, front), Leg()) for front in FRONTS if front in there
                )

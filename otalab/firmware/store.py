"""The boot record store: where records lie, and which of them counts; `record_writes` puts the next one there.

In the published design the valid record with the smaller sequencer is the newer.
Other designs have one place, count upwards, or append to a journal; each of their rules has a name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.update_state import read_state
from otalab.formats.records.boot_control import BootControlCodec
from otalab.formats.records.catalogue import COUNTINGS, GUARDS, KEEPERS, READ_ONLY, RECORDS, WIDTHS
from otalab.formats.records.fields import SIGN, FieldsCodec
from otalab.formats.records.nvs import UPDATE_STATE
from otalab.formats.records.otadata import OtadataCodec
from otalab.formats.records.record import Codec, Invalid, Record, Selection
from otalab.formats.records.trailer import Trailer, TrailerCodec
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip
from otalab.hardware.places import Region
from otalab.kept import kept_beside

# Of which the formats are kept, and formats of which records are: a repair goes through thousands of designs.
DESIGNS, FORMATS = 512, 16


_Choices = tuple[str, str, str, int, str, int, int, int]


@dataclass(frozen=True, slots=True)
class Family:
    """Places whose contents are looked at through one codec: its sectors, and how many bytes of each it looks at.

    `young`: a sequencer up to this one decides more than which record is newer.
    """

    codec: Codec
    sectors: tuple[int, ...]
    size: int
    young: int = 0

    def fields_from(self, start: int | None) -> tuple[int, ...]:
        """Return the fields of a sector of it by their sizes: of what is programmed from `start` on, or of all."""
        if self.size == self.codec.size:
            return self.codec.fields
        # A journal's record lies where it is programmed; what comes before it is one field that does not change.
        return (sum(self.codec.fields),) if start is None else (start, *self.codec.fields)


@kept_beside(DESIGNS)
def codec(design: Design) -> Codec:
    """Return the record format of a design."""
    return _codec(*_format(design))


@kept_beside(DESIGNS)
def decoder(design: Design) -> Callable[[bytes], Record | Invalid]:
    """Return what makes a record of bytes; a search reads the same ones a hundred thousand times."""
    return _decoder(*_format(design))


def _format(design: Design) -> _Choices:
    """Return the choices that a format is made of.

    The last ones: how many slots a sequencer counts among, tries down from, and the write unit of a trailer.
    """
    of_the_record = design.store, design.guard, design.record, design.sequencer_bits, design.sequencer
    return *of_the_record, design.slots, design.tries, design.unit


@cache
def _codec(*made_of: *_Choices) -> Codec:
    keeper, guard, record, bits, sequencer, slots, tries, unit = made_of
    if record.startswith(SIGN):
        form: Codec = FieldsCodec.of(record)
    else:
        form = (RECORDS.get(record) or READ_ONLY[record])(WIDTHS[bits](COUNTINGS[sequencer]))
    form = OtadataCodec(slots) if isinstance(form, OtadataCodec) else form
    form = BootControlCodec(tries) if isinstance(form, BootControlCodec) else form
    form = TrailerCodec(unit) if isinstance(form, TrailerCodec) else form
    return KEEPERS[keeper](GUARDS[guard](form))


@lru_cache(FORMATS)
def _decoder(*made_of: *_Choices) -> Callable[[bytes], Record | Invalid]:
    return lru_cache(maxsize=1 << 12)(_codec(*made_of).decode)


@kept_beside(DESIGNS)
def places(board: Board, design: Design) -> tuple[int, ...]:
    """Return the address of every place that a record may have, in the order in which they are read."""
    areas, size = AREAS[design.records](board), codec(design).size
    return tuple(area.address + number * size for area in areas for number in range(design.journal))


def forget_formats() -> None:
    """Make formats and places anew where they are asked for: a function behind a choice's name has changed."""
    for kept in (codec, decoder, _codec, _decoder, places):
        kept.cache_clear()


def one_area(board: Board) -> tuple[Region, ...]:
    """Keep one boot record: it is erased before the next one is programmed, and between the two there is none."""
    return board.records[:1]


def two_areas(board: Board) -> tuple[Region, ...]:
    """Keep two boot records: while one is written, the other one stands."""
    return board.records


def families(board: Board, design: Design) -> tuple[Family, ...]:
    """Return the boot records, and the update state where the design has one."""
    form = codec(design)
    areas = tuple(board.sectors_of(area).start for area in AREAS[design.records](board))
    young = YOUNG.get(design.placing, 0)
    return Family(form, areas, form.size * design.journal, young), *STATE_FAMILIES[design.state](board)


def unused(board: Board, design: Design) -> tuple[Region, ...]:
    """Return the board's places for records and update states that a design leaves alone."""
    used = {sector for family in families(board, design) for sector in family.sectors}
    return tuple(area for area in (*board.records, *board.state) if board.sectors_of(area).start not in used)


def no_family(_board: Board) -> tuple[Family, ...]:
    """Know no second store."""
    return ()


def states(board: Board) -> tuple[Family, ...]:
    """Look at the update state through its own codec."""
    return (Family(UPDATE_STATE, tuple(board.sectors_of(area).start for area in board.state), UPDATE_STATE.size),)


def read(chip: Chip, design: Design) -> list[Record | Invalid]:
    """Return what each place of the design holds."""
    return READS[design.placing](chip, design)


def as_decoded(chip: Chip, design: Design) -> list[Record | Invalid]:
    """Take a record for what it says, wherever it lies."""
    decode, size = decoder(design), codec(design).size
    return [decode(chip.read_record(address, size)) for address in places(chip.board, design)]


def behind_slots(chip: Chip, design: Design) -> list[Record | Invalid]:
    """Take a trailer for what it says of the slot before it."""
    form = trailer_codec(design)
    contents = (chip.read_record(address, form.size) for address in places(chip.board, design))
    return [form.behind(slot, data) for slot, data in enumerate(contents)]


def select(chip: Chip, design: Design) -> Selection | None:
    """Return the record that the boot loader takes, if there is one that it can use."""
    records = read(chip, design)
    place = taken(design, records)
    record = None if place is None else records[place]
    return Selection(place, record) if place is not None and isinstance(record, Record) else None


def trailer_at(chip: Chip, design: Design, address: int) -> Trailer | None:
    """Return what the trailer at an address says, or `None` where none is whole."""
    form = trailer_codec(design)
    return form.read(chip.read_record(address, form.size))


def trailer_codec(design: Design) -> TrailerCodec:
    """Return the format of a design that keeps trailers."""
    form = codec(design)
    assert isinstance(form, TrailerCodec), f"{design.name} keeps no trailers"
    return form


def taken(design: Design, records: Sequence[Record | Invalid]) -> int | None:
    """Return the place that the design's rule takes; there may be nothing usable in it.

    Each area is read up to the first place that has no sequencer, or none newer than all before it; the last one that
    was newer is taken.  With one place in an area that is the newest of all.
    """
    ages, newer = _ages(design, records), TIES[design.tie]
    best: tuple[int, int] | None = None
    for start in range(0, len(records), design.journal):
        for place in range(start, start + design.journal):
            age = ages[place]
            if age is None or (best is not None and not newer(age, best[0])):
                break
            best = age, place
    return None if best is None else best[1]


def first_read(age: int, former: int) -> bool:
    """Of two places with the same sequencer, let the one count that is read first."""
    return age < former


def last_read(age: int, former: int) -> bool:
    """Of two places with the same sequencer, let the one count that is read last."""
    return age <= former


def current(chip: Controller, design: Design) -> Selection | None:
    """Return the record as the running image has it: what it holds in RAM counts more than what flash says by now."""
    if chip.blind:
        return None
    if chip.written is not None or chip.held is not None:
        return chip.written or chip.held
    selected = select(chip, design)
    if selected is None or not SEES[design.sees](design, selected):
        return None
    return CONFIGS[design.state](chip, selected)


def sees_all(design: Design, selected: Selection) -> bool:
    """Find the record wherever it lies."""
    return True


def sees_area_0(design: Design, selected: Selection) -> bool:
    """Find it in the first area only: once records go to the second, the image knows of no trial, commit or update.

    `mgos_boot_cfg_init` of the application compares the name of the area with that of the first one twice.
    """
    return selected.place < design.journal


def own_files(chip: Controller, slot: int) -> int:
    """Mount the file system of the slot that runs: the image knows which one that is."""
    return slot


def first_files(chip: Controller, slot: int) -> int:
    """Mount the first file system where the image did not find its record: `mgos_core_fs_init` takes "fs0" then."""
    return 0 if chip.blind else slot


def standing(chip: Controller, design: Design) -> Selection | None:
    """Return the record that the next one follows: what was written last, if RAM knows, or what flash says."""
    return chip.written or select(chip, design) or chip.held


def as_recorded(_chip: Chip, selected: Selection) -> Selection:
    """Know of an update what its boot record says."""
    return selected


def as_the_state_says(chip: Chip, selected: Selection) -> Selection:
    """Know of an update what the second store says: the record only names the slot."""
    return replace(selected, record=replace(selected.record, config=read_state(chip)))


def used_up(design: Design, selected: Selection) -> str:
    """Say that fewer sequencers are left than an update needs; empty if there are enough, or the design never asks."""
    left = codec(design).counting.left(selected.record.sequencer)
    short = design.reserve and left <= design.reserve
    return f"Boot sequencer used up: {left} left, an update needs {design.reserve}" if short else ""


def _ages(design: Design, records: Sequence[Record | Invalid]) -> list[int | None]:
    """Return what a newer record has less of, for every place; `None` where there is no sequencer."""
    age = codec(design).counting.age
    return [None if record.sequencer is None else age(record.sequencer) for record in records]


# Up to this sequencer ESP-IDF as Mongoose OS had it writes over its own record: `esp_ota_set_boot_subtype`.
YOUNG = {"own-then-beside": 9}
AREAS: dict[int, Callable[[Board], tuple[Region, ...]]] = {1: one_area, 2: two_areas}
STATE_FAMILIES: dict[str, Callable[[Board], tuple[Family, ...]]] = {"none": no_family, "nvs": states}
READS: dict[str, Callable[[Chip, Design], list[Record | Invalid]]] = {
    "beside": as_decoded,
    "own": as_decoded,
    "own-then-beside": as_decoded,
    "copied-at-start": as_decoded,
    "both": as_decoded,
    "of-the-slot": behind_slots,
}
# From the ages of two places: may the one that is read later count?  The newer one has the smaller age.
TIES: dict[str, Callable[[int, int], bool]] = {"first": first_read, "last": last_read}
SEES: dict[str, Callable[[Design, Selection], bool]] = {"all": sees_all, "area-0": sees_area_0}
# The slot whose file system the running image mounts.
MOUNTED: dict[str, Callable[[Controller, int], int]] = {"all": own_files, "area-0": first_files}
CONFIGS: dict[str, Callable[[Chip, Selection], Selection]] = {"none": as_recorded, "nvs": as_the_state_says}

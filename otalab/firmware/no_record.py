"""What a loader does that finds no record which it can use: stop, write a first one, or start a slot without one."""

from __future__ import annotations

from collections.abc import Callable

from otalab.firmware import record_writes, store
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.image_checks import default_facts, passes
from otalab.firmware.outcome import Reset
from otalab.firmware.store import AREAS
from otalab.firmware.unwritten import UNWRITTEN
from otalab.formats.records.otadata import never_written
from otalab.formats.records.record import BootConfig, Record, Selection
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Routine
from otalab.hardware.flash import ERASED


def nothing(chip: Controller, design: Design) -> Routine[BootConfig | None]:
    """Stop where there is no record: a device that lost its records is dead."""
    return None
    yield


def default_record(chip: Controller, design: Design) -> Routine[BootConfig | None]:
    """Write a record for slot 0, committed, with the checksum of whatever lies there."""
    config = BootConfig(0, True, default_facts(chip, design))
    chip.say("No valid boot record: writing a default one")
    yield from make_default(chip, design, config)
    return config


def default_appended(chip: Controller, design: Design) -> Routine[BootConfig | Reset | None]:
    """Write a default record as any other is written, once all areas are erased: the first one is erased twice."""
    config = BootConfig(0, True, default_facts(chip, design))
    chip.say("No valid boot record: writing a default one")
    written = yield from append_default(chip, design, config)
    # It is searched for anew, as `mgos_boot_cfg_init` does: then a wrong check counts, too.
    stands = written and store.select(chip, design) is not None
    return config if stands else (yield from UNWRITTEN[design.unwritten](config))


def slots_on_trial(chip: Controller, design: Design) -> Routine[BootConfig | None]:
    """Write a record that promises nothing: each slot has its tries, slot 0 first, whatever lies there."""
    config = BootConfig(0, False, default_facts(chip, design), previous=1, previously_committed=False, tried=1)
    chip.say("No valid boot record: every slot gets its tries anew")
    record = Record(store.codec(design).counting.first, config)
    for place in range(design.records):
        yield from record_writes.put_whole(chip, design, place, record)
    return config


def slot_0_if_erased(chip: Controller, design: Design) -> Routine[BootConfig | None]:
    """Start slot 0, and write nothing, where no record was ever written."""
    form = store.codec(design)
    for address in store.places(chip.board, design):
        if chip.read(address, form.size).count(ERASED) < form.size:
            return None
    return without_record(chip, design, 0)
    yield


def slot_0_always(chip: Controller, design: Design) -> Routine[BootConfig | None]:
    """Start slot 0, and write nothing, whatever lies where records would: images run from there and nowhere else."""
    return without_record(chip, design, 0)
    yield


def first_whole(chip: Controller, design: Design) -> Routine[BootConfig | None]:
    """Start the first slot whose image passes its check, and write nothing: halt only where no image does.

    A factory image comes before all of them: `bootloader_utility_get_selected_boot_partition`.
    """
    for slot in (*range(chip.board.targets, len(chip.board.slots)), *range(chip.board.targets)):
        if passes(chip, design, BootConfig(slot, True)):
            return without_record(chip, design, slot)
    return None
    yield


def first_whole_noted(chip: Controller, design: Design) -> Routine[BootConfig | None]:
    """Start the first slot whose image passes its check, and write its record into place 0 if none was ever written.

    With a factory image there is nothing to note: `set_actual_ota_seq`.
    """
    form = store.codec(design)
    # Looked at by their bytes, which a search tells apart: only where it matters.
    never = not chip.board.factory and all(
        never_written(chip.read(address, form.size), form) for address in store.places(chip.board, design)
    )
    config = yield from first_whole(chip, design)
    if config is not None and never:
        chip.say(f"Writing boot record 0 for slot {config.active}")
        data = form.encode(Record(form.counting.first + config.active, config))
        yield from record_writes.WRITES[design.write](chip, design, 0, data)
        # The image goes by what lies there, and by nothing where that did not go in.
        if store.select(chip, design) is not None:
            chip.held = None
    return config


def without_record(chip: Controller, design: Design, slot: int) -> BootConfig:
    """Return what a loader starts that goes by no record."""
    form, config = store.codec(design), BootConfig(slot, True)
    chip.say(f"No valid boot record: starting {chip.board.slot_name(slot)}")
    # So that the next record goes to the first place, as the one after this one.
    chip.held = Selection(design.records - 1, Record(form.counting.first - form.counting.step, config))
    return config


def make_default(chip: Controller, design: Design, config: BootConfig) -> Routine[None]:
    """Erase all records and write the first one anew."""
    yield from none_left(chip, design)
    yield from record_writes.program_record(chip, design, 0, first_of_all(design, config))


def append_default(chip: Controller, design: Design, config: BootConfig) -> Routine[bool]:
    """Erase all records and write the first one as any other, which begins with an erase of its own."""
    yield from none_left(chip, design)
    return (yield from record_writes.WRITES[design.write](chip, design, 0, first_of_all(design, config)))


def none_left(chip: Controller, design: Design) -> Routine[None]:
    """Erase all records."""
    for area in AREAS[design.records](chip.board):
        yield Erase(chip.board.sectors_of(area).start)


def first_of_all(design: Design, config: BootConfig) -> bytes:
    """Return the record that a device begins with."""
    form = store.codec(design)
    return form.encode(Record(form.counting.first, config))


def slot_0(board: Board) -> int:
    """Leave the factory with an image in slot 0, and a record for it."""
    return 0


def factory_image(board: Board) -> int:
    """Leave the factory with the factory image alone, if the board has a place for one: no record is needed."""
    return board.targets if board.factory else 0


# The slot in which a device has its first image.
FIRST_SLOTS: dict[str, Callable[[Board], int]] = {
    "halt": slot_0,
    "default": slot_0,
    "default-appended": slot_0,
    "slots-on-trial": slot_0,
    "slot-0": slot_0,
    "first-whole": factory_image,
    "first-whole-noted": factory_image,
    "slot-0-always": slot_0,
}
NO_RECORD: dict[str, Callable[[Controller, Design], Routine[BootConfig | Reset | None]]] = {
    "halt": nothing,
    "default": default_record,
    "default-appended": default_appended,
    "slots-on-trial": slots_on_trial,
    "slot-0": slot_0_if_erased,
    "first-whole": first_whole,
    "first-whole-noted": first_whole_noted,
    "slot-0-always": slot_0_always,
}

"""Devices as they are shipped, and the updates they are offered: the default scenario and its variations.

The same call makes the same device, bit for bit: its contents come from `contents`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

from otalab.bench.contents import application, default_bundle, default_files, file_system, noise, unpack
from otalab.bench.counters import moved_near
from otalab.bench.options import FOREVER, ScenarioOptions
from otalab.bench.scenario import Scenario, Update
from otalab.bench.trace import life
from otalab.bench.trailer_room import trailers_fit
from otalab.errors import BadInput
from otalab.firmware.catalogue import known, load_design
from otalab.firmware.design import Design
from otalab.firmware.designed import Designed
from otalab.firmware.device import Device, Firmware
from otalab.firmware.image import Image, Temper, committed_by_hand, parse_temper
from otalab.firmware.no_record import FIRST_SLOTS
from otalab.firmware.outcome import Running
from otalab.firmware.requests import OFFERS
from otalab.firmware.store import codec, families
from otalab.formats.filesystems.kinds import MOUNTS
from otalab.hardware.board import Board, load_board
from otalab.hardware.flash import Flash
from otalab.hardware.geometry import Geometry
from otalab.hardware.part import FlashPart, Timing, part
from otalab.own.code import CodeFirmware
from otalab.own.page import is_page, page_of

OLD_VERSION, USED_VERSION, NEW_VERSION, PROBE_VERSION = "1", "1.5", "2", "probe"
# Earlier updates are versions 1.6, 1.7, ..., 1.10, ...: newer than what a used device runs.
EARLIER = 6
# For life, after the first one: names, not numbers, for no design may take one for older than another.  Three in all,
# so that what is offered is neither what runs nor what ran before; after the third comes the first again.
NEXT = ("next", "next but one")
PROBE_SIZE = 4096
OPERATOR_SECONDS = 30.0
MOST_SLOTS = {"otadata": 16, "mongoose": 16}
"""How many slots the records of a format can name, where that is more than two."""
BY_RECORD = {"crc32": "a CRC-32 that no record has"}
"""What a check of an image goes by that only a record has: it cannot be made of a factory image."""
UNKEPT = {("updater.dat", "none")}
"""Where a design keeps its commit interval, and the data of a board that have no place for it."""
LEAST_PROGRAMS = {"spiffs": 1}
"""How few bytes a file system programs at a time, where that is less than any program unit."""


def set_up(
    design: str | Design | Firmware = "hardened",
    board: str | Board | None = None,
    *,
    image: str = "healthy",
    **options: Any,
) -> Scenario:
    """Return the default scenario, or a variation of it.

    `image` is the temper of the new image; `options` are those of `ScenarioOptions`: `bundle`, `part`, `timing`,
    `offer`, `used`, `updates`, `sequencer_near`, `app_size`, `files`, `health_seconds`, `commit_timeout`,
    `operator_commits_after`.
    """
    return scenario_of(ScenarioOptions.of({"board": board, **options}), design, image)


def scenario_of(options: ScenarioOptions, design: str | Design | Firmware, image: str = "healthy") -> Scenario:
    """Return the scenario of a design, or of code, that options describe."""
    firmware = firmware_of(design)
    board = with_part(board_for(firmware, options.board), options.part)
    require_small_units(board)
    if isinstance(firmware, Designed) and firmware.design.slots != board.targets:
        firmware = Designed(replace(firmware.design, slots=board.targets))
    size = min(slot.app.size for slot in board.slots) if options.app_size is None else options.app_size
    update, probe = an_update(options, firmware, board, size, image), a_probe(firmware, board, size)
    earlier = earlier_updates(options, firmware, board, size)
    generations = life_updates(options, firmware, board, size, update)
    files = default_files() if options.files is None else dict(options.files)
    device, flash = a_device(firmware, board, size, files)
    by_hand = OPERATOR_SECONDS if update.image.commits == "by hand" else None
    scenario = Scenario(
        device=replace(
            device,
            images=(*device.images, *(each.image for each in chain(earlier, [update], *generations)), probe.image),
        ),
        part=timed(board, options.timing),
        timing=options.timing,
        flash=flash,
        old=device.images[0],
        new=update.image,
        bundle=update.bundle,
        probe=probe.image,
        probe_bundle=probe.bundle,
        files=tuple(sorted(files.items())) if board.file_system in MOUNTS else (),
        brought=update.brought,
        offers=options.offer or firmware.offers,
        commit_timeout=firmware.interval if options.commit_timeout is None else options.commit_timeout,
        operator_commits_after=by_hand if options.operator_commits_after is None else options.operator_commits_after,
        earlier=earlier,
        generations=generations,
    )
    if generations and OFFERS[scenario.offers](True):
        raise BadInput("updates forever: an update that is offered once is lost with a cut: take offer until-taken")
    scenario = after_an_update(scenario, size, files) if options.used else scenario
    return moved_near(scenario, options.sequencer_near) if options.sequencer_near else scenario


def firmware_of(named: str | Design | Firmware) -> Firmware:
    """Return the firmware that a design selects, the code of a page, or the one that is given."""
    firmware = design_or_code(named)
    return Designed(known(firmware)) if isinstance(firmware, Design) else firmware


def design_or_code(named: str | Design | Firmware) -> Design | Firmware:
    """Return the design of a name or of a page, or the code of a folder's page; what is no name is given back."""
    if isinstance(named, Design | Firmware):
        return named
    return CodeFirmware(page_of(named)) if isinstance(named, str) and is_page(named) else load_design(named)


def an_update(options: ScenarioOptions, firmware: Firmware, board: Board, app_size: int, image: str) -> Update:
    """Return the update on offer, with an image that behaves as it is said to."""
    given = options.bundle
    if given is None:
        given = default_bundle(board, NEW_VERSION, app_size, own_check=firmware.checks_itself)
    temper, failure = parse_temper(image)
    update = unpacked(given)
    return replace(update, image=committing(replace(update.image, temper=temper, failure=failure), options, firmware))


def earlier_updates(options: ScenarioOptions, firmware: Firmware, board: Board, app_size: int) -> tuple[Update, ...]:
    """Return the good updates that are offered before the one that the scenario is about."""
    versions = (
        f"1.{EARLIER + number}" for number in range(0 if options.updates == FOREVER else int(options.updates) - 1)
    )
    own = firmware.checks_itself
    every = (unpacked(default_bundle(board, version, app_size, own_check=own)) for version in versions)
    return tuple(replace(update, image=committing(update.image, options, firmware)) for update in every)


def life_updates(
    options: ScenarioOptions, firmware: Firmware, board: Board, app_size: int, first: Update
) -> tuple[tuple[Update, ...], ...]:
    """Return what may be offered in a life: updates like the first, and good ones as well if that is none."""
    if options.updates != FOREVER:
        return ()

    def like(version: str, temper: Temper) -> Update:
        update = unpacked(default_bundle(board, version, app_size, own_check=firmware.checks_itself))
        image = replace(
            update.image, temper=temper, failure=first.image.failure if temper == first.image.temper else 0.0
        )
        return replace(update, image=committing(image, options, firmware))

    every = (first, *(like(version, first.image.temper) for version in NEXT))
    if first.image.works:
        return tuple((update,) for update in every)
    return tuple((update, like(f"good {update.image.version}", "healthy")) for update in every)


def unpacked(bundle: bytes) -> Update:
    """Return a bundle with what it brings."""
    image, brought = unpack(bundle)
    return Update(bundle, image, tuple(sorted((brought or {}).items())))


def committing(new: Image, options: ScenarioOptions, firmware: Firmware) -> Image:
    """Return a new image that tests itself for as long, and is committed by whom, the options say."""
    if options.health_seconds is not None:
        new = replace(new, health_seconds=options.health_seconds)
    return firmware.committed(new) if options.operator_commits_after is None else committed_by_hand(new)


def a_probe(firmware: Firmware, board: Board, app_size: int) -> Update:
    """Return the good update by which a device is asked whether it still takes one."""
    bundle = default_bundle(board, PROBE_VERSION, min(app_size, PROBE_SIZE), own_check=firmware.checks_itself)
    return Update(bundle, unpack(bundle)[0])


def a_device(firmware: Firmware, board: Board, app_size: int, files: dict[str, bytes]) -> tuple[Device, Flash]:
    """Return a device fresh from the factory, and its flash."""
    app = application(OLD_VERSION, app_size, own_check=firmware.checks_itself)
    device = Device(board, firmware, (Image.of(OLD_VERSION, "1/factory", app),))
    return device, firmware.shipped(device, empty(board, app, files, firmware.first_slot(board)), app)


def with_part(board: Board, name: str | None) -> Board:
    """Return a board, or the same with another flash part, whose pages and program units the firmware then finds."""
    if name is None:
        return board
    chip, geometry = part(name), board.geometry
    if not isinstance(geometry, Geometry):
        raise BadInput(
            f"board {board.name} names its parts itself ({board.part_names}): change its page, or leave part"
        )
    if chip.sector_size != geometry.sector_size:
        raise BadInput(
            f"part {chip.name} erases {chip.sector_size} bytes at a time, "
            f"board {board.name} needs sectors of {geometry.sector_size}: take another part or board"
        )
    geometry = replace(geometry, page_size=chip.page_size, program_unit=chip.program_unit, ecc=chip.ecc)
    return replace(board, part=chip, geometry=geometry)


def require_small_units(board: Board) -> None:
    """Refuse a file system that programs fewer bytes at a time than the part can."""
    unit = max(board.geometry.at(slot.fs.address).program_unit for slot in board.slots)
    least = LEAST_PROGRAMS.get(board.file_system, unit)
    if unit > least:
        raise BadInput(
            f"board {board.name}: {board.file_system} programs {least} byte at a time, and part {board.part_names} "
            f'units of {unit}: take another part, or file_system = "littlefs"'
        )


def timed(board: Board, timing: Timing) -> FlashPart:
    """Return the part of a board, or say now, and not in the middle of a search, which of its times the table lacks."""
    for chip in board.written_parts:
        chip.erase_seconds(timing), chip.program_seconds(1, timing)
    return board.part


def after_an_update(scenario: Scenario, app_size: int, files: dict[str, bytes]) -> Scenario:
    """Return the scenario on a device that has taken an update before, on steady power."""
    board, firmware = scenario.device.board, scenario.device.firmware
    bundle = default_bundle(board, USED_VERSION, app_size, own_check=firmware.checks_itself)
    early = set_up(firmware, board, bundle=bundle, app_size=app_size, files=files)
    lived = life(early)
    if not isinstance(lived.last.outcome, Running) or lived.last.outcome.version != USED_VERSION:
        raise BadInput(f"{firmware.name} does not take the update that a used device has had: {lived.last.outcome}")
    images = (*scenario.device.images, early.new)
    kept = dict(early.files) | dict(early.brought) if scenario.files else {}
    device = replace(scenario.device, images=images)
    return replace(scenario, device=device, flash=lived.last.flash, old=early.new, files=tuple(sorted(kept.items())))


def board_for(firmware: Design | Firmware, board: str | Board | None = None) -> Board:
    """Return the board that a design, or code, runs on: as named, or its own partition table, or `lab-1M`."""
    board = board or firmware.board or "lab-1M"
    board = board if isinstance(board, Board) else load_board(board)
    records = firmware if isinstance(firmware, Design) else firmware.records
    code = not isinstance(firmware, Design) and firmware.design is None
    if code and board.data not in ("each", "none"):
        raise BadInput(
            f"{firmware.name} is code for slots with data in each, or for code alone, and {board.name} has data beside "
            "its slots: take another board"
        )
    if records is not None:
        has_room(board, records)
    return board


def has_room(board: Board, design: Design) -> None:
    """Refuse a board that has no room for what a design keeps."""
    if not all(family.sectors for family in families(board, design)):
        raise BadInput(f"design {design.name} needs a second store, and board {board.name} has no place for one")
    if board.targets > MOST_SLOTS.get(design.record, 2):
        raise BadInput(
            f"the records of {design.name} know of two slots, and board {board.name} has {board.targets}: "
            f"take a design with records.format {' or '.join(MOST_SLOTS)}"
        )
    if FIRST_SLOTS[design.no_record](board) and (asks := BY_RECORD.get(design.image_check)):
        raise BadInput(
            f"design {design.name} starts the factory image of board {board.name} by {asks}: "
            'take boot.image_check = "own"'
        )
    if (design.interval_in, board.data) in UNKEPT:
        raise BadInput(
            f"design {design.name} keeps its commit interval in a file, and board {board.name} has no file system: "
            f'take another board, or commit.kept_in = "record"'
        )
    trailers_fit(board, design)
    size, room = codec(design).size * design.journal, min(area.size for area in board.records)
    if size > room:
        raise BadInput(f"the records of {design.name} need {size} bytes, and board {board.name} has {room} for them")


def empty(board: Board, app: bytes, files: dict[str, bytes], first: int = 0) -> Flash:
    """Return the flash of a device before its first boot record: a loader, and version 1 in its first slot."""
    slot, flash = board.slots[first], Flash.blank(board.geometry)
    flash = flash.patched(board.loader.address, noise("boot loader", board.loader.size))
    flash = flash.patched(slot.app.address, app)
    return flash.patched(slot.fs.address, file_system(board, slot, OLD_VERSION, files))

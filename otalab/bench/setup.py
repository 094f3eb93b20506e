"""Devices as they are shipped, and the updates they are offered: the default scenario and its variations.

The same call makes the same device, bit for bit: its contents come from `contents`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from otalab.bench.contents import application, default_bundle, default_files, file_system, noise, unpack
from otalab.bench.options import ScenarioOptions
from otalab.bench.scenario import Scenario
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.firmware.device import Device
from otalab.firmware.image import COMMITS, Image, committed_by_hand, parse_temper
from otalab.firmware.outcome import Running
from otalab.firmware.store import codec
from otalab.formats.filesystems.kinds import MOUNTS
from otalab.formats.records.record import BootConfig, Record, SlotFacts
from otalab.hardware.board import Board, load_board
from otalab.hardware.flash import Flash
from otalab.hardware.part import FlashPart, part

OLD_VERSION, USED_VERSION, NEW_VERSION, PROBE_VERSION = "1", "1.5", "2", "probe"
PROBE_SIZE = 4096
OPERATOR_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class UpdateBundle:
    """A bundle, the image that it brings, and the files of that."""

    bundle: bytes
    image: Image
    brought: dict[str, bytes]


def set_up(
    design: str | Design = "hardened", board: str | Board | None = None, *, image: str = "healthy", **options: Any
) -> Scenario:
    """Return the default scenario, or a variation of it.

    `image` is the temper of the new image; `options` are those of `ScenarioOptions`: `bundle`, `part`, `timing`,
    `offer`, `used`, `app_size`, `files`, `health_seconds`, `commit_timeout`, `operator_commits_after`.
    """
    return scenario_of(ScenarioOptions.of({"board": board, **options}), design, image)


def scenario_of(options: ScenarioOptions, design: str | Design, image: str = "healthy") -> Scenario:
    """Return the scenario of a design that options describe."""
    design = design if isinstance(design, Design) else load_design(design)
    board = board_for(design, options.board)
    size = board.slots[0].app.size if options.app_size is None else options.app_size
    update, probe = an_update(options, design, board, size, image), a_probe(design, board, size)
    files = default_files() if options.files is None else dict(options.files)
    device, flash = a_device(design, board, size, files)
    by_hand = OPERATOR_SECONDS if update.image.commits == "by hand" else None
    scenario = Scenario(
        device=replace(device, images=(*device.images, update.image, probe.image)),
        part=chip_for(board, options.part),
        timing=options.timing,
        flash=flash,
        old=device.images[0],
        new=update.image,
        bundle=update.bundle,
        probe=probe.image,
        probe_bundle=probe.bundle,
        files=tuple(sorted(files.items())) if board.file_system in MOUNTS else (),
        brought=tuple(sorted(update.brought.items())),
        offers=options.offer or design.offers,
        commit_timeout=design.interval if options.commit_timeout is None else options.commit_timeout,
        operator_commits_after=by_hand if options.operator_commits_after is None else options.operator_commits_after,
    )
    return after_an_update(scenario, size, files) if options.used else scenario


def an_update(options: ScenarioOptions, design: Design, board: Board, app_size: int, image: str) -> UpdateBundle:
    """Return the update on offer, with an image that behaves as it is said to."""
    given = options.bundle
    own_check = checks_itself(design)
    bundle = default_bundle(board, NEW_VERSION, app_size, own_check=own_check) if given is None else given
    new, brought = unpack(bundle)
    temper, failure = parse_temper(image)
    new = replace(new, temper=temper, failure=failure)
    if options.health_seconds is not None:
        new = replace(new, health_seconds=options.health_seconds)
    new = COMMITS[design.commit](new) if options.operator_commits_after is None else committed_by_hand(new)
    return UpdateBundle(bundle, new, brought or {})


def checks_itself(design: Design) -> bool:
    """Say whether images carry a check of their own, which the design's loader reads."""
    return design.image_check == "own"


def a_probe(design: Design, board: Board, app_size: int) -> UpdateBundle:
    """Return the good update by which a device is asked whether it still takes one."""
    bundle = default_bundle(board, PROBE_VERSION, min(app_size, PROBE_SIZE), own_check=checks_itself(design))
    return UpdateBundle(bundle, unpack(bundle)[0], {})


def a_device(design: Design, board: Board, app_size: int, files: dict[str, bytes]) -> tuple[Device, Flash]:
    """Return a device fresh from the factory, and its flash."""
    app = application(OLD_VERSION, app_size, own_check=checks_itself(design))
    return Device(board, design, (Image.of(OLD_VERSION, "1/factory", app),)), shipped(board, design, app, files)


def chip_for(board: Board, name: str | None) -> FlashPart:
    """Return the flash part of a board, or another one that fits it."""
    chip = part(name) if name else board.part
    if chip.sector_size != board.geometry.sector_size:
        raise BadInput(
            f"part {chip.name} erases {chip.sector_size} bytes at a time, "
            f"board {board.name} needs sectors of {board.geometry.sector_size}: take another part or board"
        )
    return chip


def after_an_update(scenario: Scenario, app_size: int, files: dict[str, bytes]) -> Scenario:
    """Return the scenario on a device that has taken an update before, on steady power."""
    board, design = scenario.device.board, scenario.device.design
    bundle = default_bundle(board, USED_VERSION, app_size, own_check=checks_itself(design))
    early = set_up(design, board, bundle=bundle, app_size=app_size, files=files, part=scenario.part.name)
    lived = life(early)
    if not isinstance(lived.last.outcome, Running) or lived.last.outcome.version != USED_VERSION:
        raise BadInput(
            f"design {design.name} does not take the update that a used device has had: {lived.last.outcome}"
        )
    images = (*scenario.device.images, early.new)
    kept = dict(early.files) | dict(early.brought) if scenario.files else {}
    device = replace(scenario.device, images=images)
    return replace(scenario, device=device, flash=lived.last.flash, old=early.new, files=tuple(sorted(kept.items())))


def board_for(design: Design, board: str | Board | None = None) -> Board:
    """Return the board that a design runs on: as named, or its own partition table, or `lab-1M`."""
    board = board or design.board or "lab-1M"
    board = board if isinstance(board, Board) else load_board(board)
    if design.state != "none" and not board.state:
        raise BadInput(f"design {design.name} needs a second store, and board {board.name} has no place for one")
    size, room = codec(design).size * design.journal, min(area.size for area in board.records)
    if size > room:
        raise BadInput(f"the records of {design.name} need {size} bytes, and board {board.name} has {room} for them")
    return board


def shipped(board: Board, design: Design, app: bytes, files: dict[str, bytes]) -> Flash:
    """Return the flash of a device fresh from the factory: version 1 in slot 0, committed."""
    slot = board.slots[0]
    facts = SlotFacts(len(app), crc32(app), OLD_VERSION)
    form = codec(design)
    record = Record(form.counting.first, BootConfig(0, True, (facts, SlotFacts())))
    flash = Flash.blank(board.geometry)
    flash = flash.patched(board.loader.address, noise("boot loader", board.loader.size))
    flash = flash.patched(board.records[0].address, form.encode(record))
    flash = flash.patched(slot.app.address, app)
    return flash.patched(slot.fs.address, file_system(board, slot, "1", files))

"""A virtual device, opened as its options describe it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.errors import BadInput
from otalab.files import is_file
from otalab.firmware.image import Image, parse_temper
from otalab.hardware.part import FlashPart, part
from otalab.postponed import postponed_interrupts
from otalab.wire.device.flash_file import FlashFile, OpenFiles, SectorPool
from otalab.wire.device.known_images import KnownImages
from otalab.wire.device.options import DeviceOptions
from otalab.wire.device.virtual import VirtualDevice
from otalab.wire.key_files import required_mask, verifier


def open_device(
    options: DeviceOptions,
    tell: Callable[[str], None] = lambda _line: None,
    scenario: Scenario | None = None,
    pool: SectorPool | None = None,
    files: OpenFiles | None = None,
) -> VirtualDevice:
    """Return the device that the options describe; a new flash file is formatted as a shipped one.

    Many devices may have their `scenario`, a `pool` of sectors and the open `files` of their folder in common.
    """
    scenario = scenario or set_up(options.design, options.board, part=options.part)
    _, verified = verifier(options.key)
    required = required_mask(options.sig_req_mask)
    new, chip, path = _uploaded(options), _part(options, scenario), Path(options.flash)
    refuse_emptied(path)
    known = KnownImages(path, sync=not options.no_sync)
    # A flash and the notebook beside it: both or none.
    with postponed_interrupts():
        file = FlashFile(
            path, scenario.flash.geometry, scenario.flash, sync=known.sync, pool=pool, files=files,
            beside=lambda: known.begin(scenario.old, scenario.device.board, scenario.device.records),
        )  # fmt: skip
    try:
        if not file.is_new:
            _recall(known, file, scenario)
    except BaseException:
        file.close()
        raise
    return VirtualDevice(
        replace(scenario.device, sig_req_mask=required),
        chip,
        file,
        known,
        new,
        time_scale=options.time_scale,
        seed=options.seed,
        tell=tell,
        verified=verified,
    )


def refuse_emptied(path: Path) -> None:
    """Refuse a flash that is empty though a notebook tells of a device: it was not begun just now, it was lost."""
    notebook = KnownImages(path).path
    if is_file(path) and not path.stat().st_size and is_file(notebook) and notebook.stat().st_size:
        raise BadInput(
            f"{path}: is empty, and {notebook.name} tells of a device that it held: "
            f"put its contents back, or remove both for a new device"
        )


def _uploaded(options: DeviceOptions) -> Image:
    """Return how images behave that are yet to come."""
    temper, failure = parse_temper(options.image)
    return Image("", "", 0, b"", temper, failure, commits="itself" if options.commit == "auto" else "by hand")


def _part(options: DeviceOptions, scenario: Scenario) -> FlashPart:
    chip = part(options.part) if options.part else scenario.part
    # Times that a part lacks are found missing now, and not in the middle of an update.
    for each in scenario.device.board.written_parts if scenario.device.board.parts else (chip,):
        each.erase_seconds(), each.program_seconds(1)
    return chip


def _recall(known: KnownImages, file: FlashFile, scenario: Scenario) -> None:
    """Read the notebook of a flash that was there before."""
    known.load()
    if (design := scenario.device.records) is not None:
        known.belong(scenario.device.board, design)
    # Whatever the notebook has lost, a whole image is no brick.
    known.adopt(scenario.device.board, scenario.device.design, file.flash)

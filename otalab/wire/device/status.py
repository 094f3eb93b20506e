"""What a virtual device tells of itself, read with the firmware's own functions and judged by the observer."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from otalab.firmware import store
from otalab.firmware.controller import Controller
from otalab.firmware.image import Image
from otalab.firmware.intervals import commit_interval
from otalab.formats.filesystems.kinds import mount, read_files
from otalab.formats.filesystems.scratch import FileSystemFault, Scratch
from otalab.formats.records.record import BootConfig, Invalid, Record, Selection
from otalab.hardware.places import Region
from otalab.wire.device.virtual import VirtualDevice


def status(device: VirtualDevice) -> dict[str, Any]:
    """Return the answer to `GET /status`, in the shape that the contract gives it."""
    board, design = device.device.board, device.device.design
    # A chip of our own: looking must not count as reading by the firmware.
    chip = Controller(board, device.chip.flash)
    selected, config = store.select(chip, design), boot_config(device)
    slot = config.active if config and config.active < len(board.slots) else None
    images = [device.device.image_in(chip, number) for number in range(len(board.slots))]
    return {
        "board": board.name,
        "platform": board.platform,
        "design": design.name,
        "state": device.state,
        "reason": device.reason,
        "phase": device.phase,
        "active_slot": config.active if config else None,
        "revert_slot": config.previous if config else None,
        "committed": config.committed if config else None,
        "commit_timeout": config.interval if config else None,
        "version": _version(config, slot, images[slot]) if config and slot is not None else None,
        "slots": [
            {"slot": number, "version": image.version if image else None, "whole": image is not None}
            for number, image in enumerate(images)
        ],
        "records": [_record(place, record, selected) for place, record in enumerate(store.read(chip, design))],
        "files": _files(chip, board.slots[slot].fs) if slot is not None else [],
        "progress": _progress(device),
        "log": list(device.log),
    }


def boot_config(device: VirtualDevice) -> BootConfig | None:
    """Return the boot configuration as the running image has it, commit interval included, or `None` without one."""
    # A chip of our own: looking must not count as reading by the firmware.  What it holds in RAM, it goes by.
    chip, board, design = Controller(device.device.board, device.chip.flash), device.device.board, device.device.design
    chip.remember(device.chip)
    current = store.current(chip, design)
    if current is None or current.config.active >= len(board.slots):
        return current.config if current else None
    kept = chip.carry_out(commit_interval(chip, design, current.config, current.config.active))
    return replace(current.config, interval=kept)


def file_contents(device: VirtualDevice, region: Region, name: str) -> bytes | None:
    """Return what a file holds, or `None` where there is none, or none that can be read."""
    board = device.device.board
    contents = device.chip.flash.read(region.address, region.size)
    return _file_in(contents, board.block_of(region), board.file_system, name)


@lru_cache(maxsize=8)  # what one device asks again and again, a whole fleet asks
def _file_in(contents: bytes, sector_size: int, kind: str, name: str) -> bytes | None:
    try:
        return mount(kind, Scratch(contents, sector_size)).read(name)
    except FileSystemFault:
        return None


def printable(text: str) -> str:
    """Return text from a record that may be torn as something that JSON and a terminal can take."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _version(config: BootConfig, slot: int, image: Image | None) -> str:
    """Return what the record says of the slot, or what lies there if its format has no room for that."""
    return printable(config.facts(slot).version) or (image.version if image else "")


def _record(place: int, record: Record | Invalid, selected: Selection | None) -> dict[str, Any]:
    if isinstance(record, Invalid):
        return {
            "valid": False,
            "reason": record.reason,
            "sequencer": None,
            "active_slot": None,
            "committed": None,
            "selected": False,
        }
    return {
        "valid": True,
        "reason": "",
        # A 64-bit number as text would surprise those who compare it; one beyond 2**53 surprises JavaScript.
        "sequencer": record.sequencer,
        "active_slot": record.config.active,
        "committed": record.config.committed,
        "selected": selected is not None and selected.place == place,
    }


def _progress(device: VirtualDevice) -> dict[str, int | None] | None:
    upload = device.current.upload if device.current else None
    return {"received": upload.received, "size": upload.size} if upload else None


def _files(chip: Controller, region: Region) -> list[str]:
    contents, sector = chip.flash.read(region.address, region.size), chip.board.block_of(region)
    return sorted(read_files(contents, sector, chip.board.file_system) or ())

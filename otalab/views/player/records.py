"""What a player and a report show of the boot records: a table for each, which one counts, and why.

All of it is asked of the firmware's own record store.
"""

from __future__ import annotations

from typing import Any

from otalab.firmware import store
from otalab.firmware.controller import Controller
from otalab.firmware.device import Device
from otalab.firmware.explain import Explanation, explain, start_words
from otalab.formats.records.record import Codec, Invalid, Record, SlotFacts, counted
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash

SHOWN_BYTES = 16


def records(device: Device, flash: Flash) -> dict[str, Any]:
    """Return what each place holds that tells something, the number of the one that counts (-1: none), and why."""
    if device.records is None:
        return {"records": [], "selected": -1, "why": why(device, flash)}
    explanation = explain(Chip(device.board, flash), device.records)
    form = store.codec(device.records)
    rows = [
        {
            "number": place.number,
            "address": f"0x{place.address:06x}",
            "bytes": place.data[:SHOWN_BYTES].hex(" "),
            "fields": fields(form, place.found),
        }
        for place in explanation.telling
    ]
    selected = -1 if explanation.selected is None else explanation.selected
    return {"records": rows, "selected": selected, "why": _why(device, flash, explanation)}


def why(device: Device, flash: Flash) -> str:
    """Return why a record counts; where none does, also what the boot loader then does."""
    if device.records is None:
        said = start_words(device.decision(Controller(device.board, flash)), device.board)
        return f"Nobody has said how its boot records are. At a power-on {said}."
    return _why(device, flash, explain(Chip(device.board, flash), device.records))


def _why(device: Device, flash: Flash, explanation: Explanation) -> str:
    if explanation.selected is not None:
        return explanation.reason
    decision = device.decision(Controller(device.board, flash))
    return f"{explanation.reason} At a power-on {start_words(decision, device.board)}."


def fields(form: Codec, record: Record | Invalid) -> list[list[str]]:
    """Return the fields of a record that its format has, as name and value; of an invalid one, why it is."""
    if isinstance(record, Invalid):
        return [["", record.reason]]
    config = record.config
    rows = [["sequencer", counted(record.sequencer)]] if "sequencer" in form.names else []
    rows += [["starts slot", str(config.active)], ["state", config.state]]
    rows.append(["way back", "none" if config.previous is None else f"slot {config.previous}"])
    if "interval" in form.names:
        rows.append(["interval", f"{config.interval} s"])
    if config.slots != (SlotFacts(), SlotFacts()):
        rows += [[f"slot {number}", _facts(slot)] for number, slot in enumerate(config.slots)]
    return rows


def _facts(slot: SlotFacts) -> str:
    """Return what a record says of an image, as far as its format has room for it."""
    # Bytes that are no text, erased flash for instance, are read as so many signs that say so.
    said = slot.version.rstrip("\ufffd") or "unreadable"
    version = f"version {said}, " if slot.version else ""
    check = f", CRC-32 {slot.crc32:08x}" if slot.crc32 else ""
    return f"{version}{slot.length} bytes{check}" if slot.length else "nothing"

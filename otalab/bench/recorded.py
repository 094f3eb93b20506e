"""Recordings: what an updater did to flash elsewhere, explored against the lab's boot loader.

A recording holds bytes and no program: after a cut it begins again at its first operation, and it writes the same
records whatever lies there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import isfinite
from pathlib import Path
from typing import Any
from zlib import crc32

from otalab.bench.scenario import Choice, Scenario, World
from otalab.bench.setup import set_up
from otalab.bench.trace import Life, sector_of
from otalab.errors import BadInput
from otalab.firmware import store
from otalab.firmware.bootloader import Start
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.firmware.device import Device, decision
from otalab.firmware.image import Image
from otalab.firmware.requests import Offer, Recording
from otalab.formats.filesystems.kinds import read_files
from otalab.formats.records.guard import STRONG
from otalab.formats.records.record import Record
from otalab.hardware.board import Board, Region
from otalab.hardware.effects import Ask, Effect, Erase, Phase, Program, Wait, pages
from otalab.hardware.flash import Flash, Geometry

READERS: dict[str, Callable[[str], Any]] = {
    "op": lambda text: {"erase": "erase", "program": "program"}[text.lower()],
    "address": lambda text: int(text, 0),
    "data": bytes.fromhex,
    "time": lambda text: float(text) if text else None,
    "size": lambda text: int(text or "0", 0),
}
LINE = "a line has op (erase or program), address, data (a program's, hex), time (seconds, or none), size (an erase's)"
# Clocks are not exact: what is shorter (seconds) is no pause.
INSTANT = 1e-6


@dataclass(frozen=True, slots=True)
class RecordedOperation:
    """An erase of `size` bytes (0: one sector) or a program of `data`; `time` in seconds since the start."""

    op: str
    address: int
    data: bytes = b""
    time: float | None = None
    size: int = 0
    where: str = field(default="", compare=False)

    def effects(self, geometry: Geometry) -> list[Erase | Program]:
        """Return the operation in sectors and pages."""
        unit, size = geometry.sector_size, self.size or geometry.sector_size
        try:
            if self.op == "erase" and (self.address % unit or size % unit):
                raise BadInput(f"an erase of {size} bytes at 0x{self.address:x} is not whole sectors of {unit}")
            programs = list(pages(self.address, self.data, geometry.page_size))
            for program in programs:
                geometry.check(program)
            return [*programs] or [Erase(sector) for sector in geometry.sectors_of(self.address, size)]
        except BadInput as error:
            raise BadInput(f"{self.where}: {error}; choose the board that it was recorded on") from error


def read_recording(path: str | Path) -> tuple[RecordedOperation, ...]:
    """Return the operations of a recording, CSV or JSON lines, in the order of its lines."""
    found, header, number = [], list[str](), 0
    try:
        for number, line in enumerate(map(str.strip, Path(path).read_text(encoding="utf-8-sig").split("\n")), 1):
            if line.startswith("{"):
                found.append(_operation(json.loads(line), f"{path}:{number}"))
            elif line and not line.startswith("#"):
                cells = [cell.strip() for cell in next(csv.reader([line]))]
                if header and len(cells) != len(header):
                    raise ValueError(f"{len(cells)} cells below a header of {len(header)}")
                if header:
                    found.append(_operation(dict(zip(header, cells, strict=True)), f"{path}:{number}"))
                header = header or cells
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError, csv.Error) as error:
        raise BadInput(f"{path}:{number}: {error}; {LINE}") from error
    if not found:
        raise BadInput(f"{path}: holds no operation below a header, and no JSON object; {LINE}")
    return tuple(found)


def _operation(fields: dict[str, Any], where: str) -> RecordedOperation:
    if unknown := [key for key in fields if key not in READERS]:
        raise ValueError(f"column {unknown[0]!r} is unknown")
    values: dict[str, Any] = {}
    for key, reader in READERS.items():
        text = "" if fields.get(key) is None else str(fields[key]).strip()
        try:
            values[key] = reader(text)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{key} {text!r} cannot be read") from error
    one = RecordedOperation(**values, where=where)
    if bool(one.data) != (one.op == "program") or (one.data and one.size):
        raise ValueError(f"{one.op} with {len(one.data)} bytes of data" + " and a size" * bool(one.size))
    if min(one.address, one.size, one.time or 0) < 0 or not isfinite(one.time or 0):
        raise ValueError("a negative or an infinite number")
    return one


def write_recording(life: Life, path: str | Path) -> None:
    """Write the first update of a life as a recording in CSV; its time begins with the update."""
    size, lines = life.board.geometry.sector_size, ["op,address,data,time"]
    updates = ([step for step in run.steps if step.phase in ("download", "merge", "switch")] for run in life.runs)
    steps = next((one for one in updates if any(isinstance(step.effect, (Erase, Program)) for step in one)), [])
    for step in steps:
        match step.effect:
            case Erase(sector):
                lines.append(f"erase,0x{sector * size:06x},,{step.at - steps[0].at:.9f}")
            case Program(address, data):
                lines.append(f"program,0x{address:06x},{data.hex()},{step.at - steps[0].at:.9f}")
    if not steps:
        raise BadInput("no update was written in this life; record one that is taken")
    try:
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class RecordedScenario(Scenario):
    """A scenario in which the update on offer is a recording; the probe is an update of the lab's own."""

    recording: Recording | None = None

    def __post_init__(self) -> None:
        if self.recording and self.offers == "again":
            raise BadInput("a recording is not offered again: its records are older than that of a rollback")

    def probing(self) -> Scenario:
        return Scenario.probing(replace(self, recording=None))

    def choices(self, world: World, ask: Ask, now: float) -> tuple[Choice, ...]:
        found, offer = Scenario.choices(self, world, ask, now), self.recording or Offer()
        return tuple(replace(one, answer=offer) if isinstance(one.answer, Offer) else one for one in found)


def recorded_scenario(
    recording: Sequence[RecordedOperation],
    design: str | Design,
    board: str | Board,
    initial: bytes | None = None,
    new: tuple[str, int, int] | None = None,
) -> RecordedScenario:
    """Return the scenario in which the update that a device is offered is a recording.

    `initial` is the flash that it begins with; as shipped if not given.
    `new` is the image that it brings: version, slot, length; if not given, what the undisturbed recording leaves in
    the slot that the boot loader then starts.
    """
    base = set_up(design, board)
    device, home = base.device, base.device.board
    flash = base.flash if initial is None else Flash.of(home.geometry, initial)
    start, old, said = _started(device, flash)
    if old is None or not start.committed:
        raise BadInput(f"the initial contents start no committed image ({said}); choose the design and board of theirs")
    effects = tuple(_replayed(base, recording))
    done = _left(device, flash, [effect for _, effect in effects])
    after, image, said = _started(device, done)
    # A loader that halts starts nothing that could be known again: then no image is the new one.
    slot, image = (after.slot, image) if image else (1 - start.slot, Image("recorded", "", 0, b""))
    if new is not None:
        version, slot, length = new
        if slot not in (0, 1) or not 0 < length <= home.slots[slot].app.size:
            raise BadInput(f"a new image of {length} bytes does not lie in slot {slot} of {home.name}: 0 or 1")
        image = _image(version, done, home.slots[slot].app, length)
    if image.digest == old.digest:
        raise BadInput(f"undisturbed, the recording leaves the image that was there ({said}); name the new one")
    if image.version == old.version:
        image = replace(image, version=f"{image.version}+recorded")
    files, brought = _files(home, flash, start.slot), _files(home, done, slot)
    device = replace(device, images=(old, image, base.probe))
    parts = (base.part, base.timing, flash, old, image, b"", base.probe, base.probe_bundle, files, brought)
    return RecordedScenario(device, *parts, recording=Recording(effects))


def _replayed(base: Scenario, recording: Sequence[RecordedOperation]) -> Iterator[tuple[Phase, Erase | Program | Wait]]:
    """Yield the effects of a recording in their phases; none begins before the time that it was recorded at."""
    board, now = base.device.board, 0.0
    for operation in recording:
        for effect in operation.effects(board.geometry):
            record = board.owner_of(sector_of(effect, base.flash) or 0).startswith("record")
            phase: Phase = "switch" if record else "download"
            if operation.time is not None and operation.time - now > INSTANT:
                yield phase, Wait("pause", operation.time - now)
                now = operation.time
            yield phase, effect
            now += base.seconds(effect)


def _left(device: Device, flash: Flash, effects: Sequence[Effect]) -> Flash:
    """Return what the effects leave; refuse them where the explorer would take one boot record for another.

    Under a strong guard it takes records that differ by their sequencers for the same, since the lab's firmware only
    compares and steps those; a recording writes the ones that it has.
    """
    stages, form = [*accumulate(effects, Flash.after, initial=flash)], store.codec(device.design)
    for number, address in enumerate(store.places(device.board, device.design)):
        found = {form.decode(stage.read(address, form.size)) for stage in stages}
        configs = [one.config for one in found if isinstance(one, Record)]
        if form.guard_bits >= STRONG and len(set(configs)) < len(configs):
            raise BadInput(
                f"the recording changes boot record {number} by its sequencer alone, which no proof covers: "
                "record a single update, and give the contents that it began with"
            )
    return stages[-1]


def _started(device: Device, flash: Flash) -> tuple[Start, Image | None, str]:
    """Return what the boot loader makes of contents: the image that it starts, or none if it halts; and its words."""
    chip = Controller(device.board, flash)
    start = decision(chip, device.design)
    selected = store.select(chip, device.design)
    if not isinstance(start, Start):
        return Start(0, True, 0), None, start.reason
    if selected is None:
        return Start(0, True, 0), None, chip.log[-1]
    region, facts = device.board.slots[start.slot].app, selected.config.slots[start.slot]
    length = facts.length if facts.fit(chip.read_region(region)) else region.size
    return start, _image(facts.version, chip.flash, region, length), chip.log[-1]


def _image(version: str, flash: Flash, region: Region, length: int) -> Image:
    app = flash.read(region.address, length)
    return Image.of(version or "recorded", f"{crc32(app):08x}", app)


def _files(board: Board, flash: Flash, slot: int) -> tuple[tuple[str, bytes], ...]:
    region, sector = board.slots[slot].fs, board.geometry.sector_size
    contents = flash.read(region.address, region.size)
    return tuple(sorted((read_files(contents, sector, board.file_system) or {}).items()))

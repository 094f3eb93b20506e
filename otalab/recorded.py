"""Recordings: what an updater did to flash elsewhere, read from a file, explored against the lab's boot loader.

A recording holds bytes and no program: after a cut it begins again at its first operation, and it writes the same
records whatever lies there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import accumulate
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeVar
from zlib import crc32

from otalab import bootloader, store
from otalab.chip import Chip
from otalab.design import Design
from otalab.device import Device
from otalab.effects import Ask, Erase, Offer, Phase, Program, Recording, Wait, pages
from otalab.errors import BadInput
from otalab.filesystem import read_files
from otalab.flash import Flash, Geometry
from otalab.identity import STRONG
from otalab.image import Image
from otalab.outcome import Bricked
from otalab.record import Record
from otalab.scenario import Choice, Scenario, World
from otalab.shipped import set_up
from otalab.trace import Life, sector_of

T = TypeVar("T")
COLUMNS = ("op", "address", "data", "time", "size")
UPDATE: tuple[Phase, ...] = ("download", "merge", "switch")
NUMBER = "a number is needed, decimal or 0x.. in hexadecimal"
# A recording's clock is not exact: what is shorter (seconds) is no pause.
INSTANT = 1e-6


@dataclass(frozen=True, slots=True)
class RecordedOperation:
    """One line of a recording; `time` in seconds since it began, `size` of an erase in bytes (0: one sector)."""

    op: Literal["erase", "program"]
    address: int
    data: bytes = b""
    time: float | None = None
    size: int = 0
    where: str = field(default="", compare=False)

    def effects(self, geometry: Geometry) -> list[Erase | Program]:
        """Return the operation in the sectors and pages of a board."""
        size, length = geometry.sector_size, self.size or geometry.sector_size
        try:
            if self.op == "erase" and (self.address % size or length % size):
                raise BadInput(f"an erase of {length} bytes at 0x{self.address:x} is not whole sectors of {size}")
            found: list[Erase | Program] = (
                [Erase(sector) for sector in geometry.sectors_of(self.address, length)]
                if self.op == "erase"
                else [*pages(self.address, self.data, geometry.page_size)]
            )
            for effect in found:
                geometry.check(effect)
        except BadInput as error:
            raise BadInput(f"{self.where}: {error}; choose the board that it was recorded on") from error
        return found


@dataclass(frozen=True, slots=True)
class RecordedScenario(Scenario):
    """A scenario in which the update on offer is a recording; the probe is one of the lab's own."""

    recording: Recording | None = None

    def __post_init__(self) -> None:
        if self.recording and self.offers == "again":
            raise BadInput("a recording cannot be offered again: its records would be older than those of the rollback")

    def probing(self) -> Scenario:
        return Scenario.probing(replace(self, recording=None))

    def choices(self, world: World, ask: Ask, now: float) -> tuple[Choice, ...]:
        answers = Scenario.choices(self, world, ask, now)
        if self.recording is None:
            return answers
        return tuple(replace(one, answer=self.recording) if isinstance(one.answer, Offer) else one for one in answers)


def read_recording(path: str | Path) -> tuple[RecordedOperation, ...]:
    """Return the operations of a recording, CSV or JSON lines, in the order of its lines."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not text; a recording is CSV or JSON lines") from error
    found, header = [], list[str]()
    for number, line in enumerate(lines, 1):
        where, cells = f"{path}:{number}", [cell.strip() for cell in next(csv.reader([line]), [])]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.lstrip().startswith("{"):
            found.append(_operation(_json(line, where), where))
        elif not header:
            header = cells
            if not {"op", "address"} <= set(header) <= set(COLUMNS):
                raise BadInput(f"{where}: no header of a recording; it names columns out of {','.join(COLUMNS)}")
        elif len(cells) != len(header):
            raise BadInput(f"{where}: {len(cells)} cells, the header has {len(header)}; leave cells empty, not out")
        else:
            found.append(_operation(dict(zip(header, cells, strict=True)), where))
    if not found:
        raise BadInput(f"{path}: holds no operation; a line of a recording is erase or program, address, data, time")
    return tuple(found)


def _json(line: str, where: str) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: no JSON: {error}; each line is one object") from error
    if unknown := sorted(fields.keys() - set(COLUMNS)):
        raise BadInput(f"{where}: key {unknown[0]!r} is unknown; known are {', '.join(COLUMNS)}")
    return fields


def _operation(fields: dict[str, Any], where: str) -> RecordedOperation:
    def value(key: str, rule: str, convert: Callable[[str], T]) -> T:
        text = "" if fields.get(key) is None else str(fields[key]).strip()
        try:
            return convert(text)
        except ValueError as error:
            raise BadInput(f"{where}: {key} {text!r}: {rule}") from error

    op = value("op", "erase or program is needed", _op)
    address = value("address", NUMBER, _number)
    data = value("data", "pairs of hexadecimal digits are needed", bytes.fromhex)
    time = value("time", "seconds since the start are needed, or nothing", _time)
    size = value("size", NUMBER + ", or nothing", lambda text: _number(text) if text else 0)
    if (op == "program") != bool(data) or (op == "program" and size):
        raise BadInput(f"{where}: a program has data and no size, an erase has no data; this {op} does not")
    return RecordedOperation(op, address, data, time, size, where)


def _op(text: str) -> Literal["erase", "program"]:
    match text.lower():
        case "erase":
            return "erase"
        case "program":
            return "program"
    raise ValueError(text)


def _number(text: str) -> int:
    if (number := int(text, 0)) < 0:
        raise ValueError(text)
    return number


def _time(text: str) -> float | None:
    time = float(text) if text else None
    if time is not None and (time < 0 or not isfinite(time)):
        raise ValueError(text)
    return time

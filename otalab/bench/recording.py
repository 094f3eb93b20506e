"""The file of a recording: what an updater did to flash, an operation a line, in CSV or JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from otalab.bench.trace import Life
from otalab.errors import BadInput
from otalab.files import MADE, read_text, write_whole
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import LARGEST
from otalab.hardware.geometry import FlashGeometry

READERS: dict[str, Callable[[str], Any]] = {
    "op": lambda text: {"erase": "erase", "program": "program"}[text.lower()],
    "address": lambda text: int(text, 0),
    "data": bytes.fromhex,
    "time": lambda text: float(text) if text else None,
    "size": lambda text: int(text or "0", 0),
}
# A page on a chip may be as large as its sectors, and each of its bytes has two digits.
MOST_DIGITS = 2 * LARGEST
LINE = "a line has op (erase or program), address, data (a program's, hex), time (seconds, or none), size (an erase's)"


@dataclass(frozen=True, slots=True)
class RecordedOperation:
    """An erase of `size` bytes (0: one sector) or a program of `data`; `time` in seconds since the start."""

    op: str
    address: int
    data: bytes = b""
    time: float | None = None
    size: int = 0
    where: str = field(default="", compare=False)

    def effects(self, geometry: FlashGeometry) -> list[Erase | Program]:
        """Return the operation in sectors and pages."""
        unit = geometry.at(self.address).sector_size
        size = self.size or unit
        try:
            if self.op == "erase" and not geometry.whole_sectors(self.address, size):
                raise BadInput(f"an erase of {size} bytes at 0x{self.address:x} is not whole sectors of {unit}")
            programs = list(geometry.pages(self.address, self.data))
            for program in programs:
                geometry.check(program)
            return [*programs] or [Erase(sector) for sector in geometry.sectors_of(self.address, size)]
        except BadInput as error:
            raise BadInput(f"{self.where}: {error}; choose the board that it was recorded on") from error


def read_recording(path: str | Path) -> tuple[RecordedOperation, ...]:
    """Return the operations of a recording, CSV or JSON lines, in the order of its lines."""
    operations, header, number = [], list[str](), 0
    lines = read_text(path).split("\n")
    usual = csv.field_size_limit(MOST_DIGITS)
    try:
        for number, line in enumerate(map(str.strip, lines), 1):
            if line.startswith("{"):
                operations.append(_operation(json.loads(line), f"{path}:{number}"))
            elif line and not line.startswith("#"):
                cells = [cell.strip() for cell in next(csv.reader([line]))]
                if header and len(cells) != len(header):
                    raise ValueError(f"{len(cells)} cells below a header of {len(header)}")
                if header:
                    operations.append(_operation(dict(zip(header, cells, strict=True)), f"{path}:{number}"))
                header = header or cells
    except (ValueError, RecursionError, csv.Error) as error:
        raise BadInput(f"{path}:{number}: {error}; {LINE}") from error
    finally:
        csv.field_size_limit(usual)
    if not operations:
        raise BadInput(f"{path}: holds no operation below a header, and no JSON object; {LINE}")
    return tuple(operations)


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
    operation = RecordedOperation(**values, where=where)
    if bool(operation.data) != (operation.op == "program") or (operation.data and operation.size):
        raise ValueError(
            f"{operation.op} with {len(operation.data)} bytes of data" + " and a size" * bool(operation.size)
        )
    if min(operation.address, operation.size, operation.time or 0) < 0 or not isfinite(operation.time or 0):
        raise ValueError("a negative or an infinite number")
    return operation


def write_recording(life: Life, path: str | Path) -> None:
    """Write the first update of a life as a recording."""
    write_whole(path, recording(life))


def recording(life: Life) -> str:
    """Return the first update of a life as a recording in CSV; its time begins with the update."""
    geometry, lines = life.board.geometry, [f"# {MADE}", "op,address,data,time"]
    updates = ([step for step in run.steps if step.phase in ("download", "merge", "switch")] for run in life.runs)
    steps = next((steps for steps in updates if any(isinstance(step.effect, (Erase, Program)) for step in steps)), [])
    for step in steps:
        match step.effect:
            case Erase(sector):
                lines.append(f"erase,0x{geometry.start_of(sector):06x},,{step.at - steps[0].at:.9f}")
            case Program(address, data):
                lines.append(f"program,0x{address:06x},{data.hex()},{step.at - steps[0].at:.9f}")
    if not steps:
        raise BadInput("no update was written in this life; record one that is taken")
    return "\n".join(lines) + "\n"

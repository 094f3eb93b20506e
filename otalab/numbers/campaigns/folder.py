"""The folder of a campaign: whose it is, which chunks are in it, and how one is written.

Each file of rows has its campaign's mark beside the rows, so that those of another campaign with the same numbers of
devices are not taken for ours.
"""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.files import read_text, refused, write_whole
from otalab.numbers.campaigns.workers import Chunk

MARK = b"otalab campaign"  # the key of the mark, in the metadata of a Parquet file


def mark_of(question: dict[str, Any]) -> bytes:
    """Return what tells a campaign from every other: a digest of all that its rows depend on."""
    return sha256(json.dumps(question).encode()).hexdigest().encode()


def make_folder(folder: Path) -> None:
    """Make a folder, if there is none."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder}: is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(folder, error, "written") from error


def claim_folder(folder: Path, question: dict[str, Any], devices: int, command: list[str] | None) -> None:
    """Make sure that the folder is this campaign's, and write down what it is."""
    path, now = folder / "campaign.json", question
    if path.exists():
        text = read_text(path)
        try:
            stored = json.loads(text)
            before, held = stored["campaign"], int(stored["devices"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}: not a campaign's; take another folder") from error
        # Compared as they are stored: JSON knows no tuples.
        now = json.loads(json.dumps(now))
        if before != now:
            raise BadInput(f"{folder}: holds another campaign ({_difference(before, now)}); take another folder")
        if devices < held:
            raise BadInput(f"{folder}: holds {held} devices already; ask for as many or more, or take another folder")
    elif any(not path.name.startswith(".") for path in folder.iterdir()):
        raise BadInput(f"{folder}: is not empty, and no campaign; take another folder")
    page = {"devices": devices, "command": command, "campaign": now}
    try:
        # First of all, or what a kill leaves here could not be told from a stranger's.
        write_whole(path, json.dumps(page, indent=1) + "\n")
        if question["engine"] != "crowd":
            (folder / "devices").mkdir(exist_ok=True)
            for draft in (folder / "devices").glob(".*"):
                draft.unlink()  # of a process that was killed: nobody else holds the folder
    except OSError as error:
        raise refused(folder, error, "written") from error


def _difference(before: Any, now: Any, where: str = "") -> str:
    """Name the first thing in which two campaigns differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        key = next(key for key in [*before, *now] if before.get(key) != now.get(key))
        return _difference(before.get(key), now.get(key), f"{where} {key}".strip())
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        number = next(number for number, (a, b) in enumerate(zip(before, now, strict=True)) if a != b)
        return _difference(before[number], now[number], where if len(now) == 1 else f"{where} {number}")
    texts = [text if len(text) < 40 else "..." for text in (str(before), str(now))]
    return f"{where} was {texts[0]} and is {texts[1]}" if texts[0] != texts[1] else f"{where} differs"


def chunk_file(folder: Path, number: int) -> Path:
    """Return where a chunk is, or will be."""
    return folder / f"{number:06}.parquet"


def chunks_in(folder: Path, chunks: list[Chunk], mark: bytes) -> tuple[Counter[str], list[Chunk]]:
    """Count the ends in the chunks that are there; return those that are not, or not in full, or are others' rows."""
    strange = {path.name for path in folder.iterdir()} - {chunk_file(folder, number).name for number, _, _ in chunks}
    if strange:
        raise BadInput(f"{folder / min(strange)}: is none of this campaign's; whoever reads the rows would read it too")
    counts, missing = Counter[str](), []
    for number, first, count in chunks:
        path = chunk_file(folder, number)
        if path.exists() and (ends := _ends(path, range(first, first + count), mark)) is not None:
            counts.update(ends)
        else:
            missing.append((number, first, count))
    return counts, missing


def _ends(path: Path, devices: range, mark: bytes) -> dict[str, int] | None:
    """Return how often each end is in a chunk, `None` if it is cut, empty, or the rows of others."""
    try:
        metadata = pq.read_metadata(path)
        if metadata.num_rows != len(devices) or (metadata.metadata or {}).get(MARK) != mark:
            return None
        table = pd.read_parquet(path, columns=["device", "end"])
        there = np.array_equal(table.device.to_numpy(), np.arange(devices.start, devices.stop))
        counts = table.end.value_counts()[lambda n: n > 0].to_dict()
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None
    return counts if there and counts.keys() <= {*ENDS, "open"} else None


def write_rows(table: pd.DataFrame, path: Path, mark: bytes) -> None:
    """Write rows with the mark of their campaign, whole or not at all."""
    rows, file = pa.Table.from_pandas(table, preserve_index=False), pa.BufferOutputStream()
    rows = rows.replace_schema_metadata((rows.schema.metadata or {}) | {MARK: mark})
    pq.write_table(rows, file, compression="zstd")
    # Readers of a folder of Parquet files pass over drafts: their names begin with a dot.
    write_whole(path, file.getvalue().to_pybytes())

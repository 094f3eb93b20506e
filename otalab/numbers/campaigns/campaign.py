"""Campaigns: many devices sampled in chunks, by this process, by several, or by a Dask cluster.

A chunk is a file that appears whole or not at all, and its rows depend on the seed and the devices' numbers alone.
So a campaign that was killed goes on where it was, one with more devices keeps what is there, and the rows are the same
whoever made them.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput, unknown
from otalab.files import read_text, refused, write_whole
from otalab.numbers.campaigns.workers import Cluster, dask_cluster, sampled
from otalab.numbers.engine_names import ENGINES
from otalab.numbers.engines.engines import crowds, refuse_endless
from otalab.numbers.fleet import Fleet
from otalab.numbers.stats import Interval, interval
from otalab.numbers.study import Study
from otalab.one_owner import owned

CHUNK = {"chain": 50_000, "firmware": 50, "crowd": 0}


@dataclass(frozen=True)
class Campaign:
    """A fleet, how many devices of it, by which engine, and the seed."""

    fleet: Fleet
    devices: int
    seed: int = 1
    engine: str = "chain"

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise unknown("engine", self.engine, ENGINES)
        most = 10**15 if self.engine == "crowd" else 2**31 * CHUNK[self.engine]
        if not 1 <= self.devices <= most:
            raise BadInput(f"devices: from 1 to {most:.3g} with the engine {self.engine}, got {self.devices}")
        if not 0 <= self.seed < 2**64:
            raise BadInput(f"seed: from 0 to 2**64 - 1, got {self.seed}")

    @classmethod
    def of(cls, one: Study, devices: int, **options: Any) -> Campaign:
        """Return the campaign in which all devices are of one kind."""
        return cls(Fleet((one,)), devices, **options)

    def as_object(self) -> dict[str, Any]:
        """Return all that is needed to run it again, as JSON knows it."""
        kinds = [
            {"share": share} | one.as_object() for share, one in zip(self.fleet.shares, self.fleet.studies, strict=True)
        ]
        return {"engine": self.engine, "seed": self.seed, "chunk": CHUNK[self.engine], "kinds": kinds}

    def chunks(self) -> list[tuple[int, int, int]]:
        """Return the number of each chunk, its first device, and how many it has."""
        size = CHUNK[self.engine]
        firsts = range(0, self.devices, size)
        return [(number, first, min(size, self.devices - first)) for number, first in enumerate(firsts)]


@dataclass
class Tally:
    """What a campaign has found so far; handed to whoever watches, after every chunk."""

    campaign: Campaign
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    out: Path | None = None

    @property
    def done(self) -> int:
        """How many devices are done."""
        return self.counts.total()

    def interval(self, *ends: str, confidence: float = 0.95) -> Interval:
        """Return the estimate and the interval of the probability of these ends together.

        Clopper-Pearson, two-sided.  A device that is `open` may have come to any end.
        Where devices go on with lives that were sampled once for all of them, what these may be off is added, as for
        independent estimates (MOVER: Zou and Donner 2008, Statistics in Medicine 27:1693).
        """
        seen, lost = sum(self.counts[end] for end in ends), 0 if "open" in ends else self.counts["open"]
        found = interval(seen, self.done, confidence)
        high = interval(seen + lost, self.done, confidence).high if lost else found.high
        off = self.sampled_off(*ends)
        if off is None:
            return Interval(found.estimate, found.low, high)
        below, above = hypot(found.estimate - found.low, off[0]), hypot(high - found.estimate, off[1])
        return Interval(found.estimate, max(0.0, found.estimate - below), min(1.0, found.estimate + above))

    def sampled_off(self, *ends: str) -> tuple[float, float] | None:
        """Return by how much the sampled part of what devices go through may be off, below and above; or `None`."""
        studies = self.campaign.fleet.studies
        if self.campaign.engine == "firmware" or not any(one.weighed.sampled for one in studies):
            return None
        estimate, low, high = self.campaign.fleet.interval(*(end for end in ends if end != "open"))
        return estimate - low, high - estimate

    def as_object(self) -> dict[str, Any]:
        """Return the result in the shape that the contract gives it."""
        ends = [*ENDS, *(["open"] if self.counts["open"] else [])]
        told = {end: {"count": self.counts[end], **asdict(self.interval(end))} for end in ends}
        fleet = self.campaign.fleet
        return {
            "design": fleet.studies[0].design.name,
            "devices": self.done,
            "seed": self.campaign.seed,
            "engine": self.campaign.engine,
            "ends": told,
            "exact": fleet.ends,
            "given": fleet.given,
            "seconds": round(self.seconds, 3),
            "out": str(self.out),
        }


def run_campaign(
    campaign: Campaign,
    out: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    on_chunk: Callable[[Tally], None] = lambda _tally: None,
    command: list[str] | None = None,
) -> Tally:
    """Run a campaign, or what is missing of it, into a folder.

    `workers` local processes do the work (1: this one), or those of the Dask cluster whose `scheduler` is named.
    `on_chunk` is called after every chunk, and first with what was there already, if anything was.
    `command` is stored beside the rows, for whoever wants to run it again.
    """
    begun = time.perf_counter()
    if workers < 1:
        raise BadInput(f"workers: at least one is needed, got {workers}")
    refuse_endless(campaign.fleet)
    folder = Path(out)
    with ExitStack() as stack:
        cluster = stack.enter_context(dask_cluster(scheduler)) if scheduler is not None else None
        _make_folder(folder)
        stack.enter_context(owned(folder))
        _claim(folder, campaign, command)
        tally = Tally(campaign, out=folder)
        for _ in _grouped(tally) if campaign.engine == "crowd" else _chunked(tally, workers, cluster):
            on_chunk(tally)
    tally.seconds = time.perf_counter() - begun
    return tally


def _grouped(tally: Tally) -> Iterator[None]:
    """Move all devices at once, as a crowd."""
    table = crowds(tally.campaign.fleet, tally.campaign.devices, tally.campaign.seed)
    _write(table, _folder(tally) / "groups.parquet")
    tally.counts.update(table.groupby("end", observed=True).devices.sum().to_dict())
    yield


def _chunked(tally: Tally, workers: int, cluster: Cluster | None) -> Iterator[None]:
    """Have every chunk made that is missing; yield after each, and first if there were some already."""
    campaign, folder, begun = tally.campaign, _folder(tally) / "devices", time.perf_counter()
    missing = _missing(folder, campaign, tally)
    if tally.done:
        yield
    for number, table in sampled((campaign.fleet, campaign.engine, campaign.seed), missing, workers, cluster):
        _write(table, _chunk_file(folder, number))
        tally.counts.update(table.end.value_counts()[lambda n: n > 0].to_dict())
        tally.seconds = time.perf_counter() - begun
        yield


def _folder(tally: Tally) -> Path:
    assert tally.out is not None
    return tally.out


@contextmanager
def progress(campaign: Campaign) -> Iterator[Callable[[Tally], None]]:
    """Show how far a campaign is, how many devices it does a second, and how long the rest will take.

    What it yields is to be given as `on_chunk`; a widget in a notebook, and a line on standard error elsewhere.
    """
    quiet = not (sys.stderr.isatty() or "ipykernel" in sys.modules)  # a file would get thousands of lines
    shown = {"unit": " devices", "unit_scale": True, "delay": 1, "leave": False, "file": sys.stderr, "disable": quiet}
    with tqdm(total=campaign.devices, **shown) as bar:

        def on_chunk(tally: Tally) -> None:
            if not tally.seconds:
                bar.initial = bar.n = tally.done  # what was there already was not done at this rate
            bar.update(tally.done - bar.n)
            bad = tally.interval(*BAD)
            bar.set_postfix_str(f"bad {bad.low:.2g} to {bad.high:.2g}")

        yield on_chunk


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder}: is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(folder, error, "written") from error


def _claim(folder: Path, campaign: Campaign, command: list[str] | None) -> None:
    """Make sure that the folder is this campaign's, and write down what it is."""
    path, now = folder / "campaign.json", campaign.as_object()
    if path.exists():
        text = read_text(path)
        try:
            stored = json.loads(text)
            before, devices = stored["campaign"], int(stored["devices"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}: not a campaign's; take another folder") from error
        # Compared as they are stored: JSON knows no tuples.
        now = json.loads(json.dumps(now))
        if before != now:
            raise BadInput(f"{folder}: holds another campaign ({_difference(before, now)}); take another folder")
        if campaign.devices < devices:
            raise BadInput(
                f"{folder}: holds {devices} devices already; ask for as many or more, or take another folder"
            )
    elif any(not one.name.startswith(".") for one in folder.iterdir()):
        raise BadInput(f"{folder}: is not empty, and no campaign; take another folder")
    told = {"devices": campaign.devices, "command": command, "campaign": now}
    try:
        # First of all, or what a kill leaves here could not be told from a stranger's.
        write_whole(path, json.dumps(told, indent=1) + "\n")
        if campaign.engine != "crowd":
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
    texts = [one if len(one) < 40 else "..." for one in (str(before), str(now))]
    return f"{where} was {texts[0]} and is {texts[1]}" if texts[0] != texts[1] else f"{where} differs"


def _chunk_file(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.parquet"


def _missing(folder: Path, campaign: Campaign, tally: Tally) -> list[tuple[int, int, int]]:
    """Count the chunks that are there, and return those that are not, or not in full, or are others' rows."""
    chunks = campaign.chunks()
    strange = {one.name for one in folder.iterdir()} - {_chunk_file(folder, number).name for number, _, _ in chunks}
    if strange:
        raise BadInput(f"{folder / min(strange)}: is none of this campaign's; whoever reads the rows would read it too")
    missing = []
    for number, first, count in chunks:
        path = _chunk_file(folder, number)
        if path.exists() and (ends := _ends(path, range(first, first + count))) is not None:
            tally.counts.update(ends)
        else:
            missing.append((number, first, count))
    return missing


def _ends(path: Path, devices: range) -> dict[str, int] | None:
    """Return how often each end is in a chunk, `None` if it is cut, empty, or the rows of other devices."""
    try:
        if pq.read_metadata(path).num_rows != len(devices):
            return None
        table = pd.read_parquet(path, columns=["device", "end"])
        there = np.array_equal(table.device.to_numpy(), np.arange(devices.start, devices.stop))
        counts = table.end.value_counts()[lambda n: n > 0].to_dict()
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None
    return counts if there and counts.keys() <= {*ENDS, "open"} else None


def _write(table: pd.DataFrame, path: Path) -> None:
    # Readers of a folder of Parquet files pass over drafts: their names begin with a dot.
    write_whole(path, table.to_parquet(None, index=False, compression="zstd"))

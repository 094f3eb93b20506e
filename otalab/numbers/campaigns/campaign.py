"""Campaigns: many devices sampled in chunks, by this process, by several, or by a Dask cluster.

A chunk is a file that appears whole or not at all, and its rows depend on the seed and the devices' numbers alone.
So a campaign that was killed goes on where it was, one with more devices keeps what is there, and the rows are the same
whoever made them.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from math import hypot
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput, unknown
from otalab.numbers.campaigns.folder import chunk_file, chunks_in, claim_folder, make_folder, mark_of, write_rows
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
    def of(cls, study: Study, devices: int, **options: Any) -> Campaign:
        """Return the campaign in which all devices are of one kind."""
        return cls(Fleet((study,)), devices, **options)

    def as_object(self) -> dict[str, Any]:
        """Return all that is needed to run it again, as JSON knows it."""
        kinds = [
            {"share": share} | study.as_object()
            for share, study in zip(self.fleet.shares, self.fleet.studies, strict=True)
        ]
        return {"engine": self.engine, "seed": self.seed, "chunk": CHUNK[self.engine], "kinds": kinds}

    def chunks(self) -> list[tuple[int, int, int]]:
        """Return the number of each chunk, its first device, and how many it has."""
        size = CHUNK[self.engine]
        firsts = range(0, self.devices, size)
        return [(number, first, min(size, self.devices - first)) for number, first in enumerate(firsts)]


@dataclass
class Tally:
    """What a campaign has found so far; handed to whoever watches, after every chunk.

    `under_way`: devices of chunks in hand that came to their ends; they count for nothing until their chunk is whole.
    """

    campaign: Campaign
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    out: Path | None = None
    under_way: int = 0

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
        count, lost = sum(self.counts[end] for end in ends), 0 if "open" in ends else self.counts["open"]
        known = interval(count, self.done, confidence)
        high = interval(count + lost, self.done, confidence).high if lost else known.high
        off = self.sampled_off(*ends)
        if off is None:
            return Interval(known.estimate, known.low, high)
        below, above = hypot(known.estimate - known.low, off[0]), hypot(high - known.estimate, off[1])
        return Interval(known.estimate, max(0.0, known.estimate - below), min(1.0, known.estimate + above))

    def sampled_off(self, *ends: str) -> tuple[float, float] | None:
        """Return by how much the sampled part of what devices go through may be off, below and above; or `None`."""
        studies = self.campaign.fleet.studies
        if self.campaign.engine == "firmware" or not any(study.weighed.sampled for study in studies):
            return None
        estimate, low, high = self.campaign.fleet.interval(*(end for end in ends if end != "open"))
        return estimate - low, high - estimate

    def as_object(self) -> dict[str, Any]:
        """Return the result in the shape that the contract gives it."""
        names = [*ENDS, *(["open"] if self.counts["open"] else [])]
        ends = {name: {"count": self.counts[name], **asdict(self.interval(name))} for name in names}
        fleet = self.campaign.fleet
        return {
            "design": fleet.studies[0].design.name,
            "devices": self.done,
            "seed": self.campaign.seed,
            "engine": self.campaign.engine,
            "ends": ends,
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
    on_piece: Callable[[Tally], None] = lambda _tally: None,
    command: list[str] | None = None,
) -> Tally:
    """Run a campaign, or what is missing of it, into a folder.

    `workers` local processes do the work (1: this one), or those of the Dask cluster whose `scheduler` is named.
    `on_chunk` is called after every chunk, and first with what was there already, if anything was.
    `on_piece` is called after every few devices of a chunk that takes long, as one does whose lives firmware plays.
    `command` is stored beside the rows, for whoever wants to run it again.
    """
    begun = time.perf_counter()
    if workers < 1:
        raise BadInput(f"workers: at least one is needed, got {workers}")
    refuse_endless(campaign.fleet)
    folder = Path(out)
    with ExitStack() as stack:
        cluster = stack.enter_context(dask_cluster(scheduler)) if scheduler is not None else None
        make_folder(folder)
        stack.enter_context(owned(folder))
        claim_folder(folder, campaign.as_object(), campaign.devices, command)
        tally = Tally(campaign, out=folder)
        for _ in _grouped(tally) if campaign.engine == "crowd" else _chunked(tally, workers, cluster, on_piece):
            on_chunk(tally)
    tally.seconds = time.perf_counter() - begun
    return tally


def _grouped(tally: Tally) -> Iterator[None]:
    """Move all devices at once, as a crowd."""
    table = crowds(tally.campaign.fleet, tally.campaign.devices, tally.campaign.seed)
    write_rows(table, _folder(tally) / "groups.parquet", mark_of(tally.campaign.as_object()))
    tally.counts.update(table.groupby("end", observed=True).devices.sum().to_dict())
    yield


def _chunked(tally: Tally, workers: int, cluster: Cluster | None, on_piece: Callable[[Tally], None]) -> Iterator[None]:
    """Have every chunk made that is missing; yield after each, and first if there were some already."""
    campaign, folder, begun = tally.campaign, _folder(tally) / "devices", time.perf_counter()
    mark = mark_of(campaign.as_object())
    there, missing = chunks_in(folder, campaign.chunks(), mark)
    tally.counts.update(there)
    if tally.done:
        yield

    def ended(devices: int) -> None:
        tally.under_way += devices
        on_piece(tally)

    for number, table in sampled((campaign.fleet, campaign.engine, campaign.seed), missing, workers, cluster, ended):
        tally.under_way -= len(table)
        write_rows(table, chunk_file(folder, number), mark)
        tally.counts.update(table.end.value_counts()[lambda n: n > 0].to_dict())
        tally.seconds = time.perf_counter() - begun
        yield


def _folder(tally: Tally) -> Path:
    assert tally.out is not None
    return tally.out


@contextmanager
def progress(campaign: Campaign) -> Iterator[Callable[[Tally], None]]:
    """Show how far a campaign is, how many devices it does a second, and how long the rest will take.

    What it yields is to be given as `on_chunk` and as `on_piece`: a widget in a notebook, elsewhere a line on standard
    error.
    """
    quiet = not (sys.stderr.isatty() or "ipykernel" in sys.modules)  # a file would get thousands of lines
    shown = {"unit": " devices", "unit_scale": True, "delay": 1, "leave": False, "file": sys.stderr, "disable": quiet}
    with tqdm(total=campaign.devices, **shown) as bar:

        def show(tally: Tally) -> None:
            if not tally.seconds:
                bar.initial = bar.n = tally.done  # what was there already was not done at this rate
            bar.update(tally.done + tally.under_way - bar.n)
            if tally.done:
                bad = tally.interval(*BAD)
                bar.set_postfix_str(f"bad {bad.low:.2g} to {bad.high:.2g}")

        yield show

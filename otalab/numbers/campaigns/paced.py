"""A campaign under way: in a thread of its own, so that whoever started it can go on, look at it, pause and stop it.

The rows depend on the seed and the devices' numbers alone, so they are those of any other campaign, however it is
paused and in whatever chunks it comes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Literal

import pandas as pd

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput, OtalabError
from otalab.graph.explorer import Explorer
from otalab.numbers.campaigns.campaign import Campaign, Tally, run_campaign
from otalab.numbers.engines.engines import crowds, prepare, refuse_endless, sample
from otalab.numbers.fleet import Fleet
from otalab.numbers.stats import interval

State = Literal["exploring", "running", "pausing", "paused", "stopped", "done", "failed"]
MOST = 10**7  # rows that are kept in memory, 30 bytes each
# Devices in a chunk: a quarter of those that are done, within these bounds; the more cuts, the fewer. The largest
# takes some hundredth of a second with the chain and less than half a second with the firmware.
CHUNKS = {"chain": (50, 50_000), "firmware": (2, 20)}
UNCUT = "no cut"
APART = 1.12  # the factor between the devices of two points that are kept
OFTEN = 0.1  # seconds between two tellings


class _Stopped(Exception):
    """Somebody wants it to end."""


@dataclass(frozen=True)
class Standing:
    """What is known at one moment: the tally, where last cuts fell, and the counts at earlier moments.

    `fell` counts by end and phase of the last cut; `points` are numbers of devices with the counts of their ends.
    """

    tally: Tally
    fell: Counter[tuple[str, str]]
    points: tuple[tuple[int, Counter[str]], ...] = ()

    def with_rows(self, table: pd.DataFrame, seconds: float) -> Standing:
        """Return what is known with some rows more."""
        phase = table.last_cut.cat.add_categories(UNCUT).fillna(UNCUT)
        weight = table.devices if "devices" in table else pd.Series(1, table.index)
        sums = weight.groupby([table.end, phase], observed=True).sum()
        fell = self.fell + Counter({(str(end), str(name)): int(count) for (end, name), count in sums.items()})
        counts: Counter[str] = Counter()
        for (end, _), count in fell.items():
            counts[end] += count
        tally = replace(self.tally, counts=counts, seconds=self.tally.seconds + seconds)
        points = self.points
        # The last point is always the present one; those before it stand apart from each other.
        if len(points) > 1 and points[-1][0] < APART * points[-2][0]:
            points = points[:-1]
        return Standing(tally, fell, (*points, (tally.done, counts)))

    def converging(self, ends: tuple[str, ...]) -> list[tuple[int, float, float, float]]:
        """Return for each point the devices, and the estimate and interval of the probability of these ends."""
        rows = []
        for done, counts in self.points:
            share = interval(sum(counts[end] for end in ends), done)
            rows.append((done, share.estimate, share.low, share.high))
        return rows

    def last_cuts(self, ends: tuple[str, ...]) -> Counter[str]:
        """Return how many devices with these ends had their last cut in each phase."""
        phases: Counter[str] = Counter()
        for (end, phase), count in self.fell.items():
            if end in ends:
                phases[phase] += count
        return phases


class PacedCampaign:
    """One campaign, in memory or, with `out`, in a folder where it can be resumed; `told` is called from the thread."""

    def __init__(
        self, campaign: Campaign, *, out: str | Path | None = None, told: Callable[[], None] = lambda: None
    ) -> None:
        if out is None and campaign.engine != "crowd" and campaign.devices > MOST:
            raise BadInput(f"devices: {campaign.devices} rows are too many for memory; give a folder (out=)")
        self.campaign = campaign
        self.out = None if out is None else Path(out)
        self.problem = ""
        self.explored = 0
        self.exact: dict[str, tuple[float, float]] | None = None
        self.standing = Standing(Tally(campaign, out=self.out), Counter())
        self._told = told
        self._said = 0.0
        self._tables: list[pd.DataFrame] = []
        self._go = Event()
        self._go.set()
        self._rests = False
        self._stopping = False
        self._over: State | None = None
        # A daemon: a kernel that is shut down does not wait for it.
        self._thread = Thread(target=self._work, name="campaign", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def state(self) -> State:
        """What it does now; while it is `pausing`, the chunk in hand still goes on."""
        if self._over is not None:
            return self._over
        if not self._go.is_set():
            return "paused" if self._rests else "pausing"
        return "exploring" if self.exact is None else "running"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self._over is not None

    def pause(self) -> None:
        """Rest once the chunk in hand is done."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def stop(self) -> None:
        """End once the chunk in hand is done; what was found stays."""
        self._stopping = True
        self._go.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is over; say whether it is."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def table(self) -> pd.DataFrame:
        """All rows so far, in the order of the devices."""
        if self.out is not None:
            files = sorted(self._files())
            return pd.concat([pd.read_parquet(path) for path in files], ignore_index=True) if files else pd.DataFrame()
        if len(self._tables) > 1:
            # Joined in place of the parts, lest all rows be kept twice; the thread only ever appends.
            parts = list(self._tables)
            self._tables[: len(parts)] = [pd.concat(parts, ignore_index=True)]
        return self._tables[0] if self._tables else pd.DataFrame()

    def _work(self) -> None:
        over: State = "done"
        try:
            self._prepare()
            self._sample()
        except _Stopped:
            over = "stopped"
        except OtalabError as error:
            over, self.problem = "failed", str(error)
        except Exception as error:  # noqa: BLE001  # nobody would hear of it in this thread
            over, self.problem = "failed", f"{type(error).__name__}: {error}"
        self._over = over
        self._told()

    def _prepare(self) -> None:
        """Explore and weigh, which may take longer than all else."""
        fleet = self.campaign.fleet
        for study in fleet.studies:
            study.explore(self._exploring)
        refuse_endless(fleet)
        if self.campaign.engine == "chain":
            prepare(fleet)
        self.exact = exact_bounds(fleet)
        self._pass(hurry=True)

    def _sample(self) -> None:
        if self.out is not None:
            read: set[Path] = set()
            run_campaign(self.campaign, self.out, on_chunk=lambda tally: self._stored(tally, read))
            return
        begun = time.perf_counter()
        for table in self._chunks():
            now = time.perf_counter()
            self.standing = self.standing.with_rows(table, now - begun)
            self._pass()
            begun = time.perf_counter()

    def _chunks(self) -> Iterator[pd.DataFrame]:
        campaign = self.campaign
        if campaign.engine == "crowd":
            yield self._kept(crowds(campaign.fleet, campaign.devices, campaign.seed))
        else:
            least, most = CHUNKS[campaign.engine]
            most = int(most / (1 + max(kind.weighed.expected()["cuts"] for kind in campaign.fleet.studies)))
            done = 0
            while done < campaign.devices:
                count = min(max(least, min(done // 4, most)), campaign.devices - done)
                yield self._kept(sample(campaign.fleet, campaign.engine, campaign.seed, done, count))
                done += count

    def _kept(self, table: pd.DataFrame) -> pd.DataFrame:
        self._tables.append(table)
        return table

    def _files(self) -> set[Path]:
        assert self.out is not None
        files = self.out.glob("groups.parquet" if self.campaign.engine == "crowd" else "devices/*.parquet")
        return {path for path in files if not path.name.startswith(".")}

    def _stored(self, tally: Tally, read: set[Path]) -> None:
        """Read what has come into the folder."""
        new = sorted(self._files() - read)
        read.update(new)
        for path in new:
            table = pd.read_parquet(path, columns=["end", "last_cut", *(["devices"] * (path.stem == "groups"))])
            self.standing = self.standing.with_rows(table, 0.0)
        self.standing = replace(self.standing, tally=replace(self.standing.tally, seconds=tally.seconds))
        self._pass()

    def _exploring(self, explorer: Explorer) -> None:
        self.explored = len(explorer.nodes)
        self._pass()

    def _pass(self, *, hurry: bool = False) -> None:
        """Say how far it is, now and then; rest or end here if that is wanted."""
        now = time.monotonic()
        if hurry or now - self._said > OFTEN:
            self._said = now
            self._told()
        if not self._go.is_set():
            self._rests = True
            self._told()
            self._go.wait()
            self._rests = False
        if self._stopping:
            raise _Stopped


def exact_bounds(fleet: Fleet) -> dict[str, tuple[float, float]]:
    """Return the least and the most that the probability of each end can be, and of all bad ends together (`bad`)."""
    bounds: dict[str, tuple[float, float]] = {}
    for end in (*ENDS, "bad"):
        _, low, high = fleet.interval(*(BAD if end == "bad" else (end,)))
        bounds[end] = low, high
    return bounds

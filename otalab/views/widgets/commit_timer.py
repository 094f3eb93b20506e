"""A widget for the race between the commit of a new image and the timer that rolls it back."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import traitlets

from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.image import parse_temper
from otalab.views.base import SMALLEST
from otalab.views.figures.race import Race, race
from otalab.views.modules import joined
from otalab.views.still import Picture, block, drawing, label
from otalab.views.style import LANES, styled
from otalab.views.view import View

STATIC = Path(__file__).parent
TEMPER_WORDS = {
    "healthy": "healthy",
    "flaky:1": "fails its health check",
    "hangs": "hangs after its start",
    "crashes": "crashes at its start",
}
LONGEST = 3600.0


class CommitTimerLab(View):
    """Set the times of a trial, and see who is first: the commit, or the timer.

    `temper` is the image's, as `set_up` takes it; `health_seconds` how long it tests itself; `interval` the commit
    interval (0 starts no timer); `commit_after` when the operator commits by hand, or `None`: the image commits itself.
    These and `design` may be set; `bars`, `due`, `end` and `outcome` follow.
    """

    _esm = joined(STATIC / "commit_timer.js")
    _css = styled(STATIC / "commit_timer.css")

    PLACE = ("design", "temper", "health_seconds", "interval", "commit_after")
    design = traitlets.Unicode("hardened").tag(sync=True)
    temper = traitlets.Unicode("healthy").tag(sync=True)
    health_seconds = traitlets.Float(5.0, min=0.0, max=LONGEST).tag(sync=True)
    interval = traitlets.Int(60, min=0, max=int(LONGEST)).tag(sync=True)
    commit_after = traitlets.Float(None, allow_none=True, min=0.0, max=LONGEST).tag(sync=True)

    bars: traitlets.List[Any] = traitlets.List().tag(sync=True)
    due = traitlets.Float(None, allow_none=True).tag(sync=True)
    horizon = traitlets.Float().tag(sync=True)
    end = traitlets.Unicode().tag(sync=True)
    outcome = traitlets.Unicode().tag(sync=True)
    log: traitlets.List[Any] = traitlets.List().tag(sync=True)
    designs: traitlets.List[Any] = traitlets.List(designs()).tag(sync=True)
    tempers = traitlets.Dict(TEMPER_WORDS).tag(sync=True)
    lanes: traitlets.List[Any] = traitlets.List(list(LANES)).tag(sync=True)
    colours = traitlets.Dict(LANES).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._recompute()

    @traitlets.validate("design")
    def _known(self, proposal: Any) -> str:
        load_design(proposal["value"])
        if proposal["value"] not in self.designs:
            self.designs = [*self.designs, proposal["value"]]  # a page of one's own can be chosen again
        return str(proposal["value"])

    @traitlets.validate("temper")
    def _readable(self, proposal: Any) -> str:
        parse_temper(proposal["value"])
        return str(proposal["value"])

    @property
    def scenario(self) -> Scenario:
        """The scenario that is run: the settings, on the smallest board."""
        return set_up(
            self.design,
            SMALLEST,
            app_size=3000,
            image=self.temper,
            health_seconds=self.health_seconds,
            commit_timeout=self.interval,
            operator_commits_after=self.commit_after,
        )

    @property
    def race(self) -> Race:
        """The race as it is shown."""
        return self._race

    @traitlets.observe("design", "temper", "health_seconds", "interval", "commit_after")
    def _recompute(self, _change: object = None) -> None:
        self._race = ran = race(self.scenario)
        with self.hold_sync():
            self.bars = [
                asdict(bar) | {"end": bar.end if isfinite(bar.end) else None}  # JSON knows no infinity
                for bar in ran.bars
            ]
            self.due, self.horizon = ran.due, ran.horizon
            self.end, self.outcome, self.log = ran.end.name, ran.outcome, list(ran.log)
        self._moved_on()

    def still(self) -> Picture:
        """Return the race as bars in lanes, and its outcome."""
        lanes = [lane for lane in LANES if any(bar["lane"] == lane for bar in self.bars)]
        parts = [label(96, 30 * n + 17, lane, "end") for n, lane in enumerate(lanes)]
        for bar in self.bars:
            end = self.horizon if bar["end"] is None else bar["end"]
            left, right = (100 + 740 * min(moment, self.horizon) / self.horizon for moment in (bar["begin"], end))
            said = f"{bar['what']}, from {bar['begin']:.2f} s"
            parts.append(block((left, 30 * lanes.index(bar["lane"]) + 4), (right - left, 18), LANES[bar["lane"]], said))
        title = f"A trial of {self.design}, its image {TEMPER_WORDS.get(self.temper, self.temper)}"
        return Picture([title, self.outcome], drawing(850, 30 * len(lanes) + 4, f"Time line. {self.outcome}", parts))

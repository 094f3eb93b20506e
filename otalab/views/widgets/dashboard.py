"""A campaign on a dashboard: chosen, run, paused and watched while it converges.

The campaign runs in a thread of its own, and what it finds is shown from the loop that the widget lives on; so the
kernel is free for other cells, and a cell that keeps the kernel busy does not hold up the campaign.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import traitlets

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput, OtalabError
from otalab.faults.models import FAULTS
from otalab.firmware.catalogue import designs
from otalab.firmware.design import Design
from otalab.firmware.device import Firmware
from otalab.firmware.image import TEMPERS
from otalab.hardware.board import boards
from otalab.hardware.part import parts
from otalab.numbers.campaigns.campaign import Campaign, Tally
from otalab.numbers.campaigns.paced import PacedCampaign
from otalab.numbers.engine_names import ENGINES
from otalab.numbers.rates import base_rates, parse_rate
from otalab.numbers.study import Study, study
from otalab.own.page import page_in
from otalab.text import whole_number
from otalab.views.modules import joined
from otalab.views.still import Picture, table
from otalab.views.style import styled
from otalab.views.view import View
from otalab.views.widgets.campaign_rows import claimed, count_rows, fell_rows, in_words

STATIC = Path(__file__).parent
CHOSEN = ("design", "board", "part", "rate", "image", "faults", "engine", "devices", "given_cut", "seed")
WATCHED = ("bad", *ENDS)


class CampaignDashboard(View):
    """Choose a campaign, run it, and see it converge.

    `design`, `board`, `part` (empty: the board's), `rate`, `image`, `faults`, `engine`, `devices`, `given_cut` and
    `seed` say what will be run, `watched` which end is drawn (`bad`: all bad ends together); all can be set.
    `state`, `done`, `rows`, `convergence`, `fell` and `problem` say how it stands.
    `table` and `tally` are its rows and counts, also while it runs.
    With `out`, a folder, the rows are kept there, and a campaign that was ended goes on where it was.
    `firmware` is a folder of code in place of a design; `options` are further fields of `Study`.
    """

    _esm = joined(STATIC / "dashboard.js")
    _css = styled(STATIC / "dashboard.css")

    design = traitlets.Unicode("hardened").tag(sync=True)
    board = traitlets.Unicode("lab-1M").tag(sync=True)
    part = traitlets.Unicode().tag(sync=True)
    rate = traitlets.Unicode("us-2022").tag(sync=True)
    image = traitlets.Unicode("healthy").tag(sync=True)
    faults = traitlets.Unicode("all").tag(sync=True)
    engine = traitlets.Unicode("chain").tag(sync=True)
    devices = traitlets.Int(100_000).tag(sync=True)
    given_cut = traitlets.Bool(False).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    watched = traitlets.Unicode("bad").tag(sync=True)

    choices: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    meaning = traitlets.Unicode().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    # What was typed and is no value, by field: what is typed is what is checked, and nothing else is run instead.
    refused: traitlets.Dict[str, str] = traitlets.Dict().tag(sync=True)
    state = traitlets.Unicode("ready").tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    asked = traitlets.Int(0).tag(sync=True)
    done = traitlets.Int(0).tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    convergence: traitlets.List[Any] = traitlets.List().tag(sync=True)
    exact = traitlets.List(traitlets.Float()).tag(sync=True)
    fell: traitlets.List[Any] = traitlets.List().tag(sync=True)
    claim = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        design: str | Design | Firmware = "hardened",
        *,
        firmware: str | Path | None = None,
        out: str | Path | None = None,
        **more: Any,
    ) -> None:
        design = design if firmware is None else page_in(firmware)
        own = {name: more.pop(name) for name in [*more] if name in self.class_trait_names()}
        own["rate"] = str(own.get("rate", "us-2022"))
        self._given = None if isinstance(design, str) else design
        self._options = more
        self._out = out
        self._running: PacedCampaign | None = None
        self._due = False
        super().__init__(design=design if isinstance(design, str) else design.name, **own)
        known = [*dict.fromkeys([self.design, *designs()])]
        self.choices = {
            "design": sorted(known),
            "board": boards(),
            "part": ["", *parts()],
            "rate": [*base_rates()],
            "image": [*TEMPERS, "flaky:0.3"],
            "faults": [*FAULTS],
            "engine": [*ENGINES],
            "watched": [*WATCHED],
        }
        self._check()
        self.observe(lambda _change: self._check(), [*CHOSEN])
        self.observe(lambda _change: self._show(), ["watched"])

    # What a notebook reads.

    @property
    def tally(self) -> Tally:
        """The counts so far."""
        return self._campaign().standing.tally

    @property
    def table(self) -> pd.DataFrame:
        """The rows so far: one per device; of the engine `crowd`, one per group of devices."""
        return self._campaign().table

    @property
    def study(self) -> Study:
        """What is chosen, as a study."""
        design = self._given if self._given and self._given.name == self.design else self.design
        return study(
            design,
            parse_rate(self.rate),
            board=self.board,
            part=self.part or None,
            image=self.image,
            faults=self.faults,
            given_cut=self.given_cut,
            **self._options,
        )

    # What a hand, or a cell, does.

    def run(self) -> None:
        """Begin the campaign that is chosen; what is wrong with it is raised here, and told beside the button."""
        if self._running is not None and not self._running.over:
            raise BadInput("a campaign is under way: stop it first")
        self._check()
        if self.problem:
            raise BadInput(self.problem)
        campaign = Campaign.of(self.study, self.devices, seed=self.seed, engine=self.engine)
        self._running = PacedCampaign(campaign, out=self._out, told=self._teller())
        self.title = self._named()
        self._running.start()
        self._show()

    def pause(self) -> None:
        """Let the campaign rest."""
        self._campaign().pause()
        self._show()

    def resume(self) -> None:
        """Let it go on."""
        self._campaign().resume()
        self._show()

    def stop(self) -> None:
        """End it; what was found stays."""
        self._campaign().stop()
        self._show()

    async def finished(self) -> Tally:
        """Wait until the campaign is over, and let others work meanwhile."""
        await asyncio.to_thread(self._campaign().wait)
        self._show()
        return self.tally

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is over, and keep everybody waiting; say whether it is."""
        over = self._campaign().wait(seconds)
        self._show()
        return over

    def close(self) -> None:
        """End the campaign and the widget."""
        if getattr(self, "_running", None) is not None:
            self.stop()
        super().close()

    def still(self) -> Picture:
        """Return how the campaign stands, with its counts."""
        rows = [(row["end"], f"{row['count']:,}", f"{row['low']:.3g} to {row['high']:.3g}") for row in self.rows]
        counts = [table("devices by end", ["end", "devices", "interval, 95 %"], rows)] if rows else []
        return Picture([self.title or self._named(), f"{self.state}, {self.done:,} devices", self.claim], tables=counts)

    # How one thing follows from another.

    def _campaign(self) -> PacedCampaign:
        if self._running is None:
            raise BadInput("no campaign was run yet: call run(), or press Run")
        return self._running

    def _named(self) -> str:
        what = f"{self.design}/{self.board}/{self.faults}/{self.image}, {self.rate}, {self.engine}, seed {self.seed}"
        return what + (f", {self.part}" if self.part else "") + (", given a cut" if self.given_cut else "")

    def _check(self) -> None:
        """Say what is wrong with what is chosen, before anybody runs it."""
        self.problem = self.meaning = ""
        try:
            self.meaning = in_words(parse_rate(self.rate))
            weighed = self.study
            weighed.refuse_nonsense()
            Campaign.of(weighed, self.devices, seed=self.seed, engine=self.engine)
        except OtalabError as error:
            self.problem = str(error)
        self.problem = next(iter(self.refused.values()), self.problem)

    def _teller(self) -> Callable[[], None]:
        """Return what the campaign calls from its thread: it has the news shown where the widget lives."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._show  # a plain program: nobody else is at the widget

        def tell() -> None:
            # A loop that is busy is told once, however much there is to tell.
            if not self._due and not loop.is_closed():
                self._due = True
                loop.call_soon_threadsafe(self._show)

        return tell

    def _show(self) -> None:
        self._due = False
        paced = self._running
        if paced is None:
            return
        ends = BAD if self.watched == "bad" else (self.watched,)
        # Looked at in here: what is told last must be what was seen last.
        with self.hold_sync():
            standing = paced.standing
            done = standing.tally.done
            self.state, self.done, self.asked = paced.state, done, paced.campaign.devices
            self.note = f"{paced.explored} nodes of the crash graph so far" if paced.explored and not done else ""
            self.rows = count_rows(standing, paced.exact) if done else []
            self.convergence = [list(row) for row in standing.converging(ends)]
            self.exact = [*paced.exact[self.watched]] if paced.exact else []
            self.fell = fell_rows(standing, ends)
            self.claim = claimed(standing, ends)
            if paced.problem:
                self.problem = paced.problem

    @traitlets.validate("watched")
    def _known(self, proposal: Any) -> str:
        if proposal["value"] not in WATCHED:
            raise BadInput(f"watched {proposal['value']!r} is no end; one of: {', '.join(WATCHED)}")
        return str(proposal["value"])

    def _asked(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Do what the browser asks for; what cannot be done is told there, in one line."""
        try:
            match content:
                case {"set": str(name), "to": value}:
                    self._set(name, value)
                case {"do": "run" | "pause" | "resume" | "stop" as move}:
                    getattr(self, move)()
        except (OtalabError, traitlets.TraitError) as error:
            self.problem = str(error)

    def _set(self, name: str, value: Any) -> None:
        if name not in (*CHOSEN, "watched"):
            raise BadInput(f"{name!r} cannot be set")
        self.refused = {field: said for field, said in self.refused.items() if field != name}
        try:
            setattr(self, name, _whole(name, value) if name in ("devices", "seed") else value)
        except (OtalabError, traitlets.TraitError) as error:
            self.refused = self.refused | {name: str(error)}
        # An entry that is mended back to its old value changes no trait.
        if name in CHOSEN:
            self._check()
        elif name in self.refused:
            self.problem = self.refused[name]


def _whole(name: str, value: Any) -> int:
    """Return a whole number from what somebody typed, such as `1e6` or `100,000`."""
    try:
        return whole_number(str(value))
    except ValueError:
        raise BadInput(f"{name}: a whole number is needed, such as 10000 or 1e6; got {value!r}") from None

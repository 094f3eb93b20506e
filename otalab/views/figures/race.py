"""The race between commit and commit timer: a table first, a drawing second.

Everything here is read off a life of the real firmware, from the first power-on after the switch to the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING

from otalab.bench.ends import End
from otalab.bench.observer import judge
from otalab.bench.scenario import Scenario
from otalab.bench.trace import Life, Run, Step, life, sector_of
from otalab.firmware.bootloader import Start
from otalab.firmware.controller import Controller
from otalab.firmware.outcome import Running
from otalab.hardware.effects import Ask, Erase, Program, Wait
from otalab.views.style import LANES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# What an image is seen to do, and what a record is written for; the firmware's own name where there is no other word.
WAITS = {"boot": "starts", "idle": "runs", "hang": "hangs", "reboot": "reboots"}
WRITES = {"boot": "tried"}
REPEATS = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasts, or a moment (`begin` is `end`); seconds since the new image was switched on."""

    lane: str
    what: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Race:
    """The bars, the moment for which the timer was set (if it was), how it ended, and one sentence about it."""

    bars: tuple[Bar, ...]
    due: float | None
    end: End
    outcome: str
    log: tuple[str, ...]

    @property
    def horizon(self) -> float:
        """Where a drawing ends: a little after the last thing that happens."""
        moments = [moment for bar in self.bars for moment in (bar.begin, bar.end) if isfinite(moment)]
        return 1.08 * max([*moments, self.due or 0.0, 1.0])


def race(scenario: Scenario) -> Race:
    """Run the firmware, and say who was first."""
    lived = life(scenario)
    switched = next((n for n, run in enumerate(lived.runs) if any(step.phase == "switch" for step in run.steps)), -1)
    runs = lived.runs[switched + 1 :]
    shown = (*runs, *[runs[-1]] * REPEATS) if lived.endless else runs
    bars, moments, offset = [], list[float](), 0.0
    for run in shown:
        bars += _merged(_bars(scenario, run, offset))
        moments += [offset + step.due for step in _timed(run)[:1]]
        offset += run.seconds
    if lived.endless:
        bars.append(Bar("new image", "and so on, for ever", offset, inf))
    due = next(iter(moments), None)
    bars += _of_operator(scenario, bars)
    end = judge(scenario, lived)
    outcome = f"{_who(scenario, lived, bars, due)}: {end.name}, {end.reason}."
    return Race(tuple(bars), due, end, outcome, tuple(line for run in runs for _, line in run.log))


def _bars(scenario: Scenario, run: Run, offset: float) -> Iterator[Bar]:
    image = "new image" if _starts_new(scenario, run) else "old image"
    for step in run.steps:
        if step.seconds > 0:
            lane, what = _named(scenario, image, step)
            yield Bar(lane, what, offset + step.at, offset + step.at + step.seconds)
    timed = _timed(run)
    if not timed:
        return
    began, due = timed[0].at, timed[0].due
    # It fires once: from then on none runs.
    if run.steps[-1].due == inf:
        rolls = any(step.phase == "rollback" and step.at >= due for step in run.steps)
        yield Bar("commit timer", "runs", offset + began, offset + due)
        yield Bar("commit timer", "fires" if rolls else "fires, nothing to do", offset + due, offset + due)
        return
    stops = offset + run.seconds
    yield Bar("commit timer", "runs", offset + began, stops)
    yield Bar("commit timer", "lost in the reset", stops, stops)


def _timed(run: Run) -> list[Step]:
    """Return the effects under a commit timer, in order; the timer was started just before the first one."""
    return [step for step in run.steps if step.due < inf]


def _named(scenario: Scenario, image: str, step: Step) -> tuple[str, str]:
    """Return the lane of an effect, and a word for it."""
    match step.effect:
        case Wait(what, _):
            return image, WAITS.get(what, what)
        case Ask():
            return image, "waits for the operator"
        case Erase() | Program():
            owner = scenario.device.board.owner_of(sector_of(step.effect, step.before))
            lane = "boot record" if owner.startswith(("record", "state")) else image
            return lane, WRITES.get(step.phase, step.phase)


def _starts_new(scenario: Scenario, run: Run) -> bool:
    """Say whether it is the new image that a run starts: the boot loader is asked once more."""
    device = scenario.device
    chip = Controller(device.board, run.steps[0].before)
    start = device.decision(chip)
    return isinstance(start, Start) and device.image_in(chip, start.slot) == scenario.new


def _merged(bars: Iterator[Bar]) -> list[Bar]:
    """Join bars of one lane and word that follow one another: an erase and its programs are one write."""
    joined: list[Bar] = []
    for bar in bars:
        last = joined[-1] if joined else None
        if last and (last.lane, last.what, last.end) == (bar.lane, bar.what, bar.begin) and bar.end > bar.begin:
            joined[-1] = Bar(bar.lane, bar.what, last.begin, bar.end)
        else:
            joined.append(bar)
    return joined


def _of_operator(scenario: Scenario, bars: list[Bar]) -> Iterator[Bar]:
    after = scenario.operator_commits_after
    if after is not None:
        heard = any(bar.what == "commit" and bar.begin >= after for bar in bars)
        yield Bar("operator", "commits" if heard else "too late, or nobody listens", after, after)


def _who(scenario: Scenario, lived: Life, bars: list[Bar], due: float | None) -> str:
    """Return in half a sentence who was first."""
    commit = next((bar for bar in bars if bar.what == "commit"), None)
    rollback = next((bar for bar in bars if bar.what == "rollback"), None)
    if lived.endless:
        timer = "the timer starts anew each time and is never due" if due else "no timer was set"
        return f"The new image starts and crashes for ever, {timer}"
    if commit and rollback and rollback.end > commit.begin:
        return "The timer was due while the commit was being written, and the rollback was written over it"
    if commit:
        before = f"{due - commit.end:.2f} s before the timer was due" if due else "and no timer was set"
        return f"The commit was done {commit.end:.2f} s after power-on, {before}"
    return _without_commit(lived, bars, rollback, due)


def _without_commit(lived: Life, bars: list[Bar], rollback: Bar | None, due: float | None) -> str:
    if due and any(bar.what == "fires" for bar in bars):
        return f"The timer was due {due:.2f} s after power-on, and nothing was committed"
    if rollback:
        gone = max((bar.end for bar in bars if bar.lane == "new image"), default=rollback.begin)
        # An image may switch back first of all, and forward again only with its commit.
        why = "it had switched back before" if rollback.begin < gone else "the loader does not try it twice"
        return f"The new image was gone {gone:.2f} s after power-on, and {why}"
    if isinstance(lived.last.outcome, Running) and lived.last.outcome.committed:
        return "There was no trial: the record that names the new image has committed it"
    return "Nothing was committed" + (", and no timer was set to end that" if due is None else "")


def race_table(scenario: Scenario) -> pd.DataFrame:
    """Return one row per bar or moment of the race: lane, what, begin, end; a bar without end has the end `inf`."""
    import pandas as pd  # noqa: PLC0415  # the race itself needs none

    return pd.DataFrame(race(scenario).bars, columns=["lane", "what", "begin", "end"])


def plot_race(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `race_table`: a lane for each of those who act, true to time; moments are diamonds."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  # as above

    from otalab.views.figures.shown import ink, literal, paper  # noqa: PLC0415  # as above

    ax = ax if ax is not None else plt.subplots(figsize=(9, 3))[1]
    lanes = [lane for lane in LANES if lane in set(table.lane)]
    last = max(moment for moment in (*table.begin, *table.end) if isfinite(moment))
    horizon = 1.15 * max(last, 1.0)
    for n, row in enumerate(table.itertuples()):
        y, colour = lanes.index(row.lane), LANES[row.lane]
        end = min(row.end, horizon)
        if row.begin == row.end:
            ax.plot(row.begin, y, marker="D", color=colour, markeredgecolor=ink(), zorder=3)
            ax.annotate(row.what, (row.begin, y), (6, 5), textcoords="offset points", fontsize=8, va="bottom")
            continue
        width = max(end - row.begin, 0.004 * horizon)
        hatch = "////" if row.end == inf else None
        ax.barh(y, width, left=row.begin, height=0.6, color=colour, edgecolor=paper(), linewidth=0.5, hatch=hatch)
        if width > 0.012 * len(row.what) * horizon:
            box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
            ax.text((row.begin + end) / 2, y, row.what, ha="center", va="center", fontsize=8, color="black", bbox=box)
            continue
        # Words that have no room in their bar stand beside it, in two rows by turns.
        below = row.lane == "boot record"
        aside, edge = (3 + 9 * (n % 2)) * (-1 if below else 1), 0.3 if below else -0.3
        ax.annotate(row.what, (row.begin, y + edge), (0, aside), textcoords="offset points", fontsize=8,
                    va="top" if below else "bottom")  # fmt: skip
    ax.set_yticks(range(len(lanes)), lanes)
    ax.set(xlim=(0, horizon), ylim=(len(lanes) - 0.1, -0.9), xlabel="seconds since the new image was switched on")
    ax.set_title(title)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    return literal(ax)

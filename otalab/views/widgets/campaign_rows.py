"""What is shown of a campaign so far: counts beside exact bounds, what may be claimed, where the last cuts fell."""

from __future__ import annotations

from typing import Any

from otalab.bench.ends import BAD, ENDS, GOOD
from otalab.hardware.effects import PHASES
from otalab.numbers.campaigns.paced import UNCUT, Standing
from otalab.numbers.stats import claim, interval


def count_rows(standing: Standing, exact: dict[str, tuple[float, float]] | None) -> list[dict[str, Any]]:
    """Return one row for each end, and one for all bad ones: count, interval, exact bounds if known."""
    counts, done = standing.tally.counts, standing.tally.done
    groups = {end: (end,) for end in ENDS} | {"bad": BAD} | ({"open": ("open",)} if counts["open"] else {})
    rows = []
    for name, ends in groups.items():
        count = sum(counts[end] for end in ends)
        share = interval(count, done)
        row = {"end": name, "count": count, "estimate": share.estimate, "low": share.low, "high": share.high}
        kind = "good" if name in GOOD else "bad" if name in (*BAD, "bad") else "sad"
        low, high = exact.get(name, (None, None)) if exact else (None, None)
        # Beside the interval means beside it with every exact value that is possible.
        outside = low is not None and high is not None and (high < share.low or low > share.high)
        rows.append(row | {"kind": kind, "exact": [low, high] if low is not None else [], "outside": outside})
    return rows


def claimed(standing: Standing, ends: tuple[str, ...]) -> str:
    """Say what may be claimed of bad ends; nothing where devices came to the rim of what was explored."""
    done, unknown = standing.tally.done, standing.tally.counts["open"]
    if not done or not set(ends) <= set(BAD):
        return ""
    if unknown:
        return (
            f"{unknown:,} of {done:,} devices came to where the search had ended, so nothing is claimed: raise budget."
        )
    return claim(sum(standing.tally.counts[end] for end in ends), done)


def fell_rows(standing: Standing, ends: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return how many devices with these ends had their last cut in each phase, and how many had none."""
    fell = standing.last_cuts(ends)
    names = [*PHASES, *([UNCUT] if fell[UNCUT] else [])]
    return [{"phase": name, "count": fell[name]} for name in names]


def in_words(per_hour: float) -> str:
    """Say a rate as people feel it: one failure in so long."""
    if not per_hour:
        return "never"
    for hours, name in ((8766.0, "years"), (24.0, "days"), (1.0, "hours"), (1 / 60, "minutes"), (1 / 3600, "seconds")):
        if 1 / per_hour >= 2 * hours or name == "seconds":
            return f"{per_hour:.3g} per hour: one in {1 / per_hour / hours:.3g} {name}"
    raise AssertionError(per_hour)

"""What a risk depends on besides design, part, faults and rate, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from otalab.bench.trace import life
from otalab.hardware.effects import Erase, Program
from otalab.numbers.study import Study
from otalab.text import seconds


def longest_effect(study: Study) -> float:
    """Return how long the longest erase or program of an undisturbed update takes, in seconds: enough hold-up time."""
    runs = life(study.scenario).runs
    return max(
        (step.seconds for run in runs for step in run.steps if isinstance(step.effect, (Erase, Program))), default=0.0
    )


def depends(study: Study) -> Iterator[str]:
    """Yield per what it is, then board, offer and network, then the weights and flip points if there are any."""
    used = ", a device that has taken an update before" if study.used else ""
    yield (
        f"per update; board {study.board.name}, offer {study.scenario.offers}, {study.bytes_per_second:g} bytes per "
        f"second{used}"
    )
    if study.rates.hold_up:
        longest = longest_effect(study)
        enough = "which no erase or program of an undisturbed update outlasts: none of them is torn"
        short = f"an erase or program takes {seconds(longest)} at most: that much is enough for none to be torn"
        yield (
            f"hold-up time {seconds(study.rates.hold_up)}: an effect that ends within it is finished, "
            f"{enough if study.rates.hold_up >= longest else short}"
        )
    if bounce := study.rates.bounce:
        yield (
            f"bounce: with probability {bounce.chance:g} power that has come back fails again, after "
            f"{seconds(bounce.seconds)} on the average"
        )
    if len(study.members) > 1:
        yield "weights: " + ", ".join(f"{name} {share:.3g}" for name, share in study.members.items())
    if "atomic" in study.members:
        erase, program = study.flips
        yield (
            f"atomic: a cut in an erase leaves it done from {erase:.0%} of its time on, one in a program from "
            f"{program:.0%} on (--erase-flip, --program-flip)"
        )

"""What a risk depends on besides design, part, faults and rate, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from otalab.numbers.study import Study


def depends(one: Study) -> Iterator[str]:
    """Yield per what it is, then board, offer and network, then the weights and flip points if there are any."""
    used = ", a device that has taken an update before" if one.used else ""
    yield (
        f"per update; board {one.board.name}, offer {one.scenario.offers}, {one.bytes_per_second:g} bytes per "
        f"second{used}"
    )
    members = one.model.members
    if len(members) > 1:
        pairs = zip(members, one.model.shares, strict=True)
        yield "weights: " + ", ".join(f"{name} {share:.3g}" for name, share in pairs)
    if "atomic" in members:
        erase, program = one.flips
        yield (
            f"atomic: a cut in an erase leaves it done from {erase:.0%} of its time on, one in a program from "
            f"{program:.0%} on (--erase-flip, --program-flip)"
        )
